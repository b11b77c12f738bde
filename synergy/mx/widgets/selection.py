"""What is chosen in a heat map, as its address holds it: a range of one process, and a state.

`process`, `first` and `last` (both included) are the range; `state` is what is looked for: cells
without a job of that look step back. Scripts write the same address when a range is selected, and
this is how it comes back: after a reload, from a colleague, or without any script.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from synergy.core.commands import Only
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Timeperiod, parse
from synergy.mx.live.marks import Mark
from synergy.mx.web.errors import wrong
from synergy.mx.web.formats import counted
from synergy.mx.web.request_context import RequestContext
from synergy.mx.widgets.cells import Cell
from synergy.mx.widgets.grid import Grid, Row, Slot, said
from synergy.mx.widgets.standing_out import TALLIED
from synergy.view.conditions import (
    ADDITIONS,
    FAILED,
    HELD,
    LATE,
    LEFT_OUT,
    LEGEND,
    OFF,
    PARTIAL,
    READY,
    RESTING,
)
from synergy.view.standing import looked_at

#: The legend, by the names that addresses have for it. Failed ones may be held, too.
FILTERS: Final[Mapping[str, Mark]] = {mark.name: mark for mark in (*LEGEND, *ADDITIONS)}

#: What is asked for under a filter, where a request can be about just those.
_ONLY: Final = {'failed': Only.FAILED, 'skipped': Only.SKIPPED}
#: What a cell of many may hold without a sign or a count.
_HIDDEN: Final = {
    'final': JobState.FINAL_RUN,
    'skip': JobState.SKIPPED,
    'noop': JobState.NOOP,
}
#: Of these, jobs of a cell of many are asked, so many at most: a day of hours.
_LOOKED_FOR: Final = {mark.css: mark for mark in (READY, OFF, RESTING)}
_LOOKS_MAX: Final = 24


class Selection(Struct, frozen=True, kw_only=True):
    """A range of intervals, both ends included. text: how much that is."""

    process: ProcessName
    first: Timeperiod
    last: Timeperiod
    text: str

    def has(self, row: Row, slot: Slot) -> bool:
        """Tell whether a place of the map is, or holds, a part of it."""
        cell = slot.cell
        return (
            cell is not None
            and row.process == self.process
            and cell.timeperiod <= str(self.last)
            and (cell.last or cell.timeperiod) >= str(self.first)
        )


def filter_of(request: RequestContext) -> str | None:
    """Return the name of the state that is looked for; None where none is."""
    return (
        None
        if request.optional('state') is None
        else request.choice('state', tuple(FILTERS), 'failed')
    )


def only_of(state: str | None) -> Only:
    """Return which jobs of a range are meant by those who look for a state: what they see."""
    return _ONLY.get(state or '', Only.ALL)


def selection_of(request: RequestContext, grid: Grid) -> Selection | None:
    """Return the range that the address holds; None where it holds none."""
    start = request.optional('first')
    if start is None:
        return None
    node = request.node(request.text('process', grid.process))
    first = request.timeperiod(node, start)
    last = request.timeperiod(node, request.text('last', str(first)))
    if last < first:
        raise wrong(f'the range from {first} to {last} is upside down', 'swap its two ends')
    found = Selection(process=node.process.name, first=first, last=last, text='')
    return replace(found, text=_text(grid, found))


def _text(grid: Grid, selection: Selection) -> str:
    """Return how much is selected; in cells, too, where they hold just that."""
    job_count = selection.last.ordinal - selection.first.ordinal + 1
    found = [
        (row, slot.cell)
        for row in grid.rows()
        for slot in row.slots
        if slot.cell is not None and selection.has(row, slot)
    ]
    if sum(cell.count for _, cell in found) == job_count:
        return said(found[0][0], len(found), job_count)
    return counted(job_count, 'interval')


def range_address(process: ProcessName, first: Timeperiod, last: Timeperiod) -> str:
    """Return the address of a range of a process, both ends included, in its heat map."""
    return f'/t/{process}?at={first}&process={process}&first={first}&last={last}'


def marked(
    request: RequestContext, grid: Grid, selection: Selection | None, state: str | None
) -> Grid:
    """Return the map with its selection, and with the cells that are not looked for set back.

    Hold the lock of the read model.
    """
    css = None if state is None else FILTERS[state].css

    def one(row: Row) -> Row:
        slots = [
            replace(
                slot,
                is_selected=selection is not None and selection.has(row, slot),
                is_dim=css is not None
                and slot.cell is not None
                and not _holds(request, row, slot.cell, css),
            )
            for slot in row.slots
        ]
        return replace(row, slots=slots)

    return grid if selection is None and css is None else grid.changed(one)


def _holds(request: RequestContext, row: Row, cell: Cell, css: str) -> bool:
    """Tell whether a job of a cell looks so; of many, also where the cell shows another one."""
    if cell.css == css or (css == LATE.css and cell.is_late):
        return True
    if css == PARTIAL.css:
        return cell.skipped > 0
    sought = (FAILED.css, HELD.css) if css == FAILED.css else (css,)
    found = [count for mark, count in zip(TALLIED, cell.tally, strict=False) if mark.css in sought]
    if found:
        return any(found)
    if css == LEFT_OUT.css:
        return cell.left_out > 0
    if not cell.last or css not in (*_LOOKED_FOR, *_HIDDEN):
        return False
    node = request.model.hierarchy.nodes[row.process]
    qualifier = node.process.qualifier
    first, last = parse(qualifier, cell.timeperiod), parse(qualifier, cell.last)
    ordinals = range(first.ordinal, last.ordinal + 1)
    if css in _LOOKED_FOR:
        looking = request.model.looking(request.now)
        begun = range(first.ordinal, min(ordinals.stop, looking.timetable.span(row.process).stop))
        looks = looked_at(looking, node, begun, _LOOKED_FOR[css])
        return any(is_so for _, is_so in islice(looks, _LOOKS_MAX))
    return request.model.timetable.first_in(row.process, ordinals, _HIDDEN[css]) is not None
