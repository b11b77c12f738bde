"""What workers may do with names of intervals: nothing is lost, doubled or outside the calendar."""

from __future__ import annotations

import doctest
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synergy import timeperiods
from synergy.timeperiods import (
    Qualifier,
    Timeperiod,
    TimeperiodError,
    children,
    containing,
    enclosing,
    end,
    parse,
    shift,
    start,
)  # fmt: skip
from tests.depth import deep

VECTORS = Path(__file__).parent / 'vectors'
ZONES = ['UTC', 'Europe/Berlin', 'America/Havana', 'Australia/Lord_Howe', 'Pacific/Apia']
INSTANTS = st.datetimes(datetime(1975, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NESTED = [
    (outer, inner)
    for outer in Qualifier
    for inner in Qualifier
    if outer.holds(inner) and inner is not Qualifier.REAL_TIME
    # Of the others there are thousands; they are looked at in the calendars themselves.
    if inner.rank <= Qualifier.HOURLY.rank or outer.rank >= Qualifier.DAILY.rank
]


@settings(max_examples=deep(60), deadline=None)
@given(st.sampled_from(Qualifier), INSTANTS, st.sampled_from(ZONES))
def test_an_interval_is_found_by_its_name_and_by_each_of_its_instants(
    level: Qualifier, instant: datetime, zone: str
) -> None:
    found = containing(level, instant, zone=zone)

    assert parse(level, str(found)) == found
    assert parse(level.removeprefix('_'), str(found)) == found
    assert start(found, zone=zone) <= instant < end(found, zone=zone)
    last = end(found, zone=zone) - timedelta(microseconds=1)
    assert containing(level, last, zone=zone) == found


@settings(max_examples=deep(60), deadline=None)
@given(st.sampled_from(Qualifier), INSTANTS, st.integers(-50, 50), st.integers(-50, 50))
def test_shifts_add_up_and_go_back(level: Qualifier, instant: datetime, a: int, b: int) -> None:
    assume(1970 < instant.year + a < 2999)
    assume(1970 < instant.year + a + b < 2999)
    found = containing(level, instant)

    assert shift(found, 0) == found
    assert shift(shift(found, a), b) == shift(found, a + b)
    assert shift(shift(found, a), -a) == found
    assert (start(shift(found, a)) > start(found)) == (a > 0)
    assert end(found) == start(shift(found, 1))


@settings(max_examples=deep(60), deadline=None)
@given(st.sampled_from(NESTED), INSTANTS, st.sampled_from(ZONES))
def test_children_partition_their_interval(
    levels: tuple[Qualifier, Qualifier], instant: datetime, zone: str
) -> None:
    outer, inner = levels
    parent = containing(outer, instant, zone=zone)

    found = children(parent, inner, zone=zone)

    assert start(found[0], zone=zone) == start(parent, zone=zone)
    assert end(found[-1], zone=zone) == end(parent, zone=zone)
    assert all(end(a, zone=zone) == start(b, zone=zone) for a, b in pairwise(found))
    for item in (found[0], found[len(found) // 2], found[-1]):
        assert enclosing(item, outer, zone=zone) == parent
    assert containing(inner, instant, zone=zone) in found


@pytest.mark.parametrize(
    ('zone', 'day', 'hours'),
    [
        ('UTC', '2026032900', 24),
        ('Europe/Berlin', '2026032900', 23),
        ('Europe/Berlin', '2026102500', 25),
        ('Pacific/Apia', '2011123000', 0),
    ],
)
def test_a_day_has_the_hours_of_its_zone(zone: str, day: str, hours: int) -> None:
    assert len(children(parse('daily', day), 'hourly', zone=zone)) == hours


def test_its_own_level_encloses_it_and_is_all_of_it() -> None:
    hour = parse('hourly', '2026112309')

    assert enclosing(hour, '_hourly') == hour
    assert children(hour, 'hourly') == [hour]


def _cases(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / f'{name}.json').read_text())['cases']
    return [case for case in cases if case['in'][1][:4] >= '1970' and case['out'][:4] >= '1970']


def test_intervals_are_shifted_as_in_synergy_2() -> None:
    for case in _cases('increment_timeperiod'):
        level, name, count = case['in']
        assert str(shift(parse(level, name), count)) == case['out'], case


#: As code without types calls it.
loose: Any = timeperiods
BAD = Timeperiod(Qualifier.DAILY, -1)
HOUR = parse('hourly', '2026112309')


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: loose.parse('hourly', '2026112324'), 'names no real date'),
        (lambda: loose.parse('hourly', '20261123'), 'expected YYYYMMDDHH'),
        (lambda: loose.parse('hourly', '9' * 100_000), 'expected YYYYMMDDHH'),
        (lambda: loose.parse('weekly', '2026112400'), 'it lies in that of 2026112300'),
        (lambda: loose.parse('daily', '1969123100'), 'outside 1970-2999'),
        (lambda: loose.parse('daily', 2026112300), 'is not the name of an interval'),
        (lambda: loose.parse('houry', '2026112309'), "did you mean 'hourly'"),
        (lambda: loose.parse(7, '2026112309'), 'is not a level'),
        (lambda: loose.parse([], '2026112309'), 'is not a level'),
        (lambda: loose.shift(HOUR, 0.5), 'whole number of places'),
        (lambda: loose.shift(HOUR, 10**30), 'outside the years 1970 to 2999'),
        (lambda: loose.shift(HOUR, -(10**9)), 'outside the years 1970 to 2999'),
        (lambda: loose.shift('2026112309', 1), 'parse'),
        (lambda: loose.start(None), 'is not an interval'),
        (lambda: loose.end(BAD), 'outside the years 1970 to 2999'),
        (lambda: loose.start(HOUR, zone='Berlin'), "did you mean 'Europe/Berlin'"),
        (lambda: loose.start(HOUR, zone=None), 'is not the name of a time zone'),
        (lambda: loose.enclosing(HOUR, 'minutely_5'), 'no hour lies in one 5-minute interval'),
        (
            lambda: loose.enclosing(parse('weekly', '2026112300'), 'monthly'),
            'no week lies in one month',
        ),
        (
            lambda: loose.enclosing(parse('hourly', '1970010100'), 'daily', zone='America/Havana'),
            'years',
        ),
        (
            lambda: loose.children(parse('monthly', '2026110000'), 'weekly'),
            'no week lies in one month',
        ),
        (lambda: loose.children(HOUR, 'daily'), 'no day lies in one hour'),
        (lambda: loose.children(HOUR, 'real_time'), 'is not cut into seconds'),
        (
            lambda: loose.children(parse('daily', '1970010100'), 'hourly', zone='Asia/Tokyo'),
            'years',
        ),
        (lambda: loose.containing('daily', datetime(2026, 1, 1)), 'with its zone'),  # noqa: DTZ001
        (lambda: loose.containing('daily', datetime(1, 1, 1, tzinfo=UTC)), 'outside the years'),
        (lambda: loose.containing('daily', '2026-01-01'), 'with its zone'),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_way(call: Any, message: str) -> None:
    with pytest.raises(TimeperiodError, match=message) as caught:
        call()

    assert len(str(caught.value)) < 500


@pytest.mark.parametrize('level', list(Qualifier))
def test_the_first_and_the_last_interval_have_names_and_nothing_lies_beyond(
    level: Qualifier,
) -> None:
    first = containing(level, datetime(1970, 1, 1, tzinfo=UTC))
    last = containing(level, datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC))

    for item in (first, last):
        assert parse(level, str(item)) == item
    assert end(last) >= datetime(3000, 1, 1, tzinfo=UTC)
    for beyond in ((first, -1), (last, 1)):
        with pytest.raises(TimeperiodError):
            shift(*beyond)


def test_the_example_is_as_it_says() -> None:
    assert doctest.testmod(timeperiods).failed == 0
