"""Trees and what depends on what: inputs as ranges of other processes' intervals.

What a job waits for is a list of inputs. The next finer level of its own tree is one (its nested
children); the process of the same qualifier in every tree that its tree depends on is another.
Each input maps an interval to a range of the other process's ordinals, and has an inverse that
tells which interval a finished job may have released. Cycles, unknown names and impossible levels
are refused when the hierarchy is built, all in one report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from graphlib import CycleError, TopologicalSorter

from synergy.core.calendar import Calendar, UtcCalendar
from synergy.core.grouping import covered, group_end
from synergy.core.hierarchy_problems import problems_of
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.machines.table import Machine
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Timeperiod
from synergy.core.trigger import At, Cron


class HierarchyError(ValueError):
    """Trees that cannot be scheduled; `problems` lists every reason, each with its remedy."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        """Keep the problems; the message is all of them, one a line."""
        super().__init__('\n'.join(problems))
        self.problems = problems


class InputKind(Enum):
    """Why one process waits for another."""

    CHILDREN = 'children'
    DEPENDENCY = 'dependency'


class Input(Struct, frozen=True, kw_only=True):
    """One thing that jobs of a process wait for: a range of `process`'s intervals."""

    kind: InputKind
    process: ProcessName


class Node(Struct, frozen=True, kw_only=True):
    """One process in its place: what it waits for and who waits for it.

    inputs: what its jobs wait for. outputs: the processes that have it among their inputs (its
    parent first). first: ordinal of its first interval. until: ordinal after its last one; None
    grows with the clock. until_instant: end of the tree, None when it has none.
    """

    process: Process
    tree: Tree
    parent: ProcessName | None
    child: ProcessName | None
    dependencies: tuple[ProcessName, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[ProcessName, ...]
    first: int
    until: int | None


class Hierarchy:
    """All processes in their places, inputs before outputs, and the arithmetic between them."""

    def __init__(
        self,
        nodes: Mapping[ProcessName, Node],
        calendar: Calendar,
        machine_by_name: Mapping[str, Machine] = MACHINE_BY_NAME,
    ) -> None:
        """Keep nodes that `build` has found sound, and the machines that they name."""
        self.nodes = nodes
        self.calendar = calendar
        self._machine_by_name = machine_by_name
        #: What `over_until` has answered last, and to which question: one batch asks very often.
        self._over_until: dict[ProcessName, tuple[datetime, Node, int]] = {}

    def __iter__(self) -> Iterator[Node]:
        """Yield the nodes, inputs before outputs."""
        return iter(self.nodes.values())

    def replaced(self, nodes: Mapping[ProcessName, Node]) -> Hierarchy:
        """Return this hierarchy with other nodes."""
        return Hierarchy(nodes, self.calendar, self._machine_by_name)

    def machine(self, process: ProcessName) -> Machine:
        """Return the state machine by which jobs of `process` are decided and judged."""
        return self._machine_by_name[self.nodes[process].process.machine]

    def timeperiod(self, node: Node, ordinal: int) -> Timeperiod:
        """Return the interval of `node` with `ordinal`."""
        return Timeperiod(node.process.qualifier, ordinal)

    def interval(self, node: Node, ordinal: int) -> tuple[datetime, datetime]:
        """Return [start, end) of an interval, cut to the span of its tree."""
        timeperiod = Timeperiod(node.process.qualifier, ordinal)
        start = max(self.calendar.start(timeperiod), node.tree.start)
        end = self.calendar.end(timeperiod)
        return start, end if node.tree.end is None else min(end, node.tree.end)

    def covered(self, node: Node, ordinal: int) -> range:
        """Return the ordinals whose work this job does; empty when its group ends later."""
        timeperiod = Timeperiod(node.process.qualifier, ordinal)
        span = covered(self.calendar, node.process.grouping, timeperiod)
        return _clip(span, node)

    def input_range(self, node: Node, source: Input, ordinal: int) -> range:
        """Return the ordinals of `source.process` that the job (`node`, `ordinal`) waits for.

        Only intervals that exist or will exist are in it: what lies outside the other tree's span
        is nothing to wait for.
        """
        span = (
            self.covered(node, ordinal)
            if node.process.grouping > 1
            else range(ordinal, ordinal + 1)
        )
        if not span:
            return span
        other = self.nodes[source.process]
        qualifier = node.process.qualifier
        if source.kind is InputKind.CHILDREN:
            first = self.calendar.children(
                Timeperiod(qualifier, span.start), other.process.qualifier
            )
            last = (
                first
                if len(span) == 1
                else self.calendar.children(
                    Timeperiod(qualifier, span.stop - 1), other.process.qualifier
                )
            )
            return _clip(range(first.start, last.stop), other)
        if other.process.grouping > 1:
            last_end = self._group_end(other, span.stop - 1)
            return _clip(range(self._group_end(other, span.start), last_end + 1), other)
        return _clip(span, other)

    def affected(self, node: Node, source: Input, ordinals: range) -> range:
        """Return the ordinals of `node` whose inputs overlap `ordinals` of `source.process`.

        ordinals: not empty. The inverse of `input_range`, for a whole run of intervals together.
        """
        other = self.nodes[source.process]
        if source.kind is InputKind.CHILDREN:
            first = self._enclosing(node, other, ordinals.start)
            last = self._enclosing(node, other, ordinals.stop - 1)
        else:
            # A member of a group has no work of its own: those who wait for it wait for its end.
            first = covered(
                self.calendar,
                other.process.grouping,
                Timeperiod(other.process.qualifier, self._group_end(other, ordinals.start)),
            ).start
            last = self._group_end(other, ordinals.stop - 1)
        return _clip(range(self._group_end(node, first), self._group_end(node, last) + 1), node)

    def groups_of(self, node: Node, ordinals: range) -> range:
        """Return the ordinals at which the groups end in which a run of intervals lies."""
        first, last = ordinals.start, ordinals.stop - 1
        return _clip(range(self._group_end(node, first), self._group_end(node, last) + 1), node)

    def children_of(self, node: Node, ordinals: range) -> range:
        """Return the child ordinals nested in a run of intervals; empty without a child level."""
        if node.child is None or not ordinals:
            return range(0)
        child = self.nodes[node.child]
        qualifier = node.process.qualifier
        first = self.calendar.children(
            Timeperiod(qualifier, ordinals.start), child.process.qualifier
        )
        last = self.calendar.children(
            Timeperiod(qualifier, ordinals.stop - 1), child.process.qualifier
        )
        return _clip(range(first.start, last.stop), child)

    def begun_until(self, node: Node, now: datetime) -> int:
        """Return the ordinal after the last interval that has begun by `now`."""
        if now < node.tree.start:
            return node.first
        begun = self.calendar.containing(node.process.qualifier, now).ordinal + 1
        return begun if node.until is None else min(begun, node.until)

    def over_until(self, node: Node, now: datetime) -> int:
        """Return the ordinal after the last interval whose job may start by `now`.

        It is over, the process's lag has passed, and with an `at` trigger a fire has come since.
        """
        known = self._over_until.get(node.process.name)
        if known is not None and known[0] is now and known[1] is node:
            return known[2]
        trigger = node.process.trigger
        instant = trigger.last_fire(now) if isinstance(trigger, At | Cron) else now
        until = self._ended_until(node, instant - node.process.lag)
        self._over_until[node.process.name] = now, node, until
        return until

    def late_until(self, node: Node, now: datetime) -> int:
        """Return the ordinal after the last interval whose job is late unless it is done.

        Its deadline has passed; without one, the interval after it is over, too.
        """
        if node.process.deadline is None:
            return max(self.over_until(node, now) - 1, node.first)
        return self._ended_until(node, now - node.process.deadline)

    def late_at(self, node: Node, ordinal: int) -> datetime:
        """Return the instant from which on an unfinished job is late."""
        deadline = node.process.deadline
        if deadline is None:
            return self.over_at(node, ordinal + 1)
        return self.interval(node, ordinal)[1] + deadline

    def _ended_until(self, node: Node, instant: datetime) -> int:
        if instant < node.tree.start:
            return node.first
        if node.until is not None and node.tree.end is not None and instant >= node.tree.end:
            return node.until
        return max(self.calendar.containing(node.process.qualifier, instant).ordinal, node.first)

    def over_at(self, node: Node, ordinal: int) -> datetime:
        """Return the instant at which the job of an interval may start for the first time."""
        instant = self.interval(node, ordinal)[1] + node.process.lag
        trigger = node.process.trigger
        if isinstance(trigger, At | Cron):
            return trigger.next_fire(instant - timedelta(microseconds=1))
        return instant

    def _group_end(self, node: Node, ordinal: int) -> int:
        timeperiod = Timeperiod(node.process.qualifier, ordinal)
        return group_end(self.calendar, node.process.grouping, timeperiod).ordinal

    def _enclosing(self, node: Node, child: Node, ordinal: int) -> int:
        timeperiod = Timeperiod(child.process.qualifier, ordinal)
        return self.calendar.parent(timeperiod, node.process.qualifier).ordinal


def build(
    processes: Iterable[Process],
    trees: Iterable[Tree],
    calendar: Calendar | None = None,
    machine_by_name: Mapping[str, Machine] = MACHINE_BY_NAME,
) -> Hierarchy:
    """Return the hierarchy of `trees`; raise HierarchyError that names all problems."""
    calendar = calendar or UtcCalendar()
    process_by_name = {process.name: process for process in processes}
    tree_by_name = {tree.name: tree for tree in trees}
    problems = list(problems_of(tree_by_name, process_by_name))
    order = _order(tree_by_name, problems)
    if problems:
        raise HierarchyError(tuple(problems))
    nodes: dict[ProcessName, Node] = {}
    for tree_name in order:
        tree = _sorted(tree_by_name[tree_name], process_by_name)
        for name in reversed(tree.levels):
            nodes[name] = _node(
                process_by_name[name], tree, tree_by_name, process_by_name, calendar
            )
    return Hierarchy(_with_outputs(nodes), calendar, machine_by_name)


def _order(tree_by_name: Mapping[str, Tree], problems: list[str]) -> list[str]:
    sorter = TopologicalSorter(
        {
            tree.name: [name for name in tree.dependent_on if name in tree_by_name]
            for tree in tree_by_name.values()
        }
    )
    try:
        return list(sorter.static_order())
    except CycleError as error:
        problems.append(
            f'trees depend on each other in a cycle: {" <- ".join(error.args[1])}; '
            'remove one dependent_on'
        )
        return []


def _sorted(tree: Tree, process_by_name: Mapping[ProcessName, Process]) -> Tree:
    """Return the tree with its levels coarse to fine, in whatever order they were given."""
    levels = sorted(tree.levels, key=lambda name: process_by_name[name].qualifier.rank)
    return replace(tree, levels=tuple(levels))


def _node(
    process: Process,
    tree: Tree,
    tree_by_name: Mapping[str, Tree],
    process_by_name: Mapping[ProcessName, Process],
    calendar: Calendar,
) -> Node:
    levels = tree.levels
    place = levels.index(process.name)
    child = levels[place + 1] if place + 1 < len(levels) else None
    dependencies = tuple(
        name
        for tree_name in tree.dependent_on
        for name in tree_by_name[tree_name].levels
        if process_by_name[name].qualifier is process.qualifier
    )
    inputs = tuple(Input(kind=InputKind.DEPENDENCY, process=name) for name in dependencies)
    if child is not None:
        inputs = (Input(kind=InputKind.CHILDREN, process=child), *inputs)
    last_instant = None if tree.end is None else tree.end - timedelta(microseconds=1)
    return Node(
        process=process,
        tree=tree,
        parent=levels[place - 1] if place > 0 else None,
        child=child,
        dependencies=dependencies,
        inputs=inputs,
        outputs=(),
        first=calendar.containing(process.qualifier, tree.start).ordinal,
        until=None
        if last_instant is None
        else calendar.containing(process.qualifier, last_instant).ordinal + 1,
    )


def _with_outputs(nodes: Mapping[ProcessName, Node]) -> dict[ProcessName, Node]:
    outputs: dict[ProcessName, list[ProcessName]] = {name: [] for name in nodes}
    for node in nodes.values():
        for source in node.inputs:
            outputs[source.process].append(node.process.name)
    return {name: replace(node, outputs=tuple(outputs[name])) for name, node in nodes.items()}


def _clip(ordinals: range, node: Node) -> range:
    if ordinals.start >= node.first and (node.until is None or ordinals.stop <= node.until):
        return ordinals
    stop = ordinals.stop if node.until is None else min(ordinals.stop, node.until)
    return range(max(ordinals.start, node.first), max(stop, node.first))
