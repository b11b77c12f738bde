"""Grouping: group ends and covered ranges as Synergy 2.x recorded them, less its double days."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synergy.core.calendar import UtcCalendar
from synergy.core.grouping import covered, group_end
from synergy.core.timeperiod import Qualifier, Timeperiod, parse

VECTORS = Path(__file__).parent.parent / 'vectors'
CALENDAR = UtcCalendar()


def cases(name: str) -> list[dict[str, Any]]:
    recorded: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())['cases']
    assert recorded
    return recorded


def span(qualifier: str, grouping: int, text: str) -> list[str]:
    ordinals = covered(CALENDAR, grouping, parse(Qualifier(qualifier), text))
    return [str(Timeperiod(Qualifier(qualifier), end)) for end in (ordinals.start, ordinals.stop)]


def test_group_ends_are_as_recorded() -> None:
    for case in cases('grouping.json'):
        qualifier, grouping, text = case['in']

        assert (
            str(group_end(CALENDAR, grouping, parse(Qualifier(qualifier), text))) == case['out']
        ), case


def test_covered_ranges_are_as_recorded() -> None:
    for case in cases('grouped_range.json'):
        assert span(*case['in']) == case['out'], case


def test_no_day_is_covered_twice_after_a_month_of_31_days() -> None:
    for case in cases('suspect_grouped_range.json'):
        assert span(*case['in']) == case['right'], case


@pytest.mark.parametrize('grouping', range(1, 29))
def test_groups_of_days_cover_a_leap_year_exactly_once(grouping: int) -> None:
    first = parse(Qualifier.DAILY, '2024010100')

    days = [
        ordinal for day in range(366) for ordinal in covered(CALENDAR, grouping, first.shift(day))
    ]

    assert days == list(range(first.ordinal, first.ordinal + 366))


@pytest.mark.parametrize('grouping', range(1, 24))
def test_groups_of_hours_cover_a_day_exactly_once(grouping: int) -> None:
    first = parse(Qualifier.HOURLY, '2024022900')

    hours = [
        ordinal for hour in range(24) for ordinal in covered(CALENDAR, grouping, first.shift(hour))
    ]

    assert hours == list(range(first.ordinal, first.ordinal + 24))
