"""The page of a heat map: of a tree or a process, for all years, a year, a month or a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import CommandKind
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Qualifier, Timeperiod, parse
from synergy.mx.web.errors import unknown
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.cells import Painter
from synergy.mx.widgets.chart import Chart, chart_of
from synergy.mx.widgets.durations import ROWS_MAX as TOOK_MAX
from synergy.mx.widgets.durations import duration_bars_of
from synergy.mx.widgets.elsewhere import Elsewhere, days_shown, elsewhere_of, failed_below
from synergy.mx.widgets.grid import Grid, Row
from synergy.mx.widgets.heatmap_grids import ZOOMS, Focus, grid_of, trees_around
from synergy.mx.widgets.selection import FILTERS, filter_of, marked, only_of, selection_of
from synergy.mx.widgets.standing_out import TALLIED
from synergy.mx.widgets.summary import Line, months_of, others_of, summary_of
from synergy.view.conditions import BLOCKED, LATE
from synergy.view.offers import is_offered

_DAY: Final = timedelta(days=1)
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
    zoom = request.choice('z', ZOOMS, 'year')
    request.look()
    with request.model.lock:
        at = day_of(request, focus)
        painter = Painter(request)
        drawn = drawn_of(request, painter, focus, zoom, at)
        selection = selection_of(request, drawn.grid)
        grid = marked(request, drawn.grid, selection, state)
        summary = summary_of(request, painter, selection)
    if zoom == 'day':
        grid = _timed(request, grid)
    chosen = grid.process if selection is None else selection.process
    return page(
        request,
        'heatmap.html',
        focus=focus,
        grid=grid,
        zoom=zoom,
        at=at,
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
        turn=_turn(zoom, at),
        trees=list(dict.fromkeys(node.tree.name for node in request.model.hierarchy)),
    )


def _chart(request: RequestContext, focus: Focus) -> Chart | None:
    """Return how long runs took, where the page is about one process."""
    if focus.name == focus.tree:
        return None
    return chart_of(
        request, focus.node, request.model.durations(request.store, focus.node.process.name)
    )


def drawn_of(request: RequestContext, painter: Painter, focus: Focus, zoom: str, at: date) -> Drawn:
    """Return the map, and what stands beside it, drawn again only if something has changed.

    Hold the lock of the read model.
    """
    nodes = [
        request.model.hierarchy.nodes[level]
        for tree in trees_around(request, focus)
        for level in tree.levels
    ]

    def draw() -> Drawn:
        grid = _counted(grid_of(request, painter, focus, zoom, at), focus, painter)
        around = trees_around(request, focus)
        process, is_year = focus.node.process.name, zoom == 'year'
        return Drawn(
            grid=grid,
            months=months_of(request, painter, focus.node, at.year) if is_year else (),
            others=others_of(request, painter, around, process, at.year) if is_year else (),
            elsewhere=_elsewhere(request, painter, focus, zoom, at),
        )

    return request.model.drawn((focus.name, focus.kept, zoom, at), painter.stamp(nodes), draw)


def _elsewhere(
    request: RequestContext, painter: Painter, focus: Focus, zoom: str, at: date
) -> Sequence[Elsewhere]:
    if zoom == 'all':
        return ()
    below = failed_below(request, painter, focus, at.year) if zoom == 'year' else ()
    return [*below, *elsewhere_of(request, painter, focus, days_shown(zoom, at))]


def heatmaps(request: RequestContext) -> Response:
    """Lead to the heat map of the first tree."""
    for node in request.model.hierarchy:
        return heatmap(request, node.tree.name)
    return page(request, 'empty.html', title='Heat map', text='The context has no tree.')


def _counted(grid: Grid, focus: Focus, painter: Painter) -> Grid:
    """Add how many jobs stand out, and how many hours are done."""
    cells = [slot.cell for row in grid.rows() for slot in row.slots if slot.cell is not None]
    counts = []
    for number, mark in enumerate((*TALLIED, LATE)):
        count = sum(cell.tally[number] for cell in cells)
        least = '+' if mark is BLOCKED and painter.is_blocked_least else ''
        if count:
            counts.append((mark, f'{count:,}{least}'))
    hours = [
        slot.cell
        for row in grid.rows()
        for slot in row.slots
        if row.process in focus.processes and slot.span == 1 and slot.cell is not None
    ]
    done = sum(cell.css in ('ok', 'skip', 'noop') for cell in hours)
    return replace(grid, counts=counts, done=(done, len(hours)) if hours else None)


def _timed(request: RequestContext, grid: Grid) -> Grid:
    """Add how long the hours took to the first rows of hours."""
    nodes = request.context.hierarchy.nodes
    of_hours = [
        name for name in grid.processes() if nodes[name].process.qualifier is Qualifier.HOURLY
    ][:TOOK_MAX]

    def timed(row: Row) -> Row:
        if row.process not in of_hours:
            return row
        return replace(row, took=duration_bars_of(request, nodes[row.process], _hours_of(row)))

    return grid.changed(timed)


def _hours_of(row: Row) -> Sequence[int | None]:
    return [
        None if slot.cell is None else parse(Qualifier.HOURLY, slot.cell.timeperiod).ordinal
        for slot in row.slots
    ]


def focus_of(request: RequestContext, name: str) -> Focus:
    """Return what `name` means: a process, or a tree by its days."""
    nodes = request.model.hierarchy.nodes
    if ProcessName(name) in nodes:
        node = nodes[ProcessName(name)]
        return Focus(name=name, tree=node.tree.name, node=node, processes=node.tree.levels)
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
    return Focus(name=name, tree=name, node=(days or of_tree[-1:])[0], processes=tree.levels)


def day_of(request: RequestContext, focus: Focus) -> date:
    """Return the day that is asked for; without one today, or the nearest that the tree has."""
    at = request.instant('at')
    if at is not None:
        return at.date()
    today = request.now.date()
    span = request.model.timetable.span(focus.node.process.name)
    if not span:
        return today
    calendar, qualifier = focus.node.calendar, focus.node.process.qualifier
    first = calendar.start(Timeperiod(qualifier, span.start)).date()
    last = calendar.end(Timeperiod(qualifier, span.stop - 1)) - timedelta(microseconds=1)
    return max(min(today, last.date()), first)


def _turn(zoom: str, at: date) -> Turn | None:
    match zoom:
        case 'year' if 1971 <= at.year <= 2998:
            return Turn(
                earlier=str(at.year - 1),
                later=str(at.year + 1),
                earlier_title=str(at.year - 1),
                later_title=str(at.year + 1),
            )
        case 'month':
            earlier = at.replace(day=1) - _DAY
            later = at.replace(day=28) + _DAY * 4
            return Turn(
                earlier=f'{earlier:%Y%m}',
                later=f'{later:%Y%m}',
                earlier_title=f'{earlier:%b %Y}',
                later_title=f'{later:%b %Y}',
            )
        case 'day':
            return Turn(
                earlier=f'{at - _DAY:%Y%m%d}',
                later=f'{at + _DAY:%Y%m%d}',
                earlier_title=f'{at - _DAY:%d %b}',
                later_title=f'{at + _DAY:%d %b}',
            )
        case _:
            return None
