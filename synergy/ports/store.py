"""Port: the ledger. Every write is one conditional statement, and its outcome is looked at.

Six roles share one adapter; each shell asks for no more than its role. All methods may raise
StoreUnavailable (may heal; after a write: maybe applied) and StoreUnusable (will not). Instants are
aware UTC. Lease times are by the store's clock. An adapter object belongs to one thread; a process
that needs two threads on the store opens two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import Save
from synergy.core.freerun_record import Freerun
from synergy.core.led_context import LedContext
from synergy.core.records import (
    Box,
    BoxProcess,
    IndexCopy,
    Job,
    JobEvent,
    Leadership,
    LogLine,
    Override,
    ProcessName,
    Unit,
    UnitEnd,
    UowId,
)
from synergy.core.standing import Standing
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import IndexRow
from synergy.core.users import ApiToken, Role, User, UserOutcome
from synergy.ports.rows import IllegalRow

#: Leadership that ends later than so many leases from now was given by a clock that was ahead.
LEASES_MAX: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
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


class EndedRun(NamedTuple):
    """A run that was started and has ended, and no more of it than tells how long it took.

    state: how it ended. [started_at, finished_at): of its last attempt.
    """

    key: JobKey
    run: int
    state: UnitState
    started_at: datetime
    finished_at: datetime

    @property
    def took(self) -> timedelta:
        """Return how long it took; never less than nothing, whatever the clocks said."""
        return max(self.finished_at - self.started_at, timedelta(0))


class Ledger(Protocol):
    """What the Scheduler needs: leadership, commits, and the rows that decisions need."""

    def lead(self, owner: str, lease: timedelta) -> Leadership | None:
        """Take or renew leadership for `lease` from now; None when another owner's lease holds.

        One statement. Taking it newly (free, expired, or after `resign`) raises the term by one;
        renewing one's own unexpired lease keeps the term. What ends later than LEASES_MAX leases
        from now does not hold: the store's clock was ahead when it was given.
        """
        ...

    def resign(self, leadership: Leadership) -> None:
        """Give leadership up at once, if it is still this one; otherwise do nothing."""
        ...

    def report_standing(self, leadership: Leadership, standing: Standing) -> None:
        """Say how it stands with the leading Scheduler, in place of what it said before.

        What one leader said stands until the next says something else.
        Raises LeadershipLost when the store's term is not this one or its lease has run out.
        """
        ...

    def commit(
        self,
        leadership: Leadership,
        saves: Sequence[Save],
        announced: Mapping[UowId, datetime] = MappingProxyType({}),
    ) -> None:
        """Apply `saves` in order, each as the one conditional statement that its class describes.

        announced: when the broker confirmed the announcement of which unit; written to those still
        REQUESTED, never refused, and maybe seen by readers a moment later.
        Raises LeadershipLost when the store's term is not this one or its lease has run out, and
        CommitRefused when a save matched no row, or is of a row that cannot be stored; it names
        what was refused. A refused commit may have applied any of the others (SQLite applies
        none): the caller drops its index and reloads.
        """
        ...

    def index_rows(self, since: datetime | None = None) -> Iterable[IndexRow]:
        """Yield (process, timeperiod, state) of every job row, by process and timeperiod.

        since: only of those whose `changed_at` is not earlier, in any order; its cost is theirs.
        """
        ...

    def index_copy(self) -> IndexCopy | None:
        """Return the copy of the dense index that was saved last; None when there is none."""
        ...

    def save_index_copy(self, leadership: Leadership, copy: IndexCopy) -> None:
        """Replace the pages that `copy` has, keep the others, and take over `as_of`.

        A cache: it may be lost, and whoever reads it reads the rows that changed since.
        Raises LeadershipLost when the store's term is not this one or its lease has run out.
        """
        ...

    def open_jobs(self) -> Sequence[Job]:
        """Return every job row that is not final."""
        ...

    def jobs(self, keys: Collection[JobKey]) -> Mapping[JobKey, Job]:
        """Return the rows that exist among `keys`."""
        ...

    def units(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Unit]:
        """Return the units that exist among `uow_ids`."""
        ...

    def live_units(self, limit: int | None = None) -> Sequence[Unit]:
        """Return REQUESTED, IN_PROGRESS and INVALID units (bounded by `max_running`).

        Those that run come first, longest first; then those that wait for another attempt; then
        those that wait for their first, oldest first. limit: at most so many; None: all.
        """
        ...

    def store_now(self) -> datetime:
        """Return the present instant of the clock by which leases are judged."""
        ...

    def open_commands(self, limit: int) -> Sequence[Command]:
        """Return commands that have not ended, oldest first."""
        ...

    def overrides(self) -> Sequence[Override]:
        """Return what operators have changed of managed processes, by name; few rows."""
        ...

    def led_context(self) -> LedContext | None:
        """Return the context that the store was last led with; None: none was ever remembered.

        Of one that somebody made illegal nothing is left but its rev.
        """
        ...

    def prune(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` log lines, and ended units of free runs, from before an instant.

        Dead letters stay until they are dropped. Returns how many were deleted.
        """
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


