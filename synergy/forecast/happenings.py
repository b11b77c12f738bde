"""What is yet to happen on the virtual clock of a forecast."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final, TypeAlias

from synergy.core.events import Look
from synergy.core.records import ProcessName, Unit
from synergy.core.structs import Struct

#: Seconds within which what happens is decided upon together.
_GRAIN: Final = 0.5


class Ended(Struct, frozen=True):
    """A run ends."""

    unit: Unit


class Fire(Struct, frozen=True):
    """The trigger of a process fires, upon which its live intervals run."""

    process: ProcessName


#: A unit: it may be tried from then on. None: nothing but that something may start by then.
Happening: TypeAlias = Look | Ended | Fire | Unit | None


class Clock:
    """What is yet to happen, in seconds from the beginning."""

    def __init__(self) -> None:
        """Expect nothing."""
        self._heap: list[tuple[float, int, Happening]] = []
        self._count = 0

    def put(self, at: float, what: Happening) -> None:
        """Expect something."""
        self._count += 1
        heappush(self._heap, (at, self._count, what))

    def take(self, until: float) -> tuple[float, list[Happening]] | None:
        """Return what happens next, with all that does so soon after it; None: nothing."""
        heap = self._heap
        if not heap or heap[0][0] > until:
            return None
        at, found, last = heap[0][0], [], heap[0][0] + _GRAIN
        while heap and heap[0][0] <= last and heap[0][0] <= until:
            at, _, what = heappop(heap)
            found.append(what)
        return at, found
