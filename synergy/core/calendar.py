"""How a level is cut into intervals, and which child intervals lie in one.

Everything that needs an interval's instants or its nesting asks a calendar, never a constant 24:
a calendar of a time zone with 23- and 25-hour days fits behind the same four questions. Intervals
are `[start, end)`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from synergy.core.timeperiod import Qualifier, Timeperiod, containing_utc, start_utc


class Calendar(Protocol):
    """Answers where intervals begin and end and how they nest."""

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
        """Return the ordinals of the intervals of a finer `qualifier` that lie in this one."""
        ...

    def parent(self, timeperiod: Timeperiod, qualifier: Qualifier) -> Timeperiod:
        """Return the interval of a coarser (or the same) `qualifier` that encloses this one."""
        ...


class UtcCalendar:
    """The calendar of UTC: days of 24 hours, Gregorian months and years."""

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
        """Return the ordinals of the intervals of a finer `qualifier` that lie in this one."""
        if timeperiod.qualifier is Qualifier.DAILY and qualifier is Qualifier.HOURLY:
            return range(timeperiod.ordinal * 24, timeperiod.ordinal * 24 + 24)
        first = containing_utc(qualifier, start_utc(timeperiod)).ordinal
        return range(first, containing_utc(qualifier, start_utc(timeperiod.shift(1))).ordinal)

    def parent(self, timeperiod: Timeperiod, qualifier: Qualifier) -> Timeperiod:
        """Return the interval of a coarser (or the same) `qualifier` that encloses this one."""
        if timeperiod.qualifier is Qualifier.HOURLY and qualifier is Qualifier.DAILY:
            return Timeperiod(qualifier, timeperiod.ordinal // 24)
        return containing_utc(qualifier, start_utc(timeperiod))
