"""The records that travel between core, store and broker: frozen values without behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final, NewType

from synergy.core.bounded import Json as Json  # The values of arguments.
from synergy.core.box_load import BoxLoad
from synergy.core.closed import ClosedHours
from synergy.core.cut import Cut
from synergy.core.deadline import Deadline
from synergy.core.input import Input
from synergy.core.lanes import CatchUp, LaneShares
from synergy.core.pool_record import Demand
from synergy.core.states import Blocking, JobState, OnFailure, UnitState
from synergy.core.structs import Struct, astuple, field
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.timeperiod import ProcessName as ProcessName  # Part of every record.
from synergy.core.trigger import Every, Trigger
from synergy.core.unit_ids import UowId as UowId
from synergy.core.unit_ids import uow_id_of as uow_id_of
from synergy.core.unit_ids import uow_ids_of as uow_ids_of
from synergy.core.working import WorkingDays
from synergy.core.zones import UTC_ZONE

CommandId = NewType('CommandId', str)

#: The trigger of an entry that names none. Source: Synergy 2.x.
EVERY_MINUTE: Final = Every(seconds=60)


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """How often and how soon a failed unit is tried again.

    The delay after the n-th failure is `delay` * 2**(n-1), at most `delay_max`, plus jitter.
    max_lost: so many attempts may lose their worker (killed, out of memory, its box gone) before
    the unit is given up; they count apart, for the work of none of them has failed.
    """

    max_attempts: int = 3
    max_lost: int = 5
    delay: timedelta = timedelta(seconds=10)
    delay_max: timedelta = timedelta(minutes=15)


class Override(Struct, frozen=True, kw_only=True):
    """What operators have changed of a managed process at run time; it holds over context.py.

    is_on, trigger, catch_up: None is as in context.py. is_on_by, trigger_by, catch_up_by: who and
    why. definition: hash of what context.py said when it was made; once that says something else,
    these are void. cut: where its intervals begin, if not where its tree does; it holds for its own
    level and zone.
    """

    process: ProcessName
    is_on: bool | None = None
    is_on_at: datetime | None = None
    is_on_by: str | None = None
    trigger: Trigger | None = None
    trigger_at: datetime | None = None
    trigger_by: str | None = None
    catch_up: CatchUp | None = None
    catch_up_at: datetime | None = None
    catch_up_by: str | None = None
    definition: str
    cut: Cut | None = None
    rev: int = 1


class Process(Struct, frozen=True, kw_only=True):
    """A registered managed process, as the scheduler's decisions need it.

    working: the days without which its intervals are left out; None: none are. closed: when
    nothing of it starts, those of its tree and of the installation included. jitter: how much later
    than planned it starts at most, so that what is due together does not start together.
    inputs: what its jobs wait for beside what nests in them and what its tree depends on. demand:
    what each start takes of pools, and who is asked first.
    group: name of the workers that run its units, where they run those of others, too.
    start_timeout: how long a unit may wait for a worker before somebody is told.
    lag: from the end of an interval to its start. deadline: until when its jobs are to be done,
    its tree's unless it has one; None: until the next interval is over, too. live_from,
    left_out_before: as the Scheduler remembers them (`synergy.core.lanes`). override: what
    operators have changed at run time; `is_on`, `trigger` and `catch_up` are so already.
    runs_before: of each interval, of which rows were put away: its first run is the one after.
    """

    name: ProcessName
    qualifier: Qualifier
    grouping: int = 1
    machine: str = 'discrete'
    blocking: Blocking = Blocking.NORMAL
    trigger: Trigger = EVERY_MINUTE
    is_on: bool = True
    lag: timedelta = timedelta(minutes=5)
    deadline: Deadline | None = None
    max_running: int = 1
    retry: RetryPolicy = RetryPolicy()
    on_failure: OnFailure = OnFailure.SKIP
    arguments: Mapping[str, Json] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    working: WorkingDays | None = None
    catch_up: CatchUp = CatchUp.BESIDE
    shares: LaneShares = LaneShares()
    live_from: datetime | None = None
    left_out_before: datetime | None = None
    demand: Demand = Demand()
    closed: tuple[ClosedHours, ...] = ()
    jitter: timedelta = timedelta()
    override: Override | None = None
    runs_before: int = 0
    group: ProcessName | None = None
    start_timeout: timedelta | None = None

    @property
    def worker(self) -> ProcessName:
        """Return under which name the workers run that take its units."""
        return self.group or self.name


class Tree(Struct, frozen=True, kw_only=True):
    """Processes that nest: a year encloses months, a month days, a day hours.

    levels: process names, coarse to fine. The tree's intervals are those that overlap
    [start, end); `end` None means that it grows with the clock. zone: whose clock its days follow,
    as the time zone database calls it.
    """

    name: str
    levels: tuple[ProcessName, ...]
    dependent_on: tuple[str, ...] = ()
    start: datetime
    end: datetime | None = None
    mx_name: str | None = None
    mx_page: str | None = None
    zone: str = UTC_ZONE


class Former(Struct, frozen=True, kw_only=True):
    """How a job had ended before a request has reset it: what its row said then.

    state: a final one. term: of the leadership that had written it.
    """

    state: JobState
    term: int = 0
    uow_id: UowId | None = None
    failure_count: int = 0
    lost_count: int = 0
    request_id: CommandId | None = None
    reason: str | None = None


class Job(Struct, frozen=True, kw_only=True):
    """One process on one interval: the row that the Scheduler alone writes.

    rev: number of transitions so far; 0 means that no row exists. run: number of units made so far.
    is_held: its unit is dead and the process's policy leaves the job to an operator; a held job
    takes no place among `max_running`. uow_id: None also between the runs of a live interval.
    failure_count: attempts that have failed since it last began, and the last one that lost its
    worker, after which there was none; lost_count: all that lost theirs.
    request_id: the command that reset it last. reason: why it was skipped, held or reset. former:
    how it had ended before that reset, until it begins. term: of
    the leadership that wrote the row, as the store has it; of a row to be written it says nothing.
    """

    process: ProcessName
    timeperiod: Timeperiod
    state: JobState = JobState.EMBRYO
    rev: int = 0
    run: int = 0
    uow_id: UowId | None = None
    failure_count: int = 0
    lost_count: int = 0
    is_held: bool = False
    request_id: CommandId | None = None
    reason: str | None = None
    former: Former | None = None
    changed_at: datetime
    term: int = 0

    def __eq__(self, other: object) -> bool:
        """Tell whether they say the same; the term says who wrote it."""
        if not isinstance(other, Job):
            return NotImplemented
        return self._said == other._said

    def __hash__(self) -> int:
        """Agree with `==`."""
        return hash(self._said)

    @property
    def _said(self) -> tuple[object, ...]:
        return astuple(self)[:-1]

    @property
    def has_live_unit(self) -> bool:
        """Tell whether the job takes a place among `max_running`."""
        return self.state.is_running and self.uow_id is not None and not self.is_held

    @property
    def key(self) -> JobKey:
        """Return process and timeperiod."""
        # As `JobKey` does, in half the time: it is asked for at each step of each run.
        return tuple.__new__(JobKey, (self.process, self.timeperiod))


class Unit(Struct, frozen=True, kw_only=True):
    """One run of a job: what a worker claims, works on and finishes.

    [start, end): the intervals of the job's qualifier that this run covers (`end` is exclusive).
    run: number of this unit within its job, from 1. attempt: number of the try that is awaited or
    under way, from 1. lost_count: how many of them have lost their worker. fence: rises on every
    claim, rescue and cancel; only its newest holder may report. not_before: no claim succeeds
    earlier (delay between attempts). announced_at: when the broker had confirmed the message
    that names this unit; None where the store was not told: most are taken before it would be.
    request_id: the command that had reset its job when it was made.
    """

    id: UowId
    process: ProcessName
    timeperiod: Timeperiod
    start: Timeperiod
    end: Timeperiod
    run: int
    attempt: int = 1
    lost_count: int = 0
    state: UnitState = UnitState.REQUESTED
    fence: int = 0
    owner: str | None = None
    lease_until: datetime | None = None
    created_at: datetime
    announced_at: datetime | None = None
    not_before: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    processed_count: int = 0
    error: str | None = None
    arguments: Mapping[str, Json] = field(default_factory=dict)
    request_id: CommandId | None = None

    @property
    def key(self) -> JobKey:
        """Return the job that this unit is a run of."""
        # As `JobKey` does, in half the time: it is asked for at each step of each run.
        return tuple.__new__(JobKey, (self.process, self.timeperiod))

    @property
    def idempotency_key(self) -> str:
        """Return the key that is the same for every start of this run."""
        return f'{self.process}@{self.timeperiod}#{self.run}'

    def __str__(self) -> str:
        """Return the fixed form of logs: `SiteHourly@2026112309 run 2 uow 51f3…`."""
        return f'{self.key} run {self.run} uow {self.id}'


class Outcome(Struct, frozen=True, kw_only=True):
    """How an attempt ended, as the worker reports it.

    state: one of REPORTABLE_UNIT_STATES. count: number of things processed. error: what went
    wrong, for INVALID and CANCELED.
    """

    state: UnitState
    count: int = 0
    error: str | None = None

    @staticmethod
    def processed(count: int = 0) -> Outcome:
        """Say that the work was done, on `count` things."""
        return Outcome(state=UnitState.PROCESSED, count=count)

    @staticmethod
    def noop() -> Outcome:
        """Say that there was nothing to do."""
        return Outcome(state=UnitState.NOOP)

    @staticmethod
    def cancelled(reason: str) -> Outcome:
        """Say that the work was given up on purpose; the job is skipped with `reason`."""
        return Outcome(state=UnitState.CANCELED, error=reason)

    @staticmethod
    def failed(error: str) -> Outcome:
        """Say that this attempt failed; the retry policy decides what comes next."""
        return Outcome(state=UnitState.INVALID, error=error)


class LogPlace(IntEnum):
    """Where in the log of an attempt a line stands, for whoever writes it.

    TAIL: behind the beginning, which is kept whatever comes. GAP: it says how many lines are left
    out, and takes the place of all lines of the tail that were written before.
    """

    HEAD = 0
    TAIL = 1
    GAP = 2


class LogLine(Struct, frozen=True, kw_only=True):
    """One line of a run's log. place: not told of lines that were read."""

    attempt: int
    at: datetime
    level: str
    text: str
    place: LogPlace = LogPlace.HEAD


