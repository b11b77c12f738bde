"""Mark as done: an operator says that data are right; what waits goes on, or runs again."""

from __future__ import annotations

import pytest

from synergy.core.closure import PlanRefused, plan
from synergy.core.commands import Command, CommandId, CommandKind, Only
from synergy.core.events import Expired
from synergy.core.hierarchy import build
from synergy.core.invariants import check
from synergy.core.records import Outcome, RetryPolicy
from synergy.core.states import Blocking, JobState, OnFailure, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.core.working import WorkingDays
from tests.builders import instant, key, process, tree, two_trees
from tests.core.engine_harness import EngineHarness

NOW = instant('202611230130')
HOUR = key('SiteHourly@2026112200')
DAY = key('SiteDaily@2026112200')
ALERT = key('AlertDaily@2026112200')


def mark(first: JobKey, count: int = 1, only: Only = Only.ALL) -> Command:
    return Command(
        id=CommandId('m1'),
        kind=CommandKind.MARK_DONE,
        process=first.process,
        start=first.timeperiod,
        end=first.timeperiod.shift(count),
        only=only,
        actor='anna',
        reason='loaded from the backup',
        created_at=NOW,
    )


def failed(on_failure: OnFailure, blocking: Blocking = Blocking.NORMAL) -> EngineHarness:
    """Return a day of which the first hour has failed for good, and all else has ended."""
    hourly = {
        'retry': RetryPolicy(max_attempts=1), 'on_failure': on_failure, 'max_running': 3
    }  # fmt: skip
    alert = {'blocking': blocking}
    made = EngineHarness(two_trees(end='2026112300', SiteHourly=hourly, AlertDaily=alert), NOW)
    made.look()
    made.work(next(unit for unit in made.live() if unit.key == HOUR), Outcome.failed('boom'))
    made.work_all()
    return made


def violations(made: EngineHarness) -> list[str]:
    rows = sorted(made.jobs.values(), key=lambda job: (job.process, job.timeperiod.ordinal))
    return [str(item) for item in check(made.timetable.hierarchy, rows, (), NOW)]


def test_a_held_job_is_done_and_what_waited_for_it_runs() -> None:
    made = failed(OnFailure.HOLD)
    assert made.state(DAY) is JobState.EMBRYO

    made.command(mark(HOUR))

    job = made.jobs[HOUR]
    assert (job.state, job.is_held, job.failure_count) == (JobState.PROCESSED, False, 0)
    assert job.reason == 'marked as done by anna: loaded from the backup'
    assert made.state(DAY) is JobState.IN_PROGRESS
    made.work_all()
    assert made.state(ALERT) is JobState.PROCESSED
    assert (made.jobs[HOUR].run, made.jobs[DAY].run) == (1, 1)
    assert violations(made) == []


def test_what_has_run_over_a_skipped_one_runs_again() -> None:
    made = failed(OnFailure.SKIP)
    assert made.state(DAY) is JobState.PROCESSED

    made.command(mark(HOUR))
    assert made.state(HOUR) is JobState.PROCESSED
    made.work_all()

    assert (made.jobs[HOUR].run, made.jobs[DAY].run, made.jobs[ALERT].run) == (1, 2, 2)
    assert violations(made) == []


def test_what_never_ran_may_be_done_too() -> None:
    made = EngineHarness(two_trees(end='2026112300'), NOW)
    made.timetable.extend(NOW)

    made.command(mark(HOUR, 24))

    assert made.jobs[HOUR].run == 0
    assert made.state(DAY) is JobState.IN_PROGRESS
    assert violations(made) == []


def test_a_run_under_way_is_cancelled_when_its_job_is_done() -> None:
    made = EngineHarness(two_trees(end='2026112300'), NOW)
    made.look()
    unit = made.live()[0]
    claimed = made.claim(unit)

    made.command(mark(HOUR))
    made.turn(Expired(claimed))

    assert made.units[unit.id].state is UnitState.CANCELED
    assert made.state(HOUR) is JobState.PROCESSED


def test_what_waits_for_something_cannot_be_done() -> None:
    made = failed(OnFailure.HOLD)

    with pytest.raises(PlanRefused, match='all that it waits for ended'):
        plan(made.timetable, mark(DAY))


def test_what_is_not_over_cannot_be_done() -> None:
    made = EngineHarness(two_trees(), NOW)
    made.look()

    with pytest.raises(PlanRefused, match='none of them is over'):
        plan(made.timetable, mark(key('SiteHourly@2026112301')))


def test_only_the_failed_ones_are_done() -> None:
    made = failed(OnFailure.SKIP)

    planned = plan(made.timetable, mark(HOUR, 24, Only.SKIPPED))

    assert planned.count_by_process[HOUR.process] == 1


def test_blocking_dependencies_do_not_hinder_an_operator() -> None:
    made = failed(OnFailure.SKIP, Blocking.DEPENDENCIES)
    made.command(mark(ALERT))

    assert made.state(ALERT) is JobState.PROCESSED
    assert violations(made) == []


def test_a_batch_that_is_applied_twice_changes_nothing_more() -> None:
    made = failed(OnFailure.SKIP)
    made.command(mark(HOUR))
    rev = made.jobs[HOUR].rev, made.jobs[DAY].rev

    made.command(mark(HOUR))

    assert (made.jobs[HOUR].rev, made.jobs[DAY].rev) == rev


@pytest.mark.parametrize('kind', [CommandKind.MARK_DONE, CommandKind.SKIP])
def test_what_a_calendar_leaves_out_is_neither_marked_nor_skipped(kind: CommandKind) -> None:
    # Of 22, 23 and 24 November the 23rd works.
    working = WorkingDays(name='office', first=DAY.timeperiod.ordinal, days=b'\0\1\0')
    hierarchy = build(
        [process('SiteDaily', working=working, is_on=False)], [tree('site', ['SiteDaily'])]
    )
    timetable = Timetable(hierarchy)
    timetable.extend(instant('2026112601'))
    asked = replace(mark(DAY, 3), kind=kind, created_at=instant('2026112601'))
    works = DAY.timeperiod.ordinal + 1

    assert plan(timetable, asked).ranges == {DAY.process: ((works, works + 1),)}
    with pytest.raises(PlanRefused, match='is left out by the calendar office, and counts as done'):
        plan(timetable, replace(asked, end=asked.start.shift(1)))
