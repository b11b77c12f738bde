"""Marks of rings: made where somebody still waits; a new leader rings for what has none.

Where store and broker are one file, a unit is saved, announced and marked in one commit.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from synergy.core.records import Outcome, RetryPolicy, UowId
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.sweeper import REPUBLISH_AFTER
from tests.builders import instant, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness

SECOND = timedelta(seconds=1)


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(
        tmp_path, two_trees(end='2026112300'), instant('2026112202'), is_one_file=False
    )


@pytest.fixture
def joint(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(end='2026112300'), instant('2026112202'))


def test_a_unit_that_waits_is_marked_after_a_second(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    rung_at = harness.clock.now()
    scheduler.step()
    [uow_id] = harness.take()
    assert _marked_at(harness, uow_id) is None

    harness.clock.advance(SECOND)
    scheduler.step()

    assert _marked_at(harness, uow_id) == rung_at
    harness.clock.advance(10 * SECOND)
    scheduler.step()
    assert harness.take() == [], 'a sweep does not ring for it'


def test_a_unit_that_was_reported_by_then_is_not_marked(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    [uow_id] = harness.take()
    unit = harness.claim(uow_id)
    assert unit is not None
    harness.finish(unit)
    scheduler.step()

    harness.clock.advance(SECOND)
    scheduler.step()

    assert _marked_at(harness, uow_id) is None


def test_a_unit_that_is_requested_again_is_not_marked_by_the_ring_before(
    tmp_path: Path,
) -> None:
    harness, scheduler, uow_id = _failed_once(tmp_path, 20 * SECOND, is_one_file=False)

    harness.clock.advance(2 * SECOND)
    scheduler.step()

    assert _marked_at(harness, uow_id) is None
    harness.clock.advance(40 * SECOND)  # The pause before an attempt is drawn out at random.
    scheduler.step()
    assert harness.take() == [uow_id]


def test_a_new_leader_rings_for_what_is_not_marked_and_it_runs_once(
    harness: SchedulerHarness,
) -> None:
    harness.scheduler('one').step()
    [uow_id] = harness.take()
    harness.clock.advance(LEASE)
    second = harness.scheduler('two')

    second.step()
    second.step()

    assert harness.take() == [uow_id]
    assert harness.claim(uow_id) is not None
    assert harness.claim(uow_id) is None, 'the ring before is heard late'


def test_in_one_file_a_unit_is_marked_as_it_is_saved(joint: SchedulerHarness) -> None:
    scheduler = joint.scheduler()
    scheduler.step()

    [uow_id] = joint.take()

    assert _marked_at(joint, uow_id) == joint.clock.now()
    joint.clock.advance(10 * SECOND)
    scheduler.step()
    assert joint.take() == [], 'a sweep does not ring for it'
    joint.clock.advance(2 * REPUBLISH_AFTER)
    scheduler.step()
    scheduler.step()
    assert joint.take() == [uow_id], 'its message may have been purged'
    assert _marked_at(joint, uow_id) == joint.clock.now()


@pytest.mark.parametrize('is_one_file', [True, False])
def test_a_later_attempt_is_rung_for_when_it_is_due(tmp_path: Path, is_one_file: bool) -> None:
    harness, scheduler, uow_id = _failed_once(tmp_path, 2 * SECOND, is_one_file=is_one_file)
    assert _marked_at(harness, uow_id) is None
    assert harness.take() == []

    harness.clock.advance(4 * SECOND)
    scheduler.step()

    assert harness.take() == [uow_id]
    assert (_marked_at(harness, uow_id) == harness.clock.now()) is is_one_file


def test_in_one_file_a_new_leader_rings_for_nothing_twice(joint: SchedulerHarness) -> None:
    joint.scheduler('one').step()
    joint.clock.advance(LEASE)
    second = joint.scheduler('two')

    second.step()
    second.step()

    assert len(joint.take()) == 1


def _marked_at(harness: SchedulerHarness, uow_id: UowId) -> datetime | None:
    return harness.store.units([uow_id])[uow_id].announced_at


def _failed_once(
    home: Path, delay: timedelta, *, is_one_file: bool
) -> tuple[SchedulerHarness, Scheduler, UowId]:
    """Return a Scheduler that knows of a first attempt that has failed, and the unit."""
    retry = {'retry': RetryPolicy(max_attempts=2, delay=delay)}
    harness = SchedulerHarness(
        home,
        two_trees(end='2026112300', SiteHourly=retry),
        instant('2026112202'),
        is_one_file=is_one_file,
    )
    scheduler = harness.scheduler()
    scheduler.step()
    [uow_id] = harness.take()
    unit = harness.claim(uow_id)
    assert unit is not None
    harness.finish(unit, Outcome.failed('no data'))
    scheduler.step()
    return harness, scheduler, uow_id
