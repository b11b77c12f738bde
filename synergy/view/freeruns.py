"""Free runs with their next fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from synergy.conf.model import Context
from synergy.core.freerun import next_fire
from synergy.core.freerun_record import Freerun
from synergy.ports.store import Store

NEXT_COUNT = 5


@dataclass(frozen=True, slots=True)
class FreerunView:
    """An entry and when it fires next; never while it is off."""

    freerun: Freerun
    next_fires: Sequence[datetime]


def freeruns(context: Context, store: Store, now: datetime) -> Sequence[FreerunView]:
    """Return all entries: as the store has them, and those of the context not taken over yet."""
    found = {item.name: item for item in store.freeruns()}
    for entry in context.freeruns.values():
        defined = entry.freerun(now)
        found.setdefault(defined.name, defined)
    return [
        FreerunView(item, next_fires(item, now) if item.is_on else ())
        for item in sorted(found.values(), key=lambda item: item.name)
    ]


def next_fires(freerun: Freerun, now: datetime, count: int = NEXT_COUNT) -> Sequence[datetime]:
    """Return the next `count` fires of an entry, whatever its switch."""
    fires: list[datetime] = []
    for _ in range(count):
        fires.append(next_fire(freerun, fires[-1] if fires else now))
    return fires
