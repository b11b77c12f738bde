"""What is remembered of pools with the context that is led: sizes, and what starts take of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from synergy.core.hierarchy import Hierarchy
from synergy.core.led_context import LedContext, LedPools, Shares
from synergy.core.pools import demands_of
from synergy.core.records import ProcessName


def demands_led(led: LedContext | None, hierarchy: Hierarchy) -> Mapping[ProcessName, Shares]:
    """Return what starts take of pools by now, and what they took that have left the context."""
    present = demands_of(hierarchy)
    before = {} if led is None else led.demands
    gone = {name: shares for name, shares in before.items() if name not in present}
    return gone | {name: demand.shares for name, demand in present.items() if demand.shares}


def pools_led(
    led: LedContext | None, hierarchy: Hierarchy, now: datetime | None
) -> LedPools | None:
    """Return the sizes as context.py has them, since the instant from which all are so.

    hierarchy: its pools are as defined. now: when it begins to be led; None: it does not.
    """
    before = None if led is None else led.pools
    if now is None:
        return before
    sizes = {name: (pool.slots, pool.per_minute) for name, pool in hierarchy.pools.sizes.items()}
    if not sizes:
        return None
    is_same = led is not None and led.demands == demands_led(led, hierarchy)
    return (
        before if before and is_same and before.sizes == sizes else LedPools(since=now, sizes=sizes)
    )
