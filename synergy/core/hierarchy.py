"""Trees and what depends on what: inputs as ranges of other processes' intervals.

What a job waits for is a list of inputs. The next finer level of its own tree is one (its nested
children); the process of the same qualifier in every tree that its tree depends on is another.
Each input maps an interval to a range of the other process's ordinals, and has an inverse that
tells which interval a finished job may have released. Cycles, unknown names and impossible levels
are refused when the hierarchy is built, all in one report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from graphlib import CycleError, TopologicalSorter

from synergy.core.calendar import Calendar, UtcCalendar
from synergy.core.grouping import covered, group_end
from synergy.core.nearest import nearest
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.states import Blocking
from synergy.core.timeperiod import Qualifier, Timeperiod
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One thing that jobs of a process wait for: a range of `process`'s intervals."""

    kind: InputKind
    process: ProcessName


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
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

    def __init__(self, nodes: Mapping[ProcessName, Node], calendar: Calendar) -> None:
        """Keep nodes that `build` has found sound."""
        self.nodes = nodes
        self.calendar = calendar

    def __iter__(self) -> Iterator[Node]:
        """Yield the nodes, inputs before outputs."""
        return iter(self.nodes.values())

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
        trigger = node.process.trigger
        instant = trigger.last_fire(now) if isinstance(trigger, At | Cron) else now
        return self._ended_until(node, instant - node.process.lag)

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
    processes: Iterable[Process], trees: Iterable[Tree], calendar: Calendar | None = None
) -> Hierarchy:
    """Return the hierarchy of `trees`; raise HierarchyError that names all problems."""
    calendar = calendar or UtcCalendar()
    process_by_name = {process.name: process for process in processes}
    tree_by_name = {tree.name: tree for tree in trees}
    problems = [
        problem
        for tree in tree_by_name.values()
        for problem in _tree_problems(tree, tree_by_name, process_by_name)
    ]
    problems += _membership_problems(tree_by_name, process_by_name)
    problems += _dependency_problems(tree_by_name, process_by_name)
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
    return Hierarchy(_with_outputs(nodes), calendar)


def _tree_problems(
    tree: Tree, tree_by_name: Mapping[str, Tree], process_by_name: Mapping[ProcessName, Process]
) -> Iterator[str]:
    if not tree.levels:
        yield f'tree {tree.name!r} encloses no process; name at least one in enclosed_processes'
    if tree.end is not None and tree.end <= tree.start:
        yield (
            f'tree {tree.name!r} ends at {tree.end:%Y-%m-%d %H:%M}, not after its start '
            f'{tree.start:%Y-%m-%d %H:%M}; correct start_timeperiod or end_timeperiod'
        )
    for name in tree.dependent_on:
        if name not in tree_by_name:
            yield (
                f'tree {tree.name!r} depends on tree {name!r}, which does not exist'
                f'{nearest(name, tree_by_name)}; correct dependent_on'
            )
    name_by_qualifier: dict[Qualifier, ProcessName] = {}
    for name in tree.levels:
        process = process_by_name.get(name)
        if process is None:
            yield (
                f'tree {tree.name!r} encloses {name!r}, which is not a managed process'
                f'{nearest(name, process_by_name)}; correct enclosed_processes'
            )
            continue
        if (twin := name_by_qualifier.setdefault(process.qualifier, name)) != name:
            yield (
                f'tree {tree.name!r} has two {process.qualifier.word} levels, {twin} and {name}; '
                'keep one of them in this tree'
            )
    qualifiers = sorted(name_by_qualifier, key=lambda qualifier: qualifier.rank)
    for qualifier in qualifiers[-1:]:
        name = name_by_qualifier[qualifier]
        if process_by_name[name].blocking is Blocking.CHILDREN:
            yield (
                f'{name} is blocking_children, but tree {tree.name!r} has no level below it; '
                'add a finer process to the tree or choose another blocking_type'
            )


def _membership_problems(
    tree_by_name: Mapping[str, Tree], process_by_name: Mapping[ProcessName, Process]
) -> Iterator[str]:
    trees_by_process: dict[ProcessName, list[str]] = {name: [] for name in process_by_name}
    for tree in tree_by_name.values():
        for name in tree.levels:
            trees_by_process.setdefault(name, []).append(tree.name)
    for name, tree_names in trees_by_process.items():
        if not tree_names:
            yield f'managed process {name} is in no tree; enclose it in a timetable_tree_entry'
        elif len(tree_names) > 1:
            yield f'{name} stands in {len(tree_names)} places ({", ".join(tree_names)}); keep one'


def _dependency_problems(
    tree_by_name: Mapping[str, Tree], process_by_name: Mapping[ProcessName, Process]
) -> Iterator[str]:
    """Yield the dependencies by which something would silently not wait for what lies within it.

    A process waits for that of its own level in the other tree, and through its children for what
    these wait for. One that does neither is sound only if the other tree has nothing finer: then
    nothing of it lies within the process's intervals.
    """
    levels_by_tree = {
        tree.name: {
            process.qualifier
            for name in tree.levels
            if (process := process_by_name.get(name)) is not None
        }
        for tree in tree_by_name.values()
    }
    for tree in tree_by_name.values():
        own = levels_by_tree[tree.name]
        for name in dict.fromkeys(tree.dependent_on):
            other = levels_by_tree.get(name, set())
            if not own or not other or name == tree.name:
                continue  # Named by another problem.
            common = own & other
            finest = max((level.rank for level in common), default=-1)
            deaf = sorted(
                (
                    level
                    for level in own
                    if level.rank > finest and any(item.rank > level.rank for item in other)
                ),
                key=lambda level: level.rank,
            )
            if common and not deaf:
                continue
            why = (
                f'{_and(deaf)} has no counterpart there and would run without waiting for the '
                f'{_and(item for item in other if item.rank > deaf[0].rank)} level'
                if common
                else 'they have no level in common, so nothing would wait'
            )
            missing = deaf or sorted(own, key=lambda level: level.rank)
            yield (
                f'tree {tree.name!r} ({_and(own)}) depends on tree {name!r} ({_and(other)}), but '
                f'{why}; enclose a process in {name!r} that is {_or(missing)}, or one in '
                f'{tree.name!r} that is {_or(other - own)}, or remove the dependent_on'
            )


def _and(levels: Iterable[Qualifier]) -> str:
    return ', '.join(level.word for level in sorted(levels, key=lambda level: level.rank))


def _or(levels: Iterable[Qualifier]) -> str:
    return ' or '.join(level.word for level in sorted(levels, key=lambda level: level.rank))


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
