"""Triggers: their strings and their fires."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from synergy.core.trigger import At, Every, parse_trigger

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
