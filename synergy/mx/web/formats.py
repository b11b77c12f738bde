"""Instants, spans and numbers as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from synergy.core.calendar import Calendar, UtcCalendar
from synergy.core.timeperiod import Measure, Timeperiod
from synergy.view.clock import title as titled
from synergy.view.words import ago as ago  # Of pages, too.
from synergy.view.words import span as span
from synergy.view.words import unmatched

_UTC_CALENDAR: Final = UtcCalendar()
_DIGITS_BY_MEASURE: Final = {Measure.YEAR: 4, Measure.MONTH: 6, Measure.WEEK: 8, Measure.DAY: 8}


def stamp(instant: datetime | None, now: datetime) -> str:
    """Return an instant, with the day only where it is another one than today."""
    if instant is None:
        return ''
    if instant.date() == now.date():
        return f'{instant:%H:%M:%S}'
    if instant.year == now.year:
        return f'{instant:%d %b %H:%M:%S}'
    return f'{instant:%d %b %Y %H:%M}'


def instant(at: datetime | None) -> str:
    """Return an instant in full."""
    return '' if at is None else f'{at:%Y-%m-%d %H:%M:%S}'


def size(count: int) -> str:
    """Return a number of bytes: `84 MB`."""
    for unit, step in (('GB', 1e9), ('MB', 1e6), ('kB', 1e3)):
        if count >= step:
            return f'{count / step:.{1 if count < 10 * step else 0}f} {unit}'
    return f'{count} B'


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number of things: `1 interval`, `12,345 intervals`."""
    return f'{count:,} {noun if count == 1 else plural or noun + "s"}'


def fires(trigger: object) -> str:
    """Return a trigger as people read it: with its unit, `every 60 s`, `every 15 min`."""
    text = str(trigger)
    number = text.removeprefix('every ')
    if not number.isdecimal():
        return text
    seconds = int(number)
    for unit, length in (('d', 86400), ('h', 3600), ('min', 60)):
        if seconds > 60 and seconds % length == 0:
            return f'every {seconds // length} {unit}'
    return f'every {seconds} s'


def title(timeperiod: Timeperiod, calendar: Calendar = _UTC_CALENDAR) -> str:
    """Return an interval as people say it, on the clock of its tree: `Tue 15 October, 09:00`."""
    return titled(timeperiod, calendar)


def place(timeperiod: Timeperiod) -> str:
    """Return an interval as addresses have it whose reader does not know its level.

    Without zeros at its end, so that a day is not read as its first hour.
    """
    return str(timeperiod)[: _DIGITS_BY_MEASURE.get(timeperiod.qualifier.measure)]


def no_match(what: str, filters: Mapping[str, object]) -> str:
    """Return the sentence that filters leave nothing of a list; '' where none of them is set."""
    none = unmatched(what, filters)
    return '' if none is None else f'{none[0].upper()}{none[1:]}.'
