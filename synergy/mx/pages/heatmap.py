"""The page of a heat map: of a tree or a process, for all years, or one, down to an hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import CommandKind
from synergy.core.nearest import nearest
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import (
    Measure,
    Qualifier,
    Timeperiod,
    of_date,
    parse,
    start_utc,
)
from synergy.core.written_timeperiod import UnreadTimeperiod, at_level
from synergy.mx.web.errors import unknown
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.cells import Painter
from synergy.mx.widgets.chart import Chart, chart_of
from synergy.mx.widgets.durations import ROWS_MAX as TOOK_MAX
from synergy.mx.widgets.durations import duration_bars_of
from synergy.mx.widgets.elsewhere import Elsewhere, elsewhere_of, failed_below
from synergy.mx.widgets.focus import Focus, Moment, date_of, trees_around
from synergy.mx.widgets.grid import Grid, Row
from synergy.mx.widgets.heatmap_grids import grid_of
from synergy.mx.widgets.selection import FILTERS, filter_of, marked, only_of, selection_of
from synergy.mx.widgets.standing_out import TALLIED
from synergy.mx.widgets.summary import Line, months_of, others_of, summary_of
from synergy.view.conditions import BLOCKED, LATE
from synergy.view.offers import is_offered

_DAY: Final = timedelta(days=1)
#: Whose rows tell how long each of their jobs took.
TIMED: Final = {'day': Measure.HOUR, 'hour': Measure.MINUTE}
#: More of them have no room for it beside each other.
BARS_MAX: Final = 30
#: Years, the newest, with something to do that stand beside a map.
ELSEWHERE_MAX: Final = 6


class Turn(Struct, frozen=True, kw_only=True):
    """Where one can go from a heat map."""

    earlier: str
    later: str
    earlier_title: str
    later_title: str


class Drawn(Struct, frozen=True, kw_only=True):
    """What of the page is drawn again only once something in it has changed.

    months, others: the year as numbers. elsewhere: what is unfinished and not shown, by years.
    """

    grid: Grid
    months: Sequence[Line]
    others: Sequence[Line]
    elsewhere: Sequence[Elsewhere]


def heatmap(request: RequestContext, name: str) -> Response:
    """Return the heat map of a tree or of a process."""
    focus, state = focus_of(request, name), filter_of(request)
    if state is not None:
        focus = replace(focus, kept=f'&state={state}')
    zoom = request.choice('z', focus.zooms, 'year')
    request.look()
    with request.model.lock:
        at = moment_of(request, focus, zoom)
        painter = Painter(request)
        drawn = drawn_of(request, painter, focus, zoom, at)
        selection = selection_of(request, drawn.grid)
        grid = marked(request, drawn.grid, selection, state)
        summary = summary_of(request, painter, selection)
    if zoom in TIMED:
        grid = _timed(request, grid, TIMED[zoom])
    chosen = grid.process if selection is None else selection.process
    return page(
        request,
        'heatmap.html',
        focus=focus,
        grid=grid,
        zoom=zoom,
        at=at.day,
        hour=at.hour,
        state=state,
        filters=FILTERS,
        selection=selection,
        summary=summary,
        months=drawn.months,
        others=drawn.others,
        elsewhere=[item for item in drawn.elsewhere if item.failed or state != 'failed'],
        elsewhere_max=ELSEWHERE_MAX,
        only=only_of(state),
        may_skip=is_offered(CommandKind.SKIP, only_of(state)),
        chart=_chart(request, focus),
        chosen=chosen,
        names=list(dict.fromkeys([*grid.processes(), chosen])),
        turn=_turn(focus, zoom, at),
        trees=list(dict.fromkeys(node.tree.name for node in request.model.hierarchy)),
    )


def _chart(request: RequestContext, focus: Focus) -> Chart | None:
    """Return how long runs took, where the page is about one process."""
    if focus.name == focus.tree:
        return None
    return chart_of(
        request, focus.node, request.model.durations(request.store, focus.node.process.name)
    )


def drawn_of(
    request: RequestContext, painter: Painter, focus: Focus, zoom: str, at: Moment
) -> Drawn:
    """Return the map, and what stands beside it, drawn again only if something has changed.

    Hold the lock of the read model.
    """
    nodes = [
        request.model.hierarchy.nodes[level]
        for tree in trees_around(request, focus)
        for level in tree.levels
    ]

    def draw() -> Drawn:
        grid = _counted(request, grid_of(request, painter, focus, zoom, at), focus, painter)
        around = trees_around(request, focus)
        process, is_year = focus.node.process.name, zoom == 'year'
        return Drawn(
            grid=grid,
            months=months_of(painter, focus.node, at.day.year) if is_year else (),
            others=others_of(request, painter, around, process, at.day.year) if is_year else (),
            elsewhere=_elsewhere(request, painter, focus, zoom, at),
        )

    shown = at if zoom == 'hour' else at.day
    return request.model.drawn((focus.name, focus.kept, zoom, shown), painter.stamp(nodes), draw)


def _elsewhere(
    request: RequestContext, painter: Painter, focus: Focus, zoom: str, at: Moment
) -> Sequence[Elsewhere]:
    if zoom == 'all':
        return ()
    below = failed_below(request, painter, focus, at.day.year) if zoom == 'year' else ()
    return [*below, *elsewhere_of(request, painter, focus, zoom, at)]


def heatmaps(request: RequestContext) -> Response:
    """Lead to the heat map of the first tree."""
    for node in request.model.hierarchy:
        return heatmap(request, node.tree.name)
    return page(request, 'empty.html', title='Heat map', text='The context has no tree.')


def _counted(request: RequestContext, grid: Grid, focus: Focus, painter: Painter) -> Grid:
    """Add how many jobs stand out, and how many of the columns' own are done."""
    cells = [slot.cell for row in grid.rows() for slot in row.slots if slot.cell is not None]
    counts = []
    for number, mark in enumerate((*TALLIED, LATE)):
        count = sum(cell.tally[number] for cell in cells)
        least = '+' if mark is BLOCKED and painter.is_blocked_least else ''
        if count:
            counts.append((mark, f'{count:,}{least}'))
    own = [
        slot.cell
        for row in grid.rows()
        for slot in row.slots
        if row.process in focus.processes
        and _measure(request, row) is TIMED.get(grid.zoom)
        and slot.cell is not None
    ]
    done = sum(cell.css in ('ok', 'skip', 'noop', 'out') for cell in own)
    return replace(grid, counts=counts, done=(done, len(own)) if own else None)


