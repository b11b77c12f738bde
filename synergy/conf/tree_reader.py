"""Read the entry of a tree: what nests in it, whose clock it follows, where it begins and ends."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final

from synergy.conf.entry_reader import NO_HOURS, OPTIONAL_NAME, OPTIONAL_TEXT, EntryReader
from synergy.core import readers
from synergy.core.calendar import Calendar, reading
from synergy.core.closed import ClosedHours, in_zone
from synergy.core.deadline import ByClock
from synergy.core.records import ProcessName, Tree
from synergy.core.timeperiod import DAY_NAMES, WEEKS, Qualifier, Timeperiod
from synergy.core.zones import UTC_CALENDAR, name_of

_NO_NAMES: Final[tuple[str, ...]] = ()
_WEEK_START: Final = readers.optional(readers.one_of(day.lower() for day in DAY_NAMES))
_HOUR: Final = readers.optional(readers.hour)
#: Days of a zone begin up to a day before those of UTC, and the first of these is 1970-01-01.
_ZONE_START_MIN: Final = datetime(1970, 1, 2)  # noqa: DTZ001 - on the clock of any zone


class TreeReader(EntryReader):
    """Reads the entry of a tree."""

    def tree(self) -> Tree:
        """Return the tree, as well as it can be read."""
        calendar = self.calendar()
        start = self._read('start_timeperiod', _HOUR, None) or self._settings.start_timeperiod
        ends = (self._read('end_timeperiod', _HOUR, None), self._settings.end_timeperiod)
        begin = _instant(calendar, start)
        is_early = reading(calendar.zone, begin) < _ZONE_START_MIN
        if calendar is not UTC_CALENDAR and is_early:
            self._refuse(
                'start_timeperiod',
                f'it begins with {start}; a tree with a time_zone begins on 1970-01-02 or later',
            )
        return Tree(
            name=self._name('tree_name'),
            levels=tuple(
                map(ProcessName, self._read('enclosed_processes', readers.names, _NO_NAMES))
            ),
            dependent_on=self._read('dependent_on', readers.names, _NO_NAMES),
            start=begin,
            end=min((_instant(calendar, end) for end in ends if end is not None), default=None),
            zone=name_of(calendar.zone),
            mx_name=self._read('mx_name', OPTIONAL_TEXT, None),
            mx_page=self._read('mx_page', OPTIONAL_TEXT, None),
        )

    def calendar_name(self) -> str | None:
        """Return the name of the working calendar of its processes."""
        return self._read('calendar', OPTIONAL_NAME, None)

    def closed(self, zone: tzinfo) -> tuple[ClosedHours, ...]:
        """Return when nothing of its processes starts."""
        return tuple(
            in_zone(item, zone) for item in self._read('closed', readers.closed_hours, NO_HOURS)
        )

    def deadline(self) -> ByClock | None:
        """Return until when its processes are to be done that have no deadline of their own."""
        return self._read('deadline', readers.optional(readers.deadline), None)

    def refuse_deadline(self, problem: str) -> None:
        """Note what is wrong with it."""
        self._refuse('deadline', problem)

    def weeks(self) -> Qualifier | None:
        """Return the level of weeks that begin as the tree says, if it says anything."""
        day = self._read('week_start', _WEEK_START, None)
        return None if day is None else WEEKS[DAY_NAMES.index(day.capitalize())]

    def refuse_week_start(self) -> None:
        """Note that nothing in the tree has weeks."""
        self._refuse(
            'week_start',
            'it encloses no process with time_qualifier=QUALIFIER_WEEKLY; enclose one, or leave '
            'week_start out',
        )


def _instant(calendar: Calendar, hour: Timeperiod) -> datetime:
    """Return when an hour begins; the first of a date is the date itself, on the zone's clock."""
    day, number = divmod(hour.ordinal, 24)
    return calendar.start(hour if number else Timeperiod(Qualifier.DAILY, day))
