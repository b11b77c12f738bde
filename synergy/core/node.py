"""One process in its place: its tree, its calendar, what it waits for and who waits for it."""

from __future__ import annotations

from synergy.core.calendar import Calendar
from synergy.core.input import Input as Input  # Part of every node.
from synergy.core.input import InputKind as InputKind
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.structs import Struct


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
