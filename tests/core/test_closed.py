"""Closed hours, against an oracle that watches the clock minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synergy.core.closed import (
    LOOKED_AHEAD,
    ClosedHours,
    closed_until,
    is_ever_open,
    next_change,
    parse,
)
from synergy.core.structs import replace
from synergy.core.working import WorkingDays

_MINUTE = timedelta(minutes=1)
_EPOCH = date(1970, 1, 1)
#: Zones and days around which their clocks are changed, or a day is left out.
_CHANGES = (
    ('UTC', datetime(2026, 11, 29, tzinfo=UTC)),
    ('Europe/Berlin', datetime(2026, 3, 29, tzinfo=UTC)),
    ('Europe/Berlin', datetime(2026, 10, 25, tzinfo=UTC)),
    ('Australia/Lord_Howe', datetime(2026, 4, 5, tzinfo=UTC)),
    ('America/Sao_Paulo', datetime(2018, 11, 4, tzinfo=UTC)),
    ('Africa/Cairo', datetime(2023, 4, 28, tzinfo=UTC)),
    ('America/Havana', datetime(2026, 11, 1, tzinfo=UTC)),
    ('Asia/Kathmandu', datetime(2026, 1, 4, tzinfo=UTC)),
    ('Pacific/Apia', datetime(2011, 12, 30, tzinfo=UTC)),
)


def _day(ordinal: int) -> date:
    return _EPOCH + timedelta(days=ordinal)


def _closed_minutes(hours: ClosedHours, start: datetime, minutes: int) -> list[bool]:
    """Watch the clock: hours begin and end when it first reads their time, or more."""
    zone = hours.zone
    # What the clock has read at most, minute by minute, from long before.
    first = start - timedelta(days=4)
    count = minutes + 4 * 1440
    read = [(first + _MINUTE * at).astimezone(zone).replace(tzinfo=None) for at in range(count)]
    changes: dict[datetime, int] = {}
    highest = read[0]
    for at, local in enumerate(read):
        if local > highest or at == 0:
            step = highest if at else local - _MINUTE
            while step < local:
                step += _MINUTE
                changes.setdefault(step, at)
            highest = local
    found = [False] * count
    days = sorted({local.date() for local in changes})
    for day in [_day((days[0] - _EPOCH).days + at) for at in range((days[-1] - days[0]).days + 1)]:
        if day.weekday() not in hours.weekdays:
            continue
        if hours.working is not None:
            ordinal = (day - _EPOCH).days
            is_known = hours.working.first <= ordinal < hours.working.until
            if not is_known or hours.working.works(ordinal) is hours.is_outside:
                continue
        midnight = datetime.combine(day, datetime.min.time())
        begin = changes.get(midnight + timedelta(minutes=hours.begin))
        end = changes.get(midnight + timedelta(minutes=hours.end), count)
        if begin is not None:
            found[begin:end] = [True] * max(end - begin, 0)
    return found[4 * 1440 :]


_DAYS = st.sampled_from(['', '* ', 'Sun ', 'Sat,Sun ', 'Mon-Fri ', 'Fri-Mon ', 'wednesday '])
_TIME = st.tuples(st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))


@settings(max_examples=15, deadline=None)
@given(
    change=st.sampled_from(_CHANGES),
    days=_DAYS,
    begin=_TIME,
    end=_TIME,
    working=st.none() | st.binary(min_size=1, max_size=6),
    is_outside=st.booleans(),
)
def test_hours_are_those_that_a_watched_clock_shows(
    change: tuple[str, datetime],
    days: str,
    begin: tuple[int, int],
    end: tuple[int, int],
    working: bytes | None,
    is_outside: bool,
) -> None:
    zone, around = change
    if begin == end:
        return
    text = f'{days}{begin[0]:02}:{begin[1]:02}-{end[0]:02}:{end[1]:02} {zone}'
    hours = parse(text, UTC)
    if working is not None:
        first = (around.date() - _EPOCH).days - 2
        days_known = WorkingDays(name='c', first=first, days=bytes(day % 2 for day in working))
        hours = replace(hours, calendar='c', working=days_known, is_outside=is_outside)
    start = around - timedelta(hours=30)
    closed = _closed_minutes(hours, start, 4 * 1440)
    for at in range(0, 2 * 1440, 43):
        now = start + _MINUTE * at + timedelta(seconds=30)
        until = closed_until([hours], now)
        assert (until is not None) == closed[at], now
        if until is not None and until < start + timedelta(days=4):
            opening = (until - start) // _MINUTE
            assert all(closed[at:opening])
            assert not closed[opening]
    bound = next_change([hours], start)
    before = closed[: min((bound - start) // _MINUTE, len(closed))]
    assert len(set(before)) <= 1


def test_adjoining_hours_are_one() -> None:
    hours = [parse(text, UTC) for text in ('Sat', 'Sun 00:00-06:00', 'Sun 06:00-08:30')]
    assert closed_until(hours, datetime(2026, 11, 28, 3, tzinfo=UTC)) == datetime(
        2026, 11, 29, 8, 30, tzinfo=UTC
    )
    assert closed_until(hours, datetime(2026, 11, 29, 8, 30, tzinfo=UTC)) is None
    last = datetime(2026, 11, 29, 8, 30, tzinfo=UTC) - timedelta(microseconds=1)
    assert closed_until(hours, last) == datetime(2026, 11, 29, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ('texts', 'is_open'),
    [
        (['*'], False),
        (['00:00-24:00'], False),
        (['Mon-Fri', 'Sat,Sun'], False),
        (['12:00-06:00', '05:00-12:00'], False),
        (['00:00-23:59'], True),
        (['Mon-Sat'], True),
    ],
)
def test_hours_that_never_open_are_found(texts: list[str], is_open: bool) -> None:
    hours = [parse(text, ZoneInfo('Europe/Berlin')) for text in texts]
    assert is_ever_open(hours, datetime(2026, 11, 29, 12, tzinfo=UTC)) is is_open


def test_what_a_calendar_does_not_know_is_open() -> None:
    known = WorkingDays(name='c', first=20_000, days=b'\x01\x00')
    closed = replace(parse('the calendar c', UTC), working=known)
    outside = replace(parse('outside the calendar c', UTC), working=known)
    days = [datetime.combine(_day(19_999 + at), datetime.min.time(), UTC) for at in range(4)]
    assert [closed_until([closed], day) is not None for day in days] == [False, True, False, False]
    assert [closed_until([outside], day) is not None for day in days] == [False, False, True, False]


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('', 'cannot be read'),
        ('Sonntag 02:00-04:00', "begin with 'Sonntag'"),
        ('Sun 02:00', 'is not a time zone'),
        ('Sun 25:00-26:00', 'a time that is none'),
        ('Sun 02:00-24:01', 'a time that is none'),
        ('Sun 02:00-02:00', 'end when they begin'),
        ('Sun 02:00-04:00 Europe/Berln', 'Europe/Berlin'),
        ('Sun 02:00-04:00 Europe/Berlin please', 'cannot be read'),
        ('the calendar', "begin with 'the'"),
        ('x' * 300, 'cannot be read'),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match='closed hours') as error:
        parse(text, UTC)
    assert said in str(error.value)


def test_looking_ahead_ends() -> None:
    now = datetime(2026, 11, 29, tzinfo=UTC)
    until = closed_until([parse('*', UTC)], now)
    assert until is not None
    assert until >= now + LOOKED_AHEAD
