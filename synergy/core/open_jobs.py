"""The rows of jobs that have a history and are not final: running, resting, held or reset.

So few that all are kept, and found by interval, by process and by the unit that they wait for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from synergy.core.records import CommandId, Job, ProcessName, UowId, uow_id_of
from synergy.core.timeperiod import JobKey


class OpenJobs:
    """The rows of open jobs of some processes; `put` alone changes them."""

    def __init__(self, processes: Iterable[ProcessName]) -> None:
        """Have none."""
        self._by_key: dict[ProcessName, dict[JobKey, Job]] = {name: {} for name in processes}
        self._running: dict[ProcessName, int] = dict.fromkeys(self._by_key, 0)
        self._resting: dict[ProcessName, set[JobKey]] = {name: set() for name in self._by_key}
        self._key_by_uow: dict[UowId, JobKey] = {}
        self._running_for: Counter[CommandId] = Counter()

    def get(self, key: JobKey) -> Job | None:
        """Return the row of a job that has one and is not final."""
        jobs = self._by_key.get(key.process)
        return None if jobs is None else jobs.get(key)

    def all(self) -> Iterable[Job]:
        """Return the rows of all processes."""
        return chain.from_iterable(jobs.values() for jobs in self._by_key.values())

    def of(self, process: ProcessName) -> Collection[Job]:
        """Return the rows of one process."""
        return self._by_key[process].values()

    def running_count(self, process: ProcessName) -> int:
        """Return the number of jobs with a unit in flight; held ones do not count."""
        return self._running[process]

    def running_for(self, request: CommandId) -> int:
        """Return the number of jobs with a unit in flight that a request has reset."""
        return self._running_for[request]

    def resting(self, process: ProcessName) -> Sequence[JobKey]:
        """Return the jobs that are between two runs of their live interval, earliest first."""
        return sorted(self._resting[process])

    def awaiting(self, uow_id: UowId) -> Job | None:
        """Return the job that waits for a unit, if that has the id of the job's own run.

        None, too, for ids of earlier versions, and where a row names the unit of another job.
        """
        key = self._key_by_uow.get(uow_id)
        job = None if key is None else self._by_key[key.process].get(key)
        return job if job is not None and uow_id_of(job.key, job.run) == uow_id else None

    def put(self, key: JobKey, job: Job | None) -> Job | None:
        """Keep the row of a job instead of the one before, which is returned. None: it is final."""
        process = key.process
        jobs = self._by_key[process]
        before = jobs.pop(key, None)
        if before is not None:
            self._running[process] -= before.has_live_unit
            if before.request_id is not None and before.has_live_unit:
                left = self._running_for[before.request_id] - 1
                if left:
                    self._running_for[before.request_id] = left
                else:
                    del self._running_for[before.request_id]
            self._resting[process].discard(key)
            if before.uow_id is not None:
                self._key_by_uow.pop(before.uow_id, None)
        if job is not None:
            jobs[key] = job
            self._running[process] += job.has_live_unit
            if job.request_id is not None and job.has_live_unit:
                self._running_for[job.request_id] += 1
            if job.uow_id is not None:
                self._key_by_uow[job.uow_id] = key
            elif job.state.is_running:
                self._resting[process].add(key)
        return before
