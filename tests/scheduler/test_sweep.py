"""Sweeps: which live units are neglected, and which jobs wait for nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from synergy.core.inputs import Expired, Reported, TooOld, Vanished
from synergy.core.records import Job, Unit, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.scheduler.sweep import Patience, ended, is_neglected, waiting_for
from tests.builders import instant, key

NOW = instant('2026112310')
HOUR = key('SiteHourly@2026112200')
MINUTE = timedelta(minutes=1)
PATIENCE = Patience(republish_after=MINUTE, age_max=timedelta(hours=48))
UNIT = Unit(
    id=uow_id_of(HOUR, 1),
    process=HOUR.process,
    timeperiod=HOUR.timeperiod,
    start=HOUR.timeperiod,
    end=HOUR.timeperiod.shift(1),
    run=1,
    created_at=NOW,
    announced_at=NOW,
)
JOB = Job(
    process=HOUR.process,
    timeperiod=HOUR.timeperiod,
    state=JobState.IN_PROGRESS,
    rev=1,
    run=1,
    uow_id=UNIT.id,
    changed_at=NOW,
)


def neglected(**fields: object) -> object:
    return is_neglected(replace(UNIT, **fields), NOW, NOW, PATIENCE)  # type: ignore[arg-type]


def test_an_announced_unit_is_left_to_its_workers() -> None:
    assert neglected() is None


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

    assert is_neglected(held, NOW, NOW, PATIENCE) is None
    assert isinstance(is_neglected(held, NOW, NOW + 2 * MINUTE, PATIENCE), Expired)


def test_a_unit_that_nobody_finished_for_days_is_given_up_unless_it_is_held() -> None:
    old = replace(UNIT, created_at=NOW - timedelta(hours=49))
    held = replace(old, state=UnitState.IN_PROGRESS, lease_until=NOW + MINUTE)

    found = is_neglected(old, NOW, NOW, PATIENCE)

    assert isinstance(found, TooOld)
    assert '48 hours' in found.why
    assert is_neglected(held, NOW, NOW, PATIENCE) is None


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
