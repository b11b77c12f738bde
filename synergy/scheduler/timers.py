"""When to look at which process.

At its trigger's next fire, when its next interval may start, and when what is missing of an input
is given up.

One heap for all processes; a deadline is an instant of the wall clock. When the clock steps
back, deadlines are set again at the next fire; when it leaps forward, what was missed fires once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Final

from synergy.core.events import Look
from synergy.core.hierarchy import Hierarchy
from synergy.core.jitter import phase
from synergy.core.node import Node
from synergy.core.records import ProcessName

_TRIGGER: Final = 1
_GIVE_UP: Final = 2


class Timers:
    """The next deadlines of each process, of each kind one."""

    def __init__(self, hierarchy: Hierarchy, now: datetime) -> None:
        """Set every process's deadlines after `now`; processes that are off have none."""
        self._hierarchy = hierarchy
        # By number: of its next interval, of its trigger, then of the inputs that are given up.
        self._heap: list[tuple[datetime, ProcessName, int]] = []
        for node in hierarchy:
            if node.process.is_on:
                for number in range(_GIVE_UP + len(_given_up(node))):
                    if at := self._deadline(node, now, number):
                        self._heap.append((at, node.process.name, number))
        heapify(self._heap)

    def fire(self, now: datetime) -> Sequence[Look]:
        """Return the processes whose deadline has come, and set their next ones."""
        fired: list[tuple[ProcessName, int]] = []
        while self._heap and self._heap[0][0] <= now:
            _, name, number = heappop(self._heap)
            fired.append((name, number))
        for name, number in fired:
            if at := self._deadline(self._hierarchy.nodes[name], now, number):
                heappush(self._heap, (at, name, number))
        return [Look(name, number == _TRIGGER) for name, number in fired]

    @property
    def next_at(self) -> datetime | None:
        """Return the earliest deadline; None when no process will ever have one again."""
        return self._heap[0][0] if self._heap else None

    def _deadline(self, node: Node, now: datetime, number: int) -> datetime | None:
        if number >= _GIVE_UP:
            after = _given_up(node)[number - _GIVE_UP]
            end = self._hierarchy.next_end(node, now - after)
            return None if end is None else end + after
        over_until = self._hierarchy.over_until(node, now)
        if node.until is not None and over_until >= node.until:
            # Nothing new will ever begin here; reports and commands wake the process.
            return None
        if number == _TRIGGER:
            process = node.process
            delay = phase(process.name, process.jitter)
            return process.trigger.next_fire(now - delay) + delay
        return self._hierarchy.over_at(node, over_until)


def _given_up(node: Node) -> Sequence[timedelta]:
    """Return how long after an interval what is missing of inputs is given up, where it is."""
    return [source.give_up_after for source in node.inputs if source.at_least is not None]
