"""Intervals of time zones: they follow each other, fill those above, and their names are unique."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synergy.core.calendar import UtcCalendar, ZoneCalendar, enclosing, lying_in
from synergy.core.timeperiod import LEVELS, Measure, Qualifier, Timeperiod, parse
from tests.depth import deep

ZONES = sorted(available_timezones())
#: Half-hour steps, skipped days, offsets of seconds, changes at midnight, two in one year or four.
ODD_ZONES = [
    'Africa/Cairo', 'Africa/Casablanca', 'Africa/Monrovia', 'America/Caracas', 'America/Havana',
    'America/Santo_Domingo', 'America/Scoresbysund', 'America/St_Johns', 'Antarctica/Troll',
    'Asia/Beirut', 'Asia/Gaza', 'Asia/Kathmandu', 'Asia/Pyongyang', 'Australia/Eucla',
    'Australia/Lord_Howe', 'Pacific/Apia', 'Pacific/Kwajalein', 'Asia/Singapore',
]  # fmt: skip
FINE = [level for level in LEVELS if level.measure >= Measure.DAY]
#: How far from a change of the clock intervals of each measure are looked at.
REACH = {Measure.DAY: 3, Measure.HOUR: 5, Measure.MINUTE: 20}


def change_after(zone: ZoneInfo, at: datetime) -> datetime:
    """Return when the clock of a zone is changed next, within two years; else `at`."""
    for days in range(0, 730, 2):
        low, high = at + timedelta(days=days), at + timedelta(days=days + 2)
        before = low.astimezone(zone).utcoffset()
        if high.astimezone(zone).utcoffset() != before:
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                is_before = middle.astimezone(zone).utcoffset() == before
                low, high = (middle, high) if is_before else (low, middle)
            return high.replace(microsecond=0)
    return at


def around(calendar: ZoneCalendar, level: Qualifier, at: datetime) -> list[Timeperiod]:
    reach = REACH[level.measure]
    middle = calendar.containing(level, at)
    return [middle.shift(count) for count in range(-reach, reach + 1)]


@settings(max_examples=deep(40), deadline=None)
@given(
    st.sampled_from(ODD_ZONES) | st.sampled_from(ZONES),
    st.datetimes(datetime(1970, 1, 3), datetime(2098, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(FINE),
)
def test_intervals_tile_time_and_their_parents(name: str, at: datetime, level: Qualifier) -> None:
    zone = ZoneInfo(name)
    calendar = ZoneCalendar(zone)
    for instant in (at.replace(microsecond=0), change_after(zone, at)):
        found = around(calendar, level, instant)
        for first, second in pairwise(found):
            assert calendar.end(first) == calendar.start(second)
        for item in found:
            start, end = calendar.start(item), calendar.end(item)
            assert start <= end
            if start == end:
                # Of hours and minutes there is none that the clock has skipped.
                assert level is Qualifier.DAILY
            else:
                assert calendar.containing(level, start) == item
                assert calendar.containing(level, end - timedelta(microseconds=1)) == item
            assert parse(level, str(item)) == item
        for item in found[:: len(found) // 3]:
            for coarse in LEVELS:
                if coarse.holds(level):
                    parent = calendar.parent(item, coarse)
                    siblings = calendar.children(parent, level)
                    assert item.ordinal in siblings
                    oldest, newest = (Timeperiod(level, at) for at in (siblings[0], siblings[-1]))
                    assert calendar.start(oldest) == calendar.start(parent)
                    assert calendar.end(newest) == calendar.end(parent)


@settings(max_examples=deep(30), deadline=None)
@given(
    st.sampled_from(ODD_ZONES),
    st.sampled_from(ODD_ZONES),
    st.datetimes(datetime(1971, 1, 1), datetime(2098, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(FINE),
)
def test_what_lies_in_an_interval_of_another_zone_has_it_as_its_enclosing_one(
    one: str, two: str, at: datetime, level: Qualifier
) -> None:
    outer, inner = ZoneCalendar(ZoneInfo(one)), ZoneCalendar(ZoneInfo(two))
    for coarse in (item for item in LEVELS if item.holds(level)):
        item = inner.containing(level, change_after(ZoneInfo(one), at))
        parent = enclosing(inner, item, outer, coarse)

        assert item.ordinal in lying_in(outer, parent, inner, level)
        assert item.ordinal not in lying_in(outer, parent.shift(1), inner, level)
        assert item.ordinal not in lying_in(outer, parent.shift(-1), inner, level)


@pytest.mark.parametrize(
    ('zone', 'day', 'hours'),
    [
        ('Europe/Berlin', '2026032900', 23),
        ('Europe/Berlin', '2026102500', 25),
        ('Europe/Berlin', '2026102600', 24),
        ('America/New_York', '2026030800', 23),
        ('America/New_York', '2026110100', 25),
        # Half an hour: one hour has 90 minutes, or 30.
        ('Australia/Lord_Howe', '2026040500', 24),
        ('Australia/Lord_Howe', '2026100400', 24),
        ('Asia/Kolkata', '2026032900', 24),
        # The clock jumps from midnight to one, so the day begins at one.
        ('America/Havana', '2026030800', 23),
        ('Pacific/Apia', '2011122900', 24),
        ('Pacific/Apia', '2011123000', 0),
    ],
)
def test_a_day_has_the_hours_that_its_clock_gives_it(zone: str, day: str, hours: int) -> None:
    calendar = ZoneCalendar(ZoneInfo(zone))
    timeperiod = parse(Qualifier.DAILY, day)
    found = calendar.children(timeperiod, Qualifier.HOURLY)

    assert len(found) == hours
    begins = calendar.start(timeperiod).astimezone(ZoneInfo(zone))
    if hours:
        assert f'{begins:%Y%m%d}00' == day
        assert begins.hour == (zone == 'America/Havana')


def test_hours_begin_when_the_clock_reads_a_full_hour() -> None:
    calendar = ZoneCalendar(ZoneInfo('Asia/Kathmandu'))
    hour = parse(Qualifier.HOURLY, '2026112309')

    assert calendar.start(hour) == datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
    assert calendar.containing(Qualifier.HOURLY, datetime(2026, 11, 23, 9, 14, tzinfo=UTC)) == (
        hour.shift(-1)
    )


@pytest.mark.parametrize('level', LEVELS)
def test_the_zone_utc_is_the_calendar_of_utc(level: Qualifier) -> None:
    zone, utc = ZoneCalendar(ZoneInfo('UTC')), UtcCalendar()
    for at in (datetime(2024, 2, 29, 17, 47, 3, tzinfo=UTC), datetime(1999, 12, 31, tzinfo=UTC)):
        item = utc.containing(level, at)

        assert zone.containing(level, at) == item
        assert (zone.start(item), zone.end(item)) == (utc.start(item), utc.end(item))
        for other in LEVELS:
            if level.holds(other):
                assert zone.children(item, other) == utc.children(item, other)
            elif other.holds(level):
                assert zone.parent(item, other) == utc.parent(item, other)
