"""When a process is looked at: `every N` seconds, `at [Day-]HH:MM, ...`, or `cron ...`; in UTC.

Fires of `every N` are counted from the epoch, not from a start: two schedulers agree on them, and
a slow fire does not make the next ones drift. Source of the grammar: trigger strings of Synergy 2.x
(days 0-6 with 0 = Monday, or `*`), to which names of days are added.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from cronsim import CronSim, CronSimError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_BY_NAME: Final = {
    name: day for day, name in enumerate(('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'))
}
#: Longest text of a trigger: every half hour of one day, at its time.
TEXT_LENGTH_MAX: Final = 1000
_EVERY: Final = re.compile(r'every\s+([0-9]{1,9})')
_TIME: Final = re.compile(r'(?:([0-9A-Za-z*]+)-)?([0-9]{1,2}):([0-9]{2})')
_GRAMMAR: Final = (
    "expected 'every SECONDS', 'at [DAY-]HH:MM, ...' with DAY Mon-Sun, 0-6 or *, "
    "or 'cron MINUTE HOUR DAY MONTH WEEKDAY'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """Fire at each whole multiple of `seconds` since the epoch."""

    seconds: int

    def next_fire(self, after: datetime) -> datetime:
        """Return the first fire later than `after`."""
        period = timedelta(seconds=self.seconds)
        return _EPOCH + ((after - _EPOCH) // period + 1) * period

    def __str__(self) -> str:
        """Return the trigger string."""
        return f'every {self.seconds}'


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Fire at given minutes of the week, UTC.

    minutes: sorted, distinct, each 0..10079 counted from Monday 00:00. text: as written.
    """

    minutes: tuple[int, ...]
    text: str

    def next_fire(self, after: datetime) -> datetime:
        """Return the first fire later than `after`."""
        monday = _monday_before(after)
        for minute in self.minutes:
            fire = monday + timedelta(minutes=minute)
            if fire > after:
                return fire
        return monday + timedelta(days=7, minutes=self.minutes[0])

    def last_fire(self, until: datetime) -> datetime:
        """Return the last fire not later than `until`."""
        monday = _monday_before(until)
        for minute in reversed(self.minutes):
            fire = monday + timedelta(minutes=minute)
            if fire <= until:
                return fire
        return monday - timedelta(days=7) + timedelta(minutes=self.minutes[-1])

    def __str__(self) -> str:
        """Return the trigger string."""
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Fire as a five-field cron expression says, in UTC. Source: crontab(5)."""

    expression: str

    def next_fire(self, after: datetime) -> datetime:
        """Return the first fire later than `after`."""
        return next(CronSim(self.expression, after.astimezone(UTC)))

    def last_fire(self, until: datetime) -> datetime:
        """Return the last fire not later than `until`."""
        later = until.astimezone(UTC) + timedelta(microseconds=1)
        return next(CronSim(self.expression, later, reverse=True))

    def __str__(self) -> str:
        """Return the trigger string."""
        return f'cron {self.expression}'


Trigger: TypeAlias = Every | At | Cron


def parse_trigger(text: str) -> Trigger:
    """Return the trigger that `text` spells; raise ValueError, saying what is wrong, if none."""
    if len(text) > TEXT_LENGTH_MAX:
        raise ValueError(f'the trigger has {len(text)} characters; at most {TEXT_LENGTH_MAX}')
    stripped = text.strip()
    if match := _EVERY.fullmatch(stripped):
        seconds = int(match[1])
        if seconds == 0:
            raise ValueError(f'trigger {text!r} would fire without pause; give 1 second or more')
        return Every(seconds=seconds)
    kind, _, times = stripped.partition(' ')
    if kind == 'cron':
        return _parse_cron(times.strip(), text)
    if kind != 'at' or not times.strip():
        raise ValueError(f'trigger {text!r} cannot be read; {_GRAMMAR}')
    minutes = {minute for time in times.split(',') for minute in _minutes_of_week(time, text)}
    return At(minutes=tuple(sorted(minutes)), text=stripped)


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


def _minutes_of_week(time: str, text: str) -> list[int]:
    match = _TIME.fullmatch(time.strip())
    if match is None:
        raise ValueError(f'time {time.strip()!r} of trigger {text!r} cannot be read; {_GRAMMAR}')
    hour, minute = int(match[2]), int(match[3])
    if hour > 23 or minute > 59:
        raise ValueError(
            f'time {time.strip()!r} of trigger {text!r} is not a time of day; use 00:00-23:59'
        )
    return [day * 1440 + hour * 60 + minute for day in _days(match[1] or '*', time.strip(), text)]


def _days(day: str, time: str, text: str) -> range:
    if day == '*':
        return range(7)
    number = _DAY_BY_NAME.get(day.lower(), int(day) if day.isdecimal() else 7)
    if number > 6:
        raise ValueError(
            f'day {day!r} in {time!r} of trigger {text!r} is unknown; use Mon-Sun, 0-6 or *'
        )
    return range(number, number + 1)


def _monday_before(instant: datetime) -> datetime:
    midnight = instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())
