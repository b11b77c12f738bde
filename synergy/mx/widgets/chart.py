"""How long runs took: points by interval, the usual time as lines, one interval marked.

A page has it in words and as a drawing (SVG). Where scripts run, `static/chart.js` draws the same
with uPlot from the data beside the drawing: then a point tells more, and leads to its interval.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup, escape

from synergy.core.node import Node
from synergy.core.records import ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Measure, Timeperiod, start_utc
from synergy.mx.live.marks import Mark
from synergy.mx.web import formats
from synergy.mx.web.request_context import RequestContext
from synergy.ports.store import EndedRun
from synergy.view.clock import is_utc
from synergy.view.conditions import BY_UNIT
from synergy.view.usual import Durations, Usual, slow_since

#: The drawing; points lie between LEFT and RIGHT, TOP and BOTTOM.
WIDTH: Final = 1000
HEIGHT: Final = 176
LEFT: Final = 60
RIGHT: Final = 900
TOP: Final = 10
BOTTOM: Final = 150
#: Fewer make no picture.
_POINTS_MIN: Final = 3
#: Longer than so many times as long as 95 of 100 is drawn at the upper edge: the others would be
#: one line at the lower one.
_TOP_RATIO: Final = 3
_HEADROOM: Final = 1.08
_LINES_MAX: Final = 4
_TICKS: Final = 4
_LABEL_HEIGHT: Final = 13.0
#: Seconds between two lines of the grid.
_STEPS: Final = (
    *(digit * 10.0**power for power in (-3, -2, -1, 0) for digit in (1, 2, 5)),
    *(10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200),
    *(86400 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
)
#: How a mark is drawn, from its point on. A line of no length is a dot, for its ends are round.
_SHAPE_BY_CSS: Final = {
    'ok': 'h0',
    'noop': 'h0',
    'fail': 'm-3-3 6 6m0-6-6 6',
    'skip': 'm-3 3 6-6',
    'run': 'm-3-4v8l7-4z',
}


class Point(Struct, frozen=True, kw_only=True):
    """One run. at: where its interval begins. seconds, text: how long it took, drawn and said."""

    key: JobKey
    run: int
    at: datetime
    took: timedelta
    seconds: float
    text: str
    mark: Mark


class Level(Struct, frozen=True, kw_only=True):
    """A line at a usual time. y: where it is. text_y: where its name is, clear of the other's."""

    css: str
    y: float
    text_y: float
    took: timedelta


class Drawing(Struct, frozen=True, kw_only=True):
    """What is the same for all intervals around. places: of the points, in their order.

    off_count: those that would be above the upper edge. marks: those that occur. paths: by class.
    up, across: where there are ticks, and what they say. slow: the newest runs, if all were slow.
    data: JSON for the script, escaped.
    """

    points: Sequence[Point]
    places: Sequence[tuple[float, float]]
    off_count: int
    marks: Sequence[Mark]
    paths: Sequence[tuple[str, str]]
    up: Sequence[tuple[float, str]]
    across: Sequence[tuple[float, str]]
    levels: Sequence[Level]
    slow: Sequence[EndedRun]
    data: Markup

    def shape(self, mark: Mark) -> str:
        """Return how a mark is drawn in the middle of 12 x 12."""
        return f'M6 6{_SHAPE_BY_CSS[mark.css]}'


class Chart(Struct, frozen=True, kw_only=True):
    """What a page shows. said: the same in sentences.

    here: points of the interval that the page is about, by number. is_in_utc: its axis is, and the
    tree of the process is of another zone.
    """

    process: ProcessName
    drawing: Drawing
    here: Sequence[int]
    said: Sequence[str]
    is_in_utc: bool = False


