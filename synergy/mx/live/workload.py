"""What of the work under way is told first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from synergy.core.records import Unit
from synergy.core.states import UnitState
from synergy.ports.store import UnitReader

#: Units that are looked at, those that run first. Reading one costs 20 us, so that most are left
#: out where less of them run.
LIVE_LOOKS_MAX: Final = 200
LIVE_LOOKS_FEW: Final = 20


def first_units(store: UnitReader) -> Sequence[Unit]:
    """Return all units that run, up to LIVE_LOOKS_MAX, and some of those that are queued."""
    units = store.live_units(LIVE_LOOKS_FEW)
    if len(units) == LIVE_LOOKS_FEW and units[-1].state is UnitState.IN_PROGRESS:
        return store.live_units(LIVE_LOOKS_MAX)
    return units
