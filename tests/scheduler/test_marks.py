"""Marks of rings: made of what waits for long; a new leader rings for what has none.

Where store and broker are one file, a unit is saved, announced and marked in one commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from synergy.core.records import Outcome, RetryPolicy, Route, Unit, UowId
from synergy.ports.errors import StoreUnavailable
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.outbox import MARK_AFTER
from synergy.scheduler.pipeline import Pipeline
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


def test_a_unit_that_waits_for_long_is_marked_and_then_rung_for_again(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    rung_at = harness.clock.now()
    scheduler.step()
    scheduler.step()
    [uow_id] = harness.take()

    harness.clock.advance(MARK_AFTER - SECOND)
    scheduler.step()

    assert _marked_at(harness, uow_id) is None
    assert harness.take() == [], 'a sweep knows that it was rung for'
    harness.clock.advance(10 * SECOND)
    scheduler.step()
    assert _marked_at(harness, uow_id) == rung_at
    assert harness.take() == []
    harness.clock.advance(REPUBLISH_AFTER)
    scheduler.step()
    scheduler.step()
    assert harness.take() == [uow_id], 'its message may have been purged'


@pytest.mark.parametrize('is_one_file', [False, True])
def test_what_waits_in_a_queue_that_nobody_reads_any_more_is_rung_for_in_the_new_one(
    tmp_path: Path, is_one_file: bool
) -> None:
    """Its process has joined a group of workers, or left one."""
    harness = SchedulerHarness(
        tmp_path, two_trees(end='2026112300'), instant('2026112202'), is_one_file=is_one_file
    )
    before = harness.scheduler()
    before.step()
    harness.clock.advance(2 * MARK_AFTER)
    before.step()
    before.close()
    group = Route(exchange='ex', routing='etl', queue='queue_etl_group')

    after = harness.scheduler(
        'two', Pipeline(hierarchy=harness.hierarchy, route_of=lambda _: group, takes_turns=True)
    )
    consumer = harness.broker.consumer(group)
    after.step()
    harness.clock.advance(REPUBLISH_AFTER + SECOND)
    after.step()
    after.step()

    rung = [item.body['uow'] for item in consumer.take(10)]
    [uow_id] = harness.take()
    assert rung == [uow_id]
    assert harness.claim(uow_id) is not None
    assert harness.claim(uow_id) is None, 'the message that was left comes to nothing'


def test_a_unit_whose_release_nobody_told_is_rung_for_by_the_next_sweep(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    scheduler.step()
    [uow_id] = harness.take()
    unit = harness.claim(uow_id)
    assert unit is not None
    harness.store.release(unit.id, unit.fence)

    harness.clock.advance(10 * SECOND)
    scheduler.step()

    assert harness.take() == [uow_id]


def test_a_failure_of_a_turn_rings_for_nothing_twice(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    scheduler.step()
    assert len(harness.take()) == 1

    with monkeypatch.context() as patch:
        patch.setattr(harness.store, 'live_units', _unavailable)
        harness.clock.advance(10 * SECOND)
        scheduler.step()
    harness.clock.advance(10 * SECOND)
    scheduler.step()
    scheduler.step()

    assert harness.take() == []


def test_a_scheduler_that_resigns_marks_what_it_has_rung_for(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    scheduler.close()
    second = harness.scheduler('two')

    second.step()
    second.step()

    assert len(harness.take()) == 1


def test_a_unit_that_was_reported_by_then_is_not_marked(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    [uow_id] = harness.take()
    unit = harness.claim(uow_id)
    assert unit is not None
    harness.finish(unit)
    scheduler.step()

    harness.clock.advance(2 * MARK_AFTER)
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


def _unavailable() -> Sequence[Unit]:
    raise StoreUnavailable('out of reach')


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
