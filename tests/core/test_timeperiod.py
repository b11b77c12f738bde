"""Timeperiods: names, ordinals, arithmetic, and the recorded answers of Synergy 2.x."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synergy.core.calendar import UtcCalendar
from synergy.core.timeperiod import LEVELS, WEEKS, Qualifier, Timeperiod, parse

VECTORS = Path(__file__).parent.parent / 'vectors'


def cases(name: str) -> list[dict[str, Any]]:
    recorded: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())['cases']
    assert recorded
    return recorded


def test_cast_answers_as_recorded() -> None:
    calendar = UtcCalendar()

    for case in cases('cast_timeperiod.json'):
        qualifier, text = case['in']
        sources = [
            _try_parse(level, text) for level in LEVELS if level.rank >= Qualifier(qualifier).rank
        ]
        casts = {str(calendar.parent(source, Qualifier(qualifier))) for source in sources if source}

        assert casts == {case['out']}, case


def _try_parse(qualifier: Qualifier, text: str) -> Timeperiod | None:
    try:
        return parse(qualifier, text)
    except ValueError:
        return None


def test_instants_fall_into_the_recorded_timeperiods() -> None:
    for case in cases('timeperiod_of_instant.json'):
        qualifier, text = case['in']
        instant = datetime.fromisoformat(text).replace(tzinfo=UTC)

        assert str(UtcCalendar().containing(Qualifier(qualifier), instant)) == case['out'], case


def test_increment_answers_as_recorded() -> None:
    for case in cases('increment_timeperiod.json'):
        qualifier, text, delta = case['in']

        assert str(parse(Qualifier(qualifier), text).shift(delta)) == case['out'], case


@pytest.mark.parametrize(
    ('qualifier', 'text', 'complaint'),
    [
        (Qualifier.HOURLY, '2013010124', 'names no real date'),
        (Qualifier.HOURLY, '2013000000', 'is not an hourly timeperiod'),
        (Qualifier.DAILY, '2013022900', 'names no real date'),
        (Qualifier.DAILY, '2013010101', 'is not a daily timeperiod'),
        (Qualifier.MONTHLY, '2013130000', 'names no real date'),
        (Qualifier.MONTHLY, '2013010100', 'is not a monthly timeperiod'),
        (Qualifier.YEARLY, '2013010000', 'is not a yearly timeperiod'),
        (Qualifier.YEARLY, '1969000000', 'outside 1970-2999'),
        (Qualifier.YEARLY, '3000000000', 'outside 1970-2999'),
        (Qualifier.HOURLY, '20130101', 'is not an hourly timeperiod'),
        (Qualifier.HOURLY, '20130101 1', 'is not an hourly timeperiod'),
        (Qualifier.HOURLY, '²013010101', 'is not an hourly timeperiod'),
        (Qualifier.HOURLY, '', 'is not an hourly timeperiod'),
        (Qualifier.REAL_TIME, '20130101000060', 'names no real date'),
    ],
)
def test_illegal_string_is_refused_with_its_reason(
    qualifier: Qualifier, text: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(qualifier, text)


FIRST = datetime(1970, 1, 1)  # noqa: DTZ001 - hypothesis wants naive bounds
LAST = datetime(2999, 12, 31, 23, 59, 59)  # noqa: DTZ001 - as above


@given(
    st.sampled_from(list(Qualifier)),
    st.datetimes(FIRST, LAST),
)
def test_string_form_parses_back(qualifier: Qualifier, naive: datetime) -> None:
    timeperiod = UtcCalendar().containing(qualifier, naive.replace(tzinfo=UTC))

    assert parse(qualifier, str(timeperiod)) == timeperiod


HOLDING = [(level, finer) for level in LEVELS for finer in LEVELS if level.holds(finer)]


@given(st.sampled_from(HOLDING), st.datetimes(FIRST + timedelta(days=7), LAST))
def test_children_are_exactly_those_whose_parent_it_is(
    levels: tuple[Qualifier, Qualifier], naive: datetime
) -> None:
    calendar = UtcCalendar()
    level, qualifier = levels
    child = calendar.containing(qualifier, naive.replace(tzinfo=UTC))

    parent = calendar.parent(child, level)
    siblings = calendar.children(parent, qualifier)

    assert child.ordinal in siblings
    assert calendar.parent(Timeperiod(qualifier, siblings.start - 1), level) != parent
    assert calendar.parent(Timeperiod(qualifier, siblings.stop), level) != parent
    assert calendar.start(Timeperiod(qualifier, siblings.start)) == calendar.start(parent)
    assert calendar.end(Timeperiod(qualifier, siblings.stop - 1)) == calendar.end(parent)


def test_what_holds_what_is_a_partial_order() -> None:
    for level in LEVELS:
        assert not level.holds(level)
        assert Qualifier.YEARLY.holds(level) == (level.measure.name in MADE_OF_WHOLE_YEARS)
    for (level, middle), (other, finer) in itertools.product(HOLDING, HOLDING):
        if middle is other:
            assert level.holds(finer), (level, finer)


MADE_OF_WHOLE_YEARS = ('MONTH', 'DAY', 'HOUR', 'MINUTE')


@pytest.mark.parametrize(
    ('qualifier', 'text', 'complaint'),
    [
        (Qualifier.WEEKLY, '2026112400', 'it lies in that of 2026112300'),
        (Qualifier.WEEKLY_SUN, '2026112300', 'it lies in that of 2026112200'),
        (Qualifier.WEEKLY, '1969122200', 'outside 1970-2999'),
        (Qualifier.WEEKLY, '2026112301', 'is not a weekly timeperiod'),
        (Qualifier.MINUTELY_15, '202611240920', 'it lies in that of 202611240915'),
        (Qualifier.MINUTELY_15, '2026112409', 'is not a 15-minute timeperiod'),
        (Qualifier.MINUTELY_15, '202611240960', 'names no real date'),
    ],
)
def test_what_does_not_begin_an_interval_is_refused(
    qualifier: Qualifier, text: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(qualifier, text)


def test_weeks_begin_on_their_day_and_the_first_holds_the_epoch() -> None:
    for day, qualifier in enumerate(WEEKS):
        first = Timeperiod(qualifier, 0)
        start = UtcCalendar().start(first)

        assert start.weekday() == day == qualifier.first_day
        assert timedelta() <= datetime(1970, 1, 1, tzinfo=UTC) - start < timedelta(days=7)
        assert parse(qualifier, str(first)) == first
    monday = datetime(2026, 1, 1, tzinfo=UTC)
    found = UtcCalendar().containing(Qualifier.WEEKLY, monday)
    assert UtcCalendar().start(found).isocalendar()[:2] == monday.isocalendar()[:2]
