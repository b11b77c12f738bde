"""What lies below some jobs and what waits for them: all that a change of them reaches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from synergy.core.chosen import stretches
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import ProcessName
from synergy.core.timetable import Timetable


def descend(
    hierarchy: Hierarchy, touched: dict[ProcessName, list[range]], top: ProcessName
) -> dict[ProcessName, list[range]]:
    """Add everything that is nested below what is touched of one process."""
    node = hierarchy.nodes[top]
    while node.child is not None:
        nested = [hierarchy.children_of(node, ordinals) for ordinals in touched[node.process.name]]
        touched[node.child] = [ordinals for ordinals in nested if ordinals]
        node = hierarchy.nodes[node.child]
    return touched


def ascend(
    timetable: Timetable, touched: dict[ProcessName, list[range]]
) -> dict[ProcessName, list[range]]:
    """Add everything that waits, directly or not, for what is touched.

    But for what waits for the order alone.
    """
    if timetable.hierarchy.has_circles:
        return _ascend_in_circles(timetable, touched)
    for node in timetable.hierarchy:
        runs = touched.get(node.process.name, [])
        for source in node.inputs:
            if source.is_order_only:
                continue
            for ordinals in touched.get(source.process, []):
                if affected := timetable.hierarchy.affected(node, source, ordinals):
                    runs = [*runs, affected]
        if runs:
            touched[node.process.name] = stretches(runs)
    return touched


def _ascend_in_circles(
    timetable: Timetable, touched: dict[ProcessName, list[range]]
) -> dict[ProcessName, list[range]]:
    """Do the same where processes wait for their own past: until nothing is added any more."""
    hierarchy = timetable.hierarchy
    to_follow = deque((name, run) for name, runs in touched.items() for run in runs)
    while to_follow:
        name, run = to_follow.popleft()
        for output in hierarchy.nodes[name].outputs:
            node, until = hierarchy.nodes[output], timetable.span(output).stop
            for source in node.inputs:
                if source.process != name or source.is_order_only:
                    continue
                affected = hierarchy.affected(node, source, run)
                # Each waits for the one before it: all that follow are affected, one by one.
                is_chain = output == name and source.offset == -1
                stop = until if is_chain and affected else min(affected.stop, until)
                known = touched.get(output, [])
                for added in [*without(range(affected.start, stop), known)]:
                    touched[output] = known = stretches([*known, added])
                    to_follow.append((output, added))
    return touched


def without(run: range, others: Sequence[range]) -> Iterator[range]:
    """Yield what is left of `run` without `others`, which are in order and do not overlap."""
    start = run.start
    for other in others:
        if other.start >= run.stop:
            break
        if start < other.start:
            yield range(start, other.start)
        start = max(start, other.stop)
    if start < run.stop:
        yield range(start, run.stop)
