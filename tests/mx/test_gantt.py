"""The drawing of the hours ahead: nothing lies over anything else, and all is within the frame."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synergy.core.holds import Holds
from synergy.core.structs import replace
from synergy.mx.widgets.gantt import (
    LANES_MAX,
    WIDTH,
    Expected,
    Frame,
    Lanes,
    frame_of,
    lanes_of,
    shades_of,
)
from synergy.view.closed import held_spans
from tests.depth import deep
from tests.mx.dashboard_harness import NOW, context_of

DAY = timedelta(days=1)
FRAME = frame_of(NOW, NOW + DAY, UTC)


def expected(start: float, length: float, **fields: object) -> Expected:
    """Return an interval; start in minutes from now, length in minutes."""
    begin = NOW + timedelta(minutes=start)
    end = begin + timedelta(minutes=length)
    band = timedelta(minutes=length / 4)
    found = Expected(
        timeperiod=f'{begin:%Y%m%d%H%M}', start=begin, end=end, low=end - band, high=end + band
    )
    return replace(found, **fields)  # type: ignore[arg-type] # fields, by their names


@st.composite
def anything(draw: st.DrawFn) -> Expected:
    """Return what a forecast may say of an interval, however odd."""
    minutes = st.integers(-3_000, 6_000)
    start, length, low, high = (draw(minutes), *(draw(st.integers(0, 3_000)) for _ in range(3)))
    found = expected(start, length)
    end = found.end
    assert end is not None
    return replace(
        found,
        timeperiod=f'{draw(st.integers(0, 10**6)):07}',
        start=draw(st.sampled_from([found.start, found.start, None])),
        end=draw(st.sampled_from([end, None])),
        low=draw(st.sampled_from([end - timedelta(minutes=low), None])),
        high=draw(st.sampled_from([end + timedelta(minutes=high), None])),
        late_at=draw(st.sampled_from([end, end + DAY, None])),
        is_at_risk=draw(st.booleans()),
    )


@settings(max_examples=deep(60), deadline=None)
@given(
    st.lists(anything(), max_size=40),
    st.sampled_from([timedelta(hours=6), DAY, timedelta(days=3), timedelta(days=7)]),
)
def test_nothing_lies_over_anything_and_all_is_within_the_frame(
    items: list[Expected], length: timedelta
) -> None:
    found = lanes_of(frame_of(NOW, NOW + length, UTC), items)

    assert sum(bar.count for bar in found.bars) + found.left_out == len(items)
    assert 1 <= found.count <= LANES_MAX
    assert {bar.lane for bar in found.bars} <= set(range(found.count))
    for bar in found.bars:
        begin, end = bar.extent
        assert 0 <= begin <= bar.x < bar.x + bar.width <= end <= WIDTH + 0.1
    for lane in range(found.count):
        extents = sorted(bar.extent for bar in found.bars if bar.lane == lane)
        assert all(before[1] < after[0] for before, after in pairwise(extents))
    assert all(0 <= mark.x <= WIDTH for mark in found.marks)
    at_risk = any(bar.is_at_risk for bar in found.bars)
    assert at_risk == any(item.is_at_risk for item in items if _is_drawn(item, length))


def _is_drawn(item: Expected, length: timedelta) -> bool:
    frame = frame_of(NOW, NOW + length, UTC)
    if item.start is None:
        return False
    end = item.end or item.low or item.start + timedelta(seconds=1)
    return item.start < frame.end and end > frame.begin


def drawn(*items: Expected) -> Lanes:
    return lanes_of(FRAME, items)


def test_each_hour_has_a_bar_of_its_own_with_its_band() -> None:
    found = drawn(*(expected(60 * hour, 12) for hour in range(24)))

    assert [bar.count for bar in found.bars] == [1] * 24
    assert found.count == 1
    assert all(bar.band is not None for bar in found.bars)
    x = FRAME.x(NOW)
    assert found.bars[0].x == x
    assert found.bars[0].width == pytest.approx(WIDTH * 12 / 60 / 27, abs=0.2)


def test_what_runs_at_the_same_time_has_lanes() -> None:
    found = drawn(expected(0, 60), expected(30, 60), expected(45, 60), expected(300, 10))

    assert [bar.lane for bar in found.bars] == [0, 1, 2, 0]


def test_more_than_lanes_at_once_loses_bands_and_then_is_one_bar() -> None:
    chain = [
        expected(30 * number, 30, high=NOW + timedelta(minutes=30 * number + 180))
        for number in range(10)
    ]
    found = drawn(*chain)
    assert [bar.count for bar in found.bars] == [1] * 10
    with_bands = [bar for bar in found.bars if bar.band is not None]
    assert [bar.first for bar in with_bands] == [chain[-1].timeperiod], 'the last end of all'

    (whole,) = drawn(*(expected(number, 200, is_at_risk=number == 3) for number in range(9))).bars
    assert whole.count == 9
    assert whole.is_at_risk
    assert whole.text == '9 intervals, 202611231217 to 202611231225, 1 at risk'


def test_what_nobody_could_tell_apart_is_one_bar() -> None:
    (bar,) = drawn(*(expected(5 * number, 4) for number in range(288))).bars

    assert bar.count == 288
    assert bar.x == FRAME.x(NOW)


def test_what_needs_an_operator_is_open_and_what_runs_began_before_now() -> None:
    (bar,) = drawn(expected(0, 20, end=None, low=None, high=None)).bars
    assert (bar.is_open, bar.band, bar.css) == (True, None, 'open')

    (bar,) = drawn(expected(-30, 40, is_running=True)).bars
    assert bar.css == 'run'
    assert bar.x < FRAME.x(NOW) < bar.x + bar.width


def test_deadlines_at_one_place_are_one_mark() -> None:
    late_at = NOW + timedelta(hours=5)
    found = drawn(
        expected(0, 10, late_at=late_at),
        expected(60, 10, late_at=late_at, is_at_risk=True),
        expected(120, 10, late_at=NOW + timedelta(days=9)),
    )

    (mark,) = found.marks
    assert mark.is_at_risk
    assert mark.text == 'deadline of 202611231217, 202611231317'


@pytest.mark.parametrize(
    ('hours', 'zone', 'first', 'parts'),
    [
        (6, 'UTC', '12:00', 7),
        (24, 'UTC', '12:00', 9),
        (24, 'Asia/Kolkata', '15:00', 9),
        (72, 'UTC', '12:00', 7),
        (168, 'UTC', '00:00', 8),
    ],
)
def test_a_frame_has_whole_hours_of_its_clock(
    hours: int, zone: str, first: str, parts: int
) -> None:
    until = NOW + timedelta(hours=hours)
    frame = frame_of(NOW, until, ZoneInfo(zone))

    assert frame.begin <= NOW < until <= frame.end
    assert frame.ticks[0].text == first
    assert len(frame.ticks) == parts
    assert frame.ticks[0].day
    steps = {round(after.x - before.x) for before, after in pairwise(frame.ticks)}
    assert len(steps) <= 2, 'equal but for rounding'


def test_a_day_of_25_hours_is_drawn_by_time_that_passes() -> None:
    begin = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
    frame = frame_of(begin, begin + DAY, ZoneInfo('Europe/Berlin'))

    assert [tick.text for tick in frame.ticks[:4]] == ['21:00', '00:00', '02:00', '05:00']
    assert Counter(bool(tick.day) for tick in frame.ticks)[True] >= 2


def test_closed_hours_and_freezes_are_shaded_within_the_frame() -> None:
    hierarchy = context_of('tests.pipelines.pages').hierarchy
    assert held_spans(Holds(hierarchy), 'SiteHourly', FRAME.begin, FRAME.end) == []

    held = [(NOW - DAY, NOW + DAY / 2, 'frozen'), (NOW + DAY * 2, NOW + DAY * 3, 'closed')]
    (shade,) = shades_of(FRAME, held)
    assert (shade.x, shade.text) == (0.0, 'frozen')
    assert shade.width == FRAME.x(NOW + DAY / 2)


def test_a_frame_without_length_divides_by_nothing() -> None:
    assert isinstance(frame_of(NOW, NOW, UTC), Frame)
