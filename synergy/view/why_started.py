"""Why a job that was started has not ended: its unit, the worker on it, and who is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from synergy.conf.names import PROCESS_SCHEDULER, PROCESS_SUPERVISOR
from synergy.core.records import Job, Unit, is_led
from synergy.core.retry import attempt_text
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey
from synergy.view.cause import (
    Cause,
    CauseKind,
    run_again,
    run_instead,
    start_there,
)
from synergy.view.no_worker import no_worker
from synergy.view.question import Question, boxes_of
from synergy.view.usual import Usual, usual_of
from synergy.view.words import at, span


def under_way(question: Question, job: Job) -> Iterator[Cause]:
    """Yield what the run of a job waits for, or who works on it."""
    key = job.key
    if job.is_held:
        yield Cause(
            key=key,
            kind=CauseKind.FAILED,
            text=f'is held for an operator: {job.reason}; fix the cause, then reprocess or skip it',
            since=job.changed_at,
            action=run_again(key),
        )
        return
    unit = question.store.units([job.uow_id]).get(job.uow_id) if job.uow_id else None
    if unit is None:
        text = f'run {job.run} has no unit in the store; the Scheduler resets it at its next sweep'
        yield Cause(key=key, kind=CauseKind.REPORT, text=text, since=job.changed_at)
        yield from without_leader(question, key)
        return
    process = question.timetable.hierarchy.nodes[job.process].process
    worker = process.worker
    attempt = f'run {unit.run}, {attempt_text(unit, process.retry)}'
    match unit.state:
        case UnitState.REQUESTED if unit.not_before is not None and unit.not_before > question.now:
            text = (
                f'{attempt} starts at {at(unit.not_before, question.now)}; '
                f'the one before failed: {unit.error}'
            )
            yield Cause(
                key=key,
                kind=CauseKind.RETRY,
                text=text,
                since=unit.finished_at or job.changed_at,
                expected_at=unit.not_before,
            )
            yield from no_worker(boxes_of(question, key), worker)
        case UnitState.REQUESTED:
            since = unit.not_before or unit.created_at
            text = f'{attempt} waits for a worker since {at(since, question.now)}'
            text += overdue_text(process.start_timeout, question.now - max(since, job.changed_at))
            yield Cause(key=key, kind=CauseKind.WORKER, text=text, since=since)
            yield from no_worker(boxes_of(question, key), worker)
        case UnitState.IN_PROGRESS:
            yield _worked_on(question, unit, attempt)
            return
        case _:
            text = f'{attempt} has ended as {unit.state.value}; the Scheduler has yet to see it'
            yield Cause(key=key, kind=CauseKind.REPORT, text=text, since=unit.finished_at)
    yield from without_leader(question, key)


def overdue_text(limit: timedelta | None, waited: timedelta) -> str:
    """Return that a unit has waited for longer than it may, as the end of a sentence."""
    if limit is None or waited <= limit:
        return ''
    return f', longer than {span(limit)} (start_timeout_seconds), so it is rung for again and again'


def _worked_on(question: Question, unit: Unit, attempt: str) -> Cause:
    since = at(unit.started_at, question.now) if unit.started_at else 'an unknown time'
    if unit.lease_until is not None and unit.lease_until < question.store.store_now():
        return Cause(
            key=unit.key,
            kind=CauseKind.LEASE,
            text=f'{attempt} was run by {unit.owner} since {since}, but its lease ran out at '
            f'{at(unit.lease_until, question.now)}; the Scheduler rescues it at its next sweep',
            since=unit.lease_until,
        )
    usual = usual_of(question.store, unit.process)
    end = _usual_end(question, unit, usual)
    is_long = end is None and usual.p95 is not None
    return Cause(
        key=unit.key,
        kind=CauseKind.RUNNING,
        text=f'{attempt} is run by {unit.owner} since {since}'
        + (f', longer than 95 of 100 of its runs, {span(usual.p95)}' if is_long else ''),
        since=unit.started_at,
        expected_at=end,
        action=run_instead(unit.key) if is_long else None,
    )


def _usual_end(question: Question, unit: Unit, usual: Usual) -> datetime | None:
    """Return by when half of such runs have ended, or 95 of 100; None once both are past."""
    for length in (usual.p50, usual.p95):
        if unit.started_at is not None and length is not None:
            end = unit.started_at + length
            if end > question.now:
                return end
    return None


def without_leader(question: Question, key: JobKey) -> Iterator[Cause]:
    """Say so when nobody schedules, and what is known of the boxes that should."""
    leadership = question.store.leadership()
    if is_led(leadership, question.store.store_now()):
        return
    if leadership is None:
        text = 'no Scheduler has ever led'
    else:
        text = (
            f'no Scheduler leads since {at(leadership.until, question.now)} '
            f'(the last was {leadership.owner})'
        )
    found = no_worker(boxes_of(question, key), PROCESS_SCHEDULER)
    known = [cause for cause in found if cause.kind is not CauseKind.NO_BOX]
    if not found:
        text += '; one runs, and leads within seconds unless its log says why not'
    yield Cause(
        key=key,
        kind=CauseKind.LEADER,
        text=text,
        since=None if leadership is None else leadership.until,
        action=start_there(PROCESS_SUPERVISOR, None) if found and not known else None,
    )
    yield from known
