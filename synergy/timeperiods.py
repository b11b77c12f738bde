"""Names of intervals, for the code of workers: read, moved, nested, and as instants.

>>> from synergy.timeperiods import children, end, enclosing, parse, shift, start
>>> hour = parse('hourly', '2026112323')
>>> str(shift(hour, 1))
'2026112400'
>>> str(enclosing(hour, 'weekly'))
'2026112300'
>>> day = parse('daily', '2026032900')
>>> len(children(day, 'hourly')), len(children(day, 'hourly', zone='Europe/Berlin'))
(24, 23)
>>> print(start(day, zone='Europe/Berlin'), end(day, zone='Europe/Berlin'))
2026-03-28 23:00:00+00:00 2026-03-29 22:00:00+00:00

A level is given as in `context.py` (`QUALIFIER_DAILY`) or as people say it: `yearly`, `monthly`,
`weekly`, `weekly_sun`, `daily`, `hourly`, `minutely_15`; `real_time` names the second of a free
run. `str()` of an interval is its name, as in `uow.timeperiod`. zone: that of the tree, as in
`uow.time_zone`; where it does not matter it is not asked for.

Whatever cannot be meant raises TimeperiodError, which is a ValueError.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Final, TypeAlias

from synergy.core import timeperiod as named
from synergy.core.bounded import shortened
from synergy.core.calendar import Calendar
from synergy.core.nearest import nearest
from synergy.core.timeperiod import YEAR_MAX, YEAR_MIN, Qualifier, Timeperiod
from synergy.core.zones import UTC_ZONE, calendar_named

__all__ = [
    'Level',
    'Qualifier',
    'Timeperiod',
    'TimeperiodError',
    'children',
    'containing',
    'enclosing',
    'end',
    'parse',
    'shift',
    'start',
]

#: What a level may be given as.
Level: TypeAlias = Qualifier | str

_LEVEL_BY_TEXT: Final = {
    **{item.value.removeprefix('_'): item for item in Qualifier},
    **{item.value: item for item in Qualifier},
}


class TimeperiodError(ValueError):
    """There is no such interval; the message says of what, and what to give instead."""


def parse(level: Level, text: str) -> Timeperiod:
    """Return the interval of a level that is called `text`, as in `uow.timeperiod`.

    The level has to be said: `2026112300` is a day, its first hour, or a week.
    """
    qualifier = _qualifier(level)
    if not isinstance(text, str):
        raise TimeperiodError(
            f'{shortened(text)} is not the name of an interval; give a text, as in 2026112309'
        )
    try:
        return named.parse(qualifier, text)
    except ValueError as error:
        message = str(error)
        raise TimeperiodError(message.replace(repr(text), shortened(text), 1)) from error


def containing(level: Level, instant: datetime, *, zone: str = UTC_ZONE) -> Timeperiod:
    """Return the interval of a level in which an aware `instant` lies."""
    qualifier, calendar = _qualifier(level), _calendar(zone)
    if not isinstance(instant, datetime) or instant.utcoffset() is None:
        raise TimeperiodError(
            f'{shortened(instant)} is not an instant; give a datetime with its zone, as in '
            'datetime.now(UTC)'
        )
    return _within(calendar.containing(qualifier, instant))


def shift(timeperiod: Timeperiod, count: int) -> Timeperiod:
    """Return the interval `count` places later, earlier when negative."""
    if not isinstance(count, int):
        raise TimeperiodError(
            f'an interval is shifted by a whole number of places, not by {shortened(count)}'
        )
    return _within(_checked(timeperiod).shift(count))


def enclosing(timeperiod: Timeperiod, level: Level, *, zone: str = UTC_ZONE) -> Timeperiod:
    """Return the interval of a coarser level in which this one lies; of its own level, itself.

    Months and years are not made of whole weeks, so no week lies in one: that is refused.
    """
    inner, outer = _checked(timeperiod), _qualifier(level)
    _check_nesting(outer, inner.qualifier)
    return _within(_calendar(zone).parent(inner, outer))


def children(timeperiod: Timeperiod, level: Level, *, zone: str = UTC_ZONE) -> list[Timeperiod]:
    """Return the intervals of a finer level that make up this one, in order of time.

    Each part of it lies in exactly one of them: a day in which clocks change has 23 or 25 hours,
    and one that a zone has skipped has none. Of its own level there is itself.
    """
    outer, inner = _checked(timeperiod), _qualifier(level)
    if inner is outer.qualifier:
        return [outer]
    _check_nesting(outer.qualifier, inner)
    if inner is Qualifier.REAL_TIME:
        raise TimeperiodError(
            f'{outer} is not cut into seconds, which name free runs; choose a level of minutes'
        )
    ordinals = _calendar(zone).children(outer, inner)
    for ordinal in ordinals[:1], ordinals[-1:]:
        for found in ordinal:
            _within(Timeperiod(inner, found))
    return [Timeperiod(inner, ordinal) for ordinal in ordinals]


def start(timeperiod: Timeperiod, *, zone: str = UTC_ZONE) -> datetime:
    """Return the first instant of an interval, aware UTC."""
    return _calendar(zone).start(_checked(timeperiod))


def end(timeperiod: Timeperiod, *, zone: str = UTC_ZONE) -> datetime:
    """Return the first instant after an interval, aware UTC."""
    return _calendar(zone).end(_checked(timeperiod))


def _qualifier(level: Level) -> Qualifier:
    found = _LEVEL_BY_TEXT.get(level) if isinstance(level, str) else None
    if found is None:
        known = [item.value.removeprefix('_') for item in Qualifier]
        meant = nearest(level, known) if isinstance(level, str) else ''
        raise TimeperiodError(
            f'{shortened(level)} is not a level{meant}; there are {", ".join(known)}'
        )
    return found


def _calendar(zone: str) -> Calendar:
    if not isinstance(zone, str):
        raise TimeperiodError(
            f'{shortened(zone)} is not the name of a time zone; give a text, as in uow.time_zone'
        )
    try:
        return calendar_named(zone)
    except ValueError as error:
        raise TimeperiodError(str(error)) from error


def _checked(timeperiod: Timeperiod) -> Timeperiod:
    if not isinstance(timeperiod, Timeperiod):
        raise TimeperiodError(
            f'{shortened(timeperiod)} is not an interval; read a name with parse(level, name) first'
        )
    return _within(timeperiod)


def _check_nesting(outer: Qualifier, inner: Qualifier) -> None:
    if outer is not inner and not outer.holds(inner):
        raise TimeperiodError(
            f'no {inner.noun} lies in one {outer.noun}: {outer.word} intervals are not made of '
            f'whole {inner.word} ones; choose another level, or containing(level, start(...))'
        )


def _within(found: Timeperiod) -> Timeperiod:
    if not 0 <= found.ordinal <= _last(found.qualifier):
        raise TimeperiodError(
            f'the {found.qualifier.noun} that is meant lies outside the years '
            f'{YEAR_MIN} to {YEAR_MAX}; choose another one'
        )
    return found


@cache
def _last(qualifier: Qualifier) -> int:
    """Return the ordinal of the last interval that has a name."""
    last = named.parse(Qualifier.REAL_TIME, f'{YEAR_MAX}1231235959')
    return named.containing_utc(qualifier, named.start_utc(last)).ordinal
