"""Grids of heat maps: all years, a year as a calendar, a month and a week by days, a day, an hour.

A row is a process; a cell is a job, or all the finer intervals under one column, rolled up.
Everything comes from byte searches in the index, so that ten years cost little more than a day.

Days, and what is coarser, are called by their dates, whatever the zone of a tree: those of two
trees stand under each other by date. Hours and minutes are stretches of real time: the columns of a
day are the hours of the tree that the map is about, 23 or 25 of them where its clock is changed,
and under each stand the intervals of other trees that hold its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from synergy.core.calendar import lying_in
from synergy.core.node import Node
from synergy.core.timeperiod import DAY_NAMES, Measure, Qualifier, Timeperiod, of_date
from synergy.mx.web.request_context import RequestContext
from synergy.mx.widgets.cells import Painter
from synergy.mx.widgets.focus import YEARS_MAX, Focus, Moment, date_of, trees_around, years_of
from synergy.mx.widgets.grid import Column, Grid, Group, Row, Slot
from synergy.mx.widgets.heatmap_rows import (
    dated_cell,
    row_of,
    under_hours,
    under_instants,
    within_cell,
)
from synergy.view.clock import changes, is_utc, readings, title

ROWS_MAX: Final = 80
#: With more columns than this, only some are named.
COLUMNS_SAID: Final = 30
_DAY: Final = timedelta(days=1)
_MONTHS: Final = tuple(f'{date(2000, month, 1):%b}' for month in range(1, 13))
_WEEK: Final = 7


def grid_of(request: RequestContext, painter: Painter, focus: Focus, zoom: str, at: Moment) -> Grid:
    """Return one heat map; hold the lock of the read model."""
    match zoom:
        case 'all':
            return _all_years(request, painter, focus)
        case 'year':
            return _year(request, painter, focus, at.day.year)
        case 'month':
            first = at.day.replace(day=1)
            following = (first + _DAY * 32).replace(day=1)
            days = [first + _DAY * number for number in range((following - first).days)]
            return _by_days(request, painter, focus, days, zoom, f'{at.day:%B %Y}')
        case 'week':
            week = focus.week_of(at.day)
            first, last = week[0], week[-1]
            told = f'{first:%B}' if first.year == last.year else f'{first:%B %Y}'
            shown = f'{first.day} {told} to {last.day} {last:%B %Y}'
            return _by_days(request, painter, focus, week, zoom, shown)
        case 'day':
            return _day(request, painter, focus, at.day)
        case _:
            return _hour(request, painter, focus, at.hour)


def _all_years(request: RequestContext, painter: Painter, focus: Focus) -> Grid:
    node = request.model.hierarchy.nodes[focus.processes[-1]]
    if focus.name != focus.tree:
        node = focus.node
    years = years_of(node, request.model.timetable.span(node.process.name))[-YEARS_MAX:]
    rows = []
    for year in years:
        href = focus.address('year', str(year))
        if node.process.qualifier is Qualifier.YEARLY:
            slots = [Slot(dated_cell(painter, node, date(year, 1, 1), href), 12)]
        else:
            slots = [
                Slot(within_cell(painter, focus, node, Qualifier.MONTHLY, date(year, month, 1)))
                for month in range(1, 13)
            ]
        rows.append(row_of(node, slots, Qualifier.MONTHLY, title=str(year), href=href))
    return Grid(
        zoom='all',
        title=f'{node.process.name}, all years',
        process=node.process.name,
        columns=[Column(month) for month in _MONTHS],
        groups=[Group(rows=rows)],
        width=12,
    )


def _year(request: RequestContext, painter: Painter, focus: Focus, year: int) -> Grid:
    nodes = request.model.hierarchy.nodes
    begin = date(year, 1, 1)
    first = focus.week_of(begin)[0]
    weeks = (date(year, 12, 31) - first).days // _WEEK + 1
    starts = [first + _DAY * _WEEK * week for week in range(weeks)]
    months = [max(start, begin).month for start in starts]
    spans = [months.count(month) for month in range(1, 13)]
    columns = [
        Column(_MONTHS[number], span, focus.address('month', f'{year}{number + 1:02d}'))
        for number, span in enumerate(spans)
    ]
    rows = []
    for name in focus.processes:
        node = nodes[name]
        match node.process.qualifier.measure:
            case Measure.YEAR:
                rows.append(row_of(node, [Slot(dated_cell(painter, node, begin), weeks)]))
            case Measure.MONTH:
                slots = [
                    Slot(dated_cell(painter, node, date(year, month, 1), column.href), column.span)
                    for month, column in enumerate(columns, 1)
                ]
                rows.append(row_of(node, slots))
            case Measure.WEEK:
                slots = [
                    Slot(dated_cell(painter, node, start, focus.address('week', f'{start:%Y%m%d}')))
                    for start in starts
                ]
                rows.append(row_of(node, slots))
    if focus.node.process.qualifier.measure >= Measure.DAY:
        rows += _calendar(painter, focus, year, starts)
    name = focus.node.process.name
    return Grid(
        zoom='year',
        title=f'{year}' if focus.name == name else f'{focus.name}, {year}',
        process=name,
        columns=columns,
        groups=[Group(rows=rows)],
        width=weeks,
        note=f'{name} by day, {DAY_NAMES[focus.first_weekday]} on top.{_dates_of(focus.node)}',
    )


def _calendar(painter: Painter, focus: Focus, year: int, starts: Sequence[date]) -> list[Row]:
    """Return the seven rows of weekdays."""
    rows = []
    for number in range(_WEEK):
        days = [start + _DAY * number for start in starts]
        slots = [
            Slot(
                within_cell(painter, focus, focus.node, Qualifier.DAILY, day)
                if day.year == year
                else None
            )
            for day in days
        ]
        weekday = DAY_NAMES[(focus.first_weekday + number) % _WEEK][:3]
        rows.append(row_of(focus.node, slots, Qualifier.DAILY, title=weekday, href=''))
    return rows


def _by_days(
    request: RequestContext,
    painter: Painter,
    focus: Focus,
    days: Sequence[date],
    zoom: str,
    shown: str,
) -> Grid:
    """Return a month or a week: its days, and over them the coarser intervals in which they lie."""
    is_week = zoom == 'week'
    has_bounds = focus.has_weeks and not is_week
    columns = [
        Column(
            f'{day:%a} {day.day}' if is_week else str(day.day),
            href=focus.address('day', f'{day:%Y%m%d}'),
            css='wk' if number and has_bounds and day.weekday() == focus.first_weekday else '',
        )
        for number, day in enumerate(days)
    ]

    def row(node: Node) -> Row:
        if node.process.qualifier.measure >= Measure.DAY:
            slots = [Slot(within_cell(painter, focus, node, Qualifier.DAILY, day)) for day in days]
            return row_of(node, slots, Qualifier.DAILY)
        slots = []
        for _, part in groupby(days, lambda day: of_date(node.process.qualifier, day)):
            same = list(part)
            href = None
            if not is_week and node.process.qualifier.measure is Measure.WEEK:
                href = focus.address('week', f'{same[0]:%Y%m%d}')
            slots.append(Slot(dated_cell(painter, node, same[0], href), len(same)))
        return row_of(node, slots)

    return Grid(
        zoom=zoom,
        title=shown,
        process=focus.node.process.name,
        columns=columns,
        groups=_groups(request, focus, row),
        width=len(days),
        note=_dates_of(focus.node).strip() or 'In UTC.',
    )


def _day(request: RequestContext, painter: Painter, focus: Focus, day: date) -> Grid:
    calendar = focus.node.calendar
    around = of_date(Qualifier.DAILY, day)
    hours = readings(calendar, around, Qualifier.HOURLY)
    zoom = 'hour' if focus.has_minutes else ''
    columns = [
        Column(
            item.label,
            href=focus.address(zoom, str(item.timeperiod)) if zoom else '',
            hint=item.hint,
        )
        for item in hours
    ]
    stretches = [item.timeperiod for item in hours]

    def row(node: Node) -> Row:
        return under_hours(painter, focus, node, stretches, day)

    note = 'Hours in UTC.' if is_utc(focus.node) else _changed(focus.node, around, len(hours))
    return Grid(
        zoom='day',
        title=f'{day:%A} {day.day} {day:%B %Y}',
        process=focus.node.process.name,
        columns=columns,
        groups=_groups(request, focus, row),
        width=max(len(hours), 1),
        note=note,
        of='hour',
    )


def _hour(request: RequestContext, painter: Painter, focus: Focus, hour: Timeperiod) -> Grid:
    """Return an hour by its minutes: a column for each beginning of an interval of a tree shown."""
    calendar = focus.node.calendar
    nodes = request.model.hierarchy.nodes
    levels = {
        (node.calendar, node.process.qualifier)
        for tree in trees_around(request, focus)
        for node in (nodes[level] for level in tree.levels)
        if node.process.qualifier.measure is Measure.MINUTE
    }
    starts = {calendar.start(hour)}
    for other, level in levels:
        found = lying_in(calendar, hour, other, level)
        starts.update(other.start(Timeperiod(level, ordinal)) for ordinal in found)
    begun = sorted(starts)
    zone = calendar.zone
    day = calendar.parent(hour, Qualifier.DAILY)

    def row(node: Node) -> Row:
        return under_instants(painter, node, begun, date_of(day))

    own = '' if is_utc(focus.node) else f', {hour} in UTC'
    return Grid(
        zoom='hour',
        title=title(hour, calendar),
        process=focus.node.process.name,
        columns=[Column(_minutes_said(start.astimezone(zone), len(begun))) for start in begun],
        groups=_groups(request, focus, row),
        width=len(begun),
        note=f'Minutes of {focus.node.tree.zone}{own}.',
        of='interval',
    )


def _minutes_said(read: datetime, count: int) -> str:
    """Return the head of a column of minutes: of many only some have room for it."""
    return '' if count > COLUMNS_SAID and read.minute % 5 else f'{read:%H:%M}'


def _changed(node: Node, around: Timeperiod, count: int) -> str:
    """Return what a day is by the clock of a tree, and how the clock is changed in it."""
    start, end = node.calendar.start(around), node.calendar.end(around)
    if not count:
        return f'The clock of {node.tree.zone} has no such day: it was left out.'
    told = ' and '.join(changes(node.calendar, start, end))
    own = f'Hours of {node.tree.zone}'
    return f'{own}: {count}, for {told}.' if told else f'{own}.'


def _dates_of(node: Node) -> str:
    """Return by which clock days are meant, where it is not that of UTC."""
    return '' if is_utc(node) else f' Days of {node.tree.zone}.'


def _groups(request: RequestContext, focus: Focus, row: Callable[[Node], Row]) -> list[Group]:
    """Return the rows of a tree and of those it depends on, or that depend on it."""
    nodes = request.model.hierarchy.nodes
    groups, count = [], 0
    trees = trees_around(request, focus)
    has_zones = len({tree.zone for tree in trees}) > 1
    for tree in trees:
        rows = [row(nodes[level]) for level in tree.levels if count < ROWS_MAX]
        count += len(rows)
        after = ' and '.join(tree.dependent_on)
        hints = [tree.zone if has_zones else '', f'depends on {after}' if after else '']
        groups.append(Group(title=tree.name, hint=', '.join(filter(None, hints)), rows=rows))
    return groups
