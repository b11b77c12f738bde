"""Closed hours: when nothing of a process may start, by a zone's clock or a calendar's days.

`Sun 02:00-04:00 Europe/Berlin`, `Mon-Fri 22:00-06:00`, `Sat,Sun`, `the calendar migration_days`,
`outside the calendar de 18:00-24:00`. What runs may end; what is due starts once they are over.

Times are read as triggers read them: hours begin, and end, when the clock first reads their time
or more. So in a gap they begin or end at its end, and a time that comes twice counts once. What a
calendar does not know (days before and after those it was asked for) is open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final

from synergy.core import zones
from synergy.core.calendar import first_at, reading
from synergy.core.structs import Struct, replace
from synergy.core.working import WorkingDays

_DAY: Final = timedelta(days=1)
_DAY_MINUTES: Final = 1440
_EPOCH_DAY: Final = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - on the clock of any zone
_NAMES: Final = ('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')
_DAY_BY_NAME: Final = {name: number for number, day in enumerate(_NAMES) for name in (day[:3], day)}
_ALL_DAYS: Final = frozenset(range(7))
#: What is closed for longer counts as closed for ever.
LOOKED_AHEAD: Final = timedelta(days=366)
#: Longest text, and most of one entry.
TEXT_LENGTH_MAX: Final = 200
COUNT_MAX: Final = 50
_TIMES: Final = re.compile(r'([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})')
_CALENDAR: Final = re.compile(r'(outside\s+)?the\s+calendar\s+(\S+)(.*)', re.IGNORECASE)
_GRAMMAR: Final = (
    "write '[DAYS] HH:MM-HH:MM [ZONE]' or 'DAYS [ZONE]', as in 'Sun 02:00-04:00 Europe/Berlin' or "
    "'Sat,Sun', or '[outside] the calendar NAME [HH:MM-HH:MM] [ZONE]'"
)


class ClosedHours(Struct, frozen=True, kw_only=True):
    """Hours of some days. text: as written; place: of what they are said.

    weekdays: 0 is Monday. is_zone_said: the text names its zone. begin, end: minutes since the day
    began, end later and at most two days.
    calendar: the name of the working calendar whose days are meant, or with is_outside those that
    it leaves out; working: that calendar, once it is known.
    """

    text: str
    weekdays: frozenset[int] = _ALL_DAYS
    begin: int = 0
    end: int = _DAY_MINUTES
    zone: tzinfo
    is_zone_said: bool = False
    calendar: str | None = None
    is_outside: bool = False
    working: WorkingDays | None = None
    place: str = ''

    def __str__(self) -> str:
        """Return what is closed, and of what that is said."""
        return f'{self.text}{self.place and f" ({self.place})"}'

    def span_of(self, day: datetime) -> tuple[datetime, datetime] | None:
        """Return [start, end) of the hours that begin on a day, a local midnight; None: none do."""
        if day.weekday() not in self.weekdays or not self._has(day.toordinal() - _EPOCH_DAY):
            return None
        start, end = (
            first_at(self.zone, day + timedelta(minutes=minutes))
            for minutes in (self.begin, self.end)
        )
        return (start, end) if start < end else None

    def spans(self, instant: datetime, days: int = 1) -> Iterator[tuple[datetime, datetime]]:
        """Yield the hours that may hold an instant, and those that begin up to `days` later."""
        midnight = reading(self.zone, instant).replace(hour=0, minute=0, second=0, microsecond=0)
        for number in range(-2, days + 1):
            if found := self.span_of(midnight + _DAY * number):
                yield found

    def until(self, instant: datetime) -> datetime | None:
        """Return when the hours end that an instant lies in; None: it lies in none."""
        return max(
            (end for start, end in self.spans(instant) if start <= instant < end), default=None
        )

    def _has(self, day: int) -> bool:
        if self.calendar is None:
            return True
        working = self.working
        if working is None or not working.first <= day < working.until:
            return False
        return working.works(day) is not self.is_outside


def closed_until(hours: Sequence[ClosedHours], now: datetime) -> datetime | None:
    """Return when what is closed now opens, adjoining hours taken together; None: it is open.

    Looks ahead for `LOOKED_AHEAD`, and no further.
    """
    until, last = now, now + LOOKED_AHEAD
    while until < last:
        further = max((end for item in hours if (end := item.until(until))), default=None)
        if further is None:
            break
        until = further
    return until if until > now else None


def next_change(hours: Sequence[ClosedHours], now: datetime) -> datetime:
    """Return an instant before which what is closed now stays closed, and what is open open."""
    bounds = (bound for item in hours for span in item.spans(now, days=2) for bound in span)
    return min((bound for bound in bounds if bound > now), default=now + _DAY)


def is_ever_open(hours: Sequence[ClosedHours], now: datetime) -> bool:
    """Tell whether there is an instant, within the next year, that lies in none of some hours."""
    until = closed_until(hours, now)
    return until is None or until < now + LOOKED_AHEAD


def parse(text: str, zone: tzinfo) -> ClosedHours:
    """Return the closed hours that a text means; the calendar that it names is yet to be found.

    zone: whose clock they follow unless they name one. Raises ValueError that says what to write.
    """
    stripped = ' '.join(text.split())
    if not stripped or len(stripped) > TEXT_LENGTH_MAX:
        raise ValueError(f'closed hours {text!r:.60} cannot be read; {_GRAMMAR}')
    calendar, is_outside, rest = None, False, stripped
    if match := _CALENDAR.fullmatch(stripped):
        is_outside, calendar, rest = match[1] is not None, match[2], match[3].strip()
    words = rest.split()
    days = _ALL_DAYS
    if words and calendar is None and not words[0][0].isdigit():
        days = _days(words.pop(0), text)
    times = _TIMES.fullmatch(words[0]) if words else None
    if times is not None:
        words.pop(0)
    if len(words) > 1 or (calendar is None and times is None and not words and days is _ALL_DAYS):
        raise ValueError(f'closed hours {text!r} cannot be read; {_GRAMMAR}')
    begin, end = (0, _DAY_MINUTES) if times is None else _minutes(times, text)
    is_zone_said = bool(words)
    if words:
        try:
            zone = zones.zone_named(words[0])
        except ValueError as error:
            raise ValueError(
                f'closed hours {text!r} name {words[0]!r} behind the days and times: {error}; '
                f'{_GRAMMAR}'
            ) from error
    return ClosedHours(
        text=stripped,
        weekdays=days,
        begin=begin,
        end=end,
        zone=zone,
        is_zone_said=is_zone_said,
        calendar=calendar,
        is_outside=is_outside,
    )


def in_zone(hours: ClosedHours, zone: tzinfo) -> ClosedHours:
    """Return closed hours by the clock of `zone`, unless they name one themselves."""
    return hours if hours.is_zone_said else replace(hours, zone=zone)


def _minutes(times: re.Match[str], text: str) -> tuple[int, int]:
    hour, minute, last_hour, last_minute = map(int, times.groups())
    begin, end = hour * 60 + minute, last_hour * 60 + last_minute
    if hour > 23 or max(minute, last_minute) > 59 or end > _DAY_MINUTES:
        raise ValueError(
            f'closed hours {text!r} have a time that is none; use 00:00 to 23:59, and 24:00 as '
            'their end'
        )
    if begin == end:
        raise ValueError(
            f'closed hours {text!r} end when they begin; leave the times out for whole days, or '
            'give another end'
        )
    # Over midnight.
    return begin, end if end > begin else end + _DAY_MINUTES


def _days(word: str, text: str) -> frozenset[int]:
    """Return the days of the week that a word names: `Sun`, `Mon-Fri`, `Sat,Sun`, `*`."""
    if word == '*':
        return frozenset(range(7))
    found: set[int] = set()
    for part in word.split(','):
        first, _, last = part.lower().partition('-')
        try:
            begin, end = _DAY_BY_NAME[first], _DAY_BY_NAME[last or first]
        except KeyError:
            raise ValueError(
                f'closed hours {text!r} begin with {word!r}, which are not days of the week; '
                f'{_GRAMMAR}'
            ) from None
        found.update((begin + number) % 7 for number in range((end - begin) % 7 + 1))
    return frozenset(found)
