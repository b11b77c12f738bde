"""Names of intervals: a time qualifier and an ordinal; `YYYYMMDDHH` strings only at the edges.

An ordinal counts intervals of its qualifier since the one that holds 1970-01-01 00:00 UTC: minutes
by the dozen, hours, days, weeks, months, years, or seconds for the real-time stamps of free runs.
Neighbours are arithmetic on the ordinal. Which instants an interval spans, and which intervals lie
in it, is not said here but by a calendar (`synergy.core.calendar`): the string form is a name, not
a clock reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, NewType

YEAR_MIN: Final = 1970
YEAR_MAX: Final = 2999

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
#: Of every name but those that go on with minutes and seconds.
_DIGITS: Final = len('YYYYMMDDHH')
#: Days whose hours are read without reading the day again.
_DAYS_KEPT: Final = 4096


ProcessName = NewType('ProcessName', str)


class Measure(IntEnum):
    """What intervals are measured in, coarse to fine."""

    YEAR = 0
    MONTH = 1
    WEEK = 2
    DAY = 3
    HOUR = 4
    MINUTE = 5
    SECOND = 6


class Qualifier(StrEnum):
    """The length of an interval, a level; values are the strings of Synergy 2.x, where it had them.

    Weeks that begin on another day are another level: they are other intervals.
    """

    YEARLY = '_yearly'
    MONTHLY = '_monthly'
    WEEKLY = '_weekly'  # From Monday. Source: ISO 8601.
    WEEKLY_TUE = '_weekly_tue'
    WEEKLY_WED = '_weekly_wed'
    WEEKLY_THU = '_weekly_thu'
    WEEKLY_FRI = '_weekly_fri'
    WEEKLY_SAT = '_weekly_sat'
    WEEKLY_SUN = '_weekly_sun'
    DAILY = '_daily'
    HOURLY = '_hourly'
    MINUTELY_30 = '_minutely_30'
    MINUTELY_20 = '_minutely_20'
    MINUTELY_15 = '_minutely_15'
    MINUTELY_12 = '_minutely_12'
    MINUTELY_10 = '_minutely_10'
    MINUTELY_6 = '_minutely_6'
    MINUTELY_5 = '_minutely_5'
    MINUTELY_3 = '_minutely_3'
    MINUTELY_2 = '_minutely_2'
    MINUTELY_1 = '_minutely_1'
    REAL_TIME = '_real_time'

    __hash__ = str.__hash__  # As `==` has it, and without a call of Python at each look-up.

    @property
    def rank(self) -> int:
        """Position from coarse to fine: 0 is yearly."""
        return _RANK_BY_QUALIFIER[self]

    @property
    def word(self) -> str:
        """Return the qualifier as people say it: `hourly`, `15-minute`."""
        return _WORD_BY_QUALIFIER[self]

    @property
    def noun(self) -> str:
        """Return what one of its intervals is called; an `s` makes several of it."""
        return _NOUN_BY_QUALIFIER[self]

    @property
    def measure(self) -> Measure:
        """Return what its intervals are measured in."""
        return _MEASURE_BY_QUALIFIER[self]

    @property
    def minutes(self) -> int:
        """Return how many minutes an interval has that is shorter than an hour; else 0."""
        return _MINUTES_BY_QUALIFIER.get(self, 0)

    @property
    def first_day(self) -> int:
        """Return on which day its weeks begin, 0 for Monday; 0, too, where it has none."""
        return _FIRST_DAY_BY_QUALIFIER.get(self, 0)

    def holds(self, finer: Qualifier) -> bool:
        """Tell whether each of its intervals is made of whole ones of `finer`, another level."""
        if self.measure is Measure.MINUTE and finer.measure is Measure.MINUTE:
            return self.minutes > finer.minutes and self.minutes % finer.minutes == 0
        return self.measure < finer.measure and (
            finer.measure is not Measure.WEEK or self.measure is Measure.WEEK
        )


_RANK_BY_QUALIFIER: Final = {qualifier: rank for rank, qualifier in enumerate(Qualifier)}
#: From the weeks that begin on a Monday to those that begin on a Sunday.
WEEKS: Final = tuple(item for item in Qualifier if item.value.startswith('_weekly'))
_FIRST_DAY_BY_QUALIFIER: Final = {qualifier: day for day, qualifier in enumerate(WEEKS)}
_MINUTES_BY_QUALIFIER: Final = {
    item: int(item.value.rpartition('_')[2])
    for item in Qualifier
    if item.value.startswith('_minutely')
}
_MEASURE_BY_QUALIFIER: Final = {
    Qualifier.YEARLY: Measure.YEAR,
    Qualifier.MONTHLY: Measure.MONTH,
    **dict.fromkeys(WEEKS, Measure.WEEK),
    Qualifier.DAILY: Measure.DAY,
    Qualifier.HOURLY: Measure.HOUR,
    **dict.fromkeys(_MINUTES_BY_QUALIFIER, Measure.MINUTE),
    Qualifier.REAL_TIME: Measure.SECOND,
}
DAY_NAMES: Final = (
    'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday',
)  # fmt: skip
_WORD_BY_QUALIFIER: Final = {
    **{item: item.value.removeprefix('_') for item in Qualifier},
    **{item: f'weekly (from {DAY_NAMES[day]})' for item, day in _FIRST_DAY_BY_QUALIFIER.items()},
    Qualifier.WEEKLY: 'weekly',
    **{item: f'{minutes}-minute' for item, minutes in _MINUTES_BY_QUALIFIER.items()},
}
_NOUN_BY_QUALIFIER: Final = {
    item: f'{item.minutes}-minute interval' if measure is Measure.MINUTE else measure.name.lower()
    for item, measure in _MEASURE_BY_QUALIFIER.items()
}

#: The levels of a tree, coarse to fine.
LEVELS: Final = tuple(item for item in Qualifier if item is not Qualifier.REAL_TIME)


class Timeperiod(NamedTuple):
    """One interval of a qualifier.

    A NamedTuple, not a frozen dataclass: it is the key of every look-up, and tuples hash in C.
    """

    qualifier: Qualifier
    ordinal: int

    def __str__(self) -> str:
        """Return the `YYYYMMDDHH` form, with minutes and seconds where the level has them."""
        return _FORMAT_BY_QUALIFIER[self.qualifier](self.ordinal)

    def shift(self, count: int) -> Timeperiod:
        """Return the interval `count` places later (earlier when negative)."""
        return Timeperiod(self.qualifier, self.ordinal + count)


#: Names in the body of this module are found quicker than members of an enumeration.
_HOURLY: Final = Qualifier.HOURLY
_HOUR_BY_TEXT: Final = {f'{hour:02d}': hour for hour in range(24)}


class JobKey(NamedTuple):
    """Which job: a process and one of its intervals."""

    process: ProcessName
    timeperiod: Timeperiod

    def __str__(self) -> str:
        """Return the fixed form of logs and pages: `SiteHourly@2026112309`."""
        return f'{self.process}@{self.timeperiod}'


def parse(qualifier: Qualifier, text: str) -> Timeperiod:
    """Return the interval that `text` names.

    Raises ValueError, saying what is wrong with it, when `text` has not exactly the digits of the
    qualifier, names a date that does not exist, or lies outside the years 1970 to 2999.
    """
    if qualifier is _HOURLY and (hour := _HOUR_BY_TEXT.get(text[8:])) is not None:
        # Rows of hours are read by the thousand.
        try:
            return Timeperiod(qualifier, _first_hour(text[:8]) + hour)
        except ValueError:
            return _parse(qualifier, text)
    return _parse(qualifier, text)


def _parse(qualifier: Qualifier, text: str) -> Timeperiod:
    shape = _SHAPE_BY_MEASURE[qualifier.measure]
    if shape.pattern.fullmatch(text) is None:
        raise ValueError(
            f'{text!r} is not {_article(qualifier)} {qualifier.word} timeperiod; '
            f'expected {shape.example}'
        )
    year, month, day = int(text[:4]), int(text[4:6]) or 1, int(text[6:8]) or 1
    minute, second = int(text[10:12] or 0), int(text[12:] or 0)
    try:
        instant = datetime(year, month, day, int(text[8:_DIGITS]), minute, second, tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f'timeperiod {text!r} names no real date ({error}); correct it') from error
    found = containing_utc(qualifier, instant)
    # The week of 1970-01-01 begins in 1969.
    if not (YEAR_MIN <= year <= YEAR_MAX or (found.ordinal == 0 and year == YEAR_MIN - 1)):
        raise ValueError(
            f'year {year} of timeperiod {text!r} is outside {YEAR_MIN}-{YEAR_MAX}; correct the year'
        )
    if (name := str(found)) != text:
        raise ValueError(
            f'{text!r} is not the beginning of {_article(qualifier)} {qualifier.word} interval; '
            f'it lies in that of {name}'
        )
    return found


def _article(qualifier: Qualifier) -> str:
    return 'an' if qualifier is _HOURLY else 'a'


@lru_cache(maxsize=_DAYS_KEPT)
def _first_hour(text: str) -> int:
    """Return the ordinal of the first hour of a day `YYYYMMDD`; raise ValueError if it is none."""
    return _parse(Qualifier.DAILY, f'{text}00').ordinal * len(_HOUR_BY_TEXT)


def containing_utc(qualifier: Qualifier, instant: datetime) -> Timeperiod:
    """Return the interval of the UTC calendar in which an aware `instant` lies."""
    instant = instant.astimezone(UTC)
    match qualifier.measure:
        case Measure.YEAR:
            ordinal = instant.year - YEAR_MIN
        case Measure.MONTH:
            ordinal = (instant.year - YEAR_MIN) * 12 + instant.month - 1
        case Measure.WEEK:
            ordinal = week_of(qualifier, instant.toordinal() - _EPOCH_DAY)
        case Measure.DAY:
            ordinal = instant.toordinal() - _EPOCH_DAY
        case Measure.HOUR:
            ordinal = (instant.toordinal() - _EPOCH_DAY) * 24 + instant.hour
        case Measure.MINUTE:
            ordinal = (instant - _EPOCH) // timedelta(minutes=qualifier.minutes)
        case Measure.SECOND:
            ordinal = (instant - _EPOCH) // timedelta(seconds=1)
    return Timeperiod(qualifier, ordinal)


def of_date(qualifier: Qualifier, day: date) -> Timeperiod:
    """Return the interval in which a day lies, of days or a coarser level.

    These are named by dates, whatever the zone of their tree is.
    """
    return containing_utc(qualifier, datetime(day.year, day.month, day.day, tzinfo=UTC))


def date_of(day: int) -> date:
    """Return the date of a day, given by its ordinal."""
    return start_utc(Timeperiod(Qualifier.DAILY, day)).date()


def start_utc(timeperiod: Timeperiod) -> datetime:
    """Return the first instant of an interval of the UTC calendar."""
    qualifier, ordinal = timeperiod
    match qualifier.measure:
        case Measure.YEAR:
            return datetime(YEAR_MIN + ordinal, 1, 1, tzinfo=UTC)
        case Measure.MONTH:
            return datetime(YEAR_MIN + ordinal // 12, ordinal % 12 + 1, 1, tzinfo=UTC)
        case Measure.WEEK:
            return _EPOCH + timedelta(days=first_day_of_week(qualifier, ordinal))
        case Measure.DAY:
            return _EPOCH + timedelta(days=ordinal)
        case Measure.HOUR:
            return _EPOCH + timedelta(hours=ordinal)
        case Measure.MINUTE:
            return _EPOCH + timedelta(minutes=ordinal * qualifier.minutes)
        case Measure.SECOND:
            return _EPOCH + timedelta(seconds=ordinal)


def week_of(qualifier: Qualifier, day: int) -> int:
    """Return the ordinal of the week in which a day lies, given by its own ordinal."""
    return (day + _days_before(qualifier)) // 7


def first_day_of_week(qualifier: Qualifier, week: int) -> int:
    """Return the ordinal of the day with which a week begins."""
    return week * 7 - _days_before(qualifier)


def _days_before(qualifier: Qualifier) -> int:
    """Return how many days of the week that holds 1970-01-01 lie before that day."""
    return (_EPOCH.weekday() - qualifier.first_day) % 7


class _Shape(NamedTuple):
    pattern: re.Pattern[str]
    example: str


_DAY_PATTERN: Final = '[0-9]{4}(?!00)[0-9]{2}(?!00)[0-9]{2}'
_SHAPE_BY_MEASURE: Final = {
    Measure.YEAR: _Shape(re.compile('[0-9]{4}000000'), 'YYYY000000, as in 2026000000'),
    Measure.MONTH: _Shape(re.compile('[0-9]{4}(?!00)[0-9]{2}0000'), 'YYYYMM0000, as in 2026110000'),
    Measure.WEEK: _Shape(
        re.compile(f'{_DAY_PATTERN}00'), 'the first day of the week as YYYYMMDD00'
    ),
    Measure.DAY: _Shape(re.compile(f'{_DAY_PATTERN}00'), 'YYYYMMDD00, as in 2026112300'),
    Measure.HOUR: _Shape(re.compile(f'{_DAY_PATTERN}[0-9]{{2}}'), 'YYYYMMDDHH, as in 2026112309'),
    Measure.MINUTE: _Shape(
        re.compile(f'{_DAY_PATTERN}[0-9]{{4}}'), 'YYYYMMDDHHMM, as in 202611230930'
    ),
    Measure.SECOND: _Shape(
        re.compile(f'{_DAY_PATTERN}[0-9]{{6}}'), 'YYYYMMDDHHMMSS, as in 20261123093000'
    ),
}


def _format_yearly(ordinal: int) -> str:
    return f'{YEAR_MIN + ordinal:04d}000000'


def _format_monthly(ordinal: int) -> str:
    return f'{YEAR_MIN + ordinal // 12:04d}{ordinal % 12 + 1:02d}0000'


def _format_daily(ordinal: int) -> str:
    return f'{_day_text(ordinal)}00'


def _format_hourly(ordinal: int) -> str:
    return f'{_day_text(ordinal // 24)}{ordinal % 24:02d}'


@lru_cache(maxsize=_DAYS_KEPT)
def _day_text(ordinal: int) -> str:
    day = datetime.fromordinal(_EPOCH_DAY + ordinal)
    return f'{day.year:04d}{day.month:02d}{day.day:02d}'


def _format_real_time(ordinal: int) -> str:
    return f'{start_utc(Timeperiod(Qualifier.REAL_TIME, ordinal)):%Y%m%d%H%M%S}'


def _weekly(qualifier: Qualifier) -> Callable[[int], str]:
    return lambda ordinal: f'{_day_text(first_day_of_week(qualifier, ordinal))}00'


def _minutely(qualifier: Qualifier) -> Callable[[int], str]:
    length = qualifier.minutes

    def formatted(ordinal: int) -> str:
        hour, minute = divmod(ordinal * length, 60)
        return f'{_day_text(hour // 24)}{hour % 24:02d}{minute:02d}'

    return formatted


_FORMAT_BY_QUALIFIER: Final[dict[Qualifier, Callable[[int], str]]] = {
    Qualifier.YEARLY: _format_yearly,
    Qualifier.MONTHLY: _format_monthly,
    **{qualifier: _weekly(qualifier) for qualifier in WEEKS},
    Qualifier.DAILY: _format_daily,
    Qualifier.HOURLY: _format_hourly,
    **{qualifier: _minutely(qualifier) for qualifier in _MINUTES_BY_QUALIFIER},
    Qualifier.REAL_TIME: _format_real_time,
}
