"""What a heat map does not show and is not finished, either: by years, as chips beside the map."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import Qualifier, of_date
from synergy.mx.live.marks import Mark
from synergy.mx.web.formats import counted
from synergy.mx.web.request_context import RequestContext
from synergy.mx.widgets.cells import Painter
from synergy.mx.widgets.heatmap_grids import NOUN, YEARS_MAX, Focus
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
    request: RequestContext, painter: Painter, focus: Focus, shown: tuple[date, date]
) -> Sequence[Elsewhere]:
    """Return what is to be done in each year outside of the days `shown`, the newest year first.

    shown: [first day, day after the last one). Hold the lock of the read model.
    """
    names: Sequence[ProcessName] = (
        focus.processes if focus.name == focus.tree else (focus.node.process.name,)
    )
    nodes = [request.model.hierarchy.nodes[name] for name in names]
    # What the map counts comes first, then what is finer.
    told = [focus.node, *(node for node in nodes if node is not focus.node)]
    timetable, found = request.model.timetable, []
    for year in _years(request, painter, nodes):
        parts = {node.process.name: _outside(request, painter, node, year, shown) for node in told}
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
                noun=NOUN[node.process.qualifier],
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
            noun=NOUN[node.process.qualifier],
            unfinished=0,
            failed=failed,
            late=painter.late_count(node, within),
        )
        for node in below
        for within in (painter.within(node, around),)
        if (failed := painter.standing_out(node.process.name).failed_count(within))
    ]


def days_shown(zoom: str, at: date) -> tuple[date, date]:
    """Return the days that a heat map of a year, month or day shows: [first, after the last)."""
    match zoom:
        case 'year':
            first = at.replace(month=1, day=1)
            return first, at.replace(month=12, day=31) + _DAY
        case 'month':
            first = at.replace(day=1)
            return first, (first + _DAY * 32).replace(day=1)
        case _:
            return at, at + _DAY


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
            starts = (request.model.key(node, at) for at in (min(marks), span.stop - 1))
            first_year, last_year = (node.calendar.start(key.timeperiod).year for key in starts)
            found.update(range(max(first_year, last_year - YEARS_MAX + 1), last_year + 1))
    return sorted(found, reverse=True)


def _outside(
    request: RequestContext, painter: Painter, node: Node, year: int, shown: tuple[date, date]
) -> Sequence[range]:
    """Return the intervals of a year that are over and not shown."""
    calendar, qualifier = node.calendar, node.process.qualifier
    around = of_date(Qualifier.YEARLY, date(year, 1, 1))
    within = painter.within(node, around)
    over = range(within.start, max(min(within.stop, painter.over(node)), within.start))
    first, after = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in shown)
    start = calendar.containing(qualifier, first).ordinal
    stop = calendar.containing(qualifier, after - timedelta(microseconds=1)).ordinal + 1
    before = range(over.start, max(min(over.stop, start), over.start))
    behind = range(min(max(over.start, stop), over.stop), over.stop)
    return [part for part in (before, behind) if part]
