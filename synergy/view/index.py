"""The index of a store for readers: built once for one answer, never written back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from synergy.core.hierarchy import Hierarchy
from synergy.core.led_context import LedContext, placed
from synergy.core.overrides import applied
from synergy.core.pool_record import PoolOverride
from synergy.core.pool_sizes import resized
from synergy.core.records import Override
from synergy.core.structs import replace
from synergy.core.timetable import Timetable
from synergy.ports.store import ContextReader, Reader
from synergy.view.conditions import Looking, paused_requests, runs_of


class Changed(NamedTuple):
    """What operators have changed of processes and pools at run time."""

    overrides: Sequence[Override] = ()
    pools: Sequence[PoolOverride] = ()


def changed_at_run_time(hierarchy: Hierarchy, store: ContextReader) -> Changed:
    """Return what the store has of that. hierarchy: as context.py has it."""
    pools = store.pool_overrides() if hierarchy.pools.sizes else ()
    return Changed(store.overrides(), pools)


def in_force(hierarchy: Hierarchy, changed: Changed, led: LedContext | None) -> Hierarchy:
    """Return a hierarchy with what was changed of it, and as the Scheduler leads it."""
    found = placed(applied(hierarchy, changed.overrides), led)
    if not changed.pools:
        return found
    sizes = resized(found.pools.sizes, changed.pools)
    return found.replaced(found.nodes, replace(found.pools, sizes=sizes))


def load_index(hierarchy: Hierarchy, store: Reader, now: datetime) -> Timetable:
    """Return the timetable as the store has it at `now`. Cost: the job rows changed since
    the Scheduler last saved a copy of its index."""
    changed = changed_at_run_time(hierarchy, store)
    timetable = Timetable(in_force(hierarchy, changed, store.led_context()))
    timetable.extend(now)
    timetable.load(store.index_stretches, store.open_jobs(), store.index_copy())
    timetable.pause(paused_requests(store, timetable))
    return timetable


def looking_at(timetable: Timetable, store: Reader, now: datetime) -> Looking:
    """Return what it takes to tell how jobs stand, failed ones excepted; read after the index."""
    return Looking(timetable=timetable, failed={}, runs=runs_of(store.live_runs(), now), now=now)
