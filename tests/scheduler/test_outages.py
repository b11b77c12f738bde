"""Everything is down for days, or only the workers are: what waited is done when they are back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.freerun_record import Freerun
from synergy.core.records import Outcome, ProcessName, RetryPolicy
from synergy.core.states import JobState, UnitState
from synergy.core.trigger import Every
from synergy.ports.store import JobFilter
from synergy.scheduler.pipeline import Pipeline
from tests.builders import instant, two_trees
from tests.scheduler.scheduler_harness import SchedulerHarness, route_of

#: Longer than uow_age_hours_max, which is 48 by default.
OUTAGE = timedelta(hours=60)
POLICY = RetryPolicy(max_attempts=3)
JOBS = 6 + 1 + 1 + 1
SHELL = ProcessName('Cleaner')


@pytest.fixture(params=['sqlite', 'mongodb'])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SchedulerHarness]:
    uri = request.getfixturevalue('empty_mongo_uri') if request.param == 'mongodb' else None
    hierarchy = two_trees(end='2026112206', SiteHourly={'max_running': 6, 'retry': POLICY})
    harness = SchedulerHarness(tmp_path, hierarchy, instant('2026112401'), uri)
    yield harness
    harness.close()


def never_claimed(_: SchedulerHarness) -> None:
    """Nobody takes them: there are no workers."""


def message_lost(harness: SchedulerHarness) -> None:
    """Their messages are gone: the broker was purged."""
    harness.take()


def under_way(harness: SchedulerHarness) -> None:
    """Workers hold them, and die with everything else."""
    assert all(harness.claim(uow_id) for uow_id in harness.take())


def failed_unseen(harness: SchedulerHarness) -> None:
    """Their attempts fail, and nobody decides what comes next."""
    for uow_id in harness.take():
        unit = harness.claim(uow_id)
        assert unit is not None
        harness.finish(unit, Outcome.failed('no disk'), report=False)


def handed_back(harness: SchedulerHarness) -> None:
    """Their workers are stopped in order."""
    for uow_id in harness.take():
        unit = harness.claim(uow_id)
        assert unit is not None
        harness.store.release(unit.id, unit.fence)


def waits_for_retry(harness: SchedulerHarness) -> None:
    """Their next attempts were to come some seconds later."""
    failed_unseen(harness)
    harness.clock.advance(timedelta(seconds=6))
    harness.scheduler('two').step()


@pytest.mark.parametrize(
    'before',
    [never_claimed, message_lost, under_way, failed_unseen, handed_back, waits_for_retry],
)
@pytest.mark.parametrize('is_led_meanwhile', [False, True])
def test_an_outage_gives_nothing_up(
    harness: SchedulerHarness, before: Callable[[SchedulerHarness], None], is_led_meanwhile: bool
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    before(harness)
    if is_led_meanwhile:  # Only workers are down: it sweeps all the time.
        for _ in range(60):
            harness.clock.advance(OUTAGE / 60)
            scheduler.step()
    else:
        scheduler.close()
        harness.clock.advance(OUTAGE)
        scheduler = harness.scheduler('later')

    for _ in range(5):
        harness.run(scheduler)
        harness.clock.advance(timedelta(seconds=30))

    jobs = harness.store.find_jobs(JobFilter(), 1000)
    assert [job.state for job in jobs] == [JobState.PROCESSED] * JOBS
    assert harness.store.dead_units(10) == []
    assert harness.violations() == []


def test_an_outage_gives_no_free_run_up(harness: SchedulerHarness) -> None:
    tick = Freerun(
        name=ProcessName(f'{SHELL}::tick'),
        trigger=Every(seconds=20),
        definition='one',
        changed_at=harness.clock.now(),
    )
    pipeline = Pipeline(
        hierarchy=harness.hierarchy,
        route_of=route_of,
        freeruns=[tick],
        freerun_processes=[SHELL],
        policy_of=lambda _: POLICY,
    )
    scheduler = harness.scheduler(pipeline=pipeline)
    for _ in range(5):
        scheduler.step()
        harness.clock.advance(timedelta(seconds=5))
    first = harness.store.freerun_units(tick.name, 10)[-1]

    harness.clock.advance(OUTAGE)
    scheduler.step()

    assert harness.store.units([first.id])[first.id].state is UnitState.REQUESTED
    assert harness.claim(first.id) is not None


def test_an_attempt_of_days_that_falls_silent_is_the_last(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None
    for _ in range(49):
        harness.store.renew(unit.id, unit.fence, timedelta(hours=1, minutes=1))
        harness.clock.advance(timedelta(hours=1))
        scheduler.step()
    assert harness.store.units([unit.id])[unit.id].state is UnitState.IN_PROGRESS

    harness.clock.advance(timedelta(minutes=5))
    scheduler.step()

    dead = harness.store.units([unit.id])[unit.id]
    assert dead.state is UnitState.DEAD
    assert 'worked on for 49' in str(dead.error)
