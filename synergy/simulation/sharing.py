"""What is simulated of pools: processes and a free run that share two, with shares of all sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from synergy.core.freerun_record import base_of
from synergy.core.hierarchy import Hierarchy
from synergy.core.pool_record import Demand, Pool, PoolName, SharedPools
from synergy.core.pools import demands_of
from synergy.core.records import ProcessName, UowId
from synergy.core.structs import replace
from synergy.ports.store import Store

_WAREHOUSE: Final = PoolName('warehouse')
_LAKE: Final = PoolName('lake')
_DEMANDS: Final[Mapping[str, Demand]] = {
    'SiteHourly': Demand(((_WAREHOUSE, 1),)),
    'SiteDaily': Demand(((_WAREHOUSE, 1),), 80),
    'AlertHourly': Demand(((_WAREHOUSE, 2),)),
    'AlertDaily': Demand(((_WAREHOUSE, 3), (_LAKE, 1)), 20),
}
_SIZES: Final = {
    _WAREHOUSE: Pool(name=_WAREHOUSE, slots=3),
    _LAKE: Pool(name=_LAKE, slots=1, per_minute=6),
}


def with_pools(hierarchy: Hierarchy, shell: ProcessName) -> Hierarchy:
    """Return the usual processes, which share pools. shell: whose free runs take of one, too."""
    nodes = {
        name: replace(
            node, process=replace(node.process, demand=_DEMANDS.get(name, Demand(priority=70)))
        )
        for name, node in hierarchy.nodes.items()
    }
    freeruns = {shell: Demand(((_LAKE, 1), (_WAREHOUSE, 1)))}
    return hierarchy.replaced(nodes, SharedPools(sizes=_SIZES, freerun_demands=freeruns))


def overdrawn(store: Store, hierarchy: Hierarchy) -> Iterator[str]:
    """Yield the pools of which more is taken than there is.

    What counts is what a live unit takes for which a job or a free run waits: one that was saved
    by a commit that broke off is announced by nobody.
    """
    if not hierarchy.pools.sizes:
        return
    demands = demands_of(hierarchy)
    awaited: set[UowId | None] = {job.uow_id for job in store.open_jobs() if job.has_live_unit}
    for freerun in store.freeruns():
        awaited.update(freerun.live)
    taken: dict[PoolName, list[str]] = {name: [] for name in hierarchy.pools.sizes}
    for unit in store.live_units():
        if unit.id in awaited:
            demand = demands.get(unit.process) or demands[base_of(unit.process)]
            for pool, share in demand.shares:
                taken[pool] += [str(unit)] * share
    for pool, units in taken.items():
        slots = hierarchy.pools.sizes[pool].slots
        if len(units) > slots:
            yield f'pool {pool}: {len(units)} of {slots} slots are taken by {", ".join(units)}'
