"""Sweeps: which live units are neglected, and which jobs wait for nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from types import NoneType
from typing import Any, TypeAlias

import pytest

from synergy.core.events import Expired, Reported, TooOld, Vanished
from synergy.core.records import Job, uow_id_of
from synergy.core.states import LIVE_UNIT_STATES, JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timetable import Timetable
from synergy.scheduler.sweep_rules import (
    Attempts,
    Patience,
    awaiting,
    ended,
    is_neglected,
    reported,
    waiting_for,
)
from tests.builders import first_unit, instant, key, two_trees

NOW = instant('2026112310')
HOUR = key('SiteHourly@2026112200')
MINUTE = timedelta(minutes=1)
PATIENCE = Patience(republish_after=MINUTE, age_max=timedelta(hours=48))
UNIT = first_unit(HOUR, NOW, announced_at=NOW)
JOB = Job(
    process=HOUR.process,
    timeperiod=HOUR.timeperiod,
    state=JobState.IN_PROGRESS,
    rev=1,
    run=1,
    uow_id=UNIT.id,
    changed_at=NOW,
)


Fields: TypeAlias = dict[str, Any]


def held(since: datetime, lasting: timedelta) -> Fields:
    """Return what an attempt has whose lease ended so long after it had started."""
    return {
        'state': UnitState.IN_PROGRESS,
        'started_at': since,
        'lease_until': since + lasting,
        'created_at': since,
    }


def failed(since: datetime, lasting: timedelta) -> Fields:
    """Return what an attempt has that failed so long after it had started."""
    return {
        'state': UnitState.INVALID,
        'started_at': since,
        'finished_at': since + lasting,
        'created_at': since,
    }


def neglected(**fields: object) -> object:
    return is_neglected(replace(UNIT, **fields), NOW, NOW, PATIENCE, timedelta.max)  # type: ignore[arg-type]


def test_an_announced_unit_is_left_to_its_workers() -> None:
    assert neglected() is None


def test_of_units_that_are_waited_for_little_need_be_read() -> None:
    timetable = Timetable(two_trees())
    timetable.extend(NOW)
    timetable.put(JOB)
    other = uow_id_of(key('SiteHourly@2026112201'), 1)

    assert awaiting([UNIT.id, other], timetable) == {UNIT.id: JOB}
    timetable.put(replace(JOB, rev=2, state=JobState.PROCESSED))
    assert awaiting([UNIT.id, other], timetable) == {}


def test_an_unannounced_unit_is_announced() -> None:
    assert isinstance(neglected(announced_at=None), Reported)


def test_a_unit_nobody_claims_for_long_is_announced_again() -> None:
    assert isinstance(neglected(announced_at=NOW - 2 * MINUTE), Reported)


def test_a_unit_announced_by_a_clock_that_was_ahead_is_announced_again() -> None:
    assert isinstance(neglected(announced_at=NOW + timedelta(hours=1)), Reported)


def test_a_unit_that_waits_for_its_next_attempt_is_left_alone() -> None:
    assert neglected(announced_at=None, not_before=NOW + MINUTE) is None


def test_a_lease_is_judged_by_the_store_s_clock() -> None:
    held = replace(UNIT, state=UnitState.IN_PROGRESS, lease_until=NOW + MINUTE)

    assert is_neglected(held, NOW, NOW, PATIENCE, DAYS) is None
    assert isinstance(is_neglected(held, NOW, NOW + 2 * MINUTE, PATIENCE, DAYS), Expired)


DAYS = timedelta(hours=60)
SHORT, LONG = timedelta(hours=47), timedelta(hours=49)


@pytest.mark.parametrize(
    ('fields', 'kind'),
    [
        # Requested before an outage of days: never claimed, unannounced, delayed, handed back.
        ({'created_at': NOW - DAYS, 'announced_at': NOW - DAYS}, Reported),
        ({'created_at': NOW - DAYS, 'announced_at': None}, Reported),
        ({'created_at': NOW - DAYS, 'announced_at': NOW}, NoneType),
        ({'created_at': NOW - DAYS, 'announced_at': None, 'not_before': NOW - DAYS}, Reported),
        ({'created_at': NOW - DAYS, 'started_at': NOW - DAYS, 'announced_at': None}, Reported),
        # Under way when everything went down; its worker is gone since.
        (held(NOW - DAYS, timedelta(seconds=15)), Expired),
        (held(NOW - DAYS, SHORT), Expired),
        (held(NOW - DAYS, LONG), TooOld),
        # It failed just before, and nobody was there to decide.
        (failed(NOW - DAYS, timedelta(seconds=1)), Reported),
        (failed(NOW - DAYS, SHORT), Reported),
        (failed(NOW - DAYS, LONG), TooOld),
        # Held by a worker that lives, however long.
        ({**held(NOW - DAYS, LONG), 'lease_until': NOW + MINUTE}, NoneType),
        # The clock was set back while it ran; of old rows it is not known when they started.
        (failed(NOW + DAYS, -LONG), Reported),
        ({**held(NOW - DAYS, LONG), 'started_at': None}, Expired),
        ({**held(NOW - DAYS, LONG), 'lease_until': None}, Expired),
    ],
)
def test_only_time_in_which_a_worker_held_it_counts(fields: Fields, kind: type) -> None:
    assert type(neglected(**fields)) is kind


def test_what_is_given_up_says_why_and_by_which_setting() -> None:
    fell_silent = neglected(**held(NOW - DAYS, LONG), owner='box:1')
    told = reported(
        replace(UNIT, **failed(NOW - DAYS, LONG), error='no disk'), PATIENCE.age_max, DAYS
    )

    assert isinstance(fell_silent, TooOld)
    assert fell_silent.why.startswith('lease of box:1 ran out; ')
    assert isinstance(told, TooOld)
    assert told.why == (
        'no disk; this attempt was worked on for 49 hours, and after more than 48 '
        '(uow_age_hours_max) none follows'
    )


@pytest.mark.parametrize('attempt', [held(NOW - DAYS, LONG), failed(NOW - DAYS, LONG)])
def test_a_machine_that_slept_or_a_clock_that_was_set_did_no_work(attempt: Fields) -> None:
    """By the row it took two days; but nobody has seen it at work for longer than an hour."""
    found = is_neglected(replace(UNIT, **attempt), NOW, NOW, PATIENCE, timedelta(hours=1))

    assert not isinstance(found, TooOld)


def test_an_attempt_is_seen_from_its_first_sweep_until_another_has_its_fence() -> None:
    attempts = Attempts()
    first = replace(UNIT, state=UnitState.IN_PROGRESS, fence=1)
    second = replace(first, fence=2)

    attempts.see([first, replace(UNIT, id=uow_id_of(HOUR, 2))], 100.0)
    attempts.see([first], 150.0)

    assert attempts.seen_for(replace(first, state=UnitState.INVALID), 160.0) == MINUTE
    assert attempts.seen_for(second, 160.0) == timedelta(0)
    attempts.see([second], 200.0)
    assert attempts.seen_for(first, 300.0) == timedelta(0)
    assert attempts.seen_for(second, 260.0) == MINUTE


def test_no_outage_however_long_gives_a_unit_up() -> None:
    random = Random(11)
    for _ in range(500):
        work = timedelta(seconds=random.uniform(0, SHORT.total_seconds()))
        outage = timedelta(hours=random.uniform(0, 10_000))
        began = NOW - outage - work
        state = random.choice(list(LIVE_UNIT_STATES))
        unit = replace(
            UNIT,
            state=state,
            created_at=began - timedelta(hours=random.uniform(0, 10_000)),
            started_at=random.choice([None, began]),
            finished_at=began + work,
            lease_until=began + work if state is UnitState.IN_PROGRESS else None,
            not_before=random.choice([None, began + work, NOW + MINUTE]),
            attempt=random.randint(1, 5),
        )
        found = is_neglected(unit, NOW, NOW + MINUTE, PATIENCE, timedelta.max)
        assert not isinstance(found, TooOld), unit


def test_a_failed_attempt_nobody_reported_is_decided() -> None:
    assert isinstance(neglected(state=UnitState.INVALID), Reported)


def test_a_running_job_whose_unit_ended_or_vanished_is_found() -> None:
    waiting = list(waiting_for([JOB, replace(JOB, is_held=True)], {}))
    done = replace(UNIT, state=UnitState.PROCESSED)

    assert waiting == [JOB]
    assert list(ended(waiting, {UNIT.id: done})) == [Reported(done)]
    assert list(ended(waiting, {})) == [Vanished(HOUR)]


def test_a_running_job_with_a_live_unit_is_left_alone() -> None:
    assert list(waiting_for([JOB], {UNIT.id: UNIT})) == []
