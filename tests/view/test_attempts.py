"""Attempts: what the unit keeps of its newest, and what history and log tell of those before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from synergy.core.journal import Happened
from synergy.core.records import JobEvent, LogLine, Unit, uow_id_of
from synergy.core.states import UnitState
from synergy.view.attempts import attempts_of
from synergy.view.past_units import unit_then
from tests.builders import instant, key
from tests.core.test_past import line

NOW = instant('202611231217')
BEGAN, ENDED = instant('202611231200'), instant('202611231201')
HOUR = key('SiteHourly@2026112310')


def unit(**fields: Any) -> Unit:
    return Unit(
        id=uow_id_of(HOUR, 2),
        process=HOUR.process,
        timeperiod=HOUR.timeperiod,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(1),
        run=2,
        created_at=BEGAN,
        **{'attempt': 2, 'state': UnitState.IN_PROGRESS, 'owner': 'lax2:x', 'fence': 5, **fields},
    )


def failed(text: str) -> JobEvent:
    return JobEvent(at=ENDED, text=text)


def test_the_history_tells_worker_fence_begin_end_and_error_of_an_earlier_attempt() -> None:
    event = failed(
        'run 2 attempt 1 of 3 failed: no data; next attempt at noon; next attempt at '
        '2026-11-23 12:02:00 (it was on dev:x.1 under fence 3 since 2026-11-23 12:00:00)'
    )

    newest, first = attempts_of(unit(started_at=NOW), (), [event])

    assert (newest.number, newest.owner, newest.fence, newest.started_at) == (2, 'lax2:x', 5, NOW)
    assert (first.number, first.owner, first.fence) == (1, 'dev:x.1', 3)
    assert (first.started_at, first.ended_at) == (BEGAN, ENDED)
    assert first.error == 'no data; next attempt at noon'


def test_an_older_history_leaves_worker_and_begin_to_the_log() -> None:
    event = failed('run 2 attempt 1 of 3 failed: no data; next attempt at 2026-11-23 12:02:00')
    other = failed('run 1 attempt 1 of 3 failed: another run; next attempt at 2026-11-23 12:02:00')
    line = LogLine(attempt=1, at=BEGAN, level='INFO', text='reading')

    first = attempts_of(unit(), [line], [other, event])[1]

    assert (first.owner, first.fence, first.error) == (None, None, 'no data')
    assert (first.started_at, first.ended_at) == (BEGAN, ENDED)


def test_without_a_history_the_log_tells_what_it_can() -> None:
    lines = [
        LogLine(attempt=1, at=BEGAN, level='INFO', text='reading'),
        LogLine(attempt=1, at=ENDED, level='ERROR', text='ValueError: no number'),
        LogLine(attempt=2, at=NOW, level='ERROR', text='another attempt'),
    ]

    first = attempts_of(unit(), lines, ())[1]

    assert (first.started_at, first.ended_at) == (BEGAN, ENDED)
    assert first.error == 'ValueError: no number'


def test_an_attempt_that_is_awaited_has_none_of_the_one_before() -> None:
    waiting = unit(state=UnitState.REQUESTED, owner=None, started_at=BEGAN, error='no data')

    newest, first = attempts_of(waiting, (), ())

    assert (newest.state, newest.started_at, newest.error) == (UnitState.REQUESTED, None, None)
    assert (first.state, first.started_at) == (UnitState.INVALID, BEGAN)


def test_the_history_tells_which_attempts_have_lost_their_worker() -> None:
    lost = failed(
        'run 2 attempt 1 of 1 lost its worker (1 of 5): lease of dev:x.1 ran out; next attempt at '
        '2026-11-23 12:02:00 (it was on dev:x.1 under fence 3 since 2026-11-23 12:00:00)'
    )
    other = failed('run 2 attempt 2 of 3 failed: no data; next attempt at 2026-11-23 12:02:00')

    newest, second, first = attempts_of(unit(attempt=3, lost_count=1), (), [other, lost])

    assert (newest.is_lost, second.is_lost, first.is_lost) == (False, False, True)
    assert (first.error, first.owner) == ('lease of dev:x.1 ran out', 'dev:x.1')


def test_the_count_tells_what_the_history_does_not() -> None:
    waiting = attempts_of(unit(lost_count=1, state=UnitState.REQUESTED), (), ())
    dead = attempts_of(unit(attempt=1, lost_count=1, state=UnitState.DEAD), (), ())

    assert [attempt.is_lost for attempt in waiting] == [False, True]
    assert [attempt.is_lost for attempt in dead] == [True]


@pytest.mark.parametrize(
    ('run', 'text', 'next_at', 'attempt'),
    [
        (2, '; next attempt at 2026-11-23 12:02:00', instant('202611231202'), 2),
        (
            2,
            '; next attempt at 2026-11-23 12:02:00 '
            '(it was on dev:x.1 under fence 3 since 2026-11-23 12:00:00)',
            instant('202611231202'),
            2,
        ),
        (1, '; next attempt at 2026-11-23 12:02:00', None, 3),
        (2, '; next attempt at 2026-99-23 12:02:00', None, 3),
        (2, '', None, 3),
    ],
)
def test_a_unit_of_then_waits_for_the_attempt_that_its_line_tells_of(
    run: int, text: str, next_at: object, attempt: int
) -> None:
    today = unit(attempt=3, started_at=NOW, state=UnitState.IN_PROGRESS)
    said = line(
        HOUR,
        Happened.RETRIED,
        run=run,
        failures=1,
        reason=f'run {run} attempt 1 of 3 failed: x{text}',
    )

    then = unit_then(today, ENDED + timedelta(seconds=1), said)

    assert then is not None
    assert (then.state, then.not_before, then.attempt) == (UnitState.REQUESTED, next_at, attempt)
    assert (then.started_at, then.owner) == (None, None)
