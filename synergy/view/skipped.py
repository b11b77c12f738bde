"""What is done although something below it was skipped: found by counting bytes of the index."""

from __future__ import annotations

from dataclasses import dataclass

from synergy.core.hierarchy import Node
from synergy.core.timeperiod import Qualifier
from synergy.core.timetable import Timetable

NOUN_BY_QUALIFIER = {
    Qualifier.HOURLY: 'hour',
    Qualifier.DAILY: 'day',
    Qualifier.MONTHLY: 'month',
    Qualifier.YEARLY: 'year',
}


@dataclass(frozen=True, slots=True)
class SkippedBelow:
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
