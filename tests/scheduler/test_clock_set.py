"""The machine's clock is set back, as after a start with the hardware clock in local time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.freerun import Freeruns
from synergy.core.freerun_record import Freerun
from synergy.core.records import ProcessName, RetryPolicy, Unit
from synergy.core.states import JobState, UnitState
from synergy.core.trigger import parse_trigger
from synergy.scheduler.loop import Scheduler
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness

HOUR = key('SiteHourly@2026112200')
BACK = timedelta(hours=2)


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(end='2026112300'), instant('2026112412'))


def requested(harness: SchedulerHarness, scheduler: Scheduler) -> Unit:
    """Let the first unit be claimed."""
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None
    return unit


def pass_by(harness: SchedulerHarness, scheduler: Scheduler, seconds: int) -> None:
    for _ in range(seconds):
        harness.clock.advance(timedelta(seconds=1))
        scheduler.step()


def test_sweeps_go_on(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    unit = requested(harness, scheduler)
    harness.finish(unit, report=False)

    harness.clock.step(harness.clock.now() - BACK)
    pass_by(harness, scheduler, 6)

    assert harness.state(HOUR) is JobState.PROCESSED


def test_a_lost_message_is_rung_again(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    pass_by(harness, scheduler, 2)
    assert len(harness.take()) == 1

    harness.clock.step(harness.clock.now() - BACK)
    pass_by(harness, scheduler, 70)

    assert len(harness.take()) >= 1


def test_a_standby_takes_over_from_a_leader_that_died(harness: SchedulerHarness) -> None:
    harness.scheduler('one').step()

    harness.clock.step(harness.clock.now() - BACK)
    standby = harness.scheduler('two')
    pass_by(harness, standby, 11)

    assert standby.is_leading


def test_a_dead_worker_is_found_out_and_a_living_one_is_not(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    unit = requested(harness, scheduler)

    harness.clock.step(harness.clock.now() - BACK)
    pass_by(harness, scheduler, 3)
    harness.store.renew(unit.id, unit.fence, LEASE)
    pass_by(harness, scheduler, 8)
    assert harness.store.units([unit.id])[unit.id].state is UnitState.IN_PROGRESS
    pass_by(harness, scheduler, 8)
    assert harness.store.units([unit.id])[unit.id].state is UnitState.REQUESTED

    again = harness.claim(unit.id)
    assert again is not None
    harness.clock.step(harness.clock.now() - BACK)
    pass_by(harness, scheduler, 2 * 10 + 6)

    assert harness.store.units([unit.id])[unit.id].attempt == 3


@pytest.mark.parametrize(
    ('trigger', 'back', 'waits'),
    [
        ('every 60', timedelta(seconds=2), timedelta(seconds=62)),
        ('every 60', timedelta(hours=2), timedelta(seconds=60)),
        # What fired a moment ago is not to fire again; only a clock that was plainly wrong is.
        ('at 12:00', timedelta(hours=1), timedelta(hours=25)),
        ('at 12:00', timedelta(days=9), timedelta(days=1)),
    ],
)
def test_free_runs_fire_by_the_clock_as_it_is(
    trigger: str, back: timedelta, waits: timedelta
) -> None:
    now = instant('2026112412')
    entry = Freerun(
        name=ProcessName('Cleaner::tick'),
        trigger=parse_trigger(trigger),
        last_fire=now,
        changed_at=now,
    )

    freeruns = Freeruns([entry], lambda _: RetryPolicy(), now - back)

    assert freeruns.next_at is not None
    assert timedelta(0) < freeruns.next_at - (now - back) <= waits
