"""Distributions of how long runs take: they rise, hold what was measured, are never empty."""

from __future__ import annotations

from bisect import bisect_left
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from synergy.core.durations import (
    Measured,
    delay_after,
    does_hour_matter,
    drawn,
    lengths_of,
    odds_of,
    work_of,
)
from synergy.core.records import RetryPolicy

SECONDS = st.floats(0, 1e6)


@given(st.lists(SECONDS, max_size=60), st.floats(0, 1e6))
@settings(max_examples=60)
def test_lengths_rise_and_what_is_left_is_never_nothing(
    seconds: list[float], elapsed: float
) -> None:
    lengths = lengths_of(seconds)
    left = lengths.left(elapsed)

    assert list(lengths.points) == sorted(lengths.points)
    assert list(left.points) == sorted(left.points)
    assert min(lengths.points) > 0
    assert min(left.points) > 0
    assert lengths.left(0) == lengths


@given(st.lists(st.floats(1, 1e4), min_size=30, max_size=200))
@settings(max_examples=40)
def test_a_band_of_many_runs_holds_about_as_many_of_them_as_it_says(seconds: list[float]) -> None:
    lengths, known = lengths_of(seconds), sorted(seconds)

    low, high = lengths.at(0.1), lengths.at(0.9)

    # What is assumed counts for two of them; points lie in a line between two.
    assert bisect_left(known, low) / len(known) <= 0.1 + 3 / len(known)
    assert bisect_left(known, high * (1 + 1e-9)) / len(known) >= 0.9 - 4 / len(known)


def test_little_that_was_measured_is_wide_and_much_is_not() -> None:
    def width(count: int) -> float:
        lengths = lengths_of([100.0] * count)
        return lengths.at(0.9) / lengths.at(0.1)

    assert width(0) > width(1) > width(3) > width(30)
    assert width(200) == 1


def test_a_run_that_has_lasted_longer_than_any_did_goes_on_the_longer() -> None:
    lengths = lengths_of([100.0] * 100)

    assert lengths.left(50).median == 50
    assert 100 < lengths.left(1_000).median < 1_000
    assert lengths.left(10_000).median > lengths.left(1_000).median


def test_hours_are_told_apart_only_where_runs_clearly_differ() -> None:
    random = Random(5)

    def runs(factor: float) -> list[Measured]:
        return [
            Measured(random.lognormvariate(4, 0.4) * (factor if n % 24 < 6 else 1), n % 24)
            for n in range(200)
        ]

    assert sum(does_hour_matter(runs(1)) for _ in range(40)) <= 1
    assert all(does_hour_matter(runs(3)) for _ in range(10))
    work = work_of(runs(3))
    assert work.lengths_at(3).median > 2 * work.lengths_at(12).median
    assert not does_hour_matter([Measured(7.0, n % 24) for n in range(200)])


def test_odds_count_first_attempts_and_those_after_a_failure_apart() -> None:
    runs = [Measured(9, 0)] * 80 + [Measured(9, 0, 2)] * 10 + [Measured(9, 0, 3, True)] * 10

    odds = odds_of(runs)

    assert 0.15 < odds.first < 0.2
    assert 0.6 < odds.again < 0.7  # 20 of 30 attempts after a failure failed, too.
    assert odds_of([]).first < 0.03


@given(st.integers(1, 5), st.integers(0, 1_000))
@settings(max_examples=40)
def test_a_failed_attempt_costs_its_delay_and_another_length(attempts: int, seed: int) -> None:
    policy = RetryPolicy(max_attempts=attempts, delay=timedelta(seconds=10))
    work = work_of([Measured(5.0, 0, 9, True)] * 200)  # Always fails.
    lengths = lengths_of([5.0] * 200)

    course = drawn(lengths, work.odds, policy, Random(seed).random)

    delays = [delay_after(policy, attempt) for attempt in range(1, attempts)]
    if course.is_given_up:
        assert sum(delays) + 4.9 * attempts <= course.seconds
        assert course.seconds <= sum(delays) * 1.2 + 5 * attempts + 1
    else:
        assert course.seconds <= sum(delays) * 1.2 + 5 * attempts
