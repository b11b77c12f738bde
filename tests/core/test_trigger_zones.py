"""Triggers by the clock of a zone, against an oracle that watches the clock minute by minute."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from synergy.core.calendar import first_at
from synergy.core.trigger import At, Cron, Every, Trigger, bare, followed, parse_trigger
from synergy.core.zones import UTC_CALENDAR, calendar_named, changes, zone_named

MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: With changes both ways, of a whole hour, half of one and a day, at midnight, and of odd minutes.
ODD_ZONES = (
    'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia',
    'America/Havana', 'Africa/Casablanca', 'Antarctica/Troll', 'America/St_Johns',
    'Pacific/Chatham', 'Africa/Monrovia', 'America/Sao_Paulo', 'Asia/Gaza', 'Pacific/Kwajalein',
)  # fmt: skip


def fires_seen(
    trigger: Trigger, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[datetime]:
    """Yield the minutes in [start, end) at which a clock reads a wanted time, or more, first.

    Looks at each minute of the clock that has never been read before.
    """
    wanted = wanted_minutes(trigger)
    latest = max(local(zone, start - timedelta(minutes=back)) for back in range(1, 26 * 60))
    at = start
    while at < end:
        now = local(zone, at)
        if now > latest:
            passed = (latest + MINUTE * number for number in range(1, (now - latest) // MINUTE + 1))
            if any(wanted(minute) for minute in passed):
                yield at
            latest = now
        at += MINUTE


def wanted_minutes(trigger: Trigger) -> Callable[[datetime], bool]:
    if isinstance(trigger, At):
        minutes = set(trigger.minutes)
        return lambda at: at.weekday() * 1440 + at.hour * 60 + at.minute in minutes
    assert isinstance(trigger, Cron)
    minute, hour, _, _, _ = trigger.expression.split()
    return lambda at: matches(minute, at.minute) and matches(hour, at.hour)


def matches(field: str, number: int) -> bool:
    if field.startswith('*/'):
        return number % int(field[2:]) == 0
    return field == '*' or number == int(field)


def local(zone: ZoneInfo, instant: datetime) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def some_trigger(draw: random.Random, zone: str) -> Trigger:
    hour, minute = draw.choice((0, 1, 2, 3, draw.randrange(24))), draw.choice((0, 15, 30, 59))
    text = draw.choice(
        (
            f'at {hour}:{minute:02d}',
            f'at {draw.randrange(7)}-{hour}:{minute:02d}, 02:30, 00:00',
            f'cron {minute} {hour} * * *',
            f'cron */{draw.choice((15, 20, 30))} * * * *',
            f'cron {minute} */{draw.choice((2, 3, 6))} * * *',
        )
    )
    return parse_trigger(f'{text} {zone}')


def windows(zone: str, draw: random.Random, count: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield some stretches of days around changes of a clock, and one without any."""
    yield EPOCH + timedelta(days=9000), EPOCH + timedelta(days=9002)
    found = all_changes(ZoneInfo(zone), 365 * 90)
    for change in draw.sample(found, min(count, len(found))):
        start = change.replace(second=0) - timedelta(hours=draw.randrange(3, 30))
        yield start, start + timedelta(hours=40)


def all_changes(zone: ZoneInfo, day_count: int) -> list[datetime]:
    """Return when a clock is changed; it is looked twice a day only where five days change it."""
    found: list[datetime] = []
    start = EPOCH + timedelta(days=2)
    while start < EPOCH + timedelta(days=day_count):
        until = start + timedelta(days=5)
        if start.astimezone(zone).utcoffset() != until.astimezone(zone).utcoffset():
            found += changes(zone, start, until)
        start = until
    return found


@pytest.mark.parametrize(
    'name', [*ODD_ZONES, *random.Random(15).sample(sorted(available_timezones()), 16)]
)
def test_fires_are_those_that_somebody_sees_who_watches_the_clock(name: str) -> None:
    draw = random.Random(name)
    zone = zone_named(name) if name not in ('Factory', 'localtime', 'posixrules') else UTC
    if not isinstance(zone, ZoneInfo):
        return
    for start, end in windows(name, draw, 2):
        if local(zone, start).second:
            continue  # Before a whole minute was agreed on, minutes of UTC see none of the clock.
        trigger = some_trigger(draw, name)
        assert isinstance(trigger, At | Cron)
        seen = list(fires_seen(trigger, zone, start, end))

        told, at = [], start - timedelta(microseconds=1)
        while (at := trigger.next_fire(at)) < end:
            told.append(at)
        assert told == seen, (name, str(trigger), start)
        for _ in range(20):
            until = start + (end - start) * draw.random()
            before = [fire for fire in seen if fire <= until]
            if before:
                assert trigger.last_fire(until) == before[-1], (name, str(trigger), until)
                assert trigger.last_fire(before[-1]) == before[-1]


def test_a_time_in_the_gap_fires_at_its_end_and_one_that_comes_twice_once() -> None:
    trigger = parse_trigger('at 02:30 Europe/Berlin')
    fires: list[datetime] = []
    at = datetime(2026, 3, 27, 12, tzinfo=UTC)
    while len(fires) < 3:
        at = trigger.next_fire(at)
        fires.append(at)
    assert [f'{fire:%d %H:%M}' for fire in fires] == ['28 01:30', '29 01:00', '30 00:30']

    fires = []
    at = datetime(2026, 10, 24, 12, tzinfo=UTC)
    while len(fires) < 2:
        at = trigger.next_fire(at)
        fires.append(at)
    assert [f'{fire:%d %H:%M}' for fire in fires] == ['25 00:30', '26 01:30']


def test_a_length_of_time_knows_no_zone() -> None:
    every = Every(seconds=3600)

    assert followed(every, zone_named('Europe/Berlin'), 'site') is every
    assert bare(every) is every


def test_a_trigger_follows_its_tree_and_names_no_other_zone() -> None:
    berlin = zone_named('Europe/Berlin')
    plain, named = parse_trigger('at 07:30'), parse_trigger('at 07:30 Europe/Berlin')

    assert followed(plain, UTC, 'site') is plain
    assert followed(plain, berlin, 'site') == followed(named, berlin, 'site')
    assert str(followed(named, berlin, 'site')) == 'at 07:30'
    assert str(named) == 'at 07:30 Europe/Berlin'
    assert followed(followed(named, berlin, 'site'), berlin, 'site') == followed(plain, berlin, 's')
    assert bare(named) == plain
    for text, zone in (('at 07:30 UTC', berlin), ('cron 0 7 * * * Europe/Rome', berlin),
                       ('at 07:30 Europe/Berlin', UTC)):  # fmt: skip
        with pytest.raises(ValueError, match='give the later of its two times'):
            followed(parse_trigger(text), zone, 'site')


def test_a_zone_has_one_calendar() -> None:
    assert calendar_named('Asia/Tokyo') is calendar_named('Asia/Tokyo')
    for name in ('UTC', 'Etc/UTC', 'Zulu', 'GMT', 'Etc/GMT-0'):
        assert calendar_named(name) is UTC_CALENDAR
        assert zone_named(name) is UTC


def test_changes_of_a_clock_are_found_to_the_second() -> None:
    year = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))

    assert changes(UTC, *year) == []
    assert changes(zone_named('Europe/Berlin'), *year) == [
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
    ]


def test_a_time_on_a_day_that_is_skipped_is_when_the_next_one_begins() -> None:
    apia = zone_named('Pacific/Apia')

    assert first_at(apia, datetime(2011, 12, 30, 7)) == datetime(2011, 12, 30, 10, tzinfo=UTC)  # noqa: DTZ001
