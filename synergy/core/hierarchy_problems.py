"""What is wrong with trees that cannot be scheduled, each problem with its remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from synergy.core.input_problems import are_apart, input_problems
from synergy.core.levels import child, counterpart, unrelated
from synergy.core.nearest import nearest
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.states import Blocking
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Measure, Qualifier
from synergy.core.trigger import followed
from synergy.core.zones import zone_named


class Unread(Struct, frozen=True, kw_only=True):
    """Processes and trees that exist, but could not be read, or not whole."""

    processes: frozenset[ProcessName] = frozenset()
    trees: frozenset[str] = frozenset()

    def has_whole(self, tree: Tree) -> bool:
        """Tell whether a tree was read with all that it encloses."""
        return tree.name not in self.trees and self.processes.isdisjoint(tree.levels)


NOTHING_UNREAD: Final = Unread()


def problems_of(
    tree_by_name: Mapping[str, Tree],
    process_by_name: Mapping[ProcessName, Process],
    unread: Unread = NOTHING_UNREAD,
) -> Iterator[str]:
    """Yield every problem but cycles, which are found when trees are put in order.

    Of a tree that could not be read whole only what names tell: the rest might be a consequence.
    """
    names = _all_names(process_by_name, unread)
    whole = {name: tree for name, tree in tree_by_name.items() if unread.has_whole(tree)}
    for tree in tree_by_name.values():
        yield from _naming_problems(tree, tree_by_name, names)
    for tree in whole.values():
        yield from _level_problems(tree, process_by_name)
        yield from _zone_problems(tree, process_by_name)
    yield from _membership_problems(tree_by_name, names)
    yield from _dependency_problems(whole, process_by_name)
    for process in process_by_name.values():
        yield from input_problems(process, process_by_name, unread.processes)


def sound_part(
    tree_by_name: Mapping[str, Tree],
    process_by_name: Mapping[ProcessName, Process],
    unread: Unread,
) -> tuple[dict[str, Tree], dict[ProcessName, Process]]:
    """Return the trees without a problem and their processes: cycles can be looked for in them.

    Inputs and dependencies that lead out of them, or connect nothing, are left out.
    """
    names = _all_names(process_by_name, unread)
    places = Counter(name for tree in tree_by_name.values() for name in tree.levels)
    trees = {
        name: tree
        for name, tree in tree_by_name.items()
        if unread.has_whole(tree)
        and all(places[level] == 1 for level in tree.levels)
        and not any(_naming_problems(tree, tree_by_name, names))
        and not any(_level_problems(tree, process_by_name))
        and not any(_zone_problems(tree, process_by_name))
    }
    known = {name: process_by_name[name] for tree in trees.values() for name in tree.levels}
    trees = {
        name: replace(tree, dependent_on=tuple(item for item in tree.dependent_on if item in trees))
        for name, tree in trees.items()
    }
    return trees, {
        name: replace(
            process,
            inputs=tuple(
                source
                for source in process.inputs
                if source.process in known
                and not are_apart(process.qualifier, known[source.process].qualifier)
            ),
        )
        for name, process in known.items()
    }


def _all_names(
    process_by_name: Mapping[ProcessName, Process], unread: Unread
) -> Collection[ProcessName]:
    """Return them in order; each tree looks for its own among thousands."""
    return dict.fromkeys((*process_by_name, *unread.processes))


def _naming_problems(
    tree: Tree, tree_names: Collection[str], process_names: Collection[ProcessName]
) -> Iterator[str]:
    if not tree.levels:
        yield f'tree {tree.name!r} encloses no process; name at least one in enclosed_processes'
    for name in tree.dependent_on:
        if name not in tree_names:
            yield (
                f'tree {tree.name!r} depends on tree {name!r}, which does not exist'
                f'{nearest(name, tree_names)}; correct dependent_on'
            )
    for level in tree.levels:
        if level not in process_names:
            yield (
                f'tree {tree.name!r} encloses {level!r}, which is not a managed process'
                f'{nearest(level, process_names)}; correct enclosed_processes'
            )


def _level_problems(tree: Tree, process_by_name: Mapping[ProcessName, Process]) -> Iterator[str]:
    if tree.end is not None and tree.end <= tree.start:
        yield (
            f'tree {tree.name!r} ends at {tree.end:%Y-%m-%d %H:%M}, not after its start '
            f'{tree.start:%Y-%m-%d %H:%M}; correct start_timeperiod or end_timeperiod'
        )
    name_by_qualifier: dict[Qualifier, ProcessName] = {}
    for name in tree.levels:
        process = process_by_name.get(name)
        if process is None:
            continue
        if (twin := name_by_qualifier.setdefault(process.qualifier, name)) != name:
            yield (
                f'tree {tree.name!r} has two {process.qualifier.word} levels, {twin} and {name}; '
                'keep one of them in this tree'
            )
    yield from _unrelated(tree, name_by_qualifier)
    for qualifier, name in name_by_qualifier.items():
        is_childless = child(qualifier, name_by_qualifier) is None
        if is_childless and process_by_name[name].blocking is Blocking.CHILDREN:
            yield (
                f'{name} is blocking_children, but tree {tree.name!r} has no level below it; '
                'add a finer process to the tree or choose another blocking_type'
            )


def _zone_problems(tree: Tree, process_by_name: Mapping[ProcessName, Process]) -> Iterator[str]:
    try:
        zone = zone_named(tree.zone)
    except ValueError as error:
        yield f'time_zone of tree {tree.name!r}: {error}'
        return
    for name in tree.levels:
        if (process := process_by_name.get(name)) is not None:
            try:
                followed(process.trigger, zone, tree.name)
            except ValueError as error:
                yield f'{name}: {error}'


def _unrelated(tree: Tree, levels: Mapping[Qualifier, ProcessName]) -> Iterator[str]:
    """Yield the levels that cannot stand beside each other."""
    for coarse, fine in unrelated(levels):
        yield (
            f'tree {tree.name!r} has {coarse.word} intervals ({levels[coarse]}) that are not made '
            f'of whole {fine.word} ones ({levels[fine]}); put one of the two into a tree of its own'
        )
    weeks = [level for level in levels if level.measure is Measure.WEEK]
    finer = [level for level in levels if level.measure > Measure.DAY]
    if weeks and finer and Qualifier.DAILY not in levels:
        yield (
            f'tree {tree.name!r} has weeks ({levels[weeks[0]]}) over {finer[0].word} intervals '
            f'({levels[finer[0]]}) and no days; enclose a daily process between them'
        )


def _membership_problems(
    tree_by_name: Mapping[str, Tree], process_names: Collection[ProcessName]
) -> Iterator[str]:
    trees_by_process: dict[ProcessName, list[str]] = {name: [] for name in process_names}
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
    """Yield the dependencies by which nothing would wait for anything."""
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
            others: set[Qualifier] = levels_by_tree.get(name, set())
            if not own or not others or name == tree.name:
                continue  # Named by another problem.
            if any(counterpart(level, own, others) for level in own):
                continue
            yield (
                f'tree {tree.name!r} ({_and(own)}) depends on tree {name!r} ({_and(others)}), but '
                'none of its intervals is made of whole ones there, so nothing would wait; enclose '
                f'a process in {name!r} that is {_or(own)}, or one in {tree.name!r} that is '
                f'{_or(others)}, or remove the dependent_on'
            )


def _and(levels: Iterable[Qualifier]) -> str:
    return ', '.join(level.word for level in sorted(levels, key=lambda level: level.rank))


def _or(levels: Iterable[Qualifier]) -> str:
    return ' or '.join(level.word for level in sorted(levels, key=lambda level: level.rank))