def chart_of(
    request: RequestContext, node: Node, durations: Durations, own: Sequence[Unit] = ()
) -> Chart | None:
    """Return the chart of a process; None while it has hardly run.

    own: units of the interval that the page is about; read again, while the others are kept.
    """
    runs = durations.runs
    key = own[0].key if own else None
    kept = [(run.run, run.took) for run in runs if run.key == key]
    begun = [(unit, took) for unit in own if (took := _took(unit, request.now)) is not None]
    if not runs or len(runs) - len(kept) + len(begun) < _POINTS_MIN:
        return None
    with request.model.lock:
        drawing = request.model.drawn(
            ('durations', runs[0].key),
            durations,
            lambda: _drawing(_points(request, durations), durations.usual, slow_since(durations)),
        )
    fresh = [_point(request, unit.key, unit.run, took, unit.state) for unit, took in begun]
    if kept != [(point.run, point.took) for point in fresh]:
        others = [point for point in drawing.points if point.key != key]
        points = sorted([*others, *fresh], key=lambda point: (point.at, point.run))
        drawing = _drawing(points, durations.usual, drawing.slow)
    here = [number for number, point in enumerate(drawing.points) if point.key == key]
    said = _said(drawing, durations.usual, here, own[-1].run if own else None)
    is_dated = node.process.qualifier.measure <= Measure.DAY
    return Chart(
        process=node.process.name,
        drawing=drawing,
        here=here,
        said=said,
        is_in_utc=not is_dated and not is_utc(node),
    )


def _points(request: RequestContext, durations: Durations) -> Sequence[Point]:
    return [_point(request, run.key, run.run, run.took, run.state) for run in durations.runs]


def _point(
    request: RequestContext, key: JobKey, run: int, took: timedelta, state: UnitState
) -> Point:
    return Point(
        key=key,
        run=run,
        at=place_of(request.model.hierarchy.nodes[key.process], key.timeperiod),
        took=took,
        seconds=round(took.total_seconds(), 3),
        text=formats.span(took),
        mark=BY_UNIT[state],
    )


def place_of(node: Node, timeperiod: Timeperiod) -> datetime:
    """Return where on the axis an interval is: as it is called, by its date or in UTC."""
    is_dated = timeperiod.qualifier.measure <= Measure.DAY
    return start_utc(timeperiod) if is_dated else node.calendar.start(timeperiod)


def _drawing(points: Sequence[Point], usual: Usual, slow: Sequence[EndedRun]) -> Drawing:
    top = _top(points, usual)
    first, last = points[0].at, points[-1].at
    x, y = _x_axis(first, last), _y_axis(top)
    places = [(x(point.at), y(point.seconds)) for point in points]
    marks = list(dict.fromkeys(point.mark for point in points))
    lines = _lines(top)
    return Drawing(
        points=points,
        places=places,
        off_count=sum(point.seconds > top for point in points),
        marks=marks,
        paths=[(mark.css, _path(mark, points, places)) for mark in marks],
        up=[(y(seconds), text) for seconds, text in lines],
        across=_across(first, last, x),
        levels=_levels(usual, y),
        slow=slow,
        data=escape(_data(points, marks, usual, (top, lines))),
    )


def _path(mark: Mark, points: Sequence[Point], places: Sequence[tuple[float, float]]) -> str:
    shape = _SHAPE_BY_CSS[mark.css]
    return ''.join(
        f'M{x} {y}{shape}'
        for point, (x, y) in zip(points, places, strict=True)
        if point.mark is mark
    )


def _took(unit: Unit, now: datetime) -> timedelta | None:
    """Return how long a run took, or has taken so far; None if it has not begun."""
    is_under_way = unit.state is UnitState.IN_PROGRESS
    end = now if is_under_way else unit.finished_at
    if unit.started_at is None or end is None or (unit.state.is_live and not is_under_way):
        return None
    return max(end - unit.started_at, timedelta(0))


def _top(points: Sequence[Point], usual: Usual) -> float:
    """Return how many seconds the upper edge stands for."""
    longest = max(point.took for point in points)
    if usual.p95 is not None:
        longest = min(longest, usual.p95 * _TOP_RATIO)
    return max(longest.total_seconds() * _HEADROOM, _STEPS[0])


def _x_axis(first: datetime, last: datetime) -> Callable[[datetime], float]:
    width = max(last - first, timedelta(seconds=1))
    return lambda at: round(LEFT + (RIGHT - LEFT) * ((at - first) / width), 1)


def _y_axis(top: float) -> Callable[[float], float]:
    return lambda seconds: round(BOTTOM - (BOTTOM - TOP) * min(seconds / top, 1.0), 1)


