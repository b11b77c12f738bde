"""Free runs: their rows, their units and their history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from synergy.core.freerun_record import Freerun
from synergy.core.records import JobEvent, ProcessName, Unit
from synergy.core.states import UnitState


class FreerunReader(Protocol):
    """Free runs; a commit writes them."""

    def freeruns(self) -> Sequence[Freerun]:
        """Return every free run, by name."""
        ...

    def freerun(self, name: ProcessName) -> Freerun | None:
        """Return one free run; None where there is none, or its row cannot be read."""
        ...

    def freerun_events(self, name: ProcessName, limit: int) -> Sequence[JobEvent]:
        """Return a free run's newest events, newest first."""
        ...

    def freerun_units(self, name: ProcessName, limit: int) -> Sequence[Unit]:
        """Return the newest units of a free run, newest first."""
        ...

    def ended_freerun_units(
        self,
        since: datetime,
        states: Collection[UnitState],
        limit: int,
        after: Unit | None = None,
    ) -> Sequence[Unit]:
        """Return units of all free runs that ended at `since` or later in one of `states`.

        At most `limit`, those that ended last first, that come after `after`. The order is
        (finished_at falling, id).
        """
        ...
