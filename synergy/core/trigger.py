"""When a process is looked at: `every 15 min`, `at [Mon,Tue-]HH:MM, ...`, `cron ...`.

Times are those of a clock: of UTC, of the tree, or of the zone that is named behind them. Each
fires when that clock first reads it or more: in a gap at its end, in a doubled hour once.

Fires of `every N` are counted from the epoch, not from a start: two schedulers agree on them, and
a slow fire does not make the next ones drift. Source of the grammar: trigger strings of Synergy 2.x
(a number of seconds; days 0-6 with 0 = Monday, or `*`), to which units and names of days are added.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, TypeAlias

from cronsim import CronSim, CronSimError

from synergy.core import zones
from synergy.core.late_pattern import late_pattern
from synergy.core.structs import Struct, replace

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = ('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')
_DAY_BY_NAME: Final = {name: number for number, day in enumerate(_DAYS) for name in (day[:3], day)}
#: Longest text of a trigger: every half hour of one day, at its time.
TEXT_LENGTH_MAX: Final = 1000
#: Thousands of free runs have few sorts of triggers.
_TRIGGERS_KEPT: Final = 4096
_SECONDS_BY_UNIT: Final = {
    word: seconds
    for seconds, words in (
        (1, 's sec secs second seconds'),
        (60, 'm min mins minute minutes'),
        (3600, 'h hr hrs hour hours'),
        (86400, 'd day days'),
    )
    for word in words.split()
}
#: A length of time is a sum: `1h 30 min`. A number alone counts seconds; a unit alone is one of it.
_LENGTH: Final = late_pattern(r'([0-9]{1,9})?\s*([a-z]+)?\s*')
SECONDS_MAX: Final = 999_999_999
_DAY: Final = r'[0-9A-Za-z*]+'
_TIME: Final = late_pattern(rf'(?:({_DAY})(?:-({_DAY}))?(?:-|\s+))?([0-9]{{1,2}}):([0-9]{{2}})')
_DAYS_ALONE: Final = late_pattern(rf'({_DAY})(?:-({_DAY}))?')
#: What follows a time, or five fields of cron, where people write a zone.
_ZONE: Final = late_pattern(r'(.*\S)\s+([A-Za-z][A-Za-z0-9_/+:-]*|[+-][0-9]{1,2}(?::?[0-9]{2})?)')
_TIME_LAST: Final = late_pattern(r'at\b.*[0-9]:[0-9]{2}')
_UTC_OFFSETS: Final = ('+00:00', '+0000')
_GRAMMAR: Final = (
    "expected 'every 15 min' (or s, h, d; a number alone is seconds), 'at [DAYS-]HH:MM, ...' as in "
    "'at Mon,Tue-07:30' with DAY Mon-Sun, 0-6 or *, or 'cron MINUTE HOUR DAY MONTH WEEKDAY'"
)


class Every(Struct, frozen=True, kw_only=True):
    """Fire at each whole multiple of `seconds` since the epoch."""

    seconds: int

    def next_fire(self, after: datetime) -> datetime:
        """Return the first fire later than `after`."""
        period = timedelta(seconds=self.seconds)
        return _EPOCH + ((after - _EPOCH) // period + 1) * period

    def __str__(self) -> str:
        """Return the trigger string."""
        return f'every {self.seconds}'


class At(Struct, frozen=True, kw_only=True):
    """Fire at given minutes of the week.

    minutes: sorted, distinct, each 0..10079 counted from Monday 00:00. text: as written, without a
    zone. zone: whose clock; None is UTC. is_zone_said: it belongs to the text.
    """

    minutes: tuple[int, ...]
    text: str
    zone: tzinfo | None = None
    is_zone_said: bool = False

    def next_fire(self, after: datetime) -> datetime:
        """Return the first fire later than `after`."""
        if self.zone is None:
            return self._next(after.astimezone(UTC))
        return zones.next_fire(self.zone, after, self._next)

    def last_fire(self, until: datetime) -> datetime:
        """Return the last fire not later than `until`."""
        if self.zone is None:
            return self._last(until.astimezone(UTC))
        return zones.last_fire(self.zone, until, self._last)

    def _next(self, after: datetime) -> datetime:
        monday = _monday_before(after)
        for minute in self.minutes:
            fire = monday + timedelta(minutes=minute)
            if fire > after:
                return fire
        return monday + timedelta(days=7, minutes=self.minutes[0])

    def _last(self, until: datetime) -> datetime:
        monday = _monday_before(until)
        for minute in reversed(self.minutes):
            fire = monday + timedelta(minutes=minute)
            if fire <= until:
                return fire
        return monday - timedelta(days=7) + timedelta(minutes=self.minutes[-1])

    def __str__(self) -> str:
        """Return the trigger string."""
        return f'{self.text}{_zone_text(self)}'


class Cron(Struct, frozen=True, kw_only=True):
    """Fire as a five-field cron expression says. Source: crontab(5).

    zone: whose clock; None is UTC. is_zone_said: it belongs to the text.
    """

    expression: str
    zone: tzinfo | None = None
    is_zone_said: bool = False

    def next_fire(self, after: datetime) -> datetime:
        """Return the first fire later than `after`."""
        if self.zone is None:
            return self._next(after.astimezone(UTC))
        return zones.next_fire(self.zone, after, self._next)

    def last_fire(self, until: datetime) -> datetime:
        """Return the last fire not later than `until`."""
        if self.zone is None:
            return self._last(until.astimezone(UTC))
        return zones.last_fire(self.zone, until, self._last)

    def _next(self, after: datetime) -> datetime:
        return next(CronSim(self.expression, after))

    def _last(self, until: datetime) -> datetime:
        return next(CronSim(self.expression, until + timedelta(microseconds=1), reverse=True))

    def __str__(self) -> str:
        """Return the trigger string."""
        return f'cron {self.expression}{_zone_text(self)}'


Trigger: TypeAlias = Every | At | Cron


@lru_cache(maxsize=_TRIGGERS_KEPT)
def parse_trigger(text: str) -> Trigger:
    """Return the trigger that `text` spells; raise ValueError, saying what is wrong, if none.

    A zone behind it is kept: whether it may stand there, `followed` says.
    """
    if len(text) > TEXT_LENGTH_MAX:
        raise ValueError(f'the trigger has {len(text)} characters; at most {TEXT_LENGTH_MAX}')
    stripped, zone = _parted(text.strip(), text)
    found = _parse_plain(stripped, text)
    if zone is None or isinstance(found, Every):
        return found
    return replace(found, zone=zone, is_zone_said=zone is not UTC)


def followed(trigger: Trigger, zone: tzinfo, tree: str) -> Trigger:
    """Return a trigger that follows the clock of a tree; raise ValueError if it names another one.

    zone: that of the tree. A length of time is the same everywhere.
    """
    if isinstance(trigger, Every):
        return trigger
    if trigger.zone is not None and zones.name_of(trigger.zone) != zones.name_of(zone):
        raise ValueError(_other_zone(trigger, trigger.zone, zone, tree))
    own = None if zone is UTC else zone
    if trigger.zone is own and not trigger.is_zone_said:
        return trigger
    return replace(trigger, zone=own, is_zone_said=False)


def bare(trigger: Trigger) -> Trigger:
    """Return a trigger without the zone that it follows, as it is kept."""
    if isinstance(trigger, Every):
        return trigger
    return replace(trigger, zone=None, is_zone_said=False)


def _other_zone(trigger: At | Cron, said: tzinfo, zone: tzinfo, tree: str) -> str:
    name, own = zones.name_of(said), zones.name_of(zone)
    return (
        f'trigger {f"{bare(trigger)} {name}"!r} names the zone {name!r}, and times of triggers in '
        f'tree {tree!r} are {own}; write the time in {own} and leave the zone out, or give the '
        f'tree time_zone={name!r}. Where clocks change, a time of another zone is an hour off for '
        'a part of the year: give the later of its two times so that nothing starts too early'
    )


def _zone_text(trigger: At | Cron) -> str:
    if trigger.zone is None or not trigger.is_zone_said:
        return ''
    return f' {zones.name_of(trigger.zone)}'


def _parse_plain(stripped: str, text: str) -> Trigger:
    kind, *rest = stripped.split(maxsplit=1)[:2] or ['']
    match kind, rest:
        case 'every', [length]:
            return _parse_every(length, text)
        case 'at', [times]:
            return At(minutes=tuple(sorted(set(_minutes_of_week(times, text)))), text=stripped)
        case 'cron', _:
            return _parse_cron(' '.join(rest), text)
        case _:
            raise ValueError(f'trigger {text!r} cannot be read; {_GRAMMAR}')


def _parted(stripped: str, text: str) -> tuple[str, tzinfo | None]:
    """Return a trigger without the zone behind it, and that zone."""
    match = _ZONE.fullmatch(stripped)
    is_time = match is not None and (
        _TIME_LAST.fullmatch(match[1]) is not None
        or (stripped.startswith('cron') and len(match[1].split()) > 5)
    )
    if match is None or not is_time or match[2].lower() in _DAY_BY_NAME:
        return stripped, None
    if match[2] in _UTC_OFFSETS:
        return match[1], UTC
    try:
        return match[1], zones.zone_named(match[2])
    except ValueError as error:
        raise ValueError(f'trigger {text!r} names the zone {match[2]!r}: {error}') from error


def _parse_every(length: str, text: str) -> Every:
    seconds, at = 0, 0
    lower = length.lower()
    while at < len(lower):
        match = _LENGTH.match(lower, at)
        unit = None if match is None else match[2]
        if match is None or match.end() == at or unit not in (None, *_SECONDS_BY_UNIT):
            raise ValueError(f'trigger {text!r} cannot be read; {_GRAMMAR}')
        if unit is None and (at > 0 or match.end() < len(lower)):
            raise ValueError(
                f'trigger {text!r} has a number without its unit; give it, as in every 1h 30 min'
            )
        seconds += int(match[1] or 1) * _SECONDS_BY_UNIT[unit or 's']
        at = match.end()
    if seconds == 0:
        raise ValueError(f'trigger {text!r} would fire without pause; give 1 second or more')
    if seconds > SECONDS_MAX:
        raise ValueError(f'trigger {text!r} is too long; give at most {SECONDS_MAX:,} seconds')
    return Every(seconds=seconds)


def _parse_cron(expression: str, text: str) -> Cron:
    if len(expression.split()) != 5:
        raise ValueError(
            f'trigger {text!r} has {len(expression.split())} cron fields; give five: minute, hour, '
            'day of month, month, day of week'
        )
    try:
        next(CronSim(expression, _EPOCH))
    except CronSimError as error:
        raise ValueError(
            f'trigger {text!r} is not a cron expression ({error}); correct it'
        ) from error
    except StopIteration:
        raise ValueError(f'trigger {text!r} never fires; correct its day and month') from None
    return Cron(expression=expression)


def _minutes_of_week(times: str, text: str) -> Iterator[int]:
    """Yield the minutes of the week that times, separated by commas, mean."""
    days: list[int] = []
    parts = [part.strip() for part in times.split(',')]
    for part in parts:
        match = _TIME.fullmatch(part)
        if match is None:
            if (alone := _DAYS_ALONE.fullmatch(part)) is None or part is parts[-1]:
                raise ValueError(f'time {part!r} of trigger {text!r} cannot be read; {_GRAMMAR}')
            # Days that share the time of the one that follows, as in Mon,Tue-07:30.
            days += _days(alone[1], alone[2], part, text)
            continue
        if days and match[1] is None:
            raise ValueError(
                f'time {part!r} of trigger {text!r} may be of every day or of the days before it; '
                'write the day with it, as in Mon,Tue-07:30'
            )
        hour, minute = int(match[3]), int(match[4])
        if hour > 23 or minute > 59:
            raise ValueError(
                f'time {part!r} of trigger {text!r} is not a time of day; use 00:00-23:59'
            )
        days += _days(match[1] or '*', match[2], part, text)
        yield from (day * 1440 + hour * 60 + minute for day in days)
        days = []


def _days(first: str, last: str | None, time: str, text: str) -> list[int]:
    """Return the days of the week, 0 = Monday, from `first` to `last`, which may come round."""
    if first == '*' and last is None:
        return list(range(7))
    begin = _day(first, time, text)
    count = 0 if last is None else (_day(last, time, text) - begin) % 7
    return [(begin + at) % 7 for at in range(count + 1)]


def _day(day: str, time: str, text: str) -> int:
    number = _DAY_BY_NAME.get(day.lower(), int(day) if day.isdecimal() else 7)
    if number > 6:
        raise ValueError(
            f'day {day!r} in {time!r} of trigger {text!r} is unknown; use Mon-Sun, 0-6 or *'
        )
    return number


def _monday_before(instant: datetime) -> datetime:
    midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())
