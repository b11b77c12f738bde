"""Work that is due and that nobody starts although a Scheduler leads: seen twice, it is a fault.

A leader starts what may start within a turn. Whatever the reason why it does not, this shows it
from outside: by the index of the dashboard and the decision function that the Scheduler goes by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, NamedTuple

from synergy.core.commands import OPEN_COMMAND_STATES
from synergy.core.node import Node
from synergy.core.readiness import next_startable
from synergy.core.records import ProcessName
from synergy.core.starting import lanes_of, live_first
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.mx.live.read_model import ReadModel
from synergy.ports.store import Reader
from synergy.view.pools import contended, look_at_pools

#: A Scheduler that reads millions of rows first, or whose clock is a little behind, is not ill yet.
IDLE_PATIENCE: Final = timedelta(minutes=2)


class Startable(NamedTuple):
    """A job that may start, under which leadership it was seen so, and since when."""

    key: JobKey
    rev: int
    term: int
    since: datetime


@dataclass(slots=True)
class IdleWatch:
    """What was startable when somebody last looked; shared by all threads."""

    _lock: Lock = field(default_factory=Lock)
    _seen: dict[ProcessName, Startable] = field(default_factory=dict)

    def idle(self, model: ReadModel, store: Reader, term: int, now: datetime) -> list[Startable]:
        """Return what may start and was not started for too long, at most one job per process."""
        with model.lock:
            timetable = model.timetable
            found = [_startable(timetable, node, term, now) for node in timetable.hierarchy]
        with self._lock:
            seen = {}
            for item in found:
                if item is not None:
                    before = self._seen.get(item.key.process)
                    is_same = before is not None and before[:3] == item[:3]
                    seen[item.key.process] = before if before is not None and is_same else item
            self._seen = seen
            overdue = [item for item in seen.values() if now - item.since > IDLE_PATIENCE]
        overdue = [item for item in overdue if not _is_paused(store, item.key)]
        with model.lock:
            return _without_turn(model.timetable, store, overdue, now)


def _startable(timetable: Timetable, node: Node, term: int, now: datetime) -> Startable | None:
    process = node.process
    if not process.is_on or timetable.running_count(process.name) >= process.max_running:
        return None
    over_until = timetable.hierarchy.over_until(node, now)
    for work in lanes_of(node, live_first(timetable, node), over_until).values():
        if (found := next_startable(timetable, node, work, now)) is not None:
            job = timetable.open_job(found.key)
            return Startable(found.key, 0 if job is None else job.rev, term, now)
    return None


def _without_turn(
    timetable: Timetable, store: Reader, overdue: Sequence[Startable], now: datetime
) -> list[Startable]:
    """Return those that do not wait for a pool, or for their turn of one."""
    nodes = timetable.hierarchy.nodes
    if not any(nodes[item.key.process].process.demand.shares for item in overdue):
        return list(overdue)
    look = look_at_pools(timetable, store, now)
    return [item for item in overdue if not contended(look, item.key.process)]


def _is_paused(store: Reader, key: JobKey) -> bool:
    """Tell whether the request that has reset a job is paused: then it is to wait."""
    job = store.jobs([key]).get(key)
    if job is None or job.request_id is None:
        return False
    request = store.command(job.request_id)
    return request is not None and request.is_paused and request.state in OPEN_COMMAND_STATES
