"""What of the work under way is told first, and what of it nobody could take."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from synergy.core.records import Job, ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.store import UnitReader
from synergy.view.workload import Workload

#: Units that are looked at, those that run first. Reading one costs 20 us, so that most are left
#: out where less of them run.
LIVE_LOOKS_MAX: Final = 200
LIVE_LOOKS_FEW: Final = 20
#: A worker that restarts, and what boxes report, take that long; nobody is called for it.
UNTAKEN_AFTER: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaken:
    """Queued work of a process that runs on no box. key: the job that has waited longest."""

    process: ProcessName
    count: int
    key: JobKey
    since: datetime


def first_units(store: UnitReader) -> Sequence[Unit]:
    """Return all units that run, up to LIVE_LOOKS_MAX, and some of those that are queued."""
    units = store.live_units(LIVE_LOOKS_FEW)
    if len(units) == LIVE_LOOKS_FEW and units[-1].state is UnitState.IN_PROGRESS:
        return store.live_units(LIVE_LOOKS_MAX)
    return units


def untaken(
    timetable: Timetable, work: Workload, able: Collection[str], now: datetime
) -> Iterator[Untaken]:
    """Yield what is queued for a process that runs on no box; hold the lock of the read model.

    able: processes with a worker that takes work. One that was started by hand, without a
    Supervisor, is not seen, but what it runs is.
    """
    for name, tallies in work.by_process.items():
        count = tallies.queued + tallies.retrying
        if not count or tallies.running or name in able or name not in timetable.hierarchy.nodes:
            continue
        jobs = (job for job in timetable.open_jobs_of(name) if job.has_live_unit)
        oldest = min(jobs, key=_age, default=None)
        if oldest is not None and oldest.changed_at <= now - UNTAKEN_AFTER:
            yield Untaken(process=name, count=count, key=oldest.key, since=oldest.changed_at)


def _age(job: Job) -> datetime:
    return job.changed_at
