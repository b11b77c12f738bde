"""When to look at which process: at its trigger's next fire, or when its next interval may start.

One heap for all processes; a deadline is an instant of the wall clock. When the clock steps
back, deadlines are set again at the next fire; when it leaps forward, what was missed fires once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush

from synergy.core.events import Look
from synergy.core.hierarchy import Hierarchy
from synergy.core.node import Node
from synergy.core.records import ProcessName


class Timers:
    """The next deadlines of each process: one of its trigger, one of its next interval."""

    def __init__(self, hierarchy: Hierarchy, now: datetime) -> None:
        """Set every process's deadlines after `now`; processes that are off have none."""
        self._hierarchy = hierarchy
        self._heap: list[tuple[datetime, ProcessName, bool]] = []
        for node in hierarchy:
            for is_trigger in (False, True):
                if node.process.is_on and (at := self._deadline(node, now, is_trigger)):
                    self._heap.append((at, node.process.name, is_trigger))
        heapify(self._heap)

    def fire(self, now: datetime) -> Sequence[Look]:
        """Return the processes whose deadline has come, and set their next ones."""
        fired: list[Look] = []
        while self._heap and self._heap[0][0] <= now:
            _, name, is_trigger = heappop(self._heap)
            fired.append(Look(name, is_trigger))
        for look in fired:
            node = self._hierarchy.nodes[look.process]
            if at := self._deadline(node, now, look.is_trigger):
                heappush(self._heap, (at, look.process, look.is_trigger))
        return fired

    @property
    def next_at(self) -> datetime | None:
        """Return the earliest deadline; None when no process will ever have one again."""
        return self._heap[0][0] if self._heap else None

    def _deadline(self, node: Node, now: datetime, is_trigger: bool) -> datetime | None:
        over_until = self._hierarchy.over_until(node, now)
        if node.until is not None and over_until >= node.until:
            # Nothing new will ever begin here; reports and commands wake the process.
            return None
        if is_trigger:
            return node.process.trigger.next_fire(now)
        return self._hierarchy.over_at(node, over_until)
