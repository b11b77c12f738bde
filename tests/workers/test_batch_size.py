"""How many units are claimed together: by how long runs take, not by how busy the machine is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.adapters.os.clocks import SimulatedClock, SystemClock
from synergy.workers.batch_size import BATCH_MAX, BATCH_SECONDS, BatchSize
from tests.builders import instant


class BusyClock(SimulatedClock):
    """A clock of a machine on which this thread sometimes has no processor."""

    stalled_seconds = 0.0

    def stalled(self) -> float:
        return self.stalled_seconds


@pytest.fixture
def clock() -> BusyClock:
    return BusyClock(instant('2026112312'))


@pytest.fixture
def size(clock: BusyClock) -> BatchSize:
    return BatchSize(clock, BATCH_SECONDS)


def took(size: BatchSize, clock: BusyClock, seconds: float, stalled: float = 0.0) -> float:
    before = clock.monotonic()
    clock.advance(timedelta(seconds=seconds + stalled))
    clock.stalled_seconds += stalled
    return size.took(before)


def test_it_doubles_while_runs_are_short_and_follows_long_ones(size: BatchSize) -> None:
    counts = []
    for _ in range(8):
        counts.append(size.count)
        size.adapt(size.count, BATCH_SECONDS)
    assert counts == [1, 2, 4, 8, 16, 32, 64, BATCH_MAX]

    size.adapt(40, 2 * BATCH_SECONDS)
    assert size.count == 20
    size.adapt(3, BATCH_SECONDS / 2)
    assert size.count == 20, 'there was no more to take'
    size.adapt(20, 60.0)
    assert size.count == 1


def test_what_the_machine_kept_a_run_waiting_is_not_counted(
    size: BatchSize, clock: BusyClock
) -> None:
    clock.stalled_seconds = 100.0
    size.begin()

    assert took(size, clock, 0.25, stalled=0.5) == pytest.approx(0.25)
    assert took(size, clock, 0.25) == pytest.approx(0.25)
    assert took(size, clock, 0.0005) == pytest.approx(0.0005)
    assert took(size, clock, 0.0, stalled=5.0) <= 0.001


def test_what_the_machine_took_between_two_runs_is_not_taken_from_the_next(
    size: BatchSize, clock: BusyClock
) -> None:
    clock.stalled_seconds += 1.0
    size.begin()

    assert took(size, clock, 2.0) == pytest.approx(2.0)


def test_a_thread_knows_how_long_it_had_no_processor() -> None:
    clock = SystemClock()
    before, began = clock.stalled(), clock.monotonic()

    clock.sleep(0.01)

    # However busy the machine is: not longer than it was away. Asleep, it asks for none.
    assert 0.0 <= clock.stalled() - before <= clock.monotonic() - began + 0.001
