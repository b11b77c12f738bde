"""Work under way: what of it is on workers, what is queued for one, and what nobody could take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from synergy.core.records import Job, ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.store import Store

#: Units that are looked at, those that run first: more are not told from queued ones. Reading one
#: costs 20 us, so that most are left out where less of them run.
LIVE_LOOKS_MAX: Final = 200
LIVE_LOOKS_FEW: Final = 20
#: A worker that restarts, and what boxes report, take that long; nobody is called for it.
UNTAKEN_AFTER: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Workload:
    """Units by process. running: on workers. queued: for a worker, or for their next attempt."""

    running: Mapping[ProcessName, int]
    queued: Mapping[ProcessName, int]

    @property
    def running_count(self) -> int:
        """Return how many units run."""
        return sum(self.running.values())

    @property
    def queued_count(self) -> int:
        """Return how many units wait."""
        return sum(self.queued.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaken:
    """Queued work of a process that runs on no box. key: the job that has waited longest."""

    process: ProcessName
    count: int
    key: JobKey
    since: datetime


def first_units(store: Store) -> Sequence[Unit]:
    """Return all units that run, up to LIVE_LOOKS_MAX, and some of those that are queued."""
    units = store.live_units(LIVE_LOOKS_FEW)
    if len(units) == LIVE_LOOKS_FEW and units[-1].state is UnitState.IN_PROGRESS:
        return store.live_units(LIVE_LOOKS_MAX)
    return units


def workload_of(timetable: Timetable, units: Sequence[Unit]) -> Workload:
    """Return what runs and what is queued; hold the lock of the read model.

    units: as `first_units` returns them. While LIVE_LOOKS_MAX run, what else is under way counts as
    running, too. Of queued free runs only those count that are among `units`.
    """
    is_running = [unit.state is UnitState.IN_PROGRESS for unit in units]
    running = Counter(unit.process for unit, runs in zip(units, is_running, strict=True) if runs)
    queued = Counter(unit.process for unit, runs in zip(units, is_running, strict=True) if not runs)
    are_all_seen = len(units) < LIVE_LOOKS_MAX or not is_running[-1]
    for name in timetable.hierarchy.nodes:
        live = timetable.running_count(name)
        if are_all_seen:
            queued[name] = max(live - running[name], 0)
        else:
            running[name] = max(live, running[name])
    return Workload(+running, +queued)


def untaken(
    timetable: Timetable, work: Workload, able: Collection[str], now: datetime
) -> Iterator[Untaken]:
    """Yield what is queued for a process that runs on no box; hold the lock of the read model.

    able: processes with a worker that takes work. One that was started by hand, without a
    Supervisor, is not seen, but what it runs is.
    """
    for name, count in work.queued.items():
        if name in able or name in work.running or name not in timetable.hierarchy.nodes:
            continue
        jobs = (job for job in timetable.open_jobs_of(name) if job.has_live_unit)
        oldest = min(jobs, key=_age, default=None)
        if oldest is not None and oldest.changed_at <= now - UNTAKEN_AFTER:
            yield Untaken(process=name, count=count, key=oldest.key, since=oldest.changed_at)


def _age(job: Job) -> datetime:
    return job.changed_at