def _lines(top: float) -> Sequence[tuple[float, str]]:
    """Return the lines of the grid: seconds, and what they say."""
    step = next((step for step in _STEPS if top / step <= _LINES_MAX), _STEPS[-1])
    seconds = [round(step * number, 3) for number in range(int(top / step) + 1)]
    return [(item, formats.span(timedelta(seconds=item)) if item else '0') for item in seconds]


def _across(
    first: datetime, last: datetime, x: Callable[[datetime], float]
) -> Sequence[tuple[float, str]]:
    length = last - first
    days = length.days
    form = (
        '%Y' if days > 1500 else '%b %Y' if days > 120 else '%d %b' if days > 4 else '%d %b %H:%M'
    )
    instants = [first + length * number / _TICKS for number in range(_TICKS + 1)]
    texts = dict.fromkeys(f'{at:{form}}' for at in instants)
    if len(texts) <= _TICKS:
        return [(x(first), f'{first:{form}}')]
    return [(x(at), text) for at, text in zip(instants, texts, strict=True)]


def _levels(usual: Usual, y: Callable[[float], float]) -> Sequence[Level]:
    if usual.p50 is None or usual.p95 is None:
        return ()
    upper, lower = y(usual.p95.total_seconds()), y(usual.p50.total_seconds())
    text_y = min(upper, BOTTOM - _LABEL_HEIGHT)
    return (
        Level(css='p95', y=upper, text_y=text_y, took=usual.p95),
        Level(css='p50', y=lower, text_y=max(lower, text_y + _LABEL_HEIGHT), took=usual.p50),
    )


def _said(drawing: Drawing, usual: Usual, here: Sequence[int], newest: int | None) -> Sequence[str]:
    """Return what the chart says, for those who do not see it. newest: run of the interval."""
    points = drawing.points
    found = ['Too few runs to say what is usual.']
    if usual.p50 is not None:
        p50, p95 = formats.span(usual.p50), formats.span(usual.p95)
        found = [f'Usually {p50}, 95 of 100 within {p95}.']
    if here:
        own = points[here[-1]]
        is_newest = own.run == newest
        others = [point for point in points if point is not own]
        found.append(_said_of(own, others, is_newest=is_newest))
    if drawing.off_count:
        found.append(
            f'{formats.counted(drawing.off_count, "run")} at the upper edge took longer still.'
        )
    return found


def _said_of(point: Point, others: Sequence[Point], *, is_newest: bool) -> str:
    longer = sum(other.took > point.took for other in others)
    is_under_way = point.mark is BY_UNIT[UnitState.IN_PROGRESS]
    # A newer one has not begun, or its next attempt has not: nothing is known of that.
    which = 'This run' if is_newest else f'Run {point.run}, the one before,'
    begin = (
        f'{which} has taken {point.text} so far' if is_under_way else f'{which} took {point.text}'
    )
    if not longer:
        return f'{begin}, longer than all {len(others)} others.'
    if longer * 2 < len(others):
        return f'{begin}, longer than all but {longer} of {len(others)} others.'
    return f'{begin}; {longer} of {len(others)} others took longer.'


def _data(
    points: Sequence[Point],
    marks: Sequence[Mark],
    usual: Usual,
    scale: tuple[float, Sequence[tuple[float, str]]],
) -> str:
    """Return what the script draws: lists by point, or texts that are such lists."""
    lengths = {'p95': usual.p95, 'p50': usual.p50}
    return json.dumps(
        {
            'process': points[0].key.process,
            'at': ' '.join(str(point.key.timeperiod) for point in points),
            'x': [int(point.at.timestamp()) for point in points],
            'y': [point.seconds for point in points],
            'took': '|'.join(point.text for point in points),
            'run': [point.run for point in points],
            'mark': [marks.index(point.mark) for point in points],
            'marks': [(mark.css, mark.word) for mark in marks],
            'levels': [
                (name, length.total_seconds(), formats.span(length))
                for name, length in lengths.items()
                if length is not None
            ],
            'top': scale[0],
            'lines': scale[1],
        },
        separators=(',', ':'),
    )
