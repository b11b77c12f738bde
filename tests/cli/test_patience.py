"""Patience ends when nothing moves, however long work takes; what goes in circles ends, too."""

from __future__ import annotations

from synergy.cli.patience import CIRCLES, Patience


class Clock:
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def test_work_that_moves_is_waited_for_many_times_as_long() -> None:
    clock = Clock()
    patience = Patience(100.0, clock.monotonic)
    for done in range(50):
        clock.seconds += 99.0
        assert not patience.has_run_out(done)


def test_work_that_stands_still_is_given_up() -> None:
    clock = Clock()
    patience = Patience(100.0, clock.monotonic)
    assert not patience.has_run_out(7)
    clock.seconds = 100.0
    assert not patience.has_run_out(7)
    clock.seconds = 100.1
    assert patience.has_run_out(7)


def test_what_goes_in_circles_is_given_up() -> None:
    clock = Clock()
    patience = Patience(1.0, clock.monotonic)
    turns = 0
    while not patience.has_run_out(turns % 2):
        turns += 1
        clock.seconds += 0.5
    assert turns == 2 * CIRCLES + 1