def _measure(request: RequestContext, row: Row) -> Measure:
    return request.model.hierarchy.nodes[row.process].process.qualifier.measure


def _timed(request: RequestContext, grid: Grid, measure: Measure) -> Grid:
    """Add how long the hours of a day, or the minutes of an hour, took to the first such rows."""
    rows = [row for row in grid.rows() if _measure(request, row) is measure]
    chosen = [
        row.process for row in rows if len(grid.columns) <= BARS_MAX or len(row.slots) <= BARS_MAX
    ][:TOOK_MAX]

    def timed(row: Row) -> Row:
        if row.process not in chosen:
            return row
        node = request.model.hierarchy.nodes[row.process]
        return replace(row, took=duration_bars_of(request, node, _ordinals_of(node, row)))

    return grid.changed(timed)


def _ordinals_of(node: Node, row: Row) -> Sequence[int | None]:
    return [
        None if slot.cell is None else parse(node.process.qualifier, slot.cell.timeperiod).ordinal
        for slot in row.slots
    ]


def focus_of(request: RequestContext, name: str) -> Focus:
    """Return what `name` means: a process, or a tree by its days."""
    nodes = request.model.hierarchy.nodes
    if ProcessName(name) in nodes:
        return _around(request, name, nodes[ProcessName(name)])
    tree = next((node.tree for node in nodes.values() if node.tree.name == name), None)
    if tree is None:
        known = [*nodes, *(node.tree.name for node in nodes.values())]
        raise unknown(
            f'there is no tree or process {name!r:.80}{nearest(name, known)}',
            'choose one from the overview',
            '/',
        )
    of_tree = [nodes[level] for level in tree.levels]
    days = [node for node in of_tree if node.process.qualifier is Qualifier.DAILY]
    return _around(request, name, (days or of_tree[-1:])[0])


