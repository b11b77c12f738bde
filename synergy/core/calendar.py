"""How a level is cut into intervals, and which intervals of a finer level lie in one.

Everything that needs an interval's instants or its nesting asks a calendar, never a constant 24.
Intervals are `[start, end)`; those of one level follow each other without gap or overlap, and those
of a finer level that it holds fill each of them exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Protocol

from synergy.core.timeperiod import Measure, Qualifier, Timeperiod, containing_utc, start_utc

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
_HOUR: Final = 3600
_SECOND: Final = timedelta(seconds=1)
#: Beginnings of days, hours and minutes that a zone remembers, of each.
_KEPT: Final = 8192


class Calendar(Protocol):
    """Answers where intervals begin and end and how they nest."""

    def __hash__(self) -> int:
        """Return a number by which answers can be kept: a zone has one calendar."""
        ...

    @property
    def zone(self) -> tzinfo:
        """Return the time zone whose clock its days follow."""
        ...

    def start(self, timeperiod: Timeperiod) -> datetime:
        """Return the first instant of the interval, aware UTC."""
        ...

    def end(self, timeperiod: Timeperiod) -> datetime:
        """Return the first instant after the interval, aware UTC."""
        ...

    def containing(self, qualifier: Qualifier, instant: datetime) -> Timeperiod:
        """Return the interval of `qualifier` in which the aware `instant` lies."""
        ...

    def children(self, timeperiod: Timeperiod, qualifier: Qualifier) -> range:
        """Return the ordinals of the intervals of a finer `qualifier` that lie in this one.

        Those that begin in it: where the level does not hold the finer one, as a month does not
        hold weeks, each still lies in one interval and no other.
        """
        ...

    def parent(self, timeperiod: Timeperiod, qualifier: Qualifier) -> Timeperiod:
        """Return the interval of a coarser (or the same) `qualifier` in which this one begins."""
        ...


class UtcCalendar:
    """The calendar of UTC: days of 24 hours, Gregorian months and years."""

    @property
    def zone(self) -> tzinfo:
        """Return UTC."""
        return UTC

    def start(self, timeperiod: Timeperiod) -> datetime:
        """Return the first instant of the interval."""
        return start_utc(timeperiod)

    def end(self, timeperiod: Timeperiod) -> datetime:
        """Return the first instant after the interval."""
        return start_utc(timeperiod.shift(1))

    def containing(self, qualifier: Qualifier, instant: datetime) -> Timeperiod:
        """Return the interval of `qualifier` in which `instant` lies."""
        return containing_utc(qualifier, instant)

    def children(self, timeperiod: Timeperiod, qualifier: Qualifier) -> range:
        """Return the ordinals of the intervals of a finer `qualifier` that begin in this one."""
        if timeperiod.qualifier is Qualifier.DAILY and qualifier is Qualifier.HOURLY:
            return range(timeperiod.ordinal * 24, timeperiod.ordinal * 24 + 24)
        return _begun_between(self, qualifier, start_utc(timeperiod), self.end(timeperiod))

    def parent(self, timeperiod: Timeperiod, qualifier: Qualifier) -> Timeperiod:
        """Return the interval of a coarser (or the same) `qualifier` in which this one begins."""
        if timeperiod.qualifier is Qualifier.HOURLY and qualifier is Qualifier.DAILY:
            return Timeperiod(qualifier, timeperiod.ordinal // 24)
        return containing_utc(qualifier, start_utc(timeperiod))


class ZoneCalendar:
    """The calendar of a time zone: days are those of its wall clock, hours stretches of real time.

    A day begins when the clock first reads midnight or more, so one in which clocks change has 23
    or 25 hours, and one that a zone has skipped (Apia, 2011-12-30) is empty. Weeks, months and
    years are made of days; all these are named by the date on the clock.

    An hour is named by the hour of UTC in which it begins: where that day begins in it, else where
    the clock reads a full hour, else where it was changed. That is one beginning for each hour of
    UTC, so names are unique whatever clocks do, and the hours of a day fill it. Minutes likewise.
    """

    def __init__(self, zone: tzinfo) -> None:
        """Follow the clock of `zone`."""
        self._zone = zone
        self._utc = UtcCalendar()
        self._day_start: Callable[[int], int] = lru_cache(_KEPT)(self._found_day_start)
        self._hour_start: Callable[[int], int] = lru_cache(_KEPT)(self._found_hour_start)

    @property
    def zone(self) -> tzinfo:
        """Return the time zone."""
        return self._zone

    def start(self, timeperiod: Timeperiod) -> datetime:
        """Return the first instant of the interval."""
        return _EPOCH + timedelta(seconds=self._start(timeperiod))

    def end(self, timeperiod: Timeperiod) -> datetime:
        """Return the first instant after the interval."""
        return self.start(timeperiod.shift(1))

    def containing(self, qualifier: Qualifier, instant: datetime) -> Timeperiod:
        """Return the interval of `qualifier` in which `instant` lies."""
        seconds = (instant - _EPOCH) // timedelta(seconds=1)
        if qualifier.measure > Measure.DAY:
            found = containing_utc(qualifier, instant)
            return found if self._start(found) <= seconds else found.shift(-1)
        day = Timeperiod(Qualifier.DAILY, self._day_of(seconds))
        return self._utc.parent(day, qualifier)

    def children(self, timeperiod: Timeperiod, qualifier: Qualifier) -> range:
        """Return the ordinals of the intervals of a finer `qualifier` that begin in this one."""
        if qualifier.measure <= Measure.DAY:
            return self._utc.children(timeperiod, qualifier)
        return _begun_between(self, qualifier, self.start(timeperiod), self.end(timeperiod))

    def parent(self, timeperiod: Timeperiod, qualifier: Qualifier) -> Timeperiod:
        """Return the interval of a coarser (or the same) `qualifier` in which this one begins."""
        if timeperiod.qualifier.measure <= Measure.DAY:
            return self._utc.parent(timeperiod, qualifier)
        return self.containing(qualifier, self.start(timeperiod))

    def _start(self, timeperiod: Timeperiod) -> int:
        """Return the first second of an interval, counted from the epoch."""
        qualifier, ordinal = timeperiod
        match qualifier.measure:
            case Measure.SECOND:
                return ordinal
            case Measure.MINUTE:
                return self._minute_start(ordinal, qualifier.minutes * 60)
            case Measure.HOUR:
                return self._hour_start(ordinal)
            case _:
                first_day = (start_utc(timeperiod) - _EPOCH).days
                return self._day_start(first_day)

    def _day_of(self, seconds: int) -> int:
        """Return the last day that has begun by a second."""
        day = self._local(seconds).toordinal() - _EPOCH_DAY
        while self._day_start(day + 1) <= seconds:
            day += 1
        while self._day_start(day) > seconds:
            day -= 1
        return day

    def _found_day_start(self, day: int) -> int:
        """Return the first second at which the clock reads midnight of a day, or more."""
        midnight = datetime.fromordinal(_EPOCH_DAY + day)
        return (first_at(self._zone, midnight) - _EPOCH) // _SECOND

    def _found_hour_start(self, hour: int) -> int:
        first, last = hour * _HOUR, (hour + 1) * _HOUR - 1
        day_start = self._day_start(self._day_of(last))
        return day_start if day_start >= first else self._tick(first, _HOUR)

    def _minute_start(self, number: int, length: int) -> int:
        first = number * length
        hour_start = self._hour_start(first // _HOUR)
        if first <= hour_start < first + length:
            return hour_start
        return self._tick(first, length)

    def _tick(self, first: int, length: int) -> int:
        """Return the first second from `first` on at which the clock reads a multiple of `length`.

        Within `length` seconds; where there is none, because the clock is changed, then.
        """
        before, after = self._offset(first), self._offset(first + length)
        if before == after:
            return first + -(first + before) % length
        changed = _first(first, first + length, lambda at: self._offset(at) == after)
        tick = first + -(first + before) % length
        if tick < changed:
            return tick
        tick = changed + -(changed + after) % length
        return tick if tick < first + length else changed

    def _local(self, seconds: int) -> datetime:
        """Return what the clock reads at a second, without its zone."""
        return reading(self._zone, _EPOCH + timedelta(seconds=seconds))

    def _offset(self, seconds: int) -> int:
        """Return by how many seconds the clock is ahead of UTC."""
        return (self._local(seconds) - datetime.fromordinal(_EPOCH_DAY)) // timedelta(
            seconds=1
        ) - seconds


def reading(zone: tzinfo, instant: datetime) -> datetime:
    """Return what the clock of a zone reads at an instant, without the zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def first_at(zone: tzinfo, local: datetime) -> datetime:
    """Return the first instant, aware UTC, at which a clock reads a local time, or more.

    Of a time that comes twice the first one; of one that is jumped over the end of the gap.
    """
    found = local.replace(tzinfo=zone).astimezone(UTC)
    jumped = reading(zone, found) - local
    if not jumped:
        return found
    # As long after the change as the time lies in the gap. Source: PEP 495, fold=0.
    high = -((_EPOCH - found) // _SECOND)
    low = high - jumped // _SECOND
    seconds = _first(low, high, lambda at: reading(zone, _EPOCH + timedelta(seconds=at)) >= local)
    return _EPOCH + timedelta(seconds=seconds)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the first number of `low` to `high` for which something holds; for `high` it does."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return high


def lying_in(
    calendar: Calendar, timeperiod: Timeperiod, other: Calendar, qualifier: Qualifier
) -> range:
    """Return the ordinals of the intervals of a finer level of `other` that lie in this one.

    Days and what is coarser are named by dates: those of one zone lie in the months of another that
    are called so. All others by the instant at which they begin.
    """
    if calendar is other or qualifier.measure <= Measure.DAY:
        return calendar.children(timeperiod, qualifier)
    return _begun_between(other, qualifier, calendar.start(timeperiod), calendar.end(timeperiod))


def enclosing(
    calendar: Calendar, timeperiod: Timeperiod, other: Calendar, qualifier: Qualifier
) -> Timeperiod:
    """Return the interval of a coarser (or the same) level of `other` in which this one lies.

    The inverse of `lying_in`.
    """
    if calendar is other or timeperiod.qualifier.measure <= Measure.DAY:
        return calendar.parent(timeperiod, qualifier)
    return other.containing(qualifier, calendar.start(timeperiod))


def _begun_between(
    calendar: Calendar, qualifier: Qualifier, start: datetime, end: datetime
) -> range:
    """Return the ordinals of the intervals that begin in `[start, end)`."""
    first, after = calendar.containing(qualifier, start), calendar.containing(qualifier, end)
    return range(
        first.ordinal + (calendar.start(first) < start),
        after.ordinal + (calendar.start(after) < end),
    )
