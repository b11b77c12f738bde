"""Processes whose level or zone has changed under their old name: refused by name, and left out.

Intervals of both would be called alike, so old and new ones would be taken for each other. Their
rows stay as they are, and their neighbours are compared with what they were led with once they are
back. Weeks that begin on another day are another level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import TypeAlias

from synergy.core.commands import counted
from synergy.core.hierarchy import Hierarchy
from synergy.core.led_context import LedContext
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import Qualifier

#: How many rows each process has at each level.
RowsByLevel: TypeAlias = Mapping[ProcessName, Mapping[Qualifier, int]]


class RefusedLevel(Struct, frozen=True, kw_only=True):
    """A process whose level, or zone, in the context is not that of its `row_count` rows.

    zones: that of its rows and that of its tree, where they differ.
    """

    process: ProcessName
    was: Qualifier
    now: Qualifier
    row_count: int | None = None
    zones: tuple[str, str] | None = None

    def __str__(self) -> str:
        """Return what is wrong and what helps."""
        rows = '' if self.row_count is None else f' ({counted(self.row_count, "row")})'
        if self.was is self.now and self.zones is not None:
            was, now = self.zones
            return (
                f'{self.process} follows the clock of {now} in context.py, but its history that of '
                f'{was}{rows}: it is left out, and what waits for it waits; give the process of '
                f'{now} another name, or its tree time_zone={was!r} again'
            )
        return (
            f'{self.process} is {self.now.word} in context.py, but its history is {self.was.word}'
            f'{rows}: it is left out, and what waits for it waits; give the {self.now.word} '
            f'process another name, or make {self.process} {self.was.word} again'
        )


def refused_levels(
    hierarchy: Hierarchy, led: LedContext | None, rows_by_level: RowsByLevel
) -> Mapping[ProcessName, RefusedLevel]:
    """Return the processes whose level has changed under their old name.

    There are rows of another level, and the store was last led with that; where it remembers
    nothing of a process: they are more than those of its present level. Or there are rows, and the
    store was last led with them under another zone.
    """
    found = {}
    for node in hierarchy:
        name, now = node.process.name, node.process.qualifier
        counts = dict(rows_by_level.get(name, {}))
        own = counts.pop(now, 0)
        if own and (moved := _moved(node, led, own)):
            found[name] = moved
            continue
        if not any(counts.values()):
            continue
        was, count = Counter(counts).most_common(1)[0]
        before = None if led is None else led.processes.get(name)
        if before is None and sum(counts.values()) <= own:
            continue
        if before is not None:
            if before.qualifier is now:
                continue
            was, count = before.qualifier, counts.get(before.qualifier, 0)
        found[name] = RefusedLevel(process=name, was=was, now=now, row_count=count)
    return found


def _moved(node: Node, led: LedContext | None, row_count: int | None) -> RefusedLevel | None:
    """Return how the zone of a process has changed since it was led; None: it has not."""
    name, now = node.process.name, node.process.qualifier
    before = None if led is None else led.processes.get(name)
    if before is None or before.qualifier is not now or before.zone == node.tree.zone:
        return None
    zones = before.zone, node.tree.zone
    return RefusedLevel(process=name, was=now, now=now, row_count=row_count, zones=zones)


def returned(
    hierarchy: Hierarchy, led: LedContext | None, rows_by_level: RowsByLevel
) -> Collection[ProcessName]:
    """Return the processes that were out of the context, or left out, and are back.

    What they wait for may have run again meanwhile, and nothing could reset them.
    """
    refused = refused_levels(hierarchy, led, rows_by_level)
    known = {} if led is None else led.processes
    return {
        name
        for name in hierarchy.nodes
        if (before := known.get(name)) is not None and before.is_out and name not in refused
    }


def left_out(hierarchy: Hierarchy, led: LedContext | None) -> Mapping[ProcessName, RefusedLevel]:
    """Return what a Scheduler leaves out of `hierarchy`, by what it has written down itself."""
    found = {}
    for node in hierarchy:
        name, now = node.process.name, node.process.qualifier
        before = None if led is None else led.processes.get(name)
        if moved := _moved(node, led, None):
            found[name] = moved
        elif before is not None and before.qualifier is not now:
            found[name] = RefusedLevel(process=name, was=before.qualifier, now=now)
    return found
