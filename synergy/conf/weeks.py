"""On which day the weeks of a tree begin: the tree says it, and its weekly processes have it."""

from __future__ import annotations

from synergy.conf.model import ManagedEntry
from synergy.conf.tree_reader import TreeReader
from synergy.core.records import ProcessName, Tree
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier


def begin_weeks(reader: TreeReader, tree: Tree, managed: dict[ProcessName, ManagedEntry]) -> None:
    """Let the weeks of a tree begin on the day that it says; note that it has none."""
    level = reader.weeks()
    if level is None:
        return
    weekly = [
        name
        for name in tree.levels
        if name in managed and managed[name].process.qualifier is Qualifier.WEEKLY
    ]
    if not weekly and all(name in managed for name in tree.levels):
        reader.refuse_week_start()
    for name in weekly:
        process = replace(managed[name].process, qualifier=level)
        managed[name] = replace(managed[name], process=process)
