"""Working calendars: days that count, and intervals that are left out because none of theirs does.

Such an interval is final from the start, without a run and without a row: nothing was to do. A
calendar is a value that whoever loads the context makes, from a library, a list or a file; the
core is given it. What it does not know (days after `until`) it takes for working days.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from synergy.core.calendar import Calendar
from synergy.core.structs import Struct
from synergy.core.timeperiod import Measure, Qualifier, Timeperiod

_WORKS: Final = 1
#: Intervals that are looked through for one that works: first a few; up to so many.
_LOOKED_AT: Final = 32
_LATER: Final = 30_000
_LATER_COARSE: Final = 100


class Source(Struct, frozen=True, kw_only=True):
    """What has told the days of a calendar, and until when it does.

    told: in words, as in `its list of dates`. until: ordinal of the first day of which it tells
    nothing. is_list: no later day works, as after the last date of a list; otherwise all do.
    """

    told: str
    until: int
    is_list: bool = False


class WorkingDays(Struct, frozen=True, kw_only=True):
    """Which days work, by date. first: ordinal of the day that `days` begins with, a byte each.

    source: of one that ends by itself; None: whoever made it knows all days but those after
    `until`.
    """

    name: str
    first: int
    days: bytes
    source: Source | None = None

    @property
    def until(self) -> int:
        """Return the ordinal of the first day that is not known."""
        return self.first + len(self.days)

    @property
    def told_until(self) -> int:
        """Return the ordinal of the first day of which nothing has told."""
        return self.until if self.source is None else min(self.source.until, self.until)

    @property
    def version(self) -> str:
        """Return a hash of what it says."""
        said = f'{self.first} '.encode() + self.days
        return blake2b(said, digest_size=6).hexdigest()

    def works(self, day: int) -> bool:
        """Tell whether a day works, given by its ordinal."""
        position = day - self.first
        return not 0 <= position < len(self.days) or self.days[position] == _WORKS

    def is_any_working(self, days: range) -> bool:
        """Tell whether one of some days works."""
        if not days or days.start < self.first or days.stop > self.until:
            return any(map(self.works, days))
        return self.days.find(_WORKS, days.start - self.first, days.stop - self.first) >= 0

    def shifted(self, day: int, count: int) -> int:
        """Return the working day `count` places after a day, before it when negative.

        From a day that does not work, the first working one after it is one place away, and the
        last one before it is -1 place away.
        """
        working = _working(self)
        if day < self.first:
            place, is_working = day - self.first, True
        elif day >= self.until:
            place, is_working = len(working) + day - self.until, True
        else:
            place = bisect_left(working, day)
            is_working = self.works(day)
        place += count - (1 if count > 0 and not is_working else 0)
        if place < 0:
            return self.first + place
        if place < len(working):
            return working[place]
        return self.until + place - len(working)


@lru_cache(maxsize=64)
def _working(days: WorkingDays) -> Sequence[int]:
    return [days.first + at for at, works in enumerate(days.days) if works == _WORKS]


def left_out(
    calendar: Calendar, working: WorkingDays | None, qualifier: Qualifier, ordinals: range
) -> bytes:
    """Return a byte for each of some intervals of a level: 1 where it is left out.

    Of days and what is coarser: where no day of it works; of what is finer: where its day does not.
    A day that the clock of the zone has skipped is left out, too.
    """
    if working is None or not ordinals:
        return bytes(len(ordinals))
    if qualifier.measure is Measure.DAY:
        return bytes(not working.works(day) for day in ordinals)
    if qualifier.measure < Measure.DAY:
        return bytes(
            not working.is_any_working(
                calendar.children(Timeperiod(qualifier, ordinal), Qualifier.DAILY)
            )
            for ordinal in ordinals
        )
    found = bytearray(len(ordinals))
    first = calendar.parent(Timeperiod(qualifier, ordinals.start), Qualifier.DAILY)
    last = calendar.parent(Timeperiod(qualifier, ordinals.stop - 1), Qualifier.DAILY)
    for day in range(first.ordinal, last.ordinal + 1):
        if working.works(day):
            continue
        inside = calendar.children(Timeperiod(Qualifier.DAILY, day), qualifier)
        start = max(inside.start, ordinals.start) - ordinals.start
        stop = min(inside.stop, ordinals.stop) - ordinals.start
        found[start:stop] = b'\x01' * (stop - start)
    return bytes(found)


def first_working(
    calendar: Calendar, working: WorkingDays | None, qualifier: Qualifier, ordinal: int
) -> int:
    """Return the first interval of a level from `ordinal` on that is not left out.

    `ordinal` itself where all are for weeks of the finest level, decades of days, a century.
    """
    if working is None:
        return ordinal
    stop = ordinal + (_LATER_COARSE if qualifier.measure < Measure.DAY else _LATER)
    start, size = ordinal, _LOOKED_AT
    while start < stop:
        marks = left_out(calendar, working, qualifier, range(start, min(start + size, stop)))
        if (place := marks.find(0)) >= 0:
            return start + place
        start, size = start + len(marks), size * 2
    return ordinal
