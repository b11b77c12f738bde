"""Units claimed together: those that wait for their turn, and how those that ran have ended.

Runs that take a millisecond cost less than what surrounds them, so a worker that meets such runs
claims several units together and saves their ends together. What is claimed or ended must never
hang behind a run that turns out to be long: the heartbeat then saves the ends and hands back what
waits. Main thread and heartbeat share a batch, under its lock, and nothing else.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from synergy.core.records import Unit, UnitEnd, UowId
from synergy.ports.errors import LeaseLost
from synergy.ports.store import UnitStore


class Batch:
    """What one turn of a worker has claimed."""

    def __init__(self, units: Sequence[Unit]) -> None:
        """Let all of `units` wait."""
        self._lock = threading.Lock()
        self._waiting = deque(units)
        self._ends: list[UnitEnd] = []
        self._unreported: list[UowId] = []

    def next(self) -> Unit | None:
        """Return the unit whose turn it is; None when no more wait."""
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def add(self, end: UnitEnd) -> None:
        """Keep how a run ended."""
        with self._lock:
            self._ends.append(end)

    def save(self, finish: Callable[[Sequence[UnitEnd]], object]) -> None:
        """Give the ends that are not saved to `finish`; they stay when it raises."""
        with self._lock:
            if self._ends:
                finish(self._ends)
                self._unreported += self._ended()
                self._ends = []

    def save_and_report(self, save: Callable[[Sequence[UnitEnd], Sequence[UowId]], object]) -> None:
        """Give the ends that are not saved to `save`, and of whom the Scheduler is to be told.

        Both stay when it raises. It begins its commit under the lock, never the other way round:
        the heartbeat saves under the lock, too, and would wait for that commit.
        """
        with self._lock:
            uow_ids = [*self._unreported, *self._ended()]
            if uow_ids:
                save(self._ends, uow_ids)
                self._ends, self._unreported = [], []

    def hand_back(self, store: UnitStore) -> None:
        """Give back the units that wait; those that were lost in the meantime concern nobody."""
        with self._lock:
            while self._waiting:
                unit = self._waiting[-1]
                with suppress(LeaseLost):
                    store.release(unit.id, unit.fence)
                self._waiting.pop()
                self._unreported.append(unit.id)

    def _ended(self) -> list[UowId]:
        return [end.uow_id for end in self._ends]
