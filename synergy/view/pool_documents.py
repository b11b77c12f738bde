"""The shapes of pools as they are sent, and how they are made; see `synergy.view.documents`."""

from __future__ import annotations

from typing import Annotated, TypedDict

from synergy.view.encode import instant
from synergy.view.pools import PoolView
from synergy.view.why_documents import At


class PoolHolderDocument(TypedDict):
    """Who has units under way that take of a pool."""

    name: Annotated[str, 'of a process, or of a free run: Process::entry']
    units: Annotated[int, 'that are under way, or wait for a worker or another attempt']
    slots: Annotated[int, 'that these take together']


class PoolWaiterDocument(TypedDict):
    """Who has something that may start but for the pool."""

    name: Annotated[str, 'of a process, or of a free run: Process::entry']
    share: Annotated[int, 'slots that a start takes']
    priority: int
    jobs: Annotated[int, 'that may start']
    since: At | None
    takes_seconds: Annotated[float | None, 'for all of these, at their pace; null: nobody knows']


class PoolOverrideDocument(TypedDict):
    """What was changed of the size of a pool at run time, by whom and when."""

    slots: Annotated[int | None, 'null: as in context.py']
    per_minute: Annotated[int | None, 'null: as in context.py; 0: without limit']
    at: At | None
    by: str


class PoolDocument(TypedDict):
    """A pool: its size, who holds what of it, and who waits for it."""

    pool: Annotated[str, 'its name']
    slots: int
    per_minute: Annotated[int | None, 'starts within any minute; null: any number']
    used: Annotated[int, 'slots that are taken; more than there are after it was made smaller']
    started: Annotated[int, 'within the last minute, where that is limited']
    next_at: At | None
    closed: Annotated[list[str], 'its closed hours, as in context.py']
    held: Annotated[list[str], 'closed hours and freezes that hold now, each with until when']
    held_until: At | None
    holders: list[PoolHolderDocument]
    waiters: list[PoolWaiterDocument]
    takers: Annotated[list[str], 'processes and free runs whose starts take of it']
    override: PoolOverrideDocument | None


def encode_pool(view: PoolView) -> PoolDocument:
    """Return a pool as it is sent."""
    pool, override = view.pool, view.pool.override
    return {
        'pool': pool.name,
        'slots': pool.slots,
        'per_minute': pool.per_minute,
        'used': view.used,
        'started': view.started,
        'next_at': instant(view.next_at),
        'closed': [item.text for item in pool.closed],
        'held': [str(item) for item in view.holds],
        'held_until': instant(max((item.until for item in view.holds), default=None)),
        'holders': [
            {'name': item.name, 'units': item.units, 'slots': item.slots} for item in view.holders
        ],
        'waiters': [
            {
                'name': item.name,
                'share': item.share,
                'priority': item.priority,
                'jobs': item.jobs,
                'since': instant(item.since),
                'takes_seconds': None
                if item.takes is None
                else round(item.takes.total_seconds(), 3),
            }
            for item in view.waiters
        ],
        'takers': list(view.takers),
        'override': None
        if override is None
        else {
            'slots': override.slots,
            'per_minute': override.per_minute,
            'at': instant(override.at),
            'by': override.by,
        },
    }
