"""What the leader has rung for, kept in its memory while nobody has answered.

A ring is for a unit as it waits under one fence: whoever claims the unit, hands it back or tries it
again raises the fence, and what was rung before says nothing any more. So a sweep believes this
memory, and the store need not be told of each ring. A new leader has no such memory: it rings once
more for all that waits and is not marked as announced, and whoever claims a unit claims it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from synergy.core.effects import Announce
from synergy.core.records import Unit, UowId
from synergy.core.states import UnitState
from synergy.core.structs import Struct, replace


class _Ring(Struct):
    """When it was rung, under which fence; whether the store says so."""

    at: datetime
    fence: int
    is_marked: bool = False


class Rings:
    """Rings that the broker has confirmed, by unit."""

    def __init__(self) -> None:
        """Know of none."""
        self._rings: dict[UowId, _Ring] = {}

    def note(self, rung: Iterable[Announce], now: datetime) -> None:
        """Take note of what the broker has confirmed."""
        for item in rung:
            self._rings[item.uow_id] = _Ring(now, item.fence)

    def forget(self, uow_ids: Iterable[UowId]) -> None:
        """Forget units of which more is known than that they were rung for."""
        for uow_id in uow_ids:
            self._rings.pop(uow_id, None)

    def see(self, live: Iterable[Unit]) -> dict[UowId, Unit]:
        """Return all live units, by id, as announced when they were rung for; forget all others."""
        units, rings = {}, {}
        for unit in live:
            ring = self._rings.get(unit.id)
            is_for_it = ring is not None and ring.fence == unit.fence
            if ring is not None and is_for_it and unit.state is UnitState.REQUESTED:
                rings[unit.id] = ring
                units[unit.id] = replace(unit, announced_at=ring.at)
            else:
                units[unit.id] = unit
        self._rings = rings
        return units

    def unmarked(self, until: datetime) -> Mapping[UowId, datetime]:
        """Return when which units were rung for, until an instant, that are not marked."""
        return {
            uow_id: ring.at
            for uow_id, ring in self._rings.items()
            if not ring.is_marked and ring.at <= until
        }

    def marked(self, uow_ids: Iterable[UowId]) -> None:
        """Take note of units that the store says to be announced."""
        for uow_id in uow_ids:
            self._rings[uow_id].is_marked = True