class Commands(Protocol):
    """What web and CLI may write."""

    def insert_command(self, command: Command) -> None:
        """Insert a command; inserting the same id again is a no-op."""
        ...

    def command(self, command_id: CommandId) -> Command | None:
        """Return one command."""
        ...


class Reader(Protocol):
    """What status, pages and `verify` read; nothing here writes."""

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

    def runs(self, key: JobKey) -> Sequence[Unit]:
        """Return all units of a job, by run."""
        ...

    def all_units(self) -> Iterable[Unit]:
        """Yield every unit, by process and timeperiod."""
        ...

    def log(self, uow_id: UowId) -> Sequence[LogLine]:
        """Return a unit's log, oldest line first."""
        ...

    def events(self, key: JobKey, limit: int) -> Sequence[JobEvent]:
        """Return a job's newest events, newest first."""
        ...

    def request_progress(self, command_id: CommandId) -> Mapping[JobState, int]:
        """Return in which states the jobs stand that a request has reset."""
        ...

    def freeruns(self) -> Sequence[Freerun]:
        """Return every free run, by name."""
        ...

    def freerun_events(self, name: ProcessName, limit: int) -> Sequence[JobEvent]:
        """Return a free run's newest events, newest first."""
        ...

    def freerun_units(self, name: ProcessName, limit: int) -> Sequence[Unit]:
        """Return the newest units of a free run, newest first."""
        ...

    def ended_runs(
        self, process: ProcessName, limit: int, before: Timeperiod | None = None
    ) -> Sequence[EndedRun]:
        """Return at most `limit` runs of a process, or of a free run, that have ended.

        The newest intervals first, and of one interval its newest run first. before: only of
        intervals earlier than this one. Runs that were cancelled before they began do not count.
        """
        ...

    def ended_freerun_units(
        self,
        since: datetime,
        states: Collection[UnitState],
        limit: int,
        after: Unit | None = None,
    ) -> Sequence[Unit]:
        """Return units of all free runs that ended at `since` or later in one of `states`.

        At most `limit`, those that ended last first, that come after `after`. The order is
        (finished_at falling, id).
        """
        ...

    def dead_units(self, limit: int, after: Unit | None = None) -> Sequence[Unit]:
        """Return at most `limit` dead letters, newest first, that come after `after`.

        The order is (finished_at falling, id).
        """
        ...

    def illegal_rows(self) -> Sequence[IllegalRow]:
        """Return the rows that could not be read since the last `forget_illegal_rows`.

        Every method here leaves out a row that somebody made illegal, reports it once, and returns
        the others; a page of a list is as long as if it were not there.
        """
        ...

    def forget_illegal_rows(self) -> None:
        """Forget which rows could not be read: `illegal_rows` is about what is read from now on."""
        ...

    def leadership(self) -> Leadership | None:
        """Return who leads, or last led; None when nobody ever has."""
        ...

    def standing(self) -> Standing:
        """Return what the Scheduler that leads, or last led, said of itself."""
        ...

    def commands(
        self,
        states: Collection[CommandState],
        limit: int,
        kinds: Collection[CommandKind] | None = None,
        after: Command | None = None,
    ) -> Sequence[Command]:
        """Return at most `limit` commands in `states`, newest first, that come after `after`.

        kinds: only of these. The order is (created_at falling, id).
        """
        ...


