"""The hierarchy of then: what a snapshot's context says, and the rest as it is today.

The context that was led tells levels, zones, spans and inputs; which tree a process was in, its
triggers, deadlines, working days and pools it does not, so of these the present ones are taken.
Processes that have not changed since stand as they do today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from synergy.core.calendar import Calendar
from synergy.core.cycles import circles, in_order
from synergy.core.hierarchy import Hierarchy
from synergy.core.led_context import LedContext, LedInput, LedProcess, led_process, placed
from synergy.core.levels import child, parents
from synergy.core.node import Input, InputKind, Node
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, Timeperiod
from synergy.core.zones import calendar_named

#: Of a tree that is gone, until it is told by the spans of its processes.
_UNKNOWN_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


def hierarchy_of(today: Hierarchy, led: LedContext) -> Hierarchy:
    """Return the hierarchy of a context that was led; raise ValueError where it makes no sense.

    today: as context.py has it, with what operators have changed.
    """
    today = placed(today, led)
    known = {
        name: process
        for name, process in led.processes.items()
        if not process.is_out and process.inputs is not None
    }
    if known.keys() == today.nodes.keys() and all(
        led_process(today, today.nodes[name]) == process for name, process in known.items()
    ):
        return today
    try:
        nodes = _nodes(today, led, known)
    except (KeyError, OverflowError) as error:
        raise ValueError(f'the context of then cannot be read: {error!r:.100}') from error
    ordered = in_order(nodes, [])
    nodes = ordered if ordered.keys() == nodes.keys() else nodes
    return Hierarchy(nodes, today.machine_by_name, circles(nodes), today.pools)


def _nodes(
    today: Hierarchy, led: LedContext, known: Mapping[ProcessName, LedProcess]
) -> dict[ProcessName, Node]:
    tree_by_process = _trees(today, known)
    processes = {name: _process(today, led, name, known[name]) for name in known}
    members: dict[str, list[ProcessName]] = {}
    for name, tree_of in tree_by_process.items():
        members.setdefault(tree_of, []).append(name)
    nodes = {}
    for tree_name, names in members.items():
        names.sort(key=lambda item: processes[item].qualifier.rank)
        zone = known[names[0]].zone
        calendar = calendar_named(zone)
        base = replace(_base(today, tree_name), zone=zone)
        tree = _tree(today, base, names, known, calendar)
        by_level = {processes[item].qualifier: item for item in names}
        for item in reversed(names):
            nodes[item] = _node(known, processes[item], tree, by_level, calendar)
    nodes = {name: nodes[name] for name in _in_order(today, nodes)}
    outputs: dict[ProcessName, dict[ProcessName, None]] = {name: {} for name in nodes}
    for node in nodes.values():
        for source in node.inputs:
            outputs[source.process][node.process.name] = None
    return {name: replace(node, outputs=tuple(outputs[name])) for name, node in nodes.items()}


def _in_order(today: Hierarchy, nodes: Mapping[ProcessName, Node]) -> Iterable[ProcessName]:
    """Return names, those of today in the order of today."""
    return [name for name in today.nodes if name in nodes] + [
        name for name in nodes if name not in today.nodes
    ]


def _process(today: Hierarchy, led: LedContext, name: ProcessName, process: LedProcess) -> Process:
    lanes = led.lanes.get(name)
    node = today.nodes.get(name)
    base = Process(name=name, qualifier=process.qualifier) if node is None else node.process
    return replace(
        base,
        qualifier=process.qualifier,
        grouping=process.grouping,
        live_from=None if lanes is None else lanes.live_from,
        left_out_before=None if lanes is None else lanes.left_out_before,
    )


def _trees(today: Hierarchy, known: Mapping[ProcessName, LedProcess]) -> Mapping[ProcessName, str]:
    """Return the tree of each process: that of today, or that of what nests in it,
    or in which it nests, or its own.

    None has two processes of one level, or of two zones.
    """
    found: dict[ProcessName, str] = {}
    taken: set[tuple[str, Qualifier]] = set()
    zones: dict[str, str] = {}
    beside: dict[ProcessName, list[ProcessName]] = {name: [] for name in known}
    for name, led in known.items():
        for item in led.inputs or ():
            if item.kind is InputKind.CHILDREN and item.process in known:
                beside[name].append(item.process)
                beside[item.process].append(name)
    order = sorted(known, key=lambda name: (name not in today.nodes, -known[name].qualifier.rank))
    for name in order:
        led, node = known[name], today.nodes.get(name)
        wanted = [] if node is None else [node.tree.name]
        wanted += [found[item] for item in beside[name] if item in found]
        for tree in [*wanted, str(name)]:
            if (tree, led.qualifier) not in taken and zones.get(tree, led.zone) == led.zone:
                found[name] = tree
                break
        else:
            found[name] = f'{name} (of then)'
        taken.add((found[name], led.qualifier))
        zones.setdefault(found[name], led.zone)
    return found


def _base(today: Hierarchy, name: str) -> Tree:
    found = next((node.tree for node in today if node.tree.name == name), None)
    return Tree(name=name, levels=(), start=_UNKNOWN_START) if found is None else found


def _tree(
    today: Hierarchy,
    base: Tree,
    names: Sequence[ProcessName],
    known: Mapping[ProcessName, LedProcess],
    calendar: Calendar,
) -> Tree:
    """Return a tree whose processes have their spans of then: as today, where these are so."""
    first = {name: known[name].first for name in names}
    until = {name: known[name].until for name in names}
    start, end = base.start, base.end
    if first != {name: _first(today, name) for name in names}:
        # Each begins with the interval in which its tree begins.
        start = max(
            calendar.start(Timeperiod(known[name].qualifier, first[name])) for name in names
        )
    if until != {name: _until(today, name) for name in names}:
        ends = [
            calendar.start(Timeperiod(known[name].qualifier, stop))
            for name, stop in until.items()
            if stop is not None
        ]
        end = min(ends) if len(ends) == len(names) else None
    return replace(base, levels=tuple(names), start=start, end=end)


def _first(today: Hierarchy, name: ProcessName) -> int | None:
    node = today.nodes.get(name)
    return None if node is None else node.first


def _until(today: Hierarchy, name: ProcessName) -> int | None:
    node = today.nodes.get(name)
    return None if node is None else node.until


def _node(
    known: Mapping[ProcessName, LedProcess],
    process: Process,
    tree: Tree,
    by_level: Mapping[Qualifier, ProcessName],
    calendar: Calendar,
) -> Node:
    led = known[process.name]
    levels = [known[name].qualifier for name in by_level.values()]
    below = child(process.qualifier, levels)
    inputs = tuple(_input(item, process) for item in led.inputs or () if item.process in known)
    return Node(
        process=process,
        tree=tree,
        calendar=calendar,
        parents=tuple(by_level[level] for level in parents(process.qualifier, levels)),
        child=None if below is None else by_level[below],
        dependencies=tuple(item.process for item in inputs if item.kind is InputKind.DEPENDENCY),
        inputs=inputs,
        outputs=(),
        first=led.first,
        until=led.until,
    )


def _input(led: LedInput, process: Process) -> Input:
    """Return an input; for how long it waits for what is missing is as today."""
    today = next(
        (
            item.give_up_after
            for item in process.inputs
            if item.process == led.process and item.identity[2:] == led.identity[2:]
        ),
        timedelta(),
    )
    return Input(
        kind=led.kind,
        process=led.process,
        offset=led.offset,
        last=led.last,
        at_least=led.at_least,
        give_up_after=today,
        is_late_ignored=led.is_late_ignored,
        is_order_only=led.is_order_only,
    )
