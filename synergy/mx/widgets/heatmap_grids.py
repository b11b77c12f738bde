"""Grids of heat maps: all years, a year as a calendar, a month by days, a day by hours.

A row is a process; a cell is a job, or all the finer intervals within one day or month, rolled up.
Everything comes from byte searches in the index, so that ten years cost little more than a day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from synergy.core.node import Node
from synergy.core.records import ProcessName, Tree
from synergy.core.structs import Struct
from synergy.core.timeperiod import Qualifier, Timeperiod
from synergy.mx.web.request_context import RequestContext
from synergy.mx.widgets.cells import Cell, Painter
from synergy.mx.widgets.grid import Grid, Group, Row, Slot

ZOOMS: Final = ('all', 'year', 'month', 'day')
ROWS_MAX: Final = 80
YEARS_MAX: Final = 60
_WEEKDAYS: Final = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
_DAY: Final = timedelta(days=1)
_MONTHS: Final = tuple(f'{date(2000, month, 1):%b}' for month in range(1, 13))
NOUN: Final = {
    Qualifier.HOURLY: 'hour',
    Qualifier.DAILY: 'day',
    Qualifier.MONTHLY: 'month',
    Qualifier.YEARLY: 'year',
}


class Focus(Struct, frozen=True, kw_only=True):
    """What a heat map is about. processes: of its tree. node: the one whose days make the year.

    kept: what addresses of other heat maps take along.
    """

    name: str
    tree: str
    node: Node
    processes: Sequence[ProcessName]
    kept: str = ''

    def address(self, zoom: str, at: str) -> str:
        """Return the address of another heat map of the same."""
        return f'/t/{self.name}?z={zoom}&at={at}{self.kept}'


def grid_of(request: RequestContext, painter: Painter, focus: Focus, zoom: str, at: date) -> Grid:
    """Return one heat map; hold the lock of the read model."""
    match zoom:
        case 'all':
            return _all_years(request, painter, focus)
        case 'year':
            return _year(request, painter, focus, at)
        case 'month':
            return _month(request, painter, focus, at)
        case _:
            return _hours(request, painter, focus, at)


def _all_years(request: RequestContext, painter: Painter, focus: Focus) -> Grid:
    node = request.model.hierarchy.nodes[focus.processes[-1]]
    if focus.name != focus.tree:
        node = focus.node
    calendar = node.calendar
    span = request.model.timetable.span(node.process.name)
    years: list[int] = []
    if span:
        first = calendar.start(Timeperiod(node.process.qualifier, span.start)).year
        last = calendar.start(Timeperiod(node.process.qualifier, span.stop - 1)).year
        years = list(range(max(first, last - YEARS_MAX + 1), last + 1))
    rows = []
    for year in years:
        href = focus.address('year', str(year))
        if node.process.qualifier is Qualifier.YEARLY:
            slots = [Slot(_job(request, painter, node, _at(year), href), 12)]
        else:
            slots = [
                Slot(_within(request, painter, focus, node, Qualifier.MONTHLY, _at(year, month)))
                for month in range(1, 13)
            ]
        rows.append(_row(node, slots, Qualifier.MONTHLY, title=str(year), href=href))
    return Grid(
        zoom='all',
        title=f'{node.process.name}, all years',
        process=node.process.name,
        columns=[(month, 1, '') for month in _MONTHS],
        groups=[Group(rows=rows)],
        width=12,
    )


def _year(request: RequestContext, painter: Painter, focus: Focus, at: date) -> Grid:
    year = at.year
    nodes = request.model.hierarchy.nodes
    begin = date(year, 1, 1)
    monday = begin - _DAY * begin.weekday()
    weeks = (date(year, 12, 31) - monday).days // 7 + 1
    months = [max(monday + _DAY * 7 * week, begin).month for week in range(weeks)]
    spans = [months.count(month) for month in range(1, 13)]
    columns = [
        (_MONTHS[number], span, focus.address('month', f'{year}{number + 1:02d}'))
        for number, span in enumerate(spans)
    ]
    rows = []
    for name in focus.processes:
        node = nodes[name]
        if node.process.qualifier is Qualifier.YEARLY:
            rows.append(_row(node, [Slot(_job(request, painter, node, _at(year)), weeks)]))
        if node.process.qualifier is Qualifier.MONTHLY:
            slots = [
                Slot(_job(request, painter, node, _at(year, month), href), span)
                for month, (_, span, href) in enumerate(columns, 1)
            ]
            rows.append(_row(node, slots))
    if focus.node.process.qualifier in (Qualifier.DAILY, Qualifier.HOURLY):
        rows += _calendar(request, painter, focus, year, monday, weeks)
    name = focus.node.process.name
    return Grid(
        zoom='year',
        title=f'{year}' if focus.name == name else f'{focus.name}, {year}',
        process=name,
        columns=columns,
        groups=[Group(rows=rows)],
        width=weeks,
    )


def _calendar(
    request: RequestContext, painter: Painter, focus: Focus, year: int, monday: date, weeks: int
) -> list[Row]:
    """Return the seven rows of weekdays."""
    rows = []
    for weekday, title in enumerate(_WEEKDAYS):
        slots = []
        for week in range(weeks):
            day = monday + _DAY * (7 * week + weekday)
            cell = None
            if day.year == year:
                cell = _within(
                    request,
                    painter,
                    focus,
                    focus.node,
                    Qualifier.DAILY,
                    _at(year, day.month, day.day),
                )
            slots.append(Slot(cell))
        rows.append(_row(focus.node, slots, Qualifier.DAILY, title=title, href=''))
    return rows


def _month(request: RequestContext, painter: Painter, focus: Focus, at: date) -> Grid:
    first = at.replace(day=1)
    following = (first + _DAY * 32).replace(day=1)
    days = [first + _DAY * number for number in range((following - first).days)]
    columns = [(str(day.day), 1, focus.address('day', f'{day:%Y%m%d}')) for day in days]

    def row(node: Node) -> Row:
        match node.process.qualifier:
            case Qualifier.YEARLY:
                return _row(node, [Slot(_job(request, painter, node, _at(at.year)), len(days))])
            case Qualifier.MONTHLY:
                cell = _job(request, painter, node, _at(at.year, at.month))
                return _row(node, [Slot(cell, len(days))])
            case _:
                instants = [_at(day.year, day.month, day.day) for day in days]
                return _row(
                    node,
                    [
                        Slot(_within(request, painter, focus, node, Qualifier.DAILY, instant))
                        for instant in instants
                    ],
                    Qualifier.DAILY,
                )

    return Grid(
        zoom='month',
        title=f'{at:%B %Y}',
        process=focus.node.process.name,
        columns=columns,
        groups=_groups(request, focus, row),
        width=len(days),
    )


def _hours(request: RequestContext, painter: Painter, focus: Focus, at: date) -> Grid:
    midnight = _at(at.year, at.month, at.day)
    columns = [(f'{hour:02d}', 1, '') for hour in range(24)]

    def row(node: Node) -> Row:
        match node.process.qualifier:
            case Qualifier.YEARLY:
                return _row(node, [Slot(_job(request, painter, node, _at(at.year)), 24)])
            case Qualifier.MONTHLY:
                return _row(node, [Slot(_job(request, painter, node, _at(at.year, at.month)), 24)])
            case Qualifier.DAILY:
                return _row(node, [Slot(_job(request, painter, node, midnight), 24)])
            case _:
                hours = [midnight + timedelta(hours=hour) for hour in range(24)]
                return _row(node, [Slot(_job(request, painter, node, hour)) for hour in hours])

    return Grid(
        zoom='day',
        title=f'{at:%A} {at.day} {at:%B %Y}',
        process=focus.node.process.name,
        columns=columns,
        groups=_groups(request, focus, row),
        width=24,
    )


def _groups(request: RequestContext, focus: Focus, row: Callable[[Node], Row]) -> list[Group]:
    """Return the rows of a tree and of those it depends on, or that depend on it."""
    nodes = request.model.hierarchy.nodes
    groups, count = [], 0
    for tree in trees_around(request, focus):
        rows = [row(nodes[level]) for level in tree.levels if count < ROWS_MAX]
        count += len(rows)
        after = ' and '.join(tree.dependent_on)
        groups.append(
            Group(title=tree.name, hint=f'depends on {after}' if after else '', rows=rows)
        )
    return groups


def trees_around(request: RequestContext, focus: Focus) -> Sequence[Tree]:
    """Return the tree, then those it depends on or that depend on it."""
    trees = {node.tree.name: node.tree for node in request.model.hierarchy}
    own = trees[focus.tree]
    shown = [
        tree
        for tree in trees.values()
        if tree is own or tree.name in own.dependent_on or own.name in tree.dependent_on
    ]
    return sorted(shown, key=lambda tree: tree is not own)


def _row(
    node: Node,
    slots: Sequence[Slot],
    outer: Qualifier | None = None,
    *,
    title: str | None = None,
    href: str | None = None,
) -> Row:
    """Return a row. outer: what its cells cover, if they may be coarser than its intervals."""
    name, qualifier = node.process.name, node.process.qualifier
    is_rolled = outer is not None and qualifier.rank > outer.rank
    return Row(
        title=name if title is None else title,
        href=f'/t/{name}' if href is None else href,
        process=name,
        noun=NOUN[qualifier],
        each=NOUN[outer] if outer is not None and is_rolled else '',
        slots=slots,
    )


def _job(
    request: RequestContext,
    painter: Painter,
    node: Node,
    instant: datetime,
    href: str | None = None,
) -> Cell | None:
    """Return the job whose interval contains `instant`; None outside the tree's span.

    href: where its cell leads, if not to the page of the job.
    """
    ordinal = node.calendar.containing(node.process.qualifier, instant).ordinal
    if ordinal < node.first or (node.until is not None and ordinal >= node.until):
        return None
    return painter.cell(node, ordinal, href)


def _within(
    request: RequestContext,
    painter: Painter,
    focus: Focus,
    node: Node,
    outer: Qualifier,
    instant: datetime,
) -> Cell | None:
    """Return the cell of a day or month: the job itself, or what is finer rolled up.

    Either leads to the heat map of that day or month, whose cells are finer, and those of a day
    lead to the pages of their jobs.
    """
    is_month = outer is Qualifier.MONTHLY
    if is_month:
        href = focus.address('month', f'{instant:%Y%m}')
    else:
        href = focus.address('day', f'{instant:%Y%m%d}')
    if node.process.qualifier.rank <= outer.rank:
        return _job(request, painter, node, instant, href)
    around = node.calendar.containing(outer, instant)
    ordinals = painter.within(node, around)
    if not ordinals:
        return None
    title = f'{instant:%B %Y}' if is_month else f'{instant.day} {instant:%B %Y}'
    return painter.rolled_up(node, ordinals, href=href, title=title)


def _at(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)
