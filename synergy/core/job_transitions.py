"""Rows of jobs as each transition leaves them: old row in, new row out, one revision later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from synergy.core.chosen import chosen_of
from synergy.core.commands import RESETTING_KINDS, Command, CommandId, CommandKind, Only
from synergy.core.events import Processed
from synergy.core.journal import BY_REQUEST, ENDS_OF_RUNS, Cause, Change, Happened
from synergy.core.records import Former, Job, Process, Unit, uow_id_of
from synergy.core.retry import FailedAttempt
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Timeperiod


def embryo(key: JobKey, now: datetime) -> Job:
    """Return a job without a history."""
    return Job(process=key.process, timeperiod=key.timeperiod, changed_at=now)


def untouched(state: JobState | None, key: JobKey, now: datetime) -> Job:
    """Return a job that has no row: an embryo, or one that the working calendar leaves out."""
    return replace(embryo(key, now), state=state or JobState.EMBRYO)


def next_unit(job: Job, process: Process, span: range, now: datetime) -> Unit:
    """Return the unit of a job's next run. span: ordinals of the intervals that it covers."""
    run = max(job.run, process.runs_before) + 1
    return Unit(
        id=uow_id_of(job.key, run),
        process=job.process,
        timeperiod=job.timeperiod,
        start=Timeperiod(process.qualifier, span.start),
        end=Timeperiod(process.qualifier, span.stop),
        run=run,
        created_at=now,
        arguments=process.arguments,
        request_id=job.request_id,
    )


def started(job: Job, unit: Unit, state: JobState, now: datetime) -> Job:
    """Return a job that waits for `unit`."""
    return replace(
        job,
        state=state,
        rev=job.rev + 1,
        run=unit.run,
        uow_id=unit.id,
        failure_count=0,
        lost_count=0,
        is_held=False,
        reason=None,
        former=None,
        changed_at=now,
    )


def rested(job: Job, now: datetime) -> Job:
    """Return a job between two runs of its live interval."""
    return replace(job, rev=job.rev + 1, uow_id=None, changed_at=now)


def failed(job: Job, attempt: FailedAttempt) -> Job:
    """Return a job with one attempt more that came to nothing; not a transition by itself."""
    return replace(
        job,
        failure_count=job.failure_count + int(attempt.is_failure),
        lost_count=job.lost_count + int(attempt.is_lost),
    )


def touched(job: Job, now: datetime) -> Job:
    """Return a job whose unit has moved on, and nothing else."""
    return replace(job, rev=job.rev + 1, changed_at=now)


def held(job: Job, why: str, now: datetime) -> Job:
    """Return a job that waits for an operator."""
    return replace(job, rev=job.rev + 1, is_held=True, reason=why, changed_at=now)


def ended(job: Job, state: JobState, reason: str | None, now: datetime) -> Job:
    """Return a job that is final."""
    return replace(
        job,
        state=state,
        rev=job.rev + 1,
        is_held=False,
        reason=reason,
        former=None,
        changed_at=now,
    )


def given(unit: Unit | Processed | None, why: str) -> Unit | Processed:
    """Return the unit that a rule of a machine is about; raise ValueError without one."""
    if unit is None:
        raise ValueError(f'a rule for a job without a unit asks for one: {why!r}; fix the machine')
    return unit


def reset(job: Job, why: str, now: datetime, request_id: CommandId | None) -> Job:
    """Return an embryo again, its run count kept; one that had ended remembers how."""
    return replace(
        job,
        state=JobState.EMBRYO,
        rev=job.rev + 1,
        uow_id=None,
        failure_count=0,
        lost_count=0,
        is_held=False,
        request_id=request_id,
        reason=why,
        former=former_of(job),
        changed_at=now,
    )


def former_of(job: Job) -> Former | None:
    """Return how a job has ended, as it remembers that when it is reset."""
    if not job.state.is_final:
        return None
    return Former(
        state=job.state,
        term=job.term,
        uow_id=job.uow_id,
        failure_count=job.failure_count,
        lost_count=job.lost_count,
        request_id=job.request_id,
        reason=job.reason,
    )


def put_back(job: Job, former: Former, command: Command, now: datetime) -> tuple[Job, str]:
    """Return a job as it stood before it was reset, and the event for its history."""
    word = former.state.value.removeprefix('state_')
    event = f'{word} again as before, for the request was cancelled by {command.who}'
    changed = replace(
        job,
        state=former.state,
        rev=job.rev + 1,
        uow_id=former.uow_id,
        failure_count=former.failure_count,
        lost_count=former.lost_count,
        request_id=former.request_id,
        reason=former.reason,
        former=None,
        changed_at=now,
    )
    return changed, event


