"""Names of intervals: a time qualifier and an ordinal; `YYYYMMDDHH` strings only at the edges.

An ordinal counts intervals of its qualifier since 1970-01-01 00:00 UTC: hours, days, months, years,
or seconds for the real-time stamps of free runs. Neighbours are arithmetic on the ordinal. Which
instants an interval spans, and what nests in what, is not said here but by a calendar
(`synergy.core.calendar`): the string form is a name, not a clock reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, NewType

YEAR_MIN: Final = 1970
YEAR_MAX: Final = 2999

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
#: Of every name but those of real time, which go on with minutes and seconds.
_DIGITS: Final = len('YYYYMMDDHH')
#: Days whose hours are read without reading the day again.
_DAYS_KEPT: Final = 4096


ProcessName = NewType('ProcessName', str)


class Qualifier(StrEnum):
    """The length of an interval; values are the strings of Synergy 2.x."""

    YEARLY = '_yearly'
    MONTHLY = '_monthly'
    DAILY = '_daily'
    HOURLY = '_hourly'
    REAL_TIME = '_real_time'

    __hash__ = str.__hash__  # As `==` has it, and without a call of Python at each look-up.

    @property
    def rank(self) -> int:
        """Position from coarse to fine: 0 is yearly."""
        return _RANK_BY_QUALIFIER[self]

    @property
    def word(self) -> str:
        """Return the qualifier as people say it: `hourly`."""
        return self.value.removeprefix('_')


_RANK_BY_QUALIFIER: Final = {qualifier: rank for rank, qualifier in enumerate(Qualifier)}

#: The levels of a tree, coarse to fine.
LEVELS: Final = (Qualifier.YEARLY, Qualifier.MONTHLY, Qualifier.DAILY, Qualifier.HOURLY)


class Timeperiod(NamedTuple):
    """One interval of a qualifier.

    A NamedTuple, not a frozen dataclass: it is the key of every look-up, and tuples hash in C.
    """

    qualifier: Qualifier
    ordinal: int

    def __str__(self) -> str:
        """Return the `YYYYMMDDHH` form (`YYYYMMDDHHMMSS` for real time)."""
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
    shape = _SHAPE_BY_QUALIFIER[qualifier]
    if shape.pattern.fullmatch(text) is None:
        raise ValueError(
            f'{text!r} is not {shape.article} {qualifier.word} timeperiod; expected {shape.example}'
        )
    year, month, day = int(text[:4]), int(text[4:6]) or 1, int(text[6:8]) or 1
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise ValueError(
            f'year {year} of timeperiod {text!r} is outside {YEAR_MIN}-{YEAR_MAX}; correct the year'
        )
    minute, second = (int(text[10:12]), int(text[12:])) if len(text) > _DIGITS else (0, 0)
    try:
        instant = datetime(year, month, day, int(text[8:_DIGITS]), minute, second, tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f'timeperiod {text!r} names no real date ({error}); correct it') from error
    return containing_utc(qualifier, instant)


@lru_cache(maxsize=_DAYS_KEPT)
def _first_hour(text: str) -> int:
    """Return the ordinal of the first hour of a day `YYYYMMDD`; raise ValueError if it is none."""
    return _parse(Qualifier.DAILY, f'{text}00').ordinal * len(_HOUR_BY_TEXT)


def containing_utc(qualifier: Qualifier, instant: datetime) -> Timeperiod:
    """Return the interval of the UTC calendar in which an aware `instant` lies."""
    instant = instant.astimezone(UTC)
    match qualifier:
        case Qualifier.YEARLY:
            ordinal = instant.year - YEAR_MIN
        case Qualifier.MONTHLY:
            ordinal = (instant.year - YEAR_MIN) * 12 + instant.month - 1
        case Qualifier.DAILY:
            ordinal = instant.toordinal() - _EPOCH_DAY
        case Qualifier.HOURLY:
            ordinal = (instant.toordinal() - _EPOCH_DAY) * 24 + instant.hour
        case Qualifier.REAL_TIME:
            ordinal = (instant - _EPOCH) // timedelta(seconds=1)
    return Timeperiod(qualifier, ordinal)


def start_utc(timeperiod: Timeperiod) -> datetime:
    """Return the first instant of an interval of the UTC calendar."""
    ordinal = timeperiod.ordinal
    match timeperiod.qualifier:
        case Qualifier.YEARLY:
            return datetime(YEAR_MIN + ordinal, 1, 1, tzinfo=UTC)
        case Qualifier.MONTHLY:
            return datetime(YEAR_MIN + ordinal // 12, ordinal % 12 + 1, 1, tzinfo=UTC)
        case Qualifier.DAILY:
            return _EPOCH + timedelta(days=ordinal)
        case Qualifier.HOURLY:
            return _EPOCH + timedelta(hours=ordinal)
        case Qualifier.REAL_TIME:
            return _EPOCH + timedelta(seconds=ordinal)


class _Shape(NamedTuple):
    pattern: re.Pattern[str]
    example: str
    article: str


_SHAPE_BY_QUALIFIER: Final = {
    Qualifier.YEARLY: _Shape(
        re.compile(r'([0-9]{4})(00)(00)(00)()()'), 'YYYY000000, as in 2026000000', 'a'
    ),
    Qualifier.MONTHLY: _Shape(
        re.compile(r'([0-9]{4})(?!00)([0-9]{2})(00)(00)()()'), 'YYYYMM0000, as in 2026110000', 'a'
    ),
    Qualifier.DAILY: _Shape(
        re.compile(r'([0-9]{4})(?!00)([0-9]{2})(?!00)([0-9]{2})(00)()()'),
        'YYYYMMDD00, as in 2026112300',
        'a',
    ),
    Qualifier.HOURLY: _Shape(
        re.compile(r'([0-9]{4})(?!00)([0-9]{2})(?!00)([0-9]{2})([0-9]{2})()()'),
        'YYYYMMDDHH, as in 2026112309',
        'an',
    ),
    Qualifier.REAL_TIME: _Shape(
        re.compile(
            r'([0-9]{4})(?!00)([0-9]{2})(?!00)([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})',
        ),
        'YYYYMMDDHHMMSS, as in 20261123093000',
        'a',
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


_FORMAT_BY_QUALIFIER: Final[dict[Qualifier, Callable[[int], str]]] = {
    Qualifier.YEARLY: _format_yearly,
    Qualifier.MONTHLY: _format_monthly,
    Qualifier.DAILY: _format_daily,
    Qualifier.HOURLY: _format_hourly,
    Qualifier.REAL_TIME: _format_real_time,
}
