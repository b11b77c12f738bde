"""Continuous jobs: live runs at every trigger, one final run, and what failures mean for each."""

from __future__ import annotations

from datetime import timedelta

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.events import Expired, Look, Reported
from synergy.core.records import Outcome, ProcessName, RetryPolicy, Unit
from synergy.core.states import Blocking, JobState, UnitState
from tests.builders import instant, key, two_trees
from tests.core.engine_harness import EngineHarness

DAY = key('SiteDaily@2026112200')
DAILY = ProcessName('SiteDaily')
NOON = instant('2026112212')
LAST_HOUR = key('SiteHourly@2026112223')


def harness(**fields: object) -> EngineHarness:
    daily = {'machine': 'continuous', **fields}
    return EngineHarness(
        two_trees(end='2026112300', SiteDaily=daily, SiteHourly={'max_running': 50}), NOON
    )


def trigger(made: EngineHarness) -> list[Unit]:
    """Let the daily trigger fire; return the daily units that wait for a worker."""
    made.turn(Look(DAILY, is_trigger=True))
    return [unit for unit in made.live() if unit.process == DAILY]


def finish_hours(made: EngineHarness) -> None:
    made.now = instant('2026112301')
    made.look()
    while hours := [unit for unit in made.live() if unit.process == 'SiteHourly']:
        made.work(hours[0])


def test_a_live_day_runs_at_each_trigger_and_once_more_at_its_end() -> None:
    made = harness()

    for run in (1, 2, 3):
        (unit,) = trigger(made)
        assert unit.run == run
        made.work(unit)
        assert made.state(DAY) is JobState.IN_PROGRESS
    finish_hours(made)

    (final,) = [unit for unit in made.live() if unit.process == DAILY]
    assert (final.run, made.state(DAY)) == (4, JobState.FINAL_RUN)
    made.work(final)
    assert made.state(DAY) is JobState.PROCESSED


def test_a_report_alone_starts_no_new_live_run() -> None:
    made = harness()
    (unit,) = trigger(made)

    made.work(unit)
    made.turn(Look(DAILY))

    assert [unit for unit in made.live() if unit.process == DAILY] == []


def test_a_trigger_while_a_run_is_under_way_starts_nothing() -> None:
    made = harness()
    trigger(made)

    assert len(trigger(made)) == 1


def test_the_final_run_waits_for_the_children() -> None:
    made = harness()
    (unit,) = trigger(made)
    made.work(unit)

    made.now = instant('2026112301')
    made.turn(Look(DAILY, is_trigger=True))

    assert [unit for unit in made.live() if unit.process == DAILY] == []
    assert made.state(DAY) is JobState.IN_PROGRESS


def test_a_live_run_still_under_way_at_the_end_is_followed_by_the_final_one() -> None:
    made = harness()
    (unit,) = trigger(made)
    finish_hours(made)
    assert made.state(DAY) is JobState.IN_PROGRESS

    made.work(unit)

    assert made.state(DAY) is JobState.FINAL_RUN


def test_a_blocked_day_does_not_run_before_its_children() -> None:
    made = harness(blocking=Blocking.CHILDREN)

    assert trigger(made) == []
    finish_hours(made)
    assert made.state(DAY) is JobState.FINAL_RUN


def test_a_dead_live_run_is_made_up_for_by_the_next_one() -> None:
    made = harness(retry=RetryPolicy(max_attempts=1))
    (unit,) = trigger(made)

    made.work(unit, Outcome.failed('source away'))

    assert made.state(DAY) is JobState.IN_PROGRESS
    assert made.units[unit.id].state is UnitState.DEAD
    assert [again.run for again in trigger(made)] == [2]


def test_a_dead_final_run_skips_the_day() -> None:
    made = harness(retry=RetryPolicy(max_attempts=1))
    finish_hours(made)
    (final,) = [unit for unit in made.live() if unit.process == DAILY]

    made.work(final, Outcome.failed('source away'))

    assert made.state(DAY) is JobState.SKIPPED


def test_a_silent_live_run_is_rescued_like_any_other() -> None:
    made = harness()
    (unit,) = trigger(made)
    claimed = made.claim(unit)

    made.turn(Expired(claimed))

    assert made.units[unit.id].attempt == 2


def test_resting_days_take_no_place_among_max_running() -> None:
    made = harness()
    (unit,) = trigger(made)
    assert made.timetable.running_count(DAILY) == 1

    made.work(unit)

    assert made.timetable.running_count(DAILY) == 0
    assert list(made.timetable.resting(DAILY)) == [DAY]


def test_days_that_are_long_over_run_once_finally() -> None:
    made = EngineHarness(
        two_trees(end='2026112400', SiteDaily={'machine': 'continuous'}), instant('2026112500')
    )

    made.look()
    made.work_all()

    runs = [text for text in made.started if text.startswith('SiteDaily')]
    assert runs == ['SiteDaily@2026112200#1', 'SiteDaily@2026112300#1']


def test_a_report_that_is_late_after_the_rest_changes_nothing() -> None:
    made = harness()
    (unit,) = trigger(made)
    made.work(unit)
    before = dict(made.jobs)

    made.turn(Reported(made.units[unit.id]))

    assert made.jobs == before
    assert made.now - NOON == timedelta(0)


def test_a_live_day_that_was_skipped_is_left_alone_by_its_trigger() -> None:
    made = harness()
    (unit,) = trigger(made)
    made.work(unit)
    made.command(
        Command(
            id=CommandId('c'),
            kind=CommandKind.SKIP,
            process=DAILY,
            start=DAY.timeperiod,
            end=DAY.timeperiod.shift(1),
            actor='anna',
            created_at=NOON,
        )
    )

    assert trigger(made) == []
    assert made.state(DAY) is JobState.SKIPPED
