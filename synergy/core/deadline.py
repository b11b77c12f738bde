"""Deadlines: until when the job of an interval is to be done, before it counts as late.

`Within` a length of time after its interval, or `ByClock`, by the next 06:00 after it. One function
says when a job is late (`late_at`), another is its inverse (`late_end`), for whole runs of
intervals at once; whatever knows of lateness asks one of these.

Times are those of the clock of the tree, read as triggers read them: 06:00 is when the clock first
reads 06:00 or more. So one in a gap is at its end, and one that comes twice is the first.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, TypeAlias, assert_never

from synergy.core.calendar import Calendar, first_at, reading
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Measure, Qualifier, Timeperiod

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_INSTANT: Final = timedelta(microseconds=1)
_DAY_MINUTES: Final = 1440
#: Most days behind a time.
DAYS_MAX: Final = 366
#: Answers that are kept: intervals of many processes end together, and are looked at together.
_KEPT: Final = 4096
_TIME: Final = re.compile(r'([0-9]{1,2}):([0-9]{2})(?:\s*\+\s*([0-9]{1,4})\s*d(?:ays?)?)?')
_GRAMMAR: Final = (
    "give a time of day by the clock of its tree, with days behind it if need be, as in '06:00' "
    "or '06:00 +1d'"
)


class Within(Struct, frozen=True, kw_only=True):
    """So long after the end of the interval."""

    length: timedelta

    def __str__(self) -> str:
        """Return it as people read it: `90 min`."""
        return f'{self.length / _MINUTE:.10g} min'

    @property
    def words(self) -> str:
        """Return until when something is to be done."""
        return f'within {self}'


class ByClock(Struct, frozen=True, kw_only=True):
    """The first such time of day after the end of the interval, and so many days later.

    minute: of the day. is_of_day: after the end of the day in which the interval lies; only of what
    is shorter than a day.
    """

    minute: int
    days: int = 0
    is_of_day: bool = False

    def __str__(self) -> str:
        """Return it as it is written, and with what it is counted from if not the interval."""
        hour, minute = divmod(self.minute, 60)
        days = f' +{self.days}d' if self.days else ''
        return f'{hour:02}:{minute:02}{days}{" after its day" if self.is_of_day else ""}'

    @property
    def words(self) -> str:
        """Return until when something is to be done."""
        return f'by {self}'


#: Until when a job is to be done. Without any: until the next interval is over, too.
Deadline: TypeAlias = Within | ByClock


def parse(text: str) -> ByClock:
    """Return the deadline that `06:00` or `06:00 +1d` means; raise ValueError that says what to do.

    The message is to follow what was written.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(_GRAMMAR)
    hour, minute, days = int(match[1]), int(match[2]), int(match[3] or 0)
    if hour > 23 or minute > 59:
        raise ValueError('is not a time of day; use 00:00 to 23:59')
    if days > DAYS_MAX:
        raise ValueError(f'is too far away; give at most +{DAYS_MAX}d')
    return ByClock(minute=hour * 60 + minute, days=days)


def of_tree(deadline: ByClock, qualifier: Qualifier) -> ByClock:
    """Return what the deadline of a tree is for a level: all of a day is to be done by then.

    What is shorter than a day has it as its day has; what is longer after its own end.
    """
    return replace(deadline, is_of_day=qualifier.measure > Measure.DAY)


def late_at(
    deadline: Deadline, calendar: Calendar, interval: Timeperiod, until: datetime | None = None
) -> datetime:
    """Return the instant from which on the job of an interval is late unless it is done.

    until: where its tree ends, which cuts the last interval, and the last day, short.
    """
    match deadline:
        case Within():
            return _end(calendar, interval, until) + deadline.length
        case ByClock():
            return _late_at(deadline, calendar, interval, until)
        case _:
            assert_never(deadline)


def late_end(
    deadline: Deadline, calendar: Calendar, now: datetime, until: datetime | None = None
) -> datetime:
    """Return an instant: intervals that had ended by then are late unless done, no others are.

    The inverse of `late_at`. until: where the tree ends.
    """
    match deadline:
        case Within():
            return now - deadline.length
        case ByClock():
            return _late_end(deadline, calendar, now, until)
        case _:
            assert_never(deadline)


def least(deadline: ByClock, qualifier: Qualifier) -> timedelta:
    """Return the shortest time that a deadline leaves to a job of a level, as clocks mostly go."""
    period = _DAY_MINUTES
    if not deadline.is_of_day and qualifier.measure > Measure.DAY:
        period = qualifier.minutes or 60
    # An interval that ends at that very time has until the next one.
    return timedelta(days=deadline.days, minutes=deadline.minute % period or period)


@lru_cache(_KEPT)
def _late_at(
    deadline: ByClock, calendar: Calendar, interval: Timeperiod, until: datetime | None
) -> datetime:
    if deadline.is_of_day:
        interval = calendar.parent(interval, Qualifier.DAILY)
    end, zone, time = _end(calendar, interval, until), calendar.zone, deadline.minute * _MINUTE
    day = _midnight(zone, end)
    while first_at(zone, day + time) <= end:
        day += _DAY
    return first_at(zone, day + deadline.days * _DAY + time)


@lru_cache(_KEPT)
def _late_end(
    deadline: ByClock, calendar: Calendar, now: datetime, until: datetime | None
) -> datetime:
    zone, time = calendar.zone, deadline.minute * _MINUTE
    # Where a clock was put back over midnight it has read more than it reads.
    day = _midnight(zone, now) + _DAY
    while first_at(zone, day + time) > now:
        day -= _DAY
    # What ends as the clock reads that time has until it does so again.
    end = first_at(zone, day - deadline.days * _DAY + time) - _INSTANT
    if not deadline.is_of_day or (until is not None and end >= until):
        return end
    return calendar.start(calendar.containing(Qualifier.DAILY, end))


def _end(calendar: Calendar, interval: Timeperiod, until: datetime | None) -> datetime:
    end = calendar.end(interval)
    return end if until is None else min(end, until)


def _midnight(zone: tzinfo, instant: datetime) -> datetime:
    """Return the beginning of the day that a clock reads at an instant, without its zone."""
    return reading(zone, instant).replace(hour=0, minute=0, second=0, microsecond=0)
