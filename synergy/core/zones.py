"""Time zones by their names in the time zone database, and when their clocks first read a time.

The database is the one of the machine, or else the package `tzdata`; it is a table like that of the
months, and read once for each zone. Source: docs.python.org, zoneinfo.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from synergy.core.bounded import shortened
from synergy.core.calendar import Calendar, UtcCalendar, ZoneCalendar, first_at, reading
from synergy.core.nearest import nearest

#: The zone of a tree that names none.
UTC_ZONE: Final = 'UTC'
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_INSTANT: Final = timedelta(microseconds=1)
_NAME: Final = re.compile(r'[A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}')
_OFFSET: Final = re.compile(r'(?:[A-Za-z]{3})?[+-][0-9]{1,2}(?::?[0-9]{2})?')
#: What the database calls UTC, too. Source: its file `backward`.
_UTC_NAMES: Final = frozenset(
    f'{area}{name}'
    for area in ('', 'Etc/')
    for name in ('UTC', 'UCT', 'Universal', 'Zulu', 'GMT', 'GMT0', 'GMT+0', 'GMT-0', 'Greenwich')
)
#: Files beside the zones that are none: the machine's own time, and what has no time.
_NO_ZONES: Final = ('localtime', 'posixrules', 'Factory')
#: The one of all trees that name no zone.
UTC_CALENDAR: Final = UtcCalendar()


def zone_named(name: str) -> tzinfo:
    """Return the time zone that the database calls `name`; UTC for all names of UTC.

    Raises ValueError that names the nearest.
    """
    if name in _UTC_NAMES:
        return UTC
    found = _found(name) if _NAME.fullmatch(name) and name not in _NO_ZONES else None
    if found is None:
        raise ValueError(
            f'{shortened(name)} is not a time zone{_meant(name)}; give its name in the time zone '
            'database, as in Europe/Berlin, or UTC'
        )
    return found


def name_of(zone: tzinfo) -> str:
    """Return what the database calls a zone."""
    return zone.key if isinstance(zone, ZoneInfo) else UTC_ZONE


@cache
def calendar_named(name: str) -> Calendar:
    """Return the calendar of a zone, the same one each time; raise ValueError as `zone_named`."""
    zone = zone_named(name)
    return UTC_CALENDAR if zone is UTC else ZoneCalendar(zone)


def next_fire(zone: tzinfo, after: datetime, following: Callable[[datetime], datetime]) -> datetime:
    """Return the first instant later than `after` at which a clock first reads a wanted time.

    following: of a local time the next wanted one, later than it.
    """
    local = reading(zone, after)
    while True:
        local = following(local)
        if (instant := first_at(zone, local)) > after:
            return instant


def last_fire(zone: tzinfo, until: datetime, preceding: Callable[[datetime], datetime]) -> datetime:
    """Return the last instant not later than `until` at which a clock first reads a wanted time.

    preceding: of a local time the last wanted one, not later than it.
    """
    here = until.astimezone(zone)
    # In a time that comes twice the clock has read more than it reads.
    ahead = here.replace(fold=0).utcoffset(), here.utcoffset()
    assert ahead[0] is not None
    assert ahead[1] is not None
    local = here.replace(tzinfo=None, fold=0) + max(ahead[0] - ahead[1], timedelta())
    while True:
        local = preceding(local)
        if (instant := first_at(zone, local)) <= until:
            return instant
        local -= _INSTANT


def changes(zone: tzinfo, start: datetime, end: datetime) -> list[datetime]:
    """Return when a clock is changed in [start, end); it is looked at twice a day."""
    found: list[datetime] = []
    if zone is UTC:
        return found
    step = timedelta(hours=12)
    offset = _offset(zone, start)
    while start < end:
        until = min(start + step, end)
        offset, before = _offset(zone, until), offset
        if offset != before:
            found.append(_changed(zone, start, until))
        start = until
    return found


def _changed(zone: tzinfo, start: datetime, end: datetime) -> datetime:
    low, high = (start - _EPOCH) // _SECOND, -((_EPOCH - end) // _SECOND)
    before = _offset(zone, start)
    while low + 1 < high:
        middle = (low + high) // 2
        if _offset(zone, _EPOCH + timedelta(seconds=middle)) == before:
            low = middle
        else:
            high = middle
    return _EPOCH + timedelta(seconds=high)


def _offset(zone: tzinfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


@cache
def _found(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        # A folder of the database, a name too long, or none that it has.
        return None


@cache
def _known() -> list[str]:
    return sorted(available_timezones().difference(_NO_ZONES))


def _meant(name: str) -> str:
    if _OFFSET.fullmatch(name):
        return ', but an offset that says nothing of changes of the clock'
    known = _known()
    last = name.rpartition('/')[2].replace(' ', '_').lower()
    places = [item for item in known if item.rpartition('/')[2].lower() == last]
    if len(places) == 1 or len({item.lower() for item in places}) == 1:
        return f' (did you mean {places[0]!r}?)'
    if places:
        return f' (did you mean {" or ".join(repr(item) for item in places[:3])}?)'
    return nearest(name, known)
