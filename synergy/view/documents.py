"""The shapes of what `synergy.view.encode` returns.

The type checker holds the encoders to them, and the description of the API is made from them, so
that neither can say what the other does not.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypedDict

from synergy.core.commands import CommandKind, CommandState, Only
from synergy.core.freerun_record import Misfire, Overlap
from synergy.core.states import JobState, UnitState
from synergy.view.boxes import Presence
from synergy.view.conditions import ALL
from synergy.view.held_documents import FreezeDocument as FreezeDocument
from synergy.view.held_documents import HeldDocument as HeldDocument
from synergy.view.reach import OrderOnlyDocument, ReachDocument
from synergy.view.span_documents import DueDocument, SpanDocument
from synergy.view.why_documents import ActionDocument as ActionDocument
from synergy.view.why_documents import At as At
from synergy.view.why_documents import CauseDocument as CauseDocument
from synergy.view.why_documents import NeedDocument as NeedDocument
from synergy.view.why_documents import ProcessText as ProcessText
from synergy.view.why_documents import TimeperiodText as TimeperiodText

#: Of a field with the name of a condition.
CLOCK_TOLD: Final = 'what the clock of its tree reads as it begins; empty: its name says that'
CONDITIONS_TOLD: Final = 'one of ' + ', '.join(condition.name for condition in ALL)


class SkippedDocument(TypedDict):
    """Of how many intervals of a process below a job some were skipped."""

    process: ProcessText
    count: int
    of: int


class JobDocument(TypedDict):
    """A job; changed_at is null for an interval that nobody has touched."""

    process: ProcessText
    timeperiod: TimeperiodText
    state: Annotated[str, JobState]
    condition: Annotated[str, CONDITIONS_TOLD]
    skipped_below: Annotated[
        SkippedDocument | None, 'what was skipped below it, once it is done; null: nothing'
    ]
    is_late: Annotated[bool, 'not done, though its deadline has passed; not asked to run again']
    rev: Annotated[int, 'grows with each change']
    run: Annotated[int, 'number of its newest run; 0: none']
    uow_id: Annotated[str | None, 'unit of its newest run']
    request_id: Annotated[str | None, 'request that has reset it']
    failure_count: Annotated[int, 'attempts that have failed since it last began']
    lost_count: Annotated[int, 'attempts that have lost their worker since it last began']
    is_held: Annotated[bool, 'waits for an operator']
    reason: str | None
    changed_at: At | None
    clock: Annotated[str, CLOCK_TOLD]


class UnitDocument(TypedDict):
    """One run of a job."""

    id: str
    run: int
    attempt: Annotated[int, 'from 1']
    lost_count: Annotated[int, 'how many of its attempts have lost their worker']
    state: Annotated[str, UnitState]
    condition: Annotated[
        str,
        'running, queued (waits for a worker), retrying (waits for its next attempt), processed, '
        'noop, failed or cancelled',
    ]
    start_timeperiod: TimeperiodText
    end_timeperiod: Annotated[str, 'exclusive']
    fence: Annotated[int, 'grows with each claim; results under an older one are refused']
    owner: Annotated[str | None, 'box:worker that has claimed it last']
    lease_until: At | None
    created_at: At | None
    announced_at: At | None
    not_before: Annotated[str | None, 'when its next attempt may begin']
    started_at: At | None
    finished_at: At | None
    processed_count: int
    error: str | None
    arguments: Annotated[dict[str, Any], 'for the worker; secrets are masked']
    idempotency_key: str
    request_id: Annotated[str | None, 'request that it was made for; null: its time had come']
    trace_id: Annotated[str, 'by which a collector of OpenTelemetry knows it']


class LineDocument(TypedDict):
    """One line of the log of a run."""

    attempt: int
    at: At | None
    level: str
    text: str


class AttemptDocument(TypedDict):
    """One attempt of a run."""

    attempt: Annotated[int, 'from 1']
    is_lost: Annotated[bool, 'its worker was lost: killed, without memory, or its box gone']
    state: Annotated[str, UnitState]
    owner: str | None
    fence: int | None
    started_at: At | None
    finished_at: At | None
    error: str | None


class RunDocument(UnitDocument):
    """One run of a job with its attempts and its log."""

    attempts: list[AttemptDocument]
    log: list[LineDocument]


class EventDocument(TypedDict):
    """What has happened."""

    at: At | None
    text: str


class NeighbourDocument(TypedDict):
    """A job beside another one; state is null when its interval has not begun."""

    relation: Annotated[str, 'parent, child, dependency, dependent, earlier or later']
    process: ProcessText
    timeperiod: TimeperiodText
    state: Annotated[str | None, JobState]
    condition: Annotated[str, CONDITIONS_TOLD]


class JobPageDocument(JobDocument, SpanDocument, DueDocument):
    """A job with its runs, logs, events and neighbours. [start, end): of its interval."""

    runs: list[RunDocument]
    events: Annotated[list[EventDocument], 'newest first']
    neighbours: list[NeighbourDocument]


class LeaderDocument(TypedDict):
    """The Scheduler that leads, or led last."""

    owner: Annotated[str, 'box:pid']
    term: int
    until: At | None
    is_leading: bool


class SchedulerDocument(TypedDict):
    """A Scheduler that runs."""

    owner: Annotated[str, 'box:pid']
    is_leading: bool


class SummaryDocument(TypedDict):
    """How far a process is."""

    process: ProcessText
    tree: str
    qualifier: str
    is_on: bool
    states: Annotated[dict[str, int], 'number of intervals by state']
    conditions: Annotated[
        dict[str, int],
        'number of intervals in progress, held or paused, by condition; partial: done, though '
        'something directly below was skipped',
    ]
    resting: Annotated[int, 'of those in progress, between two runs']
    planned: Annotated[int | None, 'intervals until the end of its tree; null: it has none']
    overdue: Annotated[int, 'over, and not final']
    first_overdue: TimeperiodText | None
    first_overdue_clock: Annotated[str, CLOCK_TOLD]
    late: Annotated[int, 'not done, though their deadline has passed; not asked to run again']
    held: int


class BoxProcessDocument(TypedDict):
    """One process on one box: whether it is wanted, and how it stands."""

    box_id: str
    process: ProcessText
    is_on: bool
    state: Annotated[str | None, 'null: never reported']
    pids: list[int]
    restart_count: int
    changed_at: At | None
    reason: Annotated[str | None, 'why it has ended and is not up again; null: nothing is wrong']
    log_file: Annotated[str | None, 'where it says more, on its box; null without a reason']


class ProcessLoadDocument(TypedDict):
    """What one instance of a process takes."""

    process: ProcessText
    pid: int
    started_at: At | None
    cpu_percent: float | None
    memory_bytes: int | None


class LoadDocument(TypedDict):
    """How busy a box is."""

    load_average: float | None
    cpu_count: int | None
    memory_percent: float | None
    processes: list[ProcessLoadDocument]


class BoxDocument(TypedDict):
    """A box; pid is that of its Supervisor."""

    box_id: str
    presence: Annotated[str, Presence]
    host: str
    home: str
    pid: int | None
    version: str
    seen_at: At | None
    is_draining: bool
    load: LoadDocument | None


class BoxViewDocument(BoxDocument):
    """A box with its processes."""

    processes: list[BoxProcessDocument]


class CommandDocument(TypedDict):
    """What somebody has asked for. [start_timeperiod, end_timeperiod): of kinds about jobs."""

    id: str
    kind: Annotated[str, CommandKind]
    process: Annotated[str, 'of a managed process or a free run; MX for what is about users']
    start_timeperiod: str
    end_timeperiod: str
    with_children: bool
    actor: Annotated[str, 'who asked, and from where']
    reason: str | None
    only: Annotated[str, Only]
    target: Annotated[str | None, 'the request that it is about']
    details: dict[str, Any]
    state: Annotated[str, CommandState]
    is_paused: bool
    planned_count: Annotated[int, 'jobs of its plan']
    applied_count: Annotated[int, 'of them dealt with']
    created_at: At | None
    finished_at: At | None
    outcome: Annotated[str | None, 'what was done, or why it was refused']


class ProgressDocument(TypedDict):
    """How the jobs of a request stand."""

    jobs: Annotated[dict[str, int], 'number of jobs by state']
    conditions: Annotated[
        dict[str, int], 'number of jobs by condition; waiting: reset, and not started again'
    ]
    waits_for_person: Annotated[
        str | None, 'what somebody must do before it can end; null: nothing'
    ]
    rest_seconds: Annotated[
        float | None, 'about how long it still takes; null: not known, or it waits for a person'
    ]
    under_way: Annotated[int, 'jobs with a run that is queued or running']
    max_running: Annotated[int | None, 'how many of them may be; null: as many as of others']
    order: Annotated[str | None, 'which come first, oldest or newest; null: nothing of it runs']


class FollowedDocument(CommandDocument, ProgressDocument):
    """A request with its progress."""


class StatusDocument(TypedDict):
    """How the system stands."""

    at: At | None
    leader: LeaderDocument | None
    processes: list[SummaryDocument]
    boxes: list[BoxProcessDocument]
    supervisors: list[BoxDocument]
    schedulers: list[SchedulerDocument]
    leader_advice: Annotated[str | None, 'what to do when no Scheduler leads']
    freezes: Annotated[list[FreezeDocument], 'that hold now']
    closed: Annotated[list[str], 'closed hours that hold now, and until when']
    warnings: list[str]
    needs: Annotated[list[NeedDocument], 'what waits for a person']
    open_commands: list[CommandDocument]


class PlannedDocument(TypedDict):
    """What a request would touch of one process."""

    process: ProcessText
    count: int
    first: TimeperiodText
    last: TimeperiodText
    running: Annotated[list[str], 'intervals whose runs would be cancelled']
    about_seconds: Annotated[
        float | None, 'how long its runs take with the workers there are; null: not known'
    ]
    reached_by: Annotated[list[ReachDocument], 'by which inputs they wait for planned jobs']


class WaitingDocument(TypedDict):
    """What waits for the plan by itself: it follows without a reset, or goes on without it."""

    process: ProcessText
    count: int
    first: TimeperiodText
    last: TimeperiodText


class KeyDocument(TypedDict):
    """The name of a job."""

    process: ProcessText
    timeperiod: TimeperiodText


class OffDocument(TypedDict):
    """A process that is off: what is asked of it does not run until it is switched on."""

    process: ProcessText
    text: Annotated[str, 'since when, and why']


class PreviewDocument(TypedDict):
    """What a request would touch, in which order."""

    kind: Annotated[str, CommandKind]
    count: Annotated[int, 'of jobs']
    plan_hash: Annotated[str, 'of the set of jobs: send it with the request']
    about_seconds: Annotated[
        float | None, 'until all has run, inputs before outputs; of a reprocess; null: not known'
    ]
    processes: list[PlannedDocument]
    waiting: Annotated[list[WaitingDocument], 'what follows without a reset']
    doomed: Annotated[list[KeyDocument], 'skipped in consequence']
    without: Annotated[list[WaitingDocument], 'what goes on without jobs that are skipped']
    order_only: Annotated[
        list[OrderOnlyDocument], 'what waits for them for the order alone, and does not run again'
    ]
    options: Annotated[list[str], 'how its jobs run, if not as others do, in words']
    held: Annotated[list[HeldDocument], 'of these, those of which nothing starts yet']
    off: Annotated[list[OffDocument], 'of these processes, those that are off']
    pools: Annotated[list[str], 'what runs of these processes take of pools']


class DeadDocument(UnitDocument):
    """A dead letter: a unit without an attempt left; or one under way."""

    process: ProcessText
    timeperiod: TimeperiodText


class FreerunDocument(TypedDict):
    """A free run with its next fires."""

    name: Annotated[str, 'Process::entry']
    process: ProcessText
    entry: str
    trigger: str
    is_on: bool
    overlap: Annotated[str, Overlap]
    misfire: Annotated[str, Misfire]
    misfire_max: int
    arguments: dict[str, Any]
    description: str | None
    is_from_context: bool
    run_count: int
    live: Annotated[list[str], 'units under way']
    last_fire: At | None
    next_fires: list[str | None]
    time_zone: Annotated[str, 'whose clock its trigger follows']
    clock_changes: Annotated[list[str], 'how that clock is changed until the last of them']
    start_timeout_seconds: Annotated[float | None, 'longest wait for a worker; null: none']


class FreerunStandingDocument(TypedDict):
    """How a free run has done lately."""

    last_state: Annotated[str | None, UnitState]
    last_error: str | None
    last_ended_at: At | None
    failed_in_a_row: int
