"""Units claimed together: saved together, and never left hanging behind a long run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import MoveUnit
from synergy.core.records import Unit, UowId
from synergy.core.states import UnitState
from synergy.workers import Outcome, Uow
from synergy.workers.batch_size import BATCH_MAX
from tests.workers.runner_harness import NOW, RunnerHarness


def open_slow_store(path: Path, *, clock: SimulatedClock) -> SqliteStore:
    """Open one that takes its time for a claim, as if it waited for a majority of its members."""
    store = SqliteStore.open(path, clock=clock)
    claim = store.claim

    def slowly(uow_ids: Sequence[UowId], owner: str, lease: timedelta) -> Sequence[Unit]:
        found = claim(uow_ids, owner, lease)
        clock.advance(timedelta(milliseconds=20))
        return found

    store.claim = slowly
    return store


def warmed(home: Path, work: Callable[[Uow], object]) -> RunnerHarness:
    """Return a harness whose runner has seen enough short runs to take many at a time."""
    harness = RunnerHarness(home, work)
    harness.request(2 * BATCH_MAX, first=1000)
    while harness.runner.step():
        assert harness.told()
    return harness


def test_short_runs_are_taken_many_at_once_and_long_ones_one_by_one(tmp_path: Path) -> None:
    seconds = [0.0]
    harness = warmed(tmp_path, lambda _: harness.clock.advance(timedelta(seconds=seconds[0])))

    short = harness.request(2 * BATCH_MAX)
    assert harness.runner.step()
    assert harness.states(short).count(UnitState.PROCESSED) == BATCH_MAX
    assert harness.runner.step()
    assert harness.told() == short
    seconds[0] = 1.0
    long = harness.request(BATCH_MAX + 3, first=500)
    assert harness.runner.step()

    # It goes on until a third of the lease has passed; then the others are handed back.
    left = [UnitState.REQUESTED] * (BATCH_MAX - 2)
    assert harness.states(long) == [UnitState.PROCESSED] * 5 + left
    assert harness.runner.step()
    assert harness.states(long).count(UnitState.PROCESSED) == 6


def test_short_runs_are_taken_many_at_once_from_a_slow_store_too(tmp_path: Path) -> None:
    harness = RunnerHarness(tmp_path, lambda _: None, open_slow_store)
    harness.request(2 * BATCH_MAX, first=1000)
    while harness.runner.step():
        assert harness.told()

    short = harness.request(BATCH_MAX)
    assert harness.runner.step()

    assert harness.told() == short


def test_what_waits_behind_a_long_run_is_handed_back_and_what_ended_is_saved(
    tmp_path: Path,
) -> None:
    long: list[UowId] = []

    def work(uow: Uow) -> Outcome:
        if long and uow.id == long[2]:
            # A heartbeat comes while this one runs.
            assert harness.beats.batch is not None
            harness.beats.batch.save(harness.store.finish)
            harness.beats.batch.hand_back(harness.store)
            assert harness.states(long) == [
                UnitState.PROCESSED,
                UnitState.PROCESSED,
                UnitState.IN_PROGRESS,
                *[UnitState.REQUESTED] * 5,
            ]
        return Outcome.processed(1)

    harness = warmed(tmp_path, work)
    long += harness.request(8)

    assert harness.runner.step()

    assert harness.states(long)[:4] == [UnitState.PROCESSED] * 3 + [UnitState.REQUESTED]
    # Handed back ones are told as well, so that the Scheduler rings for them again.
    assert sorted(harness.told()) == sorted(long)


def test_a_stop_hands_back_what_waits(tmp_path: Path) -> None:
    def work(uow: Uow) -> None:
        if units and uow.id == units[1]:
            harness.guard.is_told = True

    units: list[UowId] = []
    harness = warmed(tmp_path, work)
    units += harness.request(4)

    assert harness.runner.step()

    assert harness.states(units) == [UnitState.PROCESSED] * 2 + [UnitState.REQUESTED] * 2
    handed_back = harness.store.units(units)[units[3]]
    assert (handed_back.attempt, handed_back.fence, handed_back.owner) == (1, 2, None)


@pytest.mark.parametrize('count', [1, 3])
def test_a_failure_of_one_run_is_its_own(tmp_path: Path, count: int) -> None:
    def work(uow: Uow) -> None:
        if units and uow.id == units[0]:
            raise RuntimeError('no disk')

    units: list[UowId] = []
    harness = warmed(tmp_path, work)
    units += harness.request(count)

    assert harness.runner.step()

    assert harness.states(units) == [UnitState.INVALID] + [UnitState.PROCESSED] * (count - 1)


def test_a_unit_that_was_tried_before_runs_while_nothing_waits_behind_it(tmp_path: Path) -> None:
    seen: list[list[UnitState]] = []

    def work(uow: Uow) -> None:
        if units and uow.attempt > 1:
            seen.append(harness.states(units))

    units: list[UowId] = []
    harness = warmed(tmp_path, work)
    units += harness.request(4)
    # The second and the third were held by a worker that died; one of them may have killed it.
    leadership = harness.store.lead('one', timedelta(hours=1))
    assert leadership is not None
    for uow_id in units[1:3]:
        move = MoveUnit(
            uow_id=uow_id,
            from_state=UnitState.REQUESTED,
            from_fence=0,
            to_state=UnitState.REQUESTED,
            at=NOW,
            raises_fence=True,
            attempt=2,
        )
        harness.store.commit(leadership, [move])

    assert harness.runner.step()

    done, tried, waits = UnitState.PROCESSED, UnitState.IN_PROGRESS, UnitState.REQUESTED
    assert seen == [[done, tried, waits, done]]
    assert harness.states(units) == [done, done, waits, done]
