"""Units of work: what workers do with them, and what can be read of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeAlias

from synergy.core.letter_groups import DeadLetter
from synergy.core.records import LogLine, ProcessName, Unit, UnitEnd, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey, Timeperiod

#: What a run did: how many things it processed, and how many seconds its last attempt took; None:
#: not known. A plain tuple, for nearly every run is told so.
Done: TypeAlias = tuple[int, float | None]


class EndedRun(NamedTuple):
    """A run that was started and has ended, and no more of it than tells how long it took.

    state: how it ended. [started_at, finished_at): of its last attempt. attempt: number of that,
    without those that have lost their worker.
    """

    key: JobKey
    run: int
    state: UnitState
    started_at: datetime
    finished_at: datetime
    attempt: int = 1

    @property
    def took(self) -> timedelta:
        """Return how long it took; never less than nothing, whatever the clocks said."""
        return max(self.finished_at - self.started_at, timedelta(0))


class LiveRun(NamedTuple):
    """A unit that somebody still has to act on, and no more of it than tells how it stands."""

    id: UowId
    key: JobKey
    state: UnitState
    not_before: datetime | None


class UnitReader(Protocol):
    """Units and their logs."""

    def units(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Unit]:
        """Return the units that exist among `uow_ids`."""
        ...

    def processed(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Done]:
        """Return those among `uow_ids` that are PROCESSED: how much each did, and how long it took.

        No more is read of a row than tells that, for it is asked about nearly every run. One of
        which that cannot be told is left out; `units` reports it.
        """
        ...

    def live_units(self, limit: int | None = None) -> Sequence[Unit]:
        """Return REQUESTED, IN_PROGRESS and INVALID units (bounded by `max_running`).

        Those that run come first, longest first; then those that wait for another attempt; then
        those that wait for their first, oldest first. limit: at most this many; None: all.
        """
        ...

    def live_runs(self) -> Sequence[LiveRun]:
        """Return what `live_units` does, in no order; a tenth of its cost."""
        ...

    def runs(self, key: JobKey) -> Sequence[Unit]:
        """Return all units of a job, by run."""
        ...

    def all_units(self) -> Iterable[Unit]:
        """Yield every unit, by process and timeperiod."""
        ...

    def ended_runs(
        self, process: ProcessName, limit: int, before: Timeperiod | None = None
    ) -> Sequence[EndedRun]:
        """Return at most `limit` runs of a process, or of a free run, that have ended.

        The newest intervals first, and of one interval its newest run first. before: only of
        intervals earlier than this one. Runs that were cancelled before they began do not count.
        """
        ...

    def dead_units(self, limit: int, after: Unit | None = None) -> Sequence[Unit]:
        """Return at most `limit` dead letters, newest first, that come after `after`.

        The order is (finished_at falling, id).
        """
        ...

    def dead_letters(self, process: ProcessName | None = None) -> Sequence[DeadLetter]:
        """Return all dead letters, or those of one process or free run, in brief, newest first.

        The order is (finished_at falling, id). Little of each row is read, for there may be
        thousands.
        """
        ...

    def log(self, uow_id: UowId) -> Sequence[LogLine]:
        """Return a unit's log, oldest line first."""
        ...


class UnitStore(Protocol):
    """What a worker needs."""

    def claim(self, uow_ids: Sequence[UowId], owner: str, lease: timedelta) -> Sequence[Unit]:
        """Take units: REQUESTED and not before its time -> IN_PROGRESS, fence + 1, leased.

        One statement for each unit. Returns those taken, in the order asked for. Not among them is
        a unit that does not exist, is not REQUESTED, whose `not_before` lies ahead, or whose row
        cannot be read: drop its message, the Scheduler rings again when there is something to
        claim.
        """
        ...

    def renew(self, uow_id: UowId, fence: int, lease: timedelta) -> None:
        """Extend the lease to `lease` from now; raise LeaseLost unless held under `fence`."""
        ...

    def finish(self, ends: Sequence[UnitEnd]) -> Sequence[UowId]:
        """Record the ends of attempts, each once, and append to the units' logs.

        Each succeeds only while its unit is IN_PROGRESS under its fence; the check and the write
        are one statement. Calling it again with the same outcome is a no-op.
        Returns the units of which it was refused, for they were cancelled, rescued or claimed
        again: their results are discarded.
        """
        ...

    def release(self, uow_id: UowId, fence: int, log: Sequence[LogLine] = ()) -> None:
        """Hand a unit back unfinished: REQUESTED again, unannounced, fence + 1, same attempt.

        Raises LeaseLost unless it is IN_PROGRESS under `fence`.
        """
        ...

    def append_log(self, uow_id: UowId, log: Sequence[LogLine]) -> None:
        """Append lines to the unit's log while it runs."""
        ...
