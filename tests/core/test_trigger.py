"""Triggers: their strings and their fires."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from synergy.core.trigger import At, Cron, Every, parse_trigger

VECTORS = Path(__file__).parent.parent / 'vectors'
MICROSECOND = timedelta(microseconds=1)


def test_strings_are_read_as_recorded_and_nonsense_is_refused() -> None:
    refused_here = {'at 8-10:00', 'every -5'}  # Synergy 2.x lets these pass.
    for case in json.loads((VECTORS / 'trigger_strings.json').read_text())['cases']:
        text = case['in']
        if 'error' in case or text in refused_here:
            with pytest.raises(ValueError, match='trigger'):
                parse_trigger(text)
            continue
        trigger = parse_trigger(text)
        if case['out']['kind'] == 'every':
            assert trigger == Every(seconds=case['out']['seconds'])
        else:
            assert isinstance(trigger, At)
            assert trigger.minutes == tuple(sorted(_minutes(case['out']['times'])))


def _minutes(times: list[tuple[str, str]]) -> list[int]:
    return [
        weekday * 1440 + int(time[:2]) * 60 + int(time[3:])
        for day, time in times
        for weekday in (range(7) if day == '*' else [int(day)])
    ]


def test_next_fire_is_as_recorded() -> None:
    for case in json.loads((VECTORS / 'next_fire.json').read_text())['cases']:
        trigger = parse_trigger(f'at {case["in"]["day"]}-{case["in"]["time"]}')
        now = datetime.fromisoformat(case['in']['now']).replace(tzinfo=UTC)

        assert trigger.next_fire(now - MICROSECOND).isoformat()[:19] == case['out'], case


def test_names_of_days_are_the_numbers_of_days() -> None:
    assert parse_trigger('at Tue-17:00, fri-09:05') == At(
        minutes=(1440 + 17 * 60, 4 * 1440 + 9 * 60 + 5), text='at Tue-17:00, fri-09:05'
    )


@pytest.mark.parametrize('text', ['every 0', 'at 7-10:00', 'at Foo-10:00', 'at 10:60', 'at 10:00,'])
def test_impossible_trigger_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='trigger'):
        parse_trigger(text)


def test_last_fire_and_next_fire_enclose_any_instant() -> None:
    trigger = parse_trigger('at Mon-00:00, Wed-12:30')
    assert isinstance(trigger, At)

    for hour in range(0, 24 * 21, 5):
        instant = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour)
        last, following = trigger.last_fire(instant), trigger.next_fire(instant)

        assert last <= instant < following
        assert trigger.next_fire(last) == following


def test_every_does_not_drift_with_late_fires() -> None:
    trigger = Every(seconds=60)

    late = datetime(2026, 11, 23, 10, 0, 42, tzinfo=UTC)

    assert trigger.next_fire(late) == datetime(2026, 11, 23, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [
        ('every 90', 90),
        ('every 1h', 3600),
        ('every 15 min', 900),
        ('every 15min', 900),
        ('every 2 Hours', 7200),
        ('every 1h 30 min', 5400),
        ('every 1d', 86400),
        ('every hour', 3600),
        ('every  30s', 30),
    ],
)
def test_a_length_of_time_may_have_a_unit(text: str, seconds: int) -> None:
    trigger = parse_trigger(text)

    assert trigger == Every(seconds=seconds)
    assert parse_trigger(str(trigger)) == trigger


@pytest.mark.parametrize(
    ('text', 'same'),
    [
        ('at Mon,Tue-07:30', 'at Mon-07:30, Tue-07:30'),
        ('at Mon, Tue, *-23:00', 'at *-23:00'),
        ('at Mon-Fri-07:30', 'at 0-07:30, 1-07:30, 2-07:30, 3-07:30, 4-07:30'),
        ('at Mon-Fri 07:30', 'at 0-07:30, 1-07:30, 2-07:30, 3-07:30, 4-07:30'),
        ('at Sat-Mon,Wed-7:05', 'at 5-07:05, 6-07:05, 0-07:05, 2-07:05'),
        ('at Monday,5-07:30, 09:00', 'at 0-07:30, Sat-07:30, *-09:00'),
        ('at 07:30 UTC', 'at 07:30'),
        ('at Mon-07:30 +00:00', 'at Mon-07:30'),
        ('cron 30 7 * * 1-5 UTC', 'cron 30 7 * * 1-5'),
    ],
)
def test_days_may_share_a_time(text: str, same: str) -> None:
    trigger, expected = parse_trigger(text), parse_trigger(same)

    if isinstance(trigger, At):
        assert isinstance(expected, At)
        assert trigger.minutes == expected.minutes
        again = parse_trigger(str(trigger))
        assert isinstance(again, At)
        assert again.minutes == trigger.minutes
    else:
        assert isinstance(trigger, Cron)
        assert isinstance(expected, Cron)
        assert trigger.expression == expected.expression
    assert str(parse_trigger(str(trigger))) == str(trigger)
    start = datetime(2026, 3, 28, tzinfo=UTC)
    assert trigger.next_fire(start) == expected.next_fire(start)


@pytest.mark.parametrize(
    ('text', 'part'),
    [
        ('at 07:30 Europe/Berln', "(did you mean 'Europe/Berlin'?)"),
        ('at Mon-07:30 CEST', "names the zone 'CEST'"),
        ('at 07:30 +01:00', "names the zone '+01:00'"),
        ('at 07:30 +01:00', 'an offset that says nothing of changes of the clock'),
        ('at 07:30 America/Argentina/Ushuaya', "mean 'America/Argentina/Ushuaia'"),
        ('cron 30 7 * * * Europe/Berln', "names the zone 'Europe/Berln'"),
        ('at 07:30 Mon', "time '07:30 Mon'"),
        ('at Mon,Tue', "time 'Tue'"),
        ('at Mon, 07:30', 'may be of every day or of the days before it'),
        ('at Mon,Thuesday-07:30', "day 'Thuesday'"),
        ('at Mon-Foo-07:30', "day 'Foo'"),
        ('every 1h 30', 'a number without its unit'),
        ('every 3 weeks', "expected 'every 15 min'"),
        ('every 1.5h', 'as in every 1h 30 min'),
        ('every 0 min', 'without pause'),
        ('every 999999999 days', 'at most 999,999,999 seconds'),
        ('every', "expected 'every 15 min'"),
        ('at', "expected 'every 15 min'"),
        ('cron', '0 cron fields'),
        ('', 'cannot be read'),
        ('hourly', "expected 'every 15 min'"),
    ],
)
def test_what_is_wrong_with_a_trigger_is_said_with_what_is_possible(text: str, part: str) -> None:
    with pytest.raises(ValueError, match='trigger') as refused:
        parse_trigger(text)

    assert part in str(refused.value)
