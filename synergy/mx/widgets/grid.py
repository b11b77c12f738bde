"""A heat map as a template draws it: groups of rows, rows of cells, and what stands out in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from synergy.core.records import ProcessName
from synergy.core.structs import Struct, replace
from synergy.mx.live.marks import Mark
from synergy.mx.web.formats import counted
from synergy.mx.widgets.cells import Cell
from synergy.mx.widgets.durations import DurationBars


class Slot(Struct, frozen=True):
    """A place in a row: a cell over `span` columns, or nothing. is_dim: not looked for."""

    cell: Cell | None
    span: int = 1
    is_selected: bool = False
    is_dim: bool = False


class Row(Struct, frozen=True, kw_only=True):
    """One row. process: whose jobs its cells are, each a job, or all those of an `each`.

    noun: what one of its intervals is. took: how long they took, where there is room to show it.
    """

    title: str
    href: str = ''
    process: ProcessName
    noun: str
    each: str = ''
    slots: Sequence[Slot]
    took: DurationBars | None = None


class Column(NamedTuple):
    """The head of a column, or of some. hint: all of what its title is short for."""

    title: str
    span: int = 1
    href: str = ''
    hint: str = ''
    css: str = ''


class Group(Struct, frozen=True, kw_only=True):
    """Rows of one tree."""

    title: str = ''
    hint: str = ''
    rows: Sequence[Row]


class Grid(Struct, frozen=True, kw_only=True):
    """A whole heat map. process: the one it is about. note: by which clock it is.

    counts: how many jobs look so, in words. of: what the jobs of a column are called, where `done`
    says how many of the tree are final, and all of them; None where none of them are shown.
    """

    zoom: str
    title: str
    process: ProcessName
    columns: Sequence[Column]
    groups: Sequence[Group]
    width: int
    note: str = 'In UTC.'
    of: str = ''
    counts: Sequence[tuple[Mark, str]] = ()
    done: tuple[int, int] | None = None

    def rows(self) -> Iterator[Row]:
        """Yield all rows."""
        for group in self.groups:
            yield from group.rows

    def processes(self) -> Sequence[ProcessName]:
        """Return the processes shown, in the order of the rows."""
        return list(dict.fromkeys(row.process for row in self.rows()))

    def changed(self, change: Callable[[Row], Row]) -> Grid:
        """Return the map with each row changed."""
        groups = [replace(group, rows=[change(row) for row in group.rows]) for group in self.groups]
        return replace(self, groups=groups)


def said(row: Row, cell_count: int, job_count: int) -> str:
    """Return how much of a row that is: `4 days, 96 hours`."""
    jobs = counted(job_count, row.noun)
    return f'{counted(cell_count, row.each)}, {jobs}' if row.each else jobs
