"""What is simulated of pools: processes and a free run that share two, with shares of all sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.core.closed import ClosedHours
from synergy.core.hierarchy import Hierarchy
from synergy.core.pool_record import Demand, Pool, PoolName, SharedPools
from synergy.core.records import ProcessName
from synergy.core.structs import replace

_WAREHOUSE: Final = PoolName('warehouse')
_LAKE: Final = PoolName('lake')
_DEMANDS: Final[Mapping[str, Demand]] = {
    'SiteHourly': Demand(((_WAREHOUSE, 1),), 60),
    'SiteDaily': Demand(((_WAREHOUSE, 1),), 80),
    'AlertHourly': Demand(((_WAREHOUSE, 2),)),
    'AlertDaily': Demand(((_WAREHOUSE, 3), (_LAKE, 1)), 20),
}
_SIZES: Final = {
    _WAREHOUSE: Pool(name=_WAREHOUSE, slots=3),
    _LAKE: Pool(name=_LAKE, slots=1, per_minute=6),
}


def with_pools(
    hierarchy: Hierarchy, shell: ProcessName, closed: tuple[ClosedHours, ...] = ()
) -> Hierarchy:
    """Return the usual processes, which share pools.

    shell: whose free runs take of one, too. closed: hours of one of the pools.
    """
    nodes = {
        name: replace(
            node, process=replace(node.process, demand=_DEMANDS.get(name, Demand(priority=70)))
        )
        for name, node in hierarchy.nodes.items()
    }
    demand = Demand(((_LAKE, 1), (_WAREHOUSE, 1)))
    # By the name of the entry, and by that of its process for what is made at run time.
    freeruns = {shell: demand, ProcessName(f'{shell}::tick'): demand}
    sizes = {**_SIZES, _LAKE: replace(_SIZES[_LAKE], closed=closed)}
    return hierarchy.replaced(nodes, SharedPools(sizes=sizes, freerun_demands=freeruns))
