"""What the owner of a tree asks of a forecast: is yesterday done in time, and the month?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.records import ProcessName, Tree
from synergy.core.timeperiod import JobKey, Measure

#: Intervals that are told of one tree.
_TOLD_MAX: Final = 2


def asked_of_trees(
    hierarchy: Hierarchy, keys: Iterable[JobKey], is_over: Callable[[JobKey], bool]
) -> Sequence[tuple[str, JobKey]]:
    """Return the jobs that owners ask for, with their trees, of all that are expected to end.

    Of each process of days or more the newest whose interval is over; where there is none, the next
    one of a tree that will be. A tree without such processes is asked for its coarsest one.
    """
    by_process: dict[ProcessName, list[JobKey]] = {}
    for key in keys:
        by_process.setdefault(key.process, []).append(key)
    trees = {node.tree.name: node.tree for node in hierarchy}
    return [
        (tree.name, key)
        for tree in trees.values()
        for key in _of_tree(hierarchy, tree, by_process, is_over)
    ]


def _of_tree(
    hierarchy: Hierarchy,
    tree: Tree,
    by_process: dict[ProcessName, list[JobKey]],
    is_over: Callable[[JobKey], bool],
) -> Sequence[JobKey]:
    dated = [
        level
        for level in tree.levels
        if hierarchy.nodes[level].process.qualifier.measure <= Measure.DAY
    ]
    # The finest first: of days, then of months.
    levels = [*reversed(dated)] or [*tree.levels[:1]]
    over, ahead = [], []
    for level in levels:
        found = by_process.get(level, ())
        due = [key for key in found if is_over(key)]
        if due:
            over.append(max(due))
        elif found:
            ahead.append(min(found))
    return over[:_TOLD_MAX] or ahead[:1]
