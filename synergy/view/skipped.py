"""What is done although something below it was skipped: found by counting bytes of the index."""

from __future__ import annotations

from typing import Final

from synergy.core.node import InputKind, Node
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable

_DONE: Final = (JobState.PROCESSED, JobState.NOOP)
_SKIPPED: Final = (JobState.SKIPPED,)


class SkippedBelow(Struct, frozen=True):
    """count of total intervals of `node` were skipped, the nearest level below that has any."""

    node: Node
    count: int
    total: int

    def __str__(self) -> str:
        """Return it as people read it: `1 of 24 skipped`."""
        return f'{self.count:,} of {self.total:,} skipped'


def skipped_below(timetable: Timetable, node: Node, ordinals: range) -> SkippedBelow | None:
    """Return what was skipped below intervals, their children first; None where nothing was.

    Cost: one search in C for each level below.
    """
    hierarchy = timetable.hierarchy
    while node.child is not None:
        ordinals = hierarchy.children_of(node, ordinals)
        node = hierarchy.nodes[node.child]
        if count := timetable.skipped_count(node.process.name, ordinals):
            return SkippedBelow(node, count, len(ordinals))
    return None


def skipped_among(timetable: Timetable, node: Node, ordinals: range) -> SkippedBelow | None:
    """Return what was skipped of intervals, or else below them."""
    if count := timetable.skipped_count(node.process.name, ordinals):
        return SkippedBelow(node, count, len(ordinals))
    return skipped_below(timetable, node, ordinals)


def skipped_of(timetable: Timetable, key: JobKey) -> SkippedBelow | None:
    """Return what was skipped below a job that is done; None where nothing was."""
    if timetable.state(key) not in _DONE:
        return None
    own = range(key.timeperiod.ordinal, key.timeperiod.ordinal + 1)
    return skipped_below(timetable, timetable.hierarchy.nodes[key.process], own)


def partial_count(timetable: Timetable, node: Node) -> int:
    """Return how many intervals are done although one directly below them was skipped.

    Cost: one search for each interval that was skipped below.
    """
    if node.child is None:
        return 0
    hierarchy = timetable.hierarchy
    child = hierarchy.nodes[node.child]
    skipped = timetable.runs_in(child.process.name, timetable.span(child.process.name), _SKIPPED)
    source = next(item for item in node.inputs if item.kind is InputKind.CHILDREN)
    parents: set[int] = set()
    for run in skipped:
        parents.update(hierarchy.affected(node, source, run))
    keys = (JobKey(node.process.name, hierarchy.timeperiod(node, ordinal)) for ordinal in parents)
    return sum(timetable.state(key) in _DONE for key in keys)
