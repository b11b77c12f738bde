"""The index of a store for readers: built once for one answer, never written back."""

from __future__ import annotations

from datetime import datetime

from synergy.core.hierarchy import Hierarchy
from synergy.core.overrides import as_led
from synergy.core.timetable import Timetable
from synergy.ports.store import Reader
from synergy.view.conditions import Looking, paused_requests, runs_of


def load_index(hierarchy: Hierarchy, store: Reader, now: datetime) -> Timetable:
    """Return the timetable as the store has it at `now`. Cost: the job rows changed since
    the Scheduler last saved a copy of its index."""
    timetable = Timetable(as_led(hierarchy, store.overrides(), store.led_context()))
    timetable.extend(now)
    timetable.load(store.index_stretches, store.open_jobs(), store.index_copy())
    timetable.pause(paused_requests(store, timetable))
    return timetable


def looking_at(timetable: Timetable, store: Reader, now: datetime) -> Looking:
    """Return what it takes to tell how jobs stand, failed ones excepted; read after the index."""
    return Looking(timetable=timetable, failed={}, runs=runs_of(store.live_runs(), now), now=now)
