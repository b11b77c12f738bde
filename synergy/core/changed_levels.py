"""Processes whose level or zone has changed under their old name: refused by name, and left out.

Intervals of both would be called alike, so old and new ones would be taken for each other. Their
rows stay as they are, and their neighbours are compared with what they were led with once they are
back. Weeks that begin on another day are another level. A recut archives their rows, and begins
intervals by the new definition: until that is done they are left out as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from synergy.core.commands import counted
from synergy.core.hierarchy import Hierarchy
from synergy.core.led_context import LedContext, LedProcess
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.core.timetable import Timetable

#: How many rows each process has at each level.
RowsByLevel: TypeAlias = Mapping[ProcessName, Mapping[Qualifier, int]]


class RefusedLevel(Struct, frozen=True, kw_only=True):
    """A process whose level, or zone, in the context is not that of its `row_count` rows.

    zones: that of its rows and that of its tree, where they differ. recut: the command by which its
    rows are being archived. tree: of which more may have changed; None: it has no other process.
    """

    process: ProcessName
    was: Qualifier
    now: Qualifier
    row_count: int | None = None
    zones: tuple[str, str] | None = None
    recut: str | None = None
    tree: str | None = None

    @property
    def command(self) -> str:
        """Return what recuts it, and what recuts all of its tree."""
        of_tree = f' (of all of its tree: ./launch.py recut --tree {self.tree} TIMEPERIOD)'
        return f'./launch.py recut {self.process} TIMEPERIOD{of_tree if self.tree else ""}'

    @property
    def change(self) -> str:
        """Return what has changed, in words: `daily instead of hourly`."""
        if self.was is self.now and self.zones is not None:
            was, now = self.zones
            return f'{self.now.word} of {now} instead of {was}'
        return f'{self.now.word} instead of {self.was.word}'

    @property
    def back(self) -> str:
        """Return what it was, in words: `hourly`, `daily of UTC`."""
        is_moved = self.was is self.now and self.zones is not None
        return f'{self.was.word} of {self.zones[0]}' if is_moved and self.zones else self.was.word

    def __str__(self) -> str:
        """Return what is wrong and what helps."""
        rows = '' if self.row_count is None else f' ({counted(self.row_count, "row")})'
        if self.recut is not None:
            return (
                f'{self.process} is being recut by request {self.recut}: its old rows are archived'
                '; it is left out until that is done, which needs a Scheduler that leads with the '
                'context for which it was asked. If that request was ended otherwise, ask for the '
                'recut again'
            )
        recut = f'{self.command} archives its history and begins there'
        if self.was is self.now and self.zones is not None:
            was, now = self.zones
            return (
                f'{self.process} follows the clock of {now} in context.py, but its history that of '
                f'{was}{rows}: it is left out, and what waits for it waits; {recut}, or give the '
                f'process of {now} another name, or its tree time_zone={was!r} again'
            )
        return (
            f'{self.process} is {self.now.word} in context.py, but its history is {self.was.word}'
            f'{rows}: it is left out, and what waits for it waits; {recut}, or give the '
            f'{self.now.word} process another name, or make {self.process} {self.was.word} again'
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
        before = None if led is None else led.processes.get(name)
        if before is not None and before.recut is not None:
            found[name] = _recut(node, before)
            continue
        own = counts.pop(now, 0)
        if own and (moved := _moved(node, led, own)):
            found[name] = moved
            continue
        if not any(counts.values()):
            continue
        was, count = Counter(counts).most_common(1)[0]
        if before is None and sum(counts.values()) <= own:
            continue
        if before is not None:
            if before.qualifier is now:
                continue
            was, count = before.qualifier, counts.get(before.qualifier, 0)
        found[name] = RefusedLevel(
            process=name, was=was, now=now, row_count=count, tree=_tree(node)
        )
    return found


def _recut(node: Node, before: LedProcess) -> RefusedLevel:
    now = node.process.qualifier
    zones = (before.zone, node.tree.zone) if before.qualifier is now else None
    return RefusedLevel(
        process=node.process.name,
        was=before.qualifier,
        now=now,
        zones=zones,
        recut=before.recut,
        tree=_tree(node),
    )


def _moved(node: Node, led: LedContext | None, row_count: int | None) -> RefusedLevel | None:
    """Return how the zone of a process has changed since it was led; None: it has not."""
    name, now = node.process.name, node.process.qualifier
    before = None if led is None else led.processes.get(name)
    if before is None or before.qualifier is not now or before.zone == node.tree.zone:
        return None
    zones = before.zone, node.tree.zone
    return RefusedLevel(
        process=name, was=now, now=now, row_count=row_count, zones=zones, tree=_tree(node)
    )


def _tree(node: Node) -> str | None:
    return node.tree.name if len(node.tree.levels) > 1 else None


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
        if before is not None and before.recut is not None:
            found[name] = _recut(node, before)
        elif moved := _moved(node, led, None):
            found[name] = moved
        elif before is not None and before.qualifier is not now:
            found[name] = RefusedLevel(
                process=name, was=before.qualifier, now=now, tree=_tree(node)
            )
    return found


def rows_by_level(
    timetable: Timetable, outside: Sequence[JobKey], led: LedContext | None
) -> RowsByLevel:
    """Return how many rows those processes have at each level that have changed.

    They have rows of another level, or were led under another zone.
    """
    nodes = timetable.hierarchy.nodes
    counts: dict[ProcessName, dict[Qualifier, int]] = {}
    for process, timeperiod in outside:
        if process in nodes:
            by_level = counts.setdefault(process, {})
            qualifier = timeperiod.qualifier
            by_level[qualifier] = by_level.get(qualifier, 0) + 1
    for process, before in ({} if led is None else led.processes).items():
        if process in nodes and before.zone != nodes[process].tree.zone:
            counts.setdefault(process, {})
    for process, by_level in counts.items():
        own = nodes[process].process.qualifier
        by_level[own] = by_level.get(own, 0) + _row_count(timetable, process)
    return counts


def _row_count(timetable: Timetable, process: ProcessName) -> int:
    """Return how many intervals of a process have a row, as far as the index tells."""
    span = timetable.span(process)
    changed = sum(map(len, timetable.changed_runs(process, span)))
    reset = sum(job.state is JobState.EMBRYO for job in timetable.open_jobs_of(process))
    return changed + reset
