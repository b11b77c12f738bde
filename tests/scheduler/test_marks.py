"""Marks of rings: made where somebody still waits; a new leader rings for what has none."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from synergy.core.records import Outcome, RetryPolicy, UowId
from tests.builders import instant, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness

SECOND = timedelta(seconds=1)


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
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
    retry = {'retry': RetryPolicy(max_attempts=2, delay=20 * SECOND)}
    harness = SchedulerHarness(
        tmp_path, two_trees(end='2026112300', SiteHourly=retry), instant('2026112202')
    )
    scheduler = harness.scheduler()
    scheduler.step()
    [uow_id] = harness.take()
    unit = harness.claim(uow_id)
    assert unit is not None
    harness.finish(unit, Outcome.failed('no data'))
    scheduler.step()

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


def _marked_at(harness: SchedulerHarness, uow_id: UowId) -> datetime | None:
    return harness.store.units([uow_id])[uow_id].announced_at
