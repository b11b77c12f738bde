"""Trees and what depends on what: inputs as ranges of other processes' intervals.

What a job waits for is a list of inputs. The next finer levels of its own tree are some (its nested
children); the process of the same level in every tree that its tree depends on is another, or,
where none of these has an equal there, that of the next finer level. Each input maps an interval to
a range of the other process's ordinals, and has an inverse that tells which interval a finished job
may have released (`synergy.core.inputs`). Cycles, unknown names and impossible levels are refused
when the hierarchy is built, all in one report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Final

from synergy.core import inputs
from synergy.core.calendar import Calendar
from synergy.core.cycles import are_reset_together, circles, in_order
from synergy.core.deadline import late_at, late_end
from synergy.core.hierarchy_problems import NOTHING_UNREAD, Unread, problems_of, sound_part
from synergy.core.input_problems import beyond, nowhere
from synergy.core.levels import child, counterpart, parents
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.machines.table import Machine
from synergy.core.node import Input, InputKind, Node
from synergy.core.pool_record import SharedPools
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.structs import replace
from synergy.core.timeperiod import Timeperiod
from synergy.core.trigger import At, Cron, followed
from synergy.core.zones import UTC_CALENDAR, UTC_ZONE

#: What trees have that name no zone of their own.
CALENDARS: Final[Mapping[str, Calendar]] = {UTC_ZONE: UTC_CALENDAR}
_NO_POOLS: Final = SharedPools()


class HierarchyError(ValueError):
    """Trees that cannot be scheduled; `problems` lists every reason, each with its remedy."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        """Keep the problems; the message is all of them, one a line."""
        super().__init__('\n'.join(problems))
        self.problems = problems


class Hierarchy:
    """All processes in their places, inputs before outputs, and the arithmetic between them."""

    def __init__(
        self,
        nodes: Mapping[ProcessName, Node],
        machine_by_name: Mapping[str, Machine] = MACHINE_BY_NAME,
        circles: Mapping[ProcessName, frozenset[ProcessName]] = MappingProxyType({}),
        pools: SharedPools = _NO_POOLS,
    ) -> None:
        """Keep nodes that `build` has found sound, and the machines that they name.

        circles: by process, itself and others that wait for each other's past, if any. pools: that
        they share.
        """
        self.pools = pools
        self.nodes = nodes
        self.circles = circles
        #: Whether what a request resets may start only once all is reset.
        self.is_reset_as_whole = are_reset_together(circles)
        #: Whether a part of an input is enough somewhere.
        self.has_partial = any(
            source.at_least is not None for node in nodes.values() for source in node.inputs
        )
        self.machine_by_name = machine_by_name
        #: What `over_until` has answered last, and to which question: one batch asks very often.
        self._over_until: dict[ProcessName, tuple[datetime, Node, int]] = {}

    def __iter__(self) -> Iterator[Node]:
        """Yield the nodes, inputs before outputs."""
        return iter(self.nodes.values())

    def replaced(
        self, nodes: Mapping[ProcessName, Node], pools: SharedPools | None = None
    ) -> Hierarchy:
        """Return this hierarchy with other nodes, and with other pools unless None."""
        return Hierarchy(nodes, self.machine_by_name, self.circles, pools or self.pools)

    @property
    def has_circles(self) -> bool:
        """Tell whether a process waits for its own past, directly or through others."""
        return bool(self.circles)

    def machine(self, process: ProcessName) -> Machine:
        """Return the state machine by which jobs of `process` are decided and judged."""
        return self.machine_by_name[self.nodes[process].process.machine]

    def timeperiod(self, node: Node, ordinal: int) -> Timeperiod:
        """Return the interval of `node` with `ordinal`."""
        return Timeperiod(node.process.qualifier, ordinal)

    def interval(self, node: Node, ordinal: int) -> tuple[datetime, datetime]:
        """Return [start, end) of an interval, cut to the span of its tree."""
        timeperiod = Timeperiod(node.process.qualifier, ordinal)
        start = max(node.calendar.start(timeperiod), node.tree.start)
        end = node.calendar.end(timeperiod)
        return start, end if node.tree.end is None else min(end, node.tree.end)

    def covered(self, node: Node, ordinal: int) -> range:
        """Return the ordinals whose work this job does; empty when its group ends later."""
        return inputs.work_of(node, ordinal)

    def input_range(self, node: Node, source: Input, ordinal: int) -> range:
        """Return the ordinals of `source.process` that the job (`node`, `ordinal`) waits for.

        Only intervals that exist or will exist are in it: what lies outside the other tree's span
        is nothing to wait for.
        """
        return inputs.input_range(node, source, self.nodes[source.process], ordinal)

    def affected(self, node: Node, source: Input, ordinals: range) -> range:
        """Return the ordinals of `node` whose inputs overlap `ordinals` of `source.process`.

        ordinals: not empty. The inverse of `input_range`, for a whole run of intervals together.
        """
        return inputs.affected(node, source, self.nodes[source.process], ordinals)

    def groups_of(self, node: Node, ordinals: range) -> range:
        """Return the ordinals at which the groups end in which a run of intervals lies."""
        return node.clip(inputs.groups_between(node, ordinals))

    def children_of(self, node: Node, ordinals: range) -> range:
        """Return the child ordinals nested in a run of intervals; empty without a child level."""
        if node.child is None or not ordinals:
            return range(0)
        other = self.nodes[node.child]
        return other.clip(inputs.lying_within(node, other, ordinals))

    def begun_until(self, node: Node, now: datetime) -> int:
        """Return the ordinal after the last interval that has begun by `now`."""
        if now < node.tree.start:
            return node.first
        begun = node.calendar.containing(node.process.qualifier, now).ordinal + 1
        return begun if node.until is None else min(begun, node.until)

    def over_until(self, node: Node, now: datetime) -> int:
        """Return the ordinal after the last interval whose job may start by `now`.

        It is over, the process's lag has passed, and with an `at` trigger a fire has come since.
        """
        known = self._over_until.get(node.process.name)
        if known is not None and known[0] is now and known[1] is node:
            return known[2]
        until = self.started_until(node, now)
        self._over_until[node.process.name] = now, node, until
        return until

    def started_until(self, node: Node, at: datetime) -> int:
        """Return what `over_until` does, of an instant that few ask for."""
        trigger = node.process.trigger
        instant = trigger.last_fire(at) if isinstance(trigger, At | Cron) else at
        return self._ended_until(node, instant - node.process.lag)

    def late_until(self, node: Node, now: datetime) -> int:
        """Return the ordinal after the last interval whose job is late unless it is done.

        Its deadline has passed; without one, the interval after it is over, too.
        """
        deadline = node.process.deadline
        if deadline is None:
            return max(self.over_until(node, now) - 1, node.first)
        return self._ended_until(node, late_end(deadline, node.calendar, now, node.tree.end))

    def next_end(self, node: Node, after: datetime) -> datetime | None:
        """Return when the first interval ends that ends later; None after the last one."""
        if node.until is not None and node.tree.end is not None and after >= node.tree.end:
            return None
        at = max(after, node.tree.start)
        ordinal = node.calendar.containing(node.process.qualifier, at).ordinal
        return self.interval(node, ordinal)[1]

    def late_at(self, node: Node, ordinal: int) -> datetime:
        """Return the instant from which on an unfinished job is late."""
        deadline = node.process.deadline
        if deadline is None:
            return self.over_at(node, ordinal + 1)
        timeperiod = Timeperiod(node.process.qualifier, ordinal)
        return late_at(deadline, node.calendar, timeperiod, node.tree.end)

    def _ended_until(self, node: Node, instant: datetime) -> int:
        if instant < node.tree.start:
            return node.first
        if node.until is not None and node.tree.end is not None and instant >= node.tree.end:
            return node.until
        return max(node.calendar.containing(node.process.qualifier, instant).ordinal, node.first)

    def over_at(self, node: Node, ordinal: int) -> datetime:
        """Return the instant at which the job of an interval may start for the first time."""
        instant = self.interval(node, ordinal)[1] + node.process.lag
        trigger = node.process.trigger
        if isinstance(trigger, At | Cron):
            return trigger.next_fire(instant - timedelta(microseconds=1))
        return instant


def build(
    processes: Iterable[Process],
    trees: Iterable[Tree],
    calendar_by_zone: Mapping[str, Calendar] = CALENDARS,
    machine_by_name: Mapping[str, Machine] = MACHINE_BY_NAME,
    unread: Unread = NOTHING_UNREAD,
) -> Hierarchy:
    """Return the hierarchy of `trees`; raise HierarchyError that names all problems.

    calendar_by_zone: has the zones of all trees. unread: what is known by name only; what the rest
    has to be refused for is told all the same.
    """
    process_by_name = {process.name: process for process in processes}
    tree_by_name = {tree.name: tree for tree in trees}
    problems = list(problems_of(tree_by_name, process_by_name, unread))
    order = _order(tree_by_name, problems)
    if problems or unread != NOTHING_UNREAD:
        tree_by_name, process_by_name = sound_part(tree_by_name, process_by_name, unread)
        # Empty where trees depend on each other in a cycle: then that is to be changed first.
        order = [name for name in order if name in tree_by_name]
    nodes = _nodes(order, tree_by_name, process_by_name, calendar_by_zone)
    nodes = in_order(nodes, problems)
    problems += [*nowhere(nodes), *beyond(nodes)]
    if problems:
        raise HierarchyError(tuple(problems))
    return Hierarchy(_with_outputs(nodes), machine_by_name, circles(nodes))


def _nodes(
    order: Iterable[str],
    tree_by_name: Mapping[str, Tree],
    process_by_name: Mapping[ProcessName, Process],
    calendar_by_zone: Mapping[str, Calendar],
) -> dict[ProcessName, Node]:
    """Return the nodes of trees, those that others depend on first."""
    nodes: dict[ProcessName, Node] = {}
    for tree_name in order:
        tree = _sorted(tree_by_name[tree_name], process_by_name)
        for name in reversed(tree.levels):
            nodes[name] = _node(
                process_by_name[name],
                tree,
                tree_by_name,
                process_by_name,
                calendar_by_zone[tree.zone],
            )
    return {name: _with_declared(node) for name, node in nodes.items()}


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
    by_level = {process_by_name[name].qualifier: name for name in tree.levels}
    below = child(process.qualifier, by_level)
    dependencies = tuple(
        name
        for tree_name in tree.dependent_on
        if (name := _counterpart(process, tree, tree_by_name[tree_name], process_by_name))
    )
    sources = [Input(kind=InputKind.DEPENDENCY, process=name) for name in dependencies]
    if below is not None:
        sources.insert(0, Input(kind=InputKind.CHILDREN, process=by_level[below]))
    last_instant = None if tree.end is None else tree.end - timedelta(microseconds=1)
    trigger = followed(process.trigger, calendar.zone, tree.name)
    return Node(
        process=process if trigger is process.trigger else replace(process, trigger=trigger),
        tree=tree,
        calendar=calendar,
        parents=tuple(by_level[level] for level in parents(process.qualifier, by_level)),
        child=None if below is None else by_level[below],
        dependencies=dependencies,
        inputs=tuple(sources),
        outputs=(),
        first=calendar.containing(process.qualifier, tree.start).ordinal,
        until=None
        if last_instant is None
        else calendar.containing(process.qualifier, last_instant).ordinal + 1,
    )


def _with_declared(node: Node) -> Node:
    """Return a node with the inputs that its process declares, each in place of an equal one.

    What it says of its child level holds for what nests in it.
    """
    by_identity = {source.identity: source for source in node.inputs}
    for source in node.process.inputs:
        is_child = source.process == node.child and not source.offset and source.last is None
        given = replace(source, kind=InputKind.CHILDREN) if is_child else source
        by_identity[given.identity] = given
    return replace(node, inputs=tuple(by_identity.values())) if node.process.inputs else node


def _counterpart(
    process: Process,
    tree: Tree,
    other: Tree,
    process_by_name: Mapping[ProcessName, Process],
) -> ProcessName | None:
    """Return the process of another tree for which one waits because its tree depends on that."""
    by_level = {process_by_name[name].qualifier: name for name in other.levels}
    own = [process_by_name[name].qualifier for name in tree.levels]
    level = counterpart(process.qualifier, own, list(by_level))
    return None if level is None else by_level[level]


def _with_outputs(nodes: Mapping[ProcessName, Node]) -> dict[ProcessName, Node]:
    # Ordered sets: one process may wait for another in several ways.
    outputs: dict[ProcessName, dict[ProcessName, None]] = {name: {} for name in nodes}
    for node in nodes.values():
        for source in node.inputs:
            outputs[source.process][node.process.name] = None
    return {name: replace(node, outputs=tuple(outputs[name])) for name, node in nodes.items()}
