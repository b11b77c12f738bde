"""What a store has done and has left to do, as the beginning of a simulation: its final jobs.

History in which everything is final decides nothing any more and is left out: trees begin where the
first interval is that is not. What is under way counts as not begun; what is held stays held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.node import Node
from synergy.core.records import Job, Unit, uow_id_of
from synergy.core.states import UnitState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.store import Store

_BATCH: Final = 1_000
_LEASE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)


class Backlog(Struct, frozen=True, kw_only=True):
    """Where a simulation begins. begin: of all trees. jobs: those that have ended, or are held."""

    begin: datetime
    jobs: Sequence[Job]


def backlog_of(timetable: Timetable, now: datetime) -> Backlog:
    """Return what `timetable`, of a store, leaves to be done at `now`."""
    starts = [start for node in timetable.hierarchy if (start := _unfinished(timetable, node))]
    begin = min([now.replace(minute=0, second=0, microsecond=0), *starts])
    jobs = [job for node in timetable.hierarchy for job in _settled(timetable, node, begin, now)]
    return Backlog(begin=begin, jobs=jobs)


def write(store: Store, backlog: Backlog) -> None:
    """Write the jobs of a backlog into an empty store, as an earlier leader would have."""
    leadership = store.lead('history', _LEASE)
    assert leadership is not None, 'nobody leads an empty store'
    for at in range(0, len(backlog.jobs), _BATCH):
        jobs = backlog.jobs[at : at + _BATCH]
        # Without its unit a held job would be taken for one that is to start anew.
        store.commit(leadership, [InsertUnit(_dead_unit(job)) for job in jobs if job.is_held])
        store.commit(leadership, [SaveJob(job, 'as the store has it') for job in jobs])
    store.resign(leadership)


def _dead_unit(job: Job) -> Unit:
    return Unit(
        id=uow_id_of(job.key, 1),
        process=job.process,
        timeperiod=job.timeperiod,
        start=job.timeperiod,
        end=job.timeperiod.shift(1),
        run=1,
        state=UnitState.DEAD,
        fence=1,
        created_at=job.changed_at,
        finished_at=job.changed_at,
        error=job.reason,
    )


def _unfinished(timetable: Timetable, node: Node) -> datetime | None:
    """Return an instant at which trees must have begun for the first interval that is left."""
    name = node.process.name
    span = timetable.span(name)
    ordinal = timetable.first_pending(name, span)
    if ordinal is None or ordinal not in span:
        return None
    start, end = timetable.hierarchy.interval(node, ordinal)
    # What is nested below a coarser one that is left may all be done: its last hour will do.
    return start if node.child is None else max(start, end - _HOUR)


def _settled(timetable: Timetable, node: Node, begin: datetime, now: datetime) -> Iterator[Job]:
    name = node.process.name
    held = {job.key: job for job in timetable.open_jobs_of(name) if job.is_held}
    for ordinal in timetable.span(name):
        key = JobKey(name, timetable.hierarchy.timeperiod(node, ordinal))
        if timetable.hierarchy.interval(node, ordinal)[1] <= begin:
            continue
        state = timetable.state(key)
        job = held.get(key)
        if job is not None:
            yield replace(
                job,
                rev=1,
                run=1,
                uow_id=uow_id_of(key, 1),
                request_id=None,
                former=None,
                changed_at=now,
            )
        elif state is not None and state.is_final:
            yield Job(
                process=name,
                timeperiod=key.timeperiod,
                state=state,
                rev=1,
                run=1,
                changed_at=now,
            )
