"""What is wrong with trees that cannot be scheduled, each problem with its remedy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from synergy.core.nearest import nearest
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.states import Blocking
from synergy.core.timeperiod import Qualifier


def problems_of(
    tree_by_name: Mapping[str, Tree], process_by_name: Mapping[ProcessName, Process]
) -> Iterator[str]:
    """Yield every problem but cycles, which are found when trees are put in order."""
    for tree in tree_by_name.values():
        yield from _naming_problems(tree, tree_by_name, process_by_name)
        yield from _level_problems(tree, process_by_name)
    yield from _membership_problems(tree_by_name, process_by_name)
    yield from _dependency_problems(tree_by_name, process_by_name)


def naming_problems(trees: Sequence[Tree], processes: Sequence[ProcessName]) -> Iterator[str]:
    """Yield what is wrong with trees whatever their processes are: what can be told by names."""
    for tree in trees:
        yield from _naming_problems(tree, [item.name for item in trees], processes)
    tree_by_name = {tree.name: tree for tree in trees}
    yield from _membership_problems(tree_by_name, processes)


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
    qualifiers = sorted(name_by_qualifier, key=lambda qualifier: qualifier.rank)
    for qualifier in qualifiers[-1:]:
        name = name_by_qualifier[qualifier]
        if process_by_name[name].blocking is Blocking.CHILDREN:
            yield (
                f'{name} is blocking_children, but tree {tree.name!r} has no level below it; '
                'add a finer process to the tree or choose another blocking_type'
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
