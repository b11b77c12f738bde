"""Spans of a trace, as values: what OpenTelemetry is told of runs, and of what asked for them.

See `synergy.core.trace_ids` for which spans there are and what lies in what. Names are few, as the
conventions of OpenTelemetry ask for; which interval a span is about stands in its attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from synergy.core.commands import Command, CommandState
from synergy.core.freerun_record import is_freerun
from synergy.core.records import JobEvent, Unit
from synergy.core.redaction import redacted_text
from synergy.core.states import UnitState
from synergy.core.telemetry import Span, Value
from synergy.core.timeperiod import JobKey
from synergy.core.trace_ids import RunIds, run_ids, span_of_request, trace_of_request
from synergy.view.attempts import Attempt, attempts_of
from synergy.view.runs_told import RunEnd, RunTold

#: An error is cut after so many characters.
ERROR_MAX: Final = 2_000
#: Spans of so many attempts of one run are sent, the newest.
ATTEMPTS_MAX: Final = 100


def spans_of_run(told: RunTold, history: Callable[[JobKey], Sequence[JobEvent]]) -> Sequence[Span]:
    """Return the spans of a run that is over: its job's, its own, and one for each attempt.

    history: asked of what was tried again.
    """
    unit, at = told.unit, told.line.at
    ids = run_ids(told.uow_id, told.request)
    told_of = _attributes(told)
    error = said(told.error) if told.end is RunEnd.FAILED else None
    created = at if unit is None else unit.created_at
    own = [] if unit is None else [*_attempts(unit, ids, at, history)]
    begin = own[0].begin if own else created
    end = max([begin, *(span.end for span in own)]) if own else at
    job = Span(
        trace=ids.trace,
        id=ids.job,
        parent=ids.request,
        name=told.line.process,
        begin=created,
        end=max(created, at, end),
        attributes=told_of,
        error=error,
    )
    run = Span(
        trace=ids.trace,
        id=ids.run,
        parent=ids.job,
        name='run',
        begin=begin,
        end=max(begin, end),
        attributes=told_of,
        error=error,
    )
    return [job, run, *own]


def span_of_command(command: Command) -> Span:
    """Return the span of a request that is over, the root of all that it caused."""
    is_cancelled = command.state is not CommandState.DONE
    attributes: dict[str, Value] = {
        'synergy.request': command.id,
        'synergy.process': command.process,
        'synergy.intervals': command.said,
        'synergy.by': command.actor,
        'synergy.outcome': command.state.value,
        'synergy.jobs': command.planned_count,
    }
    if command.reason:
        attributes['synergy.reason'] = said(command.reason)
    return Span(
        trace=trace_of_request(command.id),
        id=span_of_request(command.id),
        parent=None,
        name=command.kind.words,
        begin=command.created_at,
        end=max(command.created_at, command.finished_at or command.created_at),
        attributes=attributes,
        error=said(command.outcome or command.state.value) if is_cancelled else None,
    )


def _attributes(told: RunTold) -> Mapping[str, Value]:
    line, unit = told.line, told.unit
    found: dict[str, Value] = {
        'synergy.process': line.process,
        'synergy.run': told.run,
        'synergy.uow': told.uow_id,
        'synergy.cause': line.cause.kind.name.lower(),
    }
    if line.timeperiod is not None:
        found['synergy.timeperiod'] = str(line.timeperiod)
    if told.request is not None:
        found['synergy.request'] = told.request
    if told.end is not None:
        found['synergy.outcome'] = told.end.value
    if unit is not None:
        found['synergy.attempts'] = unit.attempt
        if told.end is RunEnd.PROCESSED:
            found['synergy.count'] = unit.processed_count
    return found


def _attempts(
    unit: Unit, ids: RunIds, at: datetime, history: Callable[[JobKey], Sequence[JobEvent]]
) -> Iterator[Span]:
    """Yield the spans of attempts, oldest first, none before or within the one before it."""
    events: Sequence[JobEvent] = ()
    if unit.attempt > 1 and not is_freerun(unit.process):
        events = history(unit.key)
    begun = unit.created_at
    for attempt in reversed(attempts_of(unit, (), events)[:ATTEMPTS_MAX]):
        if attempt.number == unit.attempt and attempt.started_at is None:
            continue  # It was given up before a worker had it.
        begin = max(attempt.started_at or begun, begun)
        end = max(attempt.ended_at or begin, begin)
        if attempt.number == unit.attempt and attempt.ended_at is None:
            end = max(at, begin)
        begun = end
        yield _span_of_attempt(attempt, ids, begin, end)


def _span_of_attempt(attempt: Attempt, ids: RunIds, begin: datetime, end: datetime) -> Span:
    attributes: dict[str, Value] = {'synergy.attempt': attempt.number}
    if attempt.owner is not None:
        attributes['synergy.worker'] = attempt.owner
    if attempt.is_lost:
        attributes['synergy.is_lost'] = True
    has_failed = attempt.is_lost or attempt.state in (UnitState.INVALID, UnitState.DEAD)
    return Span(
        trace=ids.trace,
        id=ids.attempt(attempt.number),
        parent=ids.run,
        name='attempt',
        begin=begin,
        end=end,
        attributes=attributes,
        error=said(attempt.error or 'no error was told') if has_failed else None,
    )


def said(text: str | None) -> str:
    """Return what people or programs said as it may leave the house."""
    return redacted_text(text)[:ERROR_MAX]