def _around(request: RequestContext, name: str, node: Node) -> Focus:
    nodes = request.model.hierarchy.nodes
    focus = Focus(name=name, tree=node.tree.name, node=node, processes=node.tree.levels)
    levels = [
        nodes[level].process.qualifier
        for tree in trees_around(request, focus)
        for level in tree.levels
    ]
    weeks = [item for item in levels if item.measure is Measure.WEEK]
    return replace(
        focus,
        # Its own tree comes first.
        first_weekday=weeks[0].first_day if weeks else 0,
        has_weeks=bool(weeks),
        has_minutes=any(item.measure is Measure.MINUTE for item in levels),
    )


def moment_of(request: RequestContext, focus: Focus, zoom: str) -> Moment:
    """Return what is asked for; without it today, or the nearest that the tree has."""
    calendar = focus.node.calendar
    at, now = _asked(request, focus, zoom), request.now
    if at is not None and at.qualifier.measure > Measure.DAY:
        hour = calendar.containing(Qualifier.HOURLY, calendar.start(at))
        return Moment(day=date_of(calendar.parent(hour, Qualifier.DAILY)), hour=hour)
    today = date_of(calendar.containing(Qualifier.DAILY, now))
    day = _nearest(request, focus, today) if at is None else start_utc(at).date()
    hours = calendar.children(of_date(Qualifier.DAILY, day), Qualifier.HOURLY)
    newest = calendar.containing(Qualifier.HOURLY, now).ordinal
    if newest in hours:
        return Moment(day=day, hour=Timeperiod(Qualifier.HOURLY, newest))
    # A day that its zone has left out has none of its own.
    first = hours.start if day >= today or not hours else hours.stop - 1
    ordinal = first if at is None else hours.start
    return Moment(day=day, hour=Timeperiod(Qualifier.HOURLY, ordinal))


def _asked(request: RequestContext, focus: Focus, zoom: str) -> Timeperiod | None:
    """Return what the address says; a name of ten digits by the level of its process."""
    text, node = request.optional('at'), focus.node
    is_dated = focus.name != focus.tree and node.process.qualifier.measure <= Measure.DAY
    if text is not None and is_dated and zoom != 'hour':
        try:
            return at_level(node.process.qualifier, text, request.now, node.calendar)
        except UnreadTimeperiod:
            pass  # It is of another level.
    return request.written('at', node.calendar)


def _nearest(request: RequestContext, focus: Focus, today: date) -> date:
    span = request.model.timetable.span(focus.node.process.name)
    if not span:
        return today
    calendar, qualifier = focus.node.calendar, focus.node.process.qualifier
    last = calendar.end(Timeperiod(qualifier, span.stop - 1)) - timedelta(microseconds=1)
    first_day, last_day = (
        date_of(calendar.containing(Qualifier.DAILY, instant))
        for instant in (calendar.start(Timeperiod(qualifier, span.start)), last)
    )
    return max(min(today, last_day), first_day)


def _turn(focus: Focus, zoom: str, at: Moment) -> Turn | None:
    day = at.day
    match zoom:
        case 'year' if 1971 <= day.year <= 2998:
            return Turn(
                earlier=str(day.year - 1),
                later=str(day.year + 1),
                earlier_title=str(day.year - 1),
                later_title=str(day.year + 1),
            )
        case 'month':
            earlier = day.replace(day=1) - _DAY
            later = day.replace(day=28) + _DAY * 4
            return Turn(
                earlier=f'{earlier:%Y%m}',
                later=f'{later:%Y%m}',
                earlier_title=f'{earlier:%b %Y}',
                later_title=f'{later:%b %Y}',
            )
        case 'week' | 'day':
            step = _DAY if zoom == 'day' else _DAY * 7
            first = day if zoom == 'day' else focus.week_of(day)[0]
            return Turn(
                earlier=f'{first - step:%Y%m%d}',
                later=f'{first + step:%Y%m%d}',
                earlier_title=f'{first - step:%d %b}',
                later_title=f'{first + step:%d %b}',
            )
        case 'hour':
            calendar, around = focus.node.calendar, (at.hour.shift(-1), at.hour.shift(1))
            earlier_title, later_title = (
                f'{calendar.start(item).astimezone(calendar.zone):%H:%M}' for item in around
            )
            return Turn(
                earlier=str(around[0]),
                later=str(around[1]),
                earlier_title=earlier_title,
                later_title=later_title,
            )
        case _:
            return None
