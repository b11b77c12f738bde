"""Intervals chosen one by one: spelled out, read again, and what they have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synergy.core.chosen import (
    INTERVAL_COUNT,
    STRETCHES_MAX,
    chosen_details,
    chosen_of,
    common,
    read_intervals,
    stretches,
)
from synergy.core.timeperiod import Qualifier, parse

FIRST = parse(Qualifier.HOURLY, '2026110100').ordinal
ORDINALS = st.sets(st.integers(0, 60), min_size=1, max_size=40)


def runs_of(numbers: set[int]) -> list[range]:
    return stretches([range(FIRST + number, FIRST + number + 1) for number in numbers])


def members(runs: object) -> set[int]:
    assert isinstance(runs, list)
    return {ordinal - FIRST for run in runs for ordinal in run}


@given(ORDINALS)
def test_what_is_spelled_out_is_read_again(numbers: set[int]) -> None:
    details = chosen_details(Qualifier.HOURLY, runs_of(numbers))

    assert chosen_of(details, Qualifier.HOURLY) == runs_of(numbers)
    assert details[INTERVAL_COUNT] == len(numbers)


@given(ORDINALS, ORDINALS)
def test_what_two_sets_have_in_common_is_their_intersection(one: set[int], other: set[int]) -> None:
    assert members(common(runs_of(one), runs_of(other))) == one & other


def test_ranges_include_both_ends_and_may_come_in_any_order() -> None:
    runs = read_intervals(' 2026110105, 2026110100-2026110102,2026110102 ', Qualifier.HOURLY)

    assert members(list(runs)) == {0, 1, 2, 5}


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('', '0 timeperiods'),
        ('2026110105-2026110100', 'upside down'),
        ('2026110100-', 'not an hourly timeperiod'),
        ('yesterday-today', 'not an hourly timeperiod'),
        ('2026110000', 'not an hourly timeperiod'),
        (','.join(['2026110100'] * (STRETCHES_MAX + 1)), '2,001 timeperiods'),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_intervals(text, Qualifier.HOURLY)


def test_nothing_chosen_is_not_the_same_as_no_choice() -> None:
    assert chosen_of({}, Qualifier.HOURLY) is None