def without_former(job: Job, why: str, now: datetime) -> tuple[Job, str]:
    """Return a reset job that cannot stand again as before, for an input has changed since.

    And the event for its history.
    """
    event = f'its former state is void: {why}'
    return replace(job, rev=job.rev + 1, former=None, changed_at=now), event


def is_chosen(command: Command, job: Job) -> bool:
    """Tell whether a job of a plan is one that the command names, and not a consequence.

    A consequence of the same process has run on former results of one that is named.
    """
    if job.process != command.process or not command.start <= job.timeperiod < command.end:
        return False
    chosen = chosen_of(command.details, command.start.qualifier)
    if chosen is not None and not any(job.timeperiod.ordinal in run for run in chosen):
        return False
    match command.only:
        case Only.ALL:
            return True
        case Only.FAILED:
            return job.is_held or (job.state is JobState.SKIPPED and job.failure_count > 0)
        case Only.SKIPPED:
            return job.state is JobState.SKIPPED
        case _:
            assert_never(command.only)


def marked(job: Job, command: Command, now: datetime) -> Job:
    """Return a job that an operator says is done, whatever came of its runs."""
    return replace(
        job,
        state=JobState.PROCESSED,
        rev=job.rev + 1,
        uow_id=None,
        failure_count=0,
        lost_count=0,
        is_held=False,
        request_id=command.id,
        reason=f'marked as done by {command.who}',
        former=None,
        changed_at=now,
    )


def is_touched(command: Command, job: Job) -> bool:
    """Tell whether there is something to do for a job of the plan, now that its turn has come."""
    match command.kind:
        case CommandKind.REPROCESS:
            # A batch may be applied twice, when a crash hid that it was: never reset for the same
            # request again.
            return job.state is not JobState.EMBRYO and job.request_id != command.id
        case CommandKind.MARK_DONE:
            is_due = is_chosen(command, job) or job.state is not JobState.EMBRYO
            return is_due and job.request_id != command.id
        case CommandKind.SKIP:
            return not job.state.is_final
        case _:
            return job.state.is_running


def commanded(command: Command, job: Job, now: datetime) -> tuple[Job, str]:
    """Return a job as a command leaves it, and the event for its history."""
    if command.kind is CommandKind.MARK_DONE and is_chosen(command, job):
        return marked(job, command, now), f'processed: marked as done by {command.who}'
    if command.kind in RESETTING_KINDS:
        return reset(job, command.by, now, command.id), f'reset: {command.by}'
    # A person has decided: no failure any more, however the attempts before it ended.
    decided = replace(job, failure_count=0)
    return ended(decided, JobState.SKIPPED, command.by, now), f'skipped: {command.by}'


def happened(command: Command, job: Job) -> Happened:
    """Return what a command has done to a job that it has left so."""
    if not job.state.is_final:
        return Happened.RESET
    if job.state is JobState.PROCESSED:
        return Happened.MARKED
    return Happened.CANCELED if command.kind is CommandKind.CANCEL else Happened.SKIPPED


def change_of(
    job: Job,
    what: Happened,
    before: JobState,
    cause: Cause,
    count: int | None,
    row_of: Callable[[JobKey], Job | None],
) -> Change:
    """Return what the journal is told of a new row. A start that was asked for is the request's.

    row_of: as it still is. Asked where the kind of a transition does not say whether it ends a run.
    """
    ended_run = 0
    if before.is_running and what not in ENDS_OF_RUNS:
        was = row_of(job.key)
        if was is not None and was.has_live_unit:
            ended_run = 0 if job.has_live_unit and job.uow_id == was.uow_id else was.run
    if what is Happened.STARTED and job.request_id is not None:
        cause = BY_REQUEST
    return Change(what, before, cause, count, ended_run)


def ending(unit: Unit | Processed) -> tuple[JobState, Happened, str]:
    """Return how a run ends its job: state, what that is, and the event for its history."""
    match unit.state:
        case UnitState.NOOP:
            return JobState.NOOP, Happened.ENDED, f'run {unit.run} found nothing to do'
        case UnitState.CANCELED:
            told = f'run {unit.run} cancelled: {unit.error}'
            return JobState.SKIPPED, Happened.CANCELED, told
        case _:
            told = f'run {unit.run} processed {unit.processed_count}'
            return JobState.PROCESSED, Happened.ENDED, told