class UnitEnd(Struct, frozen=True, kw_only=True):
    """How the attempt that held a unit under `fence` ended, and what it logged since the last."""

    uow_id: UowId
    fence: int
    outcome: Outcome
    log: tuple[LogLine, ...] = ()


class JobEvent(Struct, frozen=True, kw_only=True):
    """One line of a job's history, newest first when listed."""

    at: datetime
    text: str


class Leadership(Struct, frozen=True, kw_only=True):
    """The right to write jobs: held by `owner` in `term` until `until` by the store's clock."""

    owner: str
    term: int
    until: datetime


def is_led(leadership: Leadership | None, store_now: datetime) -> bool:
    """Tell whether the last leadership that is known still holds, by the store's clock."""
    return leadership is not None and leadership.until > store_now


class Route(Struct, frozen=True, kw_only=True):
    """Where messages of a process go: exchange, routing key, queue."""

    exchange: str
    routing: str
    queue: str


class BoxProcess(Struct, frozen=True, kw_only=True):
    """Desired and actual state of one process on one box.

    is_on: desired. state: actual, a value of `synergy.core.supervision.ProcessStatus`.
    pids: of the instances that run now. restart_count: restarts since the supervisor started.
    start_asked_at, restart_asked_at: when that was last asked for. reason: why an
    instance has ended, in the last words of its log, until it is up again; None: nothing is wrong.
    log_file: where that instance logs, on its box; None unless there is a reason.
    """

    box_id: str
    process: str
    is_on: bool
    state: str | None = None
    pids: tuple[int, ...] = ()
    restart_count: int = 0
    changed_at: datetime | None = None
    start_asked_at: datetime | None = None
    restart_asked_at: datetime | None = None
    reason: str | None = None
    log_file: str | None = None


class Box(Struct, frozen=True, kw_only=True):
    """A box, as its Supervisor last reported it.

    host, home: the place that holds the box id. pid: of the Supervisor; None once it has stopped
    in order. version: of the product that it runs. seen_at: last heartbeat, by the store's clock;
    None while only `is_draining` was ever set. is_draining: desired; its workers take no more.
    load: measured for the last heartbeat; None where nobody measures.
    """

    box_id: str
    host: str = ''
    home: str = ''
    pid: int | None = None
    version: str = ''
    seen_at: datetime | None = None
    is_draining: bool = False
    load: BoxLoad | None = None


#: Units that a job keeps; the oldest ended ones go.
RUNS_PER_JOB_MAX: Final = 128


def outlived_by(unit: Unit) -> Sequence[UowId]:
    """Return the unit that a job need not keep once `unit` is there, under all ids it may have."""
    run = unit.run - RUNS_PER_JOB_MAX
    return uow_ids_of(unit.key, run) if run > 0 else ()
