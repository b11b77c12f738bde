"""Spans of runs: which there are, what lies in what, and from when until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.journal import BY_UNIT, Happened, Line, LineKind
from synergy.core.records import JobEvent, Unit
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.telemetry import Span
from synergy.core.trace_ids import run_ids, span_of_request, trace_of_request
from synergy.view.runs_told import RunEnd, RunTold, runs_told, units_named
from synergy.view.spans import ERROR_MAX, span_of_command, spans_of_run
from tests.builders import first_unit, instant, key

NOW = instant('2026112312')
HOUR = key('SiteHourly@2026112200')
REQUEST = CommandId('c1')


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def unit(**fields: object) -> Unit:
    done: dict[str, object] = {
        'state': UnitState.PROCESSED,
        'started_at': at(2),
        'finished_at': at(5),
        'owner': 'box:worker',
        'processed_count': 7,
        **fields,
    }
    return replace(first_unit(HOUR, NOW), **done)  # type: ignore[arg-type]


def line(what: Happened, after: JobState, **fields: object) -> Line:
    given: dict[str, object] = {
        'from_state': JobState.IN_PROGRESS, 'ended_run': 1, 'run': 1, 'cause': BY_UNIT, **fields,
    }  # fmt: skip
    return Line(
        number=9,
        term=1,
        at=at(6),
        kind=LineKind.JOB,
        process=HOUR.process,
        timeperiod=HOUR.timeperiod,
        what=what,
        to_state=after,
        **given,  # type: ignore[arg-type]
    )


ENDED = line(Happened.ENDED, JobState.PROCESSED, count=7)
GAVE_UP = line(Happened.GAVE_UP, JobState.SKIPPED, reason='no attempt is left')


def told(ended: Line, run: Unit | None) -> RunTold:
    (found,) = runs_told([ended], {} if run is None else {run.id: run})
    return found


def spans(ended: Line, run: Unit | None, events: Sequence[JobEvent] = ()) -> list[Span]:
    return [*spans_of_run(told(ended, run), lambda _: events)]


def test_a_job_has_a_run_and_that_an_attempt() -> None:
    job, run, attempt = spans(ENDED, unit())

    assert (job.name, run.name, attempt.name) == ('SiteHourly', 'run', 'attempt')
    assert (run.parent, attempt.parent, job.parent) == (job.id, run.id, None)
    assert len({job.trace, run.trace, attempt.trace}) == 1
    assert attempt.id == run_ids(unit().id, None).attempt(1)
    assert (job.begin, job.end) == (NOW, at(6))
    assert (run.begin, run.end) == (attempt.begin, attempt.end) == (at(2), at(5))
    assert (job.error, run.error, attempt.error) == (None, None, None)
    assert job.attributes['synergy.timeperiod'] == '2026112200'
    assert job.attributes['synergy.outcome'] == 'processed'
    assert job.attributes['synergy.count'] == 7
    assert attempt.attributes == {'synergy.attempt': 1, 'synergy.worker': 'box:worker'}


def test_what_a_request_has_caused_lies_below_it() -> None:
    job, *_ = spans(ENDED, unit(request_id=REQUEST))

    assert (job.trace, job.parent) == (trace_of_request(REQUEST), span_of_request(REQUEST))
    assert job.attributes['synergy.request'] == REQUEST


def test_each_attempt_is_a_span_and_what_failed_says_why_without_secrets() -> None:
    events = [
        JobEvent(
            at=at(4),
            text='run 1 attempt 1 of 3 failed: password=hunter2; next attempt at '
            '2026-11-23 12:00:10 (it was on box:one under fence 1 since 2026-11-23 12:00:01)',
        )
    ]
    dead = unit(
        state=UnitState.DEAD, attempt=2, started_at=at(10), finished_at=at(12), error='x' * 5_000
    )

    job, run, first, second = spans(GAVE_UP, dead, events)

    assert [item.error is not None for item in (job, run, first, second)] == [True] * 4
    assert len(job.error or '') == ERROR_MAX
    assert first.error is not None
    assert 'hunter2' not in first.error
    assert (first.begin, first.end, first.attributes['synergy.worker']) == (at(1), at(4), 'box:one')
    assert (second.begin, second.end) == (at(10), at(12))
    assert (run.begin, run.end) == (at(1), at(12))
    assert job.end == at(12)


def test_attempts_of_which_nothing_is_known_are_there_nevertheless() -> None:
    third = unit(attempt=3, started_at=at(4))

    _, run, *attempts = spans(ENDED, third)

    assert [item.attributes['synergy.attempt'] for item in attempts] == [1, 2, 3]
    assert [item.parent for item in attempts] == [run.id] * 3
    assert all(before.end <= after.begin for before, after in pairwise(attempts))


def test_a_run_that_no_worker_had_has_no_attempt() -> None:
    gone = unit(state=UnitState.CANCELED, started_at=None, finished_at=at(3), error='cancelled')
    canceled = line(Happened.RESET, JobState.EMBRYO)

    job, run = spans(canceled, gone)

    assert told(canceled, gone).end is RunEnd.CANCELED
    assert (job.begin, run.begin, run.end) == (NOW, NOW, at(6))
    assert job.error is None


def test_a_run_whose_row_is_gone_is_told_by_its_line() -> None:
    job, run = spans(line(Happened.ENDED, JobState.PROCESSED, count=3, request=REQUEST), None)

    assert job.trace == trace_of_request(REQUEST)
    assert (job.begin, job.end, run.begin, run.end) == (at(6), at(6), at(6), at(6))


def test_a_request_is_the_root_and_says_how_it_ended() -> None:
    command = Command(
        id=REQUEST,
        kind=CommandKind.REPROCESS,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(3),
        actor='anna',
        reason='token=abcdefghijkl12345',
        state=CommandState.DONE,
        created_at=NOW,
        finished_at=at(9),
        planned_count=4,
    )

    done = span_of_command(command)
    cancelled = span_of_command(replace(command, state=CommandState.CANCELLED, outcome='by anna'))

    assert (done.trace, done.id, done.parent) == (
        trace_of_request(REQUEST), span_of_request(REQUEST), None,
    )  # fmt: skip
    assert (done.name, done.begin, done.end, done.error) == ('reprocess', NOW, at(9), None)
    assert 'abcdefghijkl12345' not in str(done.attributes)
    assert cancelled.error == 'by anna'


def test_how_a_run_ended_is_the_line_s_to_say_as_far_as_it_does() -> None:
    settled = unit(state=UnitState.CANCELED, attempt=2, error='boom; settled')
    rested = line(Happened.RESTED, JobState.IN_PROGRESS, failures=2)
    canceled = line(Happened.RESTED, JobState.IN_PROGRESS, failures=1)
    next_run = line(Happened.STARTED, JobState.FINAL_RUN, run=2)

    assert told(GAVE_UP, settled).end is RunEnd.FAILED
    assert told(rested, settled).end is RunEnd.FAILED
    assert told(canceled, settled).end is RunEnd.CANCELED
    over, begun = runs_told([next_run], {unit().id: unit()})
    assert (over.end, over.run, begun.end, begun.run) == (RunEnd.PROCESSED, 1, None, 2)
    assert len(units_named([next_run])) == 2
