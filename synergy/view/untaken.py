"""Queued work that nobody could take: of its process, no box has a worker that takes any."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

from synergy.core.records import Job, ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.view.workload import Workload

#: A worker that restarts, and what boxes report, take that long; nobody is called for it.
UNTAKEN_AFTER: Final = timedelta(seconds=15)


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


def _age(job: Job) -> datetime:
    return job.changed_at
