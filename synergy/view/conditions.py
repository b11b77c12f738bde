"""In which condition a job or a run is: one table of words, for pages, API and command line alike.

The state of a job says less than people need: a job in progress may be running, or queue for a
worker, or wait for its next attempt, or rest, or be held for an operator. Only the units under way
tell which, so they are read beside the dense index, and only of them what it takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from synergy.core.node import Node
from synergy.core.readiness import readiness
from synergy.core.records import CommandId, Job, ProcessName, Unit, UowId
from synergy.core.states import Due, JobState, UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.store import CommandReader, LiveRun


class Mark(Struct, frozen=True):
    """css: class that gives colour and glyph. word: what people read."""

    css: str
    word: str


class Condition(Mark, frozen=True):
    """A mark by which a job or run goes everywhere.

    name: for programs, addresses and searches. says: what it means, for legends. waits_for_person:
    nothing goes on without somebody.
    """

    name: str
    says: str
    waits_for_person: bool = False


PROCESSED: Final = Condition('ok', 'processed', 'processed', 'done')
RUNNING: Final = Condition('run', 'running', 'running', 'a worker runs it')
FINAL_RUN: Final = Condition('final', 'final run', 'final', 'the last run of a live interval')
QUEUED: Final = Condition('queue', 'queued', 'queued', 'started, and no worker has taken it yet')
RETRYING: Final = Condition(
    'retry', 'between attempts', 'retrying', 'an attempt failed, the next one has its time'
)
REPORTED: Final = Condition(
    'report', 'reported', 'reported', 'its run has ended, the Scheduler has yet to see it'
)
HELD: Final = Condition(
    'held', 'failed and held', 'held', 'no attempt is left; it waits for a person', True
)
FAILED: Final = Condition('fail', 'failed', 'failed', 'skipped after its last attempt')
PAUSED: Final = Condition(
    'pause', 'paused', 'paused', 'its request is paused until a person resumes it', True
)
OFF: Final = Condition(
    'off', 'switched off', 'off', 'it may start, but its process is switched off', True
)
RESTING: Final = Condition('rest', 'resting', 'resting', 'between two runs of a live interval')
READY: Final = Condition('ready', 'ready', 'ready', 'it may start, and waits for its turn')
BLOCKED: Final = Condition('block', 'blocked', 'blocked', 'waits for other intervals')
DOOMED: Final = Condition('doom', 'will be skipped', 'doomed', 'what it needs was skipped')
NOT_DUE: Final = Condition('due', 'not due', 'due', 'its interval, or the lag after it, lasts')
NOT_BEGUN: Final = Condition('due', 'not begun', 'not_begun', 'its interval has not begun')
SKIPPED: Final = Condition('skip', 'skipped', 'skipped', 'left out, and counted as ended')
NOOP: Final = Condition('noop', 'noop', 'noop', 'there was nothing to do')
LEFT_OUT: Final = Condition(
    'out', 'left out', 'left_out', 'its working calendar or catch_up leaves it out; nothing runs'
)
#: Additions: what a job may be besides.
LATE: Final = Condition('late', 'late', 'late', 'not done, though its deadline has passed')
PARTIAL: Final = Condition(
    'part', 'over skipped ones', 'partial', 'done, though something below it was skipped'
)
#: Of runs and attempts alone.
CANCELLED: Final = Condition('skip', 'cancelled', 'cancelled', 'given up on purpose')
LOST: Final = Condition('fail', 'worker lost', 'lost', 'its worker was killed, or its box is gone')
ATTEMPT_FAILED: Final = Condition('fail', 'attempt failed', 'attempt_failed', 'one try of several')

#: Those of jobs, in the order of lists and legends.
ALL: Final = (
    PROCESSED, RUNNING, FINAL_RUN, QUEUED, RETRYING, REPORTED, RESTING, HELD, FAILED, BLOCKED,
    PAUSED, OFF, READY, NOT_DUE, NOT_BEGUN, DOOMED, SKIPPED, NOOP, LEFT_OUT,
)  # fmt: skip
ADDITIONS: Final = (LATE, PARTIAL)
#: What a legend explains; the others go by the same outline, or pass within moments.
LEGEND: Final = (
    PROCESSED, RUNNING, FINAL_RUN, QUEUED, RETRYING, RESTING, HELD, FAILED, BLOCKED, PAUSED, OFF,
    READY, NOT_DUE, SKIPPED, NOOP, LEFT_OUT,
)  # fmt: skip
#: Those that take a place among `max_running`.
UNDER_WAY: Final = (RUNNING, FINAL_RUN, QUEUED, RETRYING, REPORTED)
FAILURES: Final = (HELD, FAILED)

#: What jobs can be looked for by, beside their state.
SOUGHT: Final[Mapping[str, Condition]] = {
    condition.name: condition
    for condition in (
        RUNNING, QUEUED, RETRYING, REPORTED, RESTING, HELD, FAILED, BLOCKED, PAUSED, OFF, READY,
        LATE, PARTIAL, LEFT_OUT,
    )
}  # fmt: skip
#: What runs can be looked for by, those of jobs and of free runs alike, in the order of lists.
SOUGHT_RUNS: Final[Mapping[str, Condition]] = {
    condition.name: condition
    for condition in (RUNNING, QUEUED, RETRYING, PROCESSED, NOOP, FAILED, CANCELLED)
}
#: Of those, what somebody still has to act on.
LIVE_RUNS: Final = (RUNNING, QUEUED, RETRYING)
#: Open requests that are looked through for paused ones.
OPEN_MAX: Final = 1_000


class SeenRun(NamedTuple):
    """A unit under way: the job whose run it is, and how it stands."""

    key: JobKey
    condition: Condition


#: Units under way.
Runs: TypeAlias = Mapping[UowId, SeenRun]

BY_STATE: Final[Mapping[JobState, Condition]] = {
    JobState.PROCESSED: PROCESSED,
    JobState.SKIPPED: SKIPPED,
    JobState.NOOP: NOOP,
}
BY_DUE: Final[Mapping[Due, Condition]] = {
    Due.OPEN: NOT_DUE,
    Due.READY: READY,
    Due.BLOCKED: BLOCKED,
    Due.FORBIDDEN: BLOCKED,
    Due.DOOMED: DOOMED,
}
BY_UNIT: Final[Mapping[UnitState, Condition]] = {
    UnitState.REQUESTED: QUEUED,
    UnitState.IN_PROGRESS: RUNNING,
    UnitState.PROCESSED: PROCESSED,
    UnitState.NOOP: NOOP,
    UnitState.CANCELED: CANCELLED,
    UnitState.INVALID: RETRYING,
    UnitState.DEAD: FAILED,
}


class Looking(Struct, frozen=True, kw_only=True):
    """What is looked at. failed: ordinals of failed jobs by process. runs: units under way."""

    timetable: Timetable
    failed: Mapping[ProcessName, Collection[int]]
    runs: Runs
    now: datetime


def condition_of_unit(unit: Unit | LiveRun, now: datetime) -> Condition:
    """Return how a run stands."""
    is_delayed = unit.not_before is not None and unit.not_before > now
    if unit.state is UnitState.REQUESTED and is_delayed:
        return RETRYING
    return BY_UNIT[unit.state]


def runs_of(live: Iterable[LiveRun], now: datetime) -> dict[UowId, SeenRun]:
    """Return how units under way stand."""
    return {unit.id: SeenRun(unit.key, condition_of_unit(unit, now)) for unit in live}


def condition_of(looking: Looking, node: Node, key: JobKey) -> Condition:
    """Return how a job of `node` stands."""
    timetable, ordinal = looking.timetable, key.timeperiod.ordinal
    state = timetable.state(key)
    if state is None:
        return NOT_BEGUN
    if state.is_final:
        has_failed = ordinal in looking.failed.get(key.process, ())
        if has_failed:
            return FAILED
        is_noop = state is JobState.NOOP and node.process.working is not None
        return LEFT_OUT if is_noop and timetable.is_left_out(key) else BY_STATE[state]
    if state.is_running:
        job = timetable.open_job(key)
        return REPORTED if job is None else condition_under_way(looking.runs, job)
    if timetable.is_paused(key):
        return PAUSED
    if ordinal >= timetable.hierarchy.over_until(node, looking.now):
        return NOT_DUE
    found = BY_DUE[readiness(timetable, key, looking.now).due]
    return OFF if found is READY and not node.process.is_on else found


def condition_of_job(looking: Looking, job: Job) -> Condition:
    """Return how a job stands whose row is at hand."""
    if job.state is JobState.SKIPPED and job.failure_count > 0:
        return FAILED
    return condition_of(looking, looking.timetable.hierarchy.nodes[job.process], job.key)


def condition_under_way(runs: Runs, job: Job) -> Condition:
    """Return how a job stands that was started and is not final."""
    if job.is_held:
        return HELD
    if job.uow_id is None:
        return RESTING
    seen = runs.get(job.uow_id)
    if seen is None:
        return REPORTED
    is_last = job.state is JobState.FINAL_RUN and seen.condition is RUNNING
    return FINAL_RUN if is_last else seen.condition


def paused_requests(store: CommandReader, timetable: Timetable) -> set[CommandId]:
    """Return the requests that are paused, as far as jobs wait that one has reset.

    Costs two byte searches for each process where none do.
    """
    nodes = timetable.hierarchy.nodes
    if not any(timetable.has_reruns(name) or timetable.paused_count(name) for name in nodes):
        return set()
    return {command.id for command in store.open_commands(OPEN_MAX) if command.is_paused}
