"""Which deadlines are likely to be missed, because of what, and what helps: for alerts.

At a price that is known beforehand, whatever lies before the workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.forecast.likely import Likely, Link, Waits
from synergy.forecast.outlook import Outlook
from synergy.forecast.stuck import Cause
from synergy.ports.store import Reader
from synergy.view.forecast import (
    LENGTH,
    action_said,
    deed_said,
    encode_action,
    forecast_of,
    situation_of,
)
from synergy.view.forecast_stuck import root_said

#: Deadlines that are more likely missed than kept.
BELOW: Final = 0.5
#: Runs that are looked at: those of an ordinary night, or the first ones of a backlog.
RUNS: Final = 20_000
#: Deadlines that are told, of which so many with the path that decides them; and roots for which it
#: is tried what helps.
_TOLD_MAX: Final = 500
_PATHS_MAX: Final = 50
_HELPED_MAX: Final = 3
#: As many runs of a path wait for the same thing, so that it is said to decide.
_SAME_MIN: Final = 3
_FORM: Final = '%Y-%m-%d %H:%M UTC'


class WillBeLate(Struct, frozen=True, kw_only=True):
    """A deadline that is likely to be missed.

    holds: its chance; 0: the job does not start at all unless somebody acts. end: its likely end;
    None: never without somebody. root: the job that decides it, which many may have in common; of
    one that does not start by itself, `cause` says why. why, helps: sentences; None: nothing is
    known to help.
    """

    key: JobKey
    late_at: datetime
    holds: float
    end: datetime | None
    root: JobKey
    cause: Cause | None
    why: str
    helps: str | None


def will_be_late(
    index: Timetable,
    store: Reader,
    now: datetime,
    vanished_after: timedelta,
    *,
    runs: int = RUNS,
    below: float = BELOW,
) -> Sequence[WillBeLate]:
    """Return the deadlines of the next 24 hours that hold with less than a chance, worst first.

    What has passed already is not among them. index: is taken over; nobody else may look at it.
    runs: most runs that are looked at: the price, whatever lies before the workers.
    """
    situation = situation_of(index, store, now, vanished_after)
    return likely_late(forecast_of(situation, LENGTH, runs), below)


def likely_late(outlook: Outlook, below: float = BELOW) -> Sequence[WillBeLate]:
    """Return the deadlines of an outlook that hold with less than a chance, worst first."""
    told: list[WillBeLate] = []
    helps: dict[JobKey, tuple[str, str] | None] = {}
    for item in outlook.deadlines():
        if (item.holds or 0.0) >= below or len(told) >= _TOLD_MAX:
            break
        assert item.late_at is not None
        path = outlook.path(item.key) if item.root is None and len(told) < _PATHS_MAX else ()
        root = item.root.key if item.root is not None else path[0].key if path else item.key
        is_first = root not in helps
        if is_first and len(helps) < _HELPED_MAX:
            helps[root] = _helps(outlook, item.key)
        said = helps.get(root)
        told.append(
            WillBeLate(
                key=item.key,
                late_at=item.late_at,
                holds=item.holds or 0.0,
                end=item.end,
                root=root,
                cause=None if item.root is None else item.root.cause,
                why=_why(item, path),
                helps=None if said is None else said[0] if is_first else said[1],
            )
        )
    return told


def _helps(outlook: Outlook, key: JobKey) -> tuple[str, str] | None:
    """Return what helps most, with what it does for this job, and without."""
    action = outlook.best_action(key)
    if action is None:
        return None
    document = encode_action(action)
    return action_said(document), deed_said(document)


def _why(item: Likely, path: Sequence[Link]) -> str:
    """Return because of what a deadline is likely to be missed."""
    if item.root is not None:
        return root_said(item.root)
    done = 'does not end unless somebody acts on a failure'
    if item.end is not None:
        done = f'is likely done at {item.end:{_FORM}}'
    job = f'{item.key.process} {item.key.timeperiod}'
    return f'{job} {done}{_decided(path)}'


def _decided(path: Sequence[Link]) -> str:
    """Return what decides a path, as the end of a sentence."""
    if not path:
        return ''
    first = path[0]
    begin = f'{first.key.process} {first.key.timeperiod}'
    waits = [(link.waits, link.of) for link in path if link.waits in _SAID]
    if waits and waits.count(most := max(waits, key=waits.count)) >= _SAME_MIN:
        return f': from {begin} on its inputs {_SAID[most[0]]} {most[1]}'
    until = 'until somebody acts' if first.end is None else f'until {first.end:{_FORM}}'
    match first.waits:
        case Waits.RUNNING:
            return f': {begin} runs {until}'
        case Waits.RETRY:
            return f': {begin} has failed and is tried again at {first.start:{_FORM}}'
        case Waits.CLOSED:
            return f': {begin} may start only at {first.start:{_FORM}}'
        case _:
            return f': {begin}, which starts at {first.start:{_FORM}}, is the first on its way'


_SAID: Final = {
    Waits.PROCESS: 'wait for one another, by max_running of',
    Waits.WORKERS: 'wait for workers of',
    Waits.POOL: 'wait for room in the pool',
    Waits.RATE: 'wait for starts a minute of the pool',
}
