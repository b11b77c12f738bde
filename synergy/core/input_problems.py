"""What is wrong with inputs that processes declare, each problem with its remedy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from synergy.core.input import Input
from synergy.core.inputs import input_range
from synergy.core.levels import most_in, most_of
from synergy.core.nearest import nearest
from synergy.core.node import Node
from synergy.core.records import Process, ProcessName
from synergy.core.timeperiod import Measure, Qualifier


def input_problems(
    process: Process,
    process_by_name: Mapping[ProcessName, Process],
    refused: Collection[ProcessName] = (),
) -> Iterator[str]:
    """Yield what is wrong with the inputs of one process, as far as names and levels tell.

    refused: processes that exist, but could not be read.
    """
    seen: set[object] = set()
    for source in process.inputs:
        what = f'{process.name} waits for {source.process}'
        other = process_by_name.get(source.process)
        if other is None:
            if source.process not in refused:
                known = [*process_by_name, *refused]
                yield (
                    f'{what}, which is not a managed process{nearest(source.process, known)};'
                    ' correct its inputs'
                )
            continue
        if source.identity in seen:
            yield f'{what} twice in the same way; keep one of these inputs'
        seen.add(source.identity)
        own, level = process.qualifier, other.qualifier
        if are_apart(own, level):
            yield (
                f'{what}, but {own.word} intervals are not made of whole {level.word} ones, nor '
                'these of those; wait for a process of another level'
            )
            continue
        window = _window(source, own, level, process.grouping)
        if source.at_least is not None and source.at_least > window:
            yield (
                f'{what} with at_least={source.at_least:,}, but there are never more than '
                f'{window:,}; give at most that'
            )


def are_apart(own: Qualifier, level: Qualifier) -> bool:
    """Tell whether intervals of two levels neither are the same nor lie in each other."""
    is_apart = own is not level and own.measure is level.measure
    return is_apart and not own.holds(level) and not level.holds(own)


def nowhere(nodes: Mapping[ProcessName, Node]) -> Iterator[str]:
    """Yield the inputs that lie outside the other tree for each interval."""
    for node in nodes.values():
        for source in node.process.inputs:
            other = nodes[source.process]
            ends = [node.first if node.until is None else node.until - 1, node.first]
            if any(input_range(node, source, other, ordinal) for ordinal in ends):
                continue
            is_growing = node.until is None and other.until is None
            if not is_growing:
                yield (
                    f'{node.process.name} waits for {source.process}, but none of the intervals '
                    f'that it means lies in tree {other.tree.name!r}; correct the offset, or the '
                    'start and end of one of the trees'
                )


def beyond(nodes: Mapping[ProcessName, Node]) -> Iterator[str]:
    """Yield the inputs of which more are to be there than the clock of the tree ever has.

    What no clock has is told of processes alone (`_window`): a day of UTC never has 25 hours.
    """
    for node in nodes.values():
        process = node.process
        for source in process.inputs:
            level, wanted = nodes[source.process].process.qualifier, source.at_least
            if wanted is None or source.last is not None or process.grouping > 1:
                continue
            if process.qualifier.measure > Measure.DAY or not process.qualifier.holds(level):
                continue
            window = most_of(node.calendar, process.qualifier, level, node.first, wanted)
            if window < wanted <= _window(source, process.qualifier, level, 1):
                yield (
                    f'{process.name} waits for {source.process} with at_least={wanted:,}, but '
                    f'there are never more than {window:,} in {node.tree.zone}; give at most that'
                )


def _window(source: Input, own: Qualifier, level: Qualifier, grouping: int) -> int:
    """Return how many intervals an input has at most."""
    if source.last is not None:
        return source.last
    if own is level:
        return grouping
    is_finer = own.holds(level) or own.measure < level.measure
    return most_in(own, level) * grouping if is_finer else grouping
