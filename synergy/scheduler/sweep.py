"""Find what fell between two steps: whatever was saved but not announced, reported or renewed.

Each row of the table in `docs/architecture.md`, "one interval, and what repairs it", that names a
sweep is repaired here. Pure: rows in, inputs for the engine out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from synergy.core.engine import Expired, Input, Reported, Vanished
from synergy.core.records import Job, Unit, UowId
from synergy.core.states import UnitState


def is_neglected(
    unit: Unit, now: datetime, store_now: datetime, republish_after: timedelta
) -> Input | None:
    """Return what the engine must be told about a live unit; None when all is well with it.

    store_now: by the clock that judges leases. republish_after: a unit that nobody has claimed so
    long after it was announced is announced again; its message may be lost.
    """
    match unit.state:
        case UnitState.IN_PROGRESS:
            is_expired = unit.lease_until is not None and unit.lease_until < store_now
            return Expired(unit) if is_expired else None
        case UnitState.REQUESTED:
            if unit.not_before is not None and unit.not_before > now:
                return None
            rung_at = _latest(unit.announced_at, unit.not_before)
            is_silent = unit.announced_at is None or (
                rung_at is not None and rung_at + republish_after < now
            )
            return Reported(unit) if is_silent else None
        case _:
            return Reported(unit)


def waiting_for(jobs: Iterable[Job], live: Mapping[UowId, Unit]) -> Iterator[Job]:
    """Yield the running jobs whose unit is not live: it ended and nobody told, or it is gone."""
    for job in jobs:
        if job.state.is_running and not job.is_held and job.uow_id not in live:
            yield job


def ended(jobs: Iterable[Job], units: Mapping[UowId, Unit]) -> Iterator[Input]:
    """Yield what the engine must be told about running jobs whose units are not live."""
    for job in jobs:
        unit = units.get(job.uow_id) if job.uow_id is not None else None
        yield Vanished(job.key) if unit is None else Reported(unit)


def _latest(first: datetime | None, second: datetime | None) -> datetime | None:
    return max((instant for instant in (first, second) if instant is not None), default=None)
