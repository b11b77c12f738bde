"""What a heat map does not show and is not finished, either: by years, as chips beside the map."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import Measure, Qualifier, of_date
from synergy.mx.live.marks import Mark
from synergy.mx.web.formats import counted
from synergy.mx.web.request_context import RequestContext
from synergy.mx.widgets.cells import Painter
from synergy.mx.widgets.focus import YEARS_MAX, Focus, Moment, years_of
from synergy.view.conditions import FAILED, LATE, NOT_DUE

_DAY: Final = timedelta(days=1)


class Elsewhere(Struct, frozen=True, kw_only=True):
    """Intervals of a year that are unfinished or failed and not shown.

    title, href: what they are, and the map that shows them. unfinished: of `process`, those that
    are over; noun: what one of them is. failed: of all processes that the map is about, or of
    `process` alone where only it is not shown.
    """

    title: str
    href: str
    year: int
    process: ProcessName
    noun: str
    unfinished: int
    failed: int
    late: int

    @property
    def mark(self) -> Mark:
        """Return the look that tells most."""
        return FAILED if self.failed else LATE if self.late else NOT_DUE

    @property
    def text(self) -> str:
        """Return how much that is: `3 failed, 31 days unfinished`."""
        failed = [f'{self.failed:,} failed'] if self.failed else []
        unfinished = (
            [f'{counted(self.unfinished, self.noun)} unfinished'] if self.unfinished else []
        )
        return ', '.join(failed + unfinished)


def elsewhere_of(
    request: RequestContext, painter: Painter, focus: Focus, zoom: str, at: Moment
) -> Sequence[Elsewhere]:
    """Return what is to be done in each year outside of a map of that, the newest year first.

    Hold the lock of the read model.
    """
    names: Sequence[ProcessName] = (
        focus.processes if focus.name == focus.tree else (focus.node.process.name,)
    )
    nodes = [request.model.hierarchy.nodes[name] for name in names]
    # What the map counts comes first, then what is finer.
    told = [focus.node, *(node for node in nodes if node is not focus.node)]
    shown = {node.process.name: shown_of(focus, zoom, at, node) for node in told}
    timetable, found = request.model.timetable, []
    for year in _years(request, painter, nodes):
        parts = {
            node.process.name: _outside(painter, node, year, shown[node.process.name])
            for node in told
        }
        failed = sum(
            painter.standing_out(node.process.name).failed_count(part)
            for node in told
            for part in parts[node.process.name]
        )
        counts = [
            (
                node,
                sum(
                    timetable.pending_count(node.process.name, part)
                    for part in parts[node.process.name]
                ),
            )
            for node in told
        ]
        node, unfinished = next((item for item in counts if item[1]), (focus.node, 0))
        if not failed and not unfinished:
            continue
        name = node.process.name
        found.append(
            Elsewhere(
                title=str(year),
                href=focus.address('year', str(year)),
                year=year,
                process=name,
                noun=node.process.qualifier.noun,
                unfinished=unfinished,
                failed=failed,
                late=sum(painter.late_count(node, part) for part in parts[name]),
            )
        )
    return found


def failed_below(
    request: RequestContext, painter: Painter, focus: Focus, year: int
) -> Sequence[Elsewhere]:
    """Return what failed in a year below the days or months that the map of it shows.

    Hold the lock of the read model.
    """
    if focus.name != focus.tree:
        return ()
    around = of_date(Qualifier.YEARLY, date(year, 1, 1))
    nodes = (request.model.hierarchy.nodes[name] for name in focus.processes)
    below = [
        node for node in nodes if node.process.qualifier.rank > focus.node.process.qualifier.rank
    ]
    return [
        Elsewhere(
            title=node.process.name,
            href=f'/t/{node.process.name}?z=year&at={year}{focus.kept}',
            year=year,
            process=node.process.name,
            noun=node.process.qualifier.noun,
            unfinished=0,
            failed=failed,
            late=painter.late_count(node, within),
        )
        for node in below
        for within in (painter.within(node, around),)
        if (failed := painter.standing_out(node.process.name).failed_count(within))
    ]


def shown_of(focus: Focus, zoom: str, at: Moment, node: Node) -> range:
    """Return the intervals of a process of the tree that a heat map shows, whole or in part."""
    calendar, qualifier = node.calendar, node.process.qualifier
    if zoom == 'hour' and qualifier.measure is Measure.HOUR:
        return range(at.hour.ordinal, at.hour.ordinal + 1)
    if zoom == 'hour' and qualifier.measure is Measure.MINUTE:
        return calendar.children(at.hour, qualifier)
    first, last = _days_shown(focus, zoom, at.day)
    if qualifier.measure <= Measure.DAY:
        ends = (of_date(qualifier, day).ordinal for day in (first, last))
        return range(next(ends), next(ends) + 1)
    first_part, last_part = (
        calendar.children(of_date(Qualifier.DAILY, day), qualifier) for day in (first, last)
    )
    return range(first_part.start, last_part.stop)


def _days_shown(focus: Focus, zoom: str, day: date) -> tuple[date, date]:
    """Return the first and the last day that a heat map of a year or less shows."""
    match zoom:
        case 'year':
            return day.replace(month=1, day=1), day.replace(month=12, day=31)
        case 'month':
            first = day.replace(day=1)
            return first, (first + _DAY * 32).replace(day=1) - _DAY
        case 'week':
            days = focus.week_of(day)
            return days[0], days[-1]
        case _:
            return day, day


def _years(request: RequestContext, painter: Painter, nodes: Sequence[Node]) -> Sequence[int]:
    """Return the years that may hold something unfinished or failed, the newest first."""
    found: set[int] = set()
    for node in nodes:
        name = node.process.name
        span = range(node.first, painter.over(node))
        first = request.model.timetable.first_pending(name, span)
        marks = [
            at for at in (first, painter.standing_out(name).first_failed(span)) if at is not None
        ]
        if marks:
            years = years_of(node, range(min(marks), span.stop))
            found.update(years[-YEARS_MAX:])
    return sorted(found, reverse=True)


def _outside(painter: Painter, node: Node, year: int, shown: range) -> Sequence[range]:
    """Return the intervals of a year that are over and not shown."""
    within = painter.within(node, of_date(Qualifier.YEARLY, date(year, 1, 1)))
    over = range(within.start, max(min(within.stop, painter.over(node)), within.start))
    before = range(over.start, max(min(over.stop, shown.start), over.start))
    behind = range(min(max(over.start, shown.stop), over.stop), over.stop)
    return [part for part in (before, behind) if part]
