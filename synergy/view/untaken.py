"""Queued work that nobody could take: of its process, no box has a worker that takes any."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from synergy.core.freerun_record import base_of, is_freerun
from synergy.core.records import Job, ProcessName
from synergy.core.retry import waits_since
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.store import FreerunReader, UnitReader
from synergy.view.workload import Workload

#: A worker that restarts, and what boxes report, take that long; nobody is called for it.
UNTAKEN_AFTER: Final = timedelta(seconds=15)
#: Jobs of one process that are looked at for one that waits for too long.
LOOKS_MAX: Final = 100


class Untaken(Struct, frozen=True, kw_only=True):
    """Queued work of a process that runs on no box. key: the job that has waited longest."""

    process: ProcessName
    count: int
    key: JobKey
    since: datetime


def untaken(
    timetable: Timetable, work: Workload, able: Collection[str], now: datetime
) -> Iterator[Untaken]:
    """Yield what is queued for a process that runs on no box; hold the lock of the read model.

    able: names of workers that take work. One that was started by hand, without a
    Supervisor, is not seen, but what it runs is.
    """
    for name, tallies in work.by_process.items():
        count = tallies.queued + tallies.retrying
        node = timetable.hierarchy.nodes.get(name)
        if not count or tallies.running or node is None or node.process.worker in able:
            continue
        jobs = (job for job in timetable.open_jobs_of(name) if job.has_live_unit)
        oldest = min(jobs, key=_age, default=None)
        if oldest is not None and oldest.changed_at <= now - UNTAKEN_AFTER:
            yield Untaken(process=name, count=count, key=oldest.key, since=oldest.changed_at)


def overdue(
    timetable: Timetable, store: UnitReader, work: Workload, now: datetime
) -> Iterator[Untaken]:
    """Yield what is queued for longer than its process allows, whoever might take it.

    Hold the lock of the read model. Of each process the oldest `LOOKS_MAX` jobs are looked at.
    """
    for name, tallies in work.by_process.items():
        node = timetable.hierarchy.nodes.get(name)
        limit = None if node is None else node.process.start_timeout
        if limit is None or not tallies.queued:
            continue
        jobs = sorted((job for job in timetable.open_jobs_of(name) if job.has_live_unit), key=_age)
        old = [job for job in jobs[:LOOKS_MAX] if job.changed_at < now - limit]
        units = store.units([job.uow_id for job in old if job.uow_id is not None])
        waiting = [
            job
            for job in old
            if job.uow_id is not None
            and (unit := units.get(job.uow_id)) is not None
            and unit.state is UnitState.REQUESTED
            and waits_since(unit) < now - limit
        ]
        if waiting:
            first = waiting[0]
            yield Untaken(process=name, count=len(waiting), key=first.key, since=first.changed_at)


def overdue_freeruns(
    store: FreerunReader, work: Workload, limits: Mapping[ProcessName, timedelta], now: datetime
) -> Iterator[Untaken]:
    """Yield what is queued of free runs for longer than they allow.

    limits: by process. Of each entry its newest `LOOKS_MAX` runs are looked at.
    """
    if not limits:
        return
    for name, tallies in work.by_process.items():
        limit = limits.get(base_of(name)) if is_freerun(name) else None
        if limit is None or not tallies.queued:
            continue
        waiting = [
            unit
            for unit in store.freerun_units(name, LOOKS_MAX)
            if unit.state is UnitState.REQUESTED and waits_since(unit) < now - limit
        ]
        if waiting:
            first = min(waiting, key=waits_since)
            yield Untaken(process=name, count=len(waiting), key=first.key, since=waits_since(first))


def _age(job: Job) -> datetime:
    return job.changed_at
