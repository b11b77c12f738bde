"""Jobs as rows: by key, by filter, by change; and their history."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from synergy.core.commands import CommandId
from synergy.core.records import Job, JobEvent, ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey

#: Events that a job, or a free run, keeps. Source: Synergy 2.x.
EVENTS_PER_JOB_MAX: Final = 128


class JobFilter(Struct, frozen=True, kw_only=True):
    """Which jobs to list: absent fields do not restrict. [start, end) by timeperiod string.

    is_failed: only jobs that are held, or were skipped after their attempts had failed.
    """

    processes: tuple[ProcessName, ...] | None = None
    start: str | None = None
    end: str | None = None
    states: tuple[JobState, ...] | None = None
    is_failed: bool = False


class JobChange(NamedTuple):
    """A job row that has changed, as followers need it: thousands in a second.

    job: the whole row; it may be None when the job was processed, for then the rest of the row
    tells a follower nothing more.
    """

    key: JobKey
    rev: int
    state: JobState
    changed_at: datetime
    reason: str | None
    job: Job | None

    @staticmethod
    def of(job: Job) -> JobChange:
        """Return the change that has led to a row."""
        return JobChange(job.key, job.rev, job.state, job.changed_at, job.reason, job)


class JobReader(Protocol):
    """Jobs and their events; a commit writes both."""

    def open_jobs(self) -> Sequence[Job]:
        """Return every job row that is not final."""
        ...

    def jobs(self, keys: Collection[JobKey]) -> Mapping[JobKey, Job]:
        """Return the rows that exist among `keys`."""
        ...

    def find_jobs(self, where: JobFilter, limit: int, after: JobKey | None = None) -> Sequence[Job]:
        """Return at most `limit` job rows, by process and timeperiod, later than `after`."""
        ...

    def changed_jobs(
        self, since: datetime, limit: int, after: JobChange | None = None
    ) -> Sequence[JobChange]:
        """Return at most `limit` job rows changed at `since` or later, in the order of change.

        The order is (changed_at, process, timeperiod); `after` is the last row of the page before.
        Cost: the rows returned. A follower asks again from a little before the newest change it
        has seen, and tells by `rev` what it knows already.
        """
        ...

    def count_jobs(self) -> Mapping[tuple[ProcessName, JobState], int]:
        """Return the number of job rows per process and state."""
        ...

    def request_progress(self, command_id: CommandId) -> Mapping[JobState, int]:
        """Return in which states the jobs stand that a request has reset."""
        ...

    def request_failures(self, command_id: CommandId) -> int:
        """Return how many jobs that a request has reset were skipped after failed attempts."""
        ...

    def events(self, key: JobKey, limit: int) -> Sequence[JobEvent]:
        """Return a job's newest events, newest first."""
        ...
