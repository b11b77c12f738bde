"""What a heat map says beside its cells: of the selected ones, and of a year as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from synergy.core.node import Node
from synergy.core.records import ProcessName, Tree
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, of_date
from synergy.mx.live.marks import Mark
from synergy.mx.web.request_context import RequestContext
from synergy.mx.widgets.cells import Cell, Painter
from synergy.mx.widgets.selection import Selection
from synergy.mx.widgets.standing_out import TALLIED
from synergy.view.conditions import LATE
from synergy.view.why import explain

#: Other processes whose year is summed up.
OTHERS_MAX: Final = 12
_MARKS: Final = (*TALLIED, LATE)


class Summary(Struct, frozen=True, kw_only=True):
    """The selected intervals, and the one of them that tells most: failed, or not finished.

    text: what is to be said first of why it stands so. cell: all of them as one.
    """

    key: JobKey
    mark: Mark
    text: str
    cell: Cell
    counts: Sequence[tuple[Mark, int]]


class Line(Struct, frozen=True, kw_only=True):
    """A part of a year, or the year of another process, as numbers."""

    title: str
    href: str
    cell: Cell
    counts: Sequence[tuple[Mark, int]]


def summary_of(
    request: RequestContext, painter: Painter, selection: Selection | None
) -> Summary | None:
    """Return what is to be said of the selection; hold the lock of the read model."""
    if selection is None:
        return None
    node = request.model.hierarchy.nodes[selection.process]
    start = max(selection.first.ordinal, node.first)
    stop = selection.last.ordinal + 1
    ordinals = range(start, stop if node.until is None else min(stop, node.until))
    if not ordinals:
        return None
    key = request.model.key(node, painter.telling(node, ordinals))
    vanished_after = request.settings.box_vanished
    causes = explain(
        request.model.timetable, request.store, key, request.now, vanished_after, jobs_max=1
    )
    cell = painter.rolled_up(node, ordinals, href='', title='selected')
    return Summary(
        key=key,
        mark=painter.mark(node, key),
        text=causes[0].text if causes else '',
        cell=cell,
        counts=_counts(cell),
    )


def months_of(painter: Painter, node: Node, year: int) -> Sequence[Line]:
    """Return the months of a year of `node`, as far as it has them; hold the lock."""
    found: list[Line] = []
    if Qualifier.MONTHLY.holds(node.process.qualifier):
        for month in range(1, 13):
            at = date(year, month, 1)
            href = f'/t/{node.process.name}?z=month&at={at:%Y%m}'
            around = of_date(Qualifier.MONTHLY, at)
            found += _line(painter, node, around, f'{at:%B}', href)
    return found


def others_of(
    request: RequestContext, painter: Painter, trees: Sequence[Tree], shown: ProcessName, year: int
) -> Sequence[Line]:
    """Return the year of the other processes of `trees`; hold the lock."""
    around = of_date(Qualifier.YEARLY, date(year, 1, 1))
    found: list[Line] = []
    for node in (request.model.hierarchy.nodes[level] for tree in trees for level in tree.levels):
        name = node.process.name
        if name != shown and node.process.qualifier is not Qualifier.YEARLY:
            found += _line(painter, node, around, name, f'/t/{name}?z=year&at={year}')
    return found[:OTHERS_MAX]


def _line(
    painter: Painter, node: Node, around: Timeperiod, title: str, href: str
) -> Iterator[Line]:
    ordinals = painter.within(node, around)
    if ordinals:
        cell = painter.rolled_up(node, ordinals, href=href, title=title)
        yield Line(title=title, href=href, cell=cell, counts=_counts(cell))


def _counts(cell: Cell) -> Sequence[tuple[Mark, int]]:
    return [(mark, count) for mark, count in zip(_MARKS, cell.tally, strict=True) if count]
