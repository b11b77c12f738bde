"""In which order processes are decided and reset, and which cycles of inputs never begin.

A process may wait for its own past, or for that of one that waits for it. Such a cycle is sound
only if each of its inputs ends no later than the interval itself, and one ends before it begins:
then time orders what names cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from typing import Final

from synergy.core.input import Input
from synergy.core.levels import most_in
from synergy.core.node import Node
from synergy.core.records import ProcessName


class Reach(Enum):
    """Where what an interval waits for ends, seen from the interval."""

    #: Before it begins.
    EARLIER = 0
    #: With it, at the latest.
    WITHIN = 1
    #: Perhaps after it.
    LATER = 2


#: So many are told together.
_CYCLES_MAX: Final = 20
#: Of weeks that begin in the month or year before: they end early in this one.
_OVERHANGING: Final = {-1: Reach.WITHIN}


def reach_of(node: Node, source: Input, other: Node) -> Reach:
    """Return where an input ends; LATER where that cannot be told for all intervals."""
    own, level = node.process.qualifier, other.process.qualifier
    if node.process.grouping > 1 or other.process.grouping > 1:
        return Reach.WITHIN if node.child == source.process else Reach.LATER
    if node.calendar is not other.calendar:
        # Days of two zones of the same name end up to 26 hours apart.
        return Reach.EARLIER if own is level and source.offset <= -3 else Reach.LATER
    if own.measure < level.measure and not own.holds(level):
        # The last week that begins in a month or a year ends up to six days after it.
        return Reach.LATER if source.offset >= 0 else _OVERHANGING.get(source.offset, Reach.EARLIER)
    if own is not level and not own.holds(level):
        is_earlier = source.offset <= -most_in(level, own)
        return Reach.EARLIER if is_earlier else Reach.LATER
    if source.offset > 0:
        return Reach.LATER
    return Reach.EARLIER if source.offset < 0 else Reach.WITHIN


def in_order(nodes: Mapping[ProcessName, Node], problems: list[str]) -> dict[ProcessName, Node]:
    """Return the nodes, inputs before outputs; add the cycles that never begin to `problems`.

    Where processes wait for each other, what waits for the past of one may come before it.
    """
    if not any(node.process.inputs for node in nodes.values()):
        return dict(nodes)
    waits = {name: {source.process for source in node.inputs} for name, node in nodes.items()}
    with suppress(CycleError):
        return {name: nodes[name] for name in TopologicalSorter(waits).static_order()}
    for name, node in nodes.items():
        waits[name] = {
            source.process for source in node.inputs if not _is_earlier(nodes, node, source)
        }
    if not (order := _sorted(waits, problems)):
        return dict(nodes)
    problems += _endless(nodes)
    return {name: nodes[name] for name in order}


def _sorted(
    waits: Mapping[ProcessName, set[ProcessName]], problems: list[str]
) -> list[ProcessName]:
    """Return names, those that others wait for first; empty where `problems` got cycles.

    One input of each cycle is taken out of `waits` to find the next one.
    """
    for found in range(_CYCLES_MAX):
        try:
            order = list(TopologicalSorter(waits).static_order())
        except CycleError as error:
            circle = error.args[1]
            waits[circle[1]].discard(circle[0])
            problems.append(
                f'{" <- ".join(circle)}: they wait for each other in one interval, so none of them '
                'ever begins; give one of these inputs an offset into the past, as in '
                "wait_for('...', offset=-1)"
            )
        else:
            return [] if found else order
    return []


def are_reset_together(circles_by_process: Mapping[ProcessName, frozenset[ProcessName]]) -> bool:
    """Tell whether processes wait for each other, so that no order of them resets inputs first.

    Nothing that a request has reset may start then before it has reset all.
    """
    return any(len(around) > 1 for around in circles_by_process.values())


def circles(nodes: Mapping[ProcessName, Node]) -> Mapping[ProcessName, frozenset[ProcessName]]:
    """Return, by process, those that it waits for and that wait for it, itself among them."""
    if not any(node.process.inputs for node in nodes.values()):
        return {}
    waits = {name: _reached(nodes, name) for name in nodes}
    return {
        name: frozenset(other for other in waits[name] if name in waits[other])
        for name in nodes
        if name in waits[name]
    }


def _endless(nodes: Mapping[ProcessName, Node]) -> Iterator[str]:
    """Yield the inputs that lie in a cycle and may end after the interval itself."""
    around = circles(nodes)
    for name, node in nodes.items():
        for source in node.inputs:
            if source.process not in around.get(name, ()):
                continue
            if reach_of(node, source, nodes[source.process]) is Reach.LATER:
                yield (
                    f'{name} waits for {source.process}, which waits for {name}, and this input '
                    f'may end after the interval that waits for it; let it end before, by an '
                    'offset into the past between processes of one level and without time_grouping'
                )


def _is_earlier(nodes: Mapping[ProcessName, Node], node: Node, source: Input) -> bool:
    return reach_of(node, source, nodes[source.process]) is Reach.EARLIER


def _reached(nodes: Mapping[ProcessName, Node], name: ProcessName) -> set[ProcessName]:
    """Return all that a process waits for, directly or not."""
    found: set[ProcessName] = set()
    todo: list[ProcessName] = [name]
    while todo:
        for source in nodes[todo.pop()].inputs:
            if source.process not in found:
                found.add(source.process)
                todo.append(source.process)
    return found
