"""One process in its place: its tree, its calendar, what it waits for and who waits for it."""

from __future__ import annotations

from enum import Enum

from synergy.core.calendar import Calendar
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.structs import Struct


class InputKind(Enum):
    """Why one process waits for another."""

    CHILDREN = 'children'
    DEPENDENCY = 'dependency'


class Input(Struct, frozen=True, kw_only=True):
    """One thing that jobs of a process wait for: a range of `process`'s intervals.

    By containment: the same interval where both are of one level, else all that lie in mine, or the
    one in which mine lies. offset: as for my interval so many places away. last: so many of them,
    which end there.
    """

    kind: InputKind
    process: ProcessName
    offset: int = 0
    last: int | None = None


class Node(Struct, frozen=True, kw_only=True):
    """One process in its place: what it waits for and who waits for it.

    calendar: that of its tree. parents, child: the levels of its tree in which its intervals lie
    and which lies in them, with no other level between; a day may lie in a month and in a week.
    inputs: what its jobs wait for. outputs: the processes that have it among their inputs (its
    parents first). first: ordinal of its first interval. until: ordinal after its last one; None
    grows with the clock.
    """

    process: Process
    tree: Tree
    calendar: Calendar
    parents: tuple[ProcessName, ...]
    child: ProcessName | None
    dependencies: tuple[ProcessName, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[ProcessName, ...]
    first: int
    until: int | None

    def clip(self, ordinals: range) -> range:
        """Return those among a range of ordinals that are, or will be, intervals of the tree."""
        if ordinals.start >= self.first and (self.until is None or ordinals.stop <= self.until):
            return ordinals
        stop = ordinals.stop if self.until is None else min(ordinals.stop, self.until)
        return range(max(ordinals.start, self.first), max(stop, self.first))