class BoxStore(Protocol):
    """What supervisors write and follow; CLI and web set what is desired."""

    def boxes(self) -> Sequence[Box]:
        """Return every box that was ever seen or drained and not forgotten, by id."""
        ...

    def heartbeat(self, box: Box, vanished_after: timedelta) -> Box:
        """Say that the Supervisor of a box lives; return the box's row as it stands afterwards.

        One conditional statement that writes host, home, pid, version, load and, by the store's
        clock and whatever `box.seen_at` says, `seen_at`; it inserts the row if there is none and
        leaves `is_draining` of an existing one alone. Nothing is written while another place (host
        and home) holds the box, with a pid and seen less than `vanished_after` ago: the row
        returned is then the other's, which the caller tells by host and home.
        """
        ...

    def set_drained(self, box_id: str, *, is_draining: bool) -> None:
        """Say whether the workers of a box are to take no more; inserts a missing row."""
        ...

    def forget_box(self, box_id: str) -> int:
        """Delete a box and its processes; return how many rows there were.

        Safe while its Supervisor runs: it reports both again, and all is then desired on.
        """
        ...

    def box_processes(self, box_id: str | None = None) -> Sequence[BoxProcess]:
        """Return the rows of one box, or of all, by box and process."""
        ...

    def set_desired(self, box_id: str, process: str, *, is_on: bool) -> None:
        """Say whether `process` is to run on `box_id`; inserts the row if there is none.

        With `is_on`, `start_asked_at` becomes the present instant of the store's clock: a
        Supervisor that has given the process up tries it again.
        """
        ...

    def report_actual(self, rows: Sequence[BoxProcess]) -> None:
        """Write what runs; what is desired in existing rows is left alone."""
        ...


class Users(Protocol):
    """Who may log in to the dashboard, and the secret by which its cookies are signed."""

    def users(self) -> Sequence[User]:
        """Return every user, by name; for an illegal row one as whom nobody can log in."""
        ...

    def had_users(self) -> bool:
        """Tell whether there is a user, or ever was one; it stays true when the last is removed."""
        ...

    def add_user(self, user: User) -> bool:
        """Insert a user, unless there is one whose name is alike; tell whether it was done.

        The check and the write are one step, as with every change here.
        """
        ...

    def set_role(self, name: str, role: Role, *, keeps_admin: bool = True) -> UserOutcome:
        """Change the role of a user and raise its serial.

        keeps_admin: refuse what would leave no admin (`synergy.core.users.outcome_of`).
        """
        ...

    def set_password(self, name: str, password_hash: str) -> bool:
        """Change the password of a user and raise its serial; tell whether there was one."""
        ...

    def end_sessions(self, name: str) -> None:
        """Raise the serial of a user, if there is one: logins made before are worth nothing."""
        ...

    def remove_user(self, name: str, *, keeps_admin: bool = True) -> UserOutcome:
        """Delete a user and all tokens of that name.

        keeps_admin: refuse what would leave no admin, or nobody (`outcome_of`).
        """
        ...

    def tokens(self) -> Sequence[ApiToken]:
        """Return every token, newest first."""
        ...

    def save_token(self, token: ApiToken) -> bool:
        """Insert a token if its user is there and no token has its id; tell whether it was done."""
        ...

    def remove_token(self, token_id: str) -> bool:
        """Delete a token; tell whether there was one."""
        ...

    def kept_secret(self, fresh: str) -> str:
        """Return the installation's secret: the one kept before, else `fresh`, kept from now on."""
        ...


class SchedulerStore(Ledger, Commands, Reader, Protocol):
    """The roles that the Scheduler needs."""


class Store(SchedulerStore, UnitStore, BoxStore, Users, Protocol):
    """All roles; what an adapter implements and `bootstrap` hands out."""

    def close(self) -> None:
        """Release everything held; safe to call twice."""
        ...
