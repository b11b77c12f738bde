"""Intervals as people write them."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from synergy.core.calendar import UtcCalendar, ZoneCalendar
from synergy.core.timeperiod import (
    LEVELS,
    Qualifier,
    Timeperiod,
    containing_utc,
    parse,
    start_utc,
)
from synergy.core.written_timeperiod import (
    NOUN_BY_LEVEL,
    UnreadTimeperiod,
    at_level,
    begin_at,
    end_at,
    instant_at,
    spelled,
    written,
)

#: A Saturday, in the first hour of a month's last days.
NOW = datetime(2026, 11, 28, 7, 40, tzinfo=UTC)

HOUR, DAY, MONTH, YEAR = (
    Qualifier.HOURLY, Qualifier.DAILY, Qualifier.MONTHLY, Qualifier.YEARLY,
)  # fmt: skip
WEEK, MINUTE, QUARTER = Qualifier.WEEKLY, Qualifier.MINUTELY_1, Qualifier.MINUTELY_15


@pytest.mark.parametrize(
    ('text', 'level', 'name'),
    [
        ('2026', YEAR, '2026000000'),
        ('202611', MONTH, '2026110000'),
        ('20261128', DAY, '2026112800'),
        ('2026112807', HOUR, '2026112807'),
        ('2026000000', YEAR, '2026000000'),
        ('2026110000', MONTH, '2026110000'),
        ('20260000', YEAR, '2026000000'),
        ('2026-11', MONTH, '2026110000'),
        ('2026-11-28', DAY, '2026112800'),
        ('2026-1-5', DAY, '2026010500'),
        ('2026-11-28 07', HOUR, '2026112807'),
        ('2026-11-28 7', HOUR, '2026112807'),
        ('2026-11-28T07', HOUR, '2026112807'),
        ('2026-11-28t07:00', HOUR, '2026112807'),
        ('2026-11-28 07:00:00', HOUR, '2026112807'),
        ('2026-11-28T07:00:00Z', HOUR, '2026112807'),
        ('2026-11-28T07:00:00.000000+00:00', HOUR, '2026112807'),
        ('2026-11-28 07 UTC', HOUR, '2026112807'),
        ('20261128T07', HOUR, '2026112807'),
        ('20261128 07:00', HOUR, '2026112807'),
        ('  2026-11-28  ', DAY, '2026112800'),
        ('today', DAY, '2026112800'),
        ('Yesterday', DAY, '2026112700'),
        ('tomorrow', DAY, '2026112900'),
        ('yesterday 07', HOUR, '2026112707'),
        ('yesterday 23:00', HOUR, '2026112723'),
        ('today 0', HOUR, '2026112800'),
        ('today-07', HOUR, '2026112807'),
        ('now', HOUR, '2026112807'),
        ('this hour', HOUR, '2026112807'),
        ('last hour', HOUR, '2026112806'),
        ('last  day', DAY, '2026112700'),
        ('last month', MONTH, '2026100000'),
        ('last-month', MONTH, '2026100000'),
        ('last_month', MONTH, '2026100000'),
        ('previous month', MONTH, '2026100000'),
        ('next month', MONTH, '2026120000'),
        ('this year', YEAR, '2026000000'),
        ('LAST YEAR', YEAR, '2025000000'),
        ('3 days ago', DAY, '2026112500'),
        ('3-days-ago', DAY, '2026112500'),
        ('1 hour ago', HOUR, '2026112806'),
        ('an hour ago', HOUR, '2026112806'),
        ('14 months ago', MONTH, '2025090000'),
        ('last week', WEEK, '2026111600'),
        ('2 weeks ago', WEEK, '2026110900'),
        ('2026-W48', WEEK, '2026112300'),
        ('2026W01', WEEK, '2025122900'),
        ('202611280730', MINUTE, '202611280730'),
        ('2026-11-28 07:30', MINUTE, '202611280730'),
        ('2026-11-28T07:30:00Z', MINUTE, '202611280730'),
        ('today 07:30', MINUTE, '202611280730'),
        ('this minute', MINUTE, '202611280740'),
        ('20 minutes ago', MINUTE, '202611280720'),
    ],
)
def test_a_text_names_an_interval_of_the_level_that_it_is_written_as(
    text: str, level: Qualifier, name: str
) -> None:
    assert written(text, NOW) == parse(level, name)


@pytest.mark.parametrize(
    ('text', 'part'),
    [
        ('', 'is not a timeperiod; give 2026, 2026-11'),
        ('soon', 'yesterday 07, last month'),
        ('2026-13', "'2026-13' names no real date"),
        ('2026-00', 'names no real date'),
        ('2026-02-30', 'names no real date'),
        ('20260230', "'20260230' names no real date"),
        ('2026-11-28 24', 'names no real date'),
        ('2026-11-28 07:30:15', 'lies within a minute; give the minute alone'),
        ('today 07:60', 'names no real date'),
        ('2026-W54', 'names no real week'),
        ('2026-W4', 'a week is called by its number, 2026-W48'),
        ('2026-11-28T07+01:00', 'it is in UTC, so leave'),
        ('2026-11-28 07 Europe/Berlin', 'it is in UTC, so leave'),
        ('2026-11-28 07 CET', 'it is in UTC, so leave'),
        ('28.11.2026', 'the year comes first, then hyphens'),
        ('11/28/2026', 'the year comes first, then hyphens'),
        ('01-02-2026', 'the year comes first, then hyphens'),
        ('yesterday 7pm', 'hours count from 00 to 23'),
        ('last', 'is not a timeperiod'),
        ('202611280', 'is not a timeperiod'),
        ('20261128070', 'is not a timeperiod'),
        ('٢٠٢٦', 'is not a timeperiod'),
        ('1026', 'outside 1970-2999'),
        ('3000-01', 'outside 1970-2999'),
        ('999999 years ago', 'outside the years 1970 to 2999'),
        ('x' * 10_000, 'is not a timeperiod'),
    ],
)
def test_what_cannot_be_read_or_could_mean_two_things_is_refused(text: str, part: str) -> None:
    with pytest.raises(UnreadTimeperiod) as refused:
        written(text, NOW)

    assert part in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_text_that_is_kept_names_a_date() -> None:
    assert written('2026-11-28', None) == parse(DAY, '2026112800')
    for text in ('yesterday', 'last month', '3 days ago', 'now'):
        with pytest.raises(UnreadTimeperiod, match='another time each day'):
            written(text, None)


@pytest.mark.parametrize(
    ('level', 'text', 'part'),
    [
        (HOUR, '2026-11-28', "'2026-11-28' is a day, not an hour; give one hour, as in "
            '2026-11-28 00; the whole day is 2026112800 --to 2026112900'),
        (HOUR, 'yesterday', 'the whole day is 2026112700 --to 2026112800'),
        (DAY, 'last month', 'the whole month is 2026100100 --to 2026110100'),
        (DAY, '2026-11-28 07', "is an hour, not a day; give its day, 2026-11-28"),
        (MONTH, 'today', 'give its month, 2026-11'),
        (DAY, '2026-11-28 07:30', 'is a minute, not a day; give its day, 2026-11-28'),
        (DAY, 'last week', 'the whole week is 2026111600 --to 2026112300'),
        (WEEK, '2026-11-28', 'is a day, not a week; give its week, 2026-11-23'),
        (QUARTER, '2026-11-28 07', 'is an hour, not a 15-minute interval; give one 15-minute '
            'interval, as in 2026-11-28 07:00; the whole hour is 202611280700 --to 202611280800'),
        (QUARTER, '2026112807', 'the whole hour is 202611280700 --to 202611280800'),
    ],
)  # fmt: skip
def test_an_interval_of_another_level_is_refused_with_what_is_meant_perhaps(
    level: Qualifier, text: str, part: str
) -> None:
    with pytest.raises(UnreadTimeperiod) as refused:
        at_level(level, text, NOW)

    assert refused.value.is_other_level
    assert part in str(refused.value)


@pytest.mark.parametrize(
    ('level', 'text', 'start'),
    [
        (HOUR, '20241101', '2024110100'),
        (HOUR, '2024-11', '2024110100'),
        (HOUR, '2024', '2024010100'),
        (HOUR, 'yesterday', '2026112700'),
        (HOUR, '2024110107', '2024110107'),
        (DAY, 'last month', '2026100100'),
        (DAY, '2024110100', '2024110100'),
        (QUARTER, 'yesterday', '202611270000'),
        (QUARTER, '2026112707', '202611270700'),
        (WEEK, '2026-11', '2026110200'),
        (DAY, 'last week', '2026111600'),
    ],
)
def test_a_range_whose_end_is_given_begins_with_anything_longer(
    level: Qualifier, text: str, start: str
) -> None:
    assert begin_at(level, text, NOW) == parse(level, start)


def test_a_minute_of_an_hour_is_refused_with_the_hour() -> None:
    for text in ('2026-11-28 07:30', 'today 07:30', '202611280730'):
        with pytest.raises(UnreadTimeperiod, match='lies within an hour; give the hour alone'):
            at_level(HOUR, text, NOW)


def test_a_range_does_not_begin_within_an_interval() -> None:
    with pytest.raises(UnreadTimeperiod, match='give its day, 2026-11-28'):
        begin_at(DAY, '2026-11-28 07', NOW)
    with pytest.raises(UnreadTimeperiod, match='is not a timeperiod'):
        begin_at(DAY, 'some day', NOW)


def test_the_name_that_levels_share_is_read_by_the_level() -> None:
    assert at_level(DAY, '2026112800', NOW) == parse(DAY, '2026112800')
    assert at_level(HOUR, '2026112800', NOW) == parse(HOUR, '2026112800')
    assert at_level(WEEK, '2026112300', NOW) == parse(WEEK, '2026112300')
    assert at_level(WEEK, '2026-11-23', NOW) == parse(WEEK, '2026112300')
    assert at_level(Qualifier.WEEKLY_SUN, 'last week', NOW) == parse(
        Qualifier.WEEKLY_SUN, '2026111500'
    )
    assert at_level(QUARTER, '2026-11-28 07:00', NOW) == parse(QUARTER, '202611280700')
    assert at_level(QUARTER, '20 minutes ago', NOW) == parse(QUARTER, '202611280715')
    with pytest.raises(UnreadTimeperiod, match='YYYYMMDD00'):
        at_level(DAY, '2026112807', NOW)
    with pytest.raises(UnreadTimeperiod, match='it lies in that of 202611280730'):
        at_level(QUARTER, '2026-11-28 07:40', NOW)


def test_days_are_those_of_the_zone_that_is_asked() -> None:
    auckland = ZoneCalendar(ZoneInfo('Pacific/Auckland'))
    evening = datetime(2026, 11, 28, 20, tzinfo=UTC)

    assert at_level(DAY, 'today', evening, auckland) == parse(DAY, '2026112900')
    assert begin_at(HOUR, '2026-11-29', evening, auckland) == parse(HOUR, '2026112811')
    assert end_at(auckland, HOUR, '2026-11-29', evening) == parse(HOUR, '2026112811')
    assert instant_at('2026-11', None, auckland) == datetime(2026, 10, 31, 11, tzinfo=UTC)


@pytest.mark.parametrize('seed', range(20))
def test_every_interval_is_read_back_from_each_way_of_writing_it(seed: int) -> None:
    draw = random.Random(seed)
    for level in LEVELS:
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=draw.randrange(9_000_000))
        timeperiod = containing_utc(level, instant)

        for text in (spelled(timeperiod), spelled(timeperiod).replace(' ', 'T')):
            assert at_level(level, text, NOW) == timeperiod
            assert instant_at(text, None) == start_utc(timeperiod)
            if level in (YEAR, MONTH, DAY, HOUR):
                digits = re.sub('[^0-9]', '', text)
                assert written(text, NOW) == written(digits, NOW) == timeperiod
                assert instant_at(digits, None) == start_utc(timeperiod)
        assert at_level(level, str(timeperiod), NOW) == timeperiod


@pytest.mark.parametrize('seed', range(20))
def test_words_are_counted_from_the_interval_of_now(seed: int) -> None:
    draw = random.Random(seed)
    now = datetime(1999, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.randrange(10**9))
    for level, noun in NOUN_BY_LEVEL.items():
        present, count = containing_utc(level, now), draw.randrange(20)

        assert written(f'this {noun}', now) == present
        assert written(f'last {noun}', now) == present.shift(-1) == written(f'1 {noun} ago', now)
        assert written(f'next {noun}', now) == present.shift(1)
        assert written(f'{count} {noun}s ago', now) == present.shift(-count)


@pytest.mark.parametrize('text', ['2026-11-28', '2026-11', 'last month', '2026-11-28 07', 'now'])
@pytest.mark.parametrize('level', LEVELS)
def test_a_range_ends_with_the_first_interval_that_begins_at_its_end_or_later(
    level: Qualifier, text: str
) -> None:
    calendar = UtcCalendar()
    instant = instant_at(text, NOW)

    end = end_at(calendar, level, text, NOW)

    assert calendar.start(end) >= instant > calendar.start(Timeperiod(level, end.ordinal - 1))
