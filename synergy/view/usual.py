"""How long runs of a process usually take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from synergy.core.records import ProcessName
from synergy.ports.store import Store

#: Newest runs that are looked at, and how many of them it takes to say anything.
DURATION_SAMPLES: Final = 100
_SAMPLES_MIN: Final = 5


@dataclass(frozen=True, slots=True)
class Usual:
    """How long runs of a process take, from its newest ones; None while too few are known."""

    p50: timedelta | None
    p95: timedelta | None


def usual_of(store: Store, process: ProcessName) -> Usual:
    """Return how long the newest runs of `process` took."""
    lengths = sorted(
        unit.finished_at - unit.started_at
        for unit in store.freerun_units(process, DURATION_SAMPLES)
        if unit.finished_at is not None and unit.started_at is not None
    )
    if len(lengths) < _SAMPLES_MIN:
        return Usual(None, None)
    return Usual(lengths[len(lengths) // 2], lengths[len(lengths) * 95 // 100])
