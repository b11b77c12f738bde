"""When to look at which process: at its trigger's next fire, or when its next interval may start.

One heap for all processes; a deadline is an instant of the wall clock. When the clock steps
back, deadlines are made anew at the next fire; when it leaps forward, what was missed fires once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush

from synergy.core.hierarchy import Hierarchy, Node
from synergy.core.records import ProcessName
from synergy.core.trigger import Every


class Timers:
    """The next deadline of each process."""

    def __init__(self, hierarchy: Hierarchy, now: datetime) -> None:
        """Set every process's next deadline after `now`; processes that are off have none."""
        self._hierarchy = hierarchy
        self._heap: list[tuple[datetime, ProcessName]] = []
        for node in hierarchy:
            if node.process.is_on and (at := self._deadline(node, now)):
                self._heap.append((at, node.process.name))
        heapify(self._heap)

    def fire(self, now: datetime) -> Sequence[ProcessName]:
        """Return the processes whose deadline has come, and set their next ones."""
        fired = []
        while self._heap and self._heap[0][0] <= now:
            fired.append(heappop(self._heap)[1])
        for name in fired:
            if at := self._deadline(self._hierarchy.nodes[name], now):
                heappush(self._heap, (at, name))
        return fired

    @property
    def next_at(self) -> datetime | None:
        """Return the earliest deadline; None when no process will ever have one again."""
        return self._heap[0][0] if self._heap else None

    def _deadline(self, node: Node, now: datetime) -> datetime | None:
        over_until = self._hierarchy.over_until(node, now)
        if node.until is not None and over_until >= node.until:
            # Nothing new will ever begin here; reports and commands wake the process.
            return None
        over_at = self._hierarchy.over_at(node, over_until)
        trigger = node.process.trigger
        return min(over_at, trigger.next_fire(now)) if isinstance(trigger, Every) else over_at
