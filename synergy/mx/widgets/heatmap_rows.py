"""Rows of heat maps: a process under days, or under hours and minutes of real time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby

from synergy.core.calendar import lying_in
from synergy.core.node import Node
from synergy.core.timeperiod import Measure, Qualifier, Timeperiod, of_date
from synergy.mx.widgets.cells import Cell, Painter
from synergy.mx.widgets.focus import Focus
from synergy.mx.widgets.grid import Row, Slot
from synergy.view.clock import title as title_of


def under_hours(
    painter: Painter, focus: Focus, node: Node, hours: Sequence[Timeperiod], day: date
) -> Row:
    """Return the row of a process under hours: what is finer rolled up under each."""
    calendar, qualifier = focus.node.calendar, node.process.qualifier
    if qualifier.measure is not Measure.MINUTE:
        return under_instants(painter, node, [calendar.start(hour) for hour in hours], day)
    slots = []
    for hour in hours:
        ordinals = node.clip(lying_in(calendar, hour, node.calendar, qualifier))
        cell = None
        if ordinals:
            href = focus.address('hour', str(hour))
            cell = painter.rolled_up(node, ordinals, href=href, title=title_of(hour, calendar))
        slots.append(Slot(cell))
    return row_of(node, slots, Qualifier.HOURLY)


def under_instants(painter: Painter, node: Node, starts: Sequence[datetime], day: date) -> Row:
    """Return the row of a process under beginnings of columns: each job over all it holds.

    day: in which the columns lie, for jobs that are called by dates.
    """
    qualifier = node.process.qualifier
    if qualifier.measure <= Measure.DAY:
        return row_of(node, [Slot(dated_cell(painter, node, day), max(len(starts), 1))])
    found = [node.calendar.containing(qualifier, start).ordinal for start in starts]
    return row_of(
        node,
        [Slot(_job(painter, node, ordinal), len(list(same))) for ordinal, same in groupby(found)],
    )


def row_of(
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
        noun=qualifier.noun,
        each=outer.noun if outer is not None and is_rolled else '',
        slots=slots,
    )


def _job(painter: Painter, node: Node, ordinal: int, href: str | None = None) -> Cell | None:
    """Return the cell of a job; None outside the tree's span.

    href: where its cell leads, if not to the page of the job.
    """
    if not node.clip(range(ordinal, ordinal + 1)):
        return None
    return painter.cell(node, ordinal, href)


def dated_cell(painter: Painter, node: Node, day: date, href: str | None = None) -> Cell | None:
    """Return the job, of days or a coarser level, in which a date lies."""
    return _job(painter, node, of_date(node.process.qualifier, day).ordinal, href)


def within_cell(
    painter: Painter, focus: Focus, node: Node, outer: Qualifier, day: date
) -> Cell | None:
    """Return the cell of a day or month: the job itself, or what is finer rolled up.

    Either leads to the heat map of that day or month, whose cells are finer, and those of a day
    lead to the pages of their jobs.
    """
    is_month = outer is Qualifier.MONTHLY
    if is_month:
        href = focus.address('month', f'{day:%Y%m}')
    else:
        href = focus.address('day', f'{day:%Y%m%d}')
    if node.process.qualifier.rank <= outer.rank:
        return dated_cell(painter, node, day, href)
    ordinals = painter.within(node, of_date(outer, day))
    if not ordinals:
        return None
    shown = f'{day:%B %Y}' if is_month else f'{day.day} {day:%B %Y}'
    return painter.rolled_up(node, ordinals, href=href, title=shown)
