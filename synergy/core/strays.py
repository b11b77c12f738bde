"""Units that run although nothing in the context waits for them: of entries that have left it.

So it is where an entry or a tree was taken out, or made shorter, while something of it ran: that
run may end, and until then it holds its slots of pools. How much it took stands in the context that
was led (`LedContext.demands`). One whose lease has run out does not run any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from synergy.core.freerun_record import Freerun, base_of
from synergy.core.hierarchy import Hierarchy
from synergy.core.pool_record import Demand, PoolName
from synergy.core.records import ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable

_NOTHING: Final = Demand()

#: Returns an entry by its full name.
FindFreerun = Callable[[ProcessName], Freerun | None]


class Strays:
    """What strays hold of pools, as far as is known; dropped with the pools of a leader."""

    def __init__(self) -> None:
        """Know of none yet."""
        self._demands: Mapping[UowId, Demand] = {}
        #: Some have given back what they held, and nobody has counted since.
        self.have_ended = False

    def note(self, running: Mapping[UowId, Demand]) -> None:
        """Know those that run, and what each takes; all others have ended."""
        self.have_ended |= bool(self._demands.keys() - running.keys())
        self._demands = running

    def end(self, uow_ids: Collection[UowId]) -> None:
        """Forget units that have ended, of which some may be strays."""
        if self._demands:
            self.note({key: item for key, item in self._demands.items() if key not in uow_ids})

    def taken(self, pools: Container[PoolName]) -> Iterator[tuple[PoolName, int]]:
        """Yield what is taken, of those pools that there still are; it is counted by that."""
        self.have_ended = False
        for demand in self._demands.values():
            yield from (item for item in demand.shares if item[0] in pools)


def stray_demands(
    live: Iterable[Unit], timetable: Timetable, freerun: FindFreerun, now: datetime
) -> Mapping[UowId, Demand]:
    """Return what strays among live units take of pools; those that take nothing are left out."""
    found = {
        unit.id: demand_of_stray(timetable.hierarchy, unit.process)
        for unit in live
        if unit.state is UnitState.IN_PROGRESS
        and is_leased(unit, now)
        and is_stray(unit.id, unit.key, timetable, freerun)
    }
    return {uow_id: demand for uow_id, demand in found.items() if demand.shares}


def is_leased(unit: Unit, now: datetime) -> bool:
    """Tell whether a worker still has a unit."""
    return unit.lease_until is not None and unit.lease_until > now


def is_stray(uow_id: UowId, key: JobKey, timetable: Timetable, freerun: FindFreerun) -> bool:
    """Tell whether neither an interval of the context nor a free run waits for a unit."""
    if timetable.state(key) is not None:
        return False
    entry = freerun(key.process)
    return entry is None or uow_id not in entry.live


def demand_of_stray(hierarchy: Hierarchy, name: ProcessName) -> Demand:
    """Return what a start of an entry takes that is still there, or took when it left."""
    node, pools = hierarchy.nodes.get(name), hierarchy.pools
    if node is not None:
        return node.process.demand
    for known in (name, base_of(name)):
        found = pools.freerun_demands.get(known) or pools.gone.get(known)
        if found is not None:
            return found
    return _NOTHING
