"""Find what fell between two steps: whatever was saved but not announced, reported or renewed.

Each row of the table in `docs/architecture.md`, "one interval, and what repairs it", that names a
sweep is repaired here. Pure: rows in, events for the engine out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from synergy.core.events import Event, Expired, Reported, TooOld, Vanished
from synergy.core.records import Job, Unit, UowId
from synergy.core.retry import given_up_because
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.timetable import Timetable


class Patience(Struct, frozen=True, kw_only=True):
    """republish_after: a unit unclaimed this long after its announcement is announced again: its
    message may be lost. age_max: an attempt that a worker held for longer is the last. delay_max:
    whether an attempt is to come later than this is looked at: a clock may have been ahead.
    """

    republish_after: timedelta
    age_max: timedelta
    delay_max: timedelta = timedelta(minutes=10)


class Leases:
    """Finds leases that a clock gave which was ahead: they would hold for as long as it was.

    Who lives renews, and then holds a lease by the clock as it is. Who does not, for as long as two
    leases last by this process's own clock, is dead.
    """

    def __init__(self, lease: timedelta) -> None:
        """Know none yet. lease: for how long workers claim and renew."""
        self._patience = 2 * lease
        self._seen: dict[UowId, tuple[datetime, float]] = {}

    def overlong(
        self, units: Iterable[Unit], store_now: datetime, monotonic: float
    ) -> Sequence[Unit]:
        """Return the units of which nobody has renewed such a lease for long enough."""
        seen: dict[UowId, tuple[datetime, float]] = {}
        found = []
        for unit in units:
            if unit.lease_until is None or unit.lease_until <= store_now + self._patience:
                continue
            before, since = self._seen.get(unit.id, (None, monotonic))
            if before != unit.lease_until:
                since = monotonic
            seen[unit.id] = (unit.lease_until, since)
            if monotonic - since > self._patience.total_seconds():
                found.append(unit)
        self._seen = seen
        return found


class Attempts:
    """For how long each attempt has been seen at work, by this process's own clock.

    A new leader begins to count again: then one attempt more is made rather than one too few.
    """

    def __init__(self) -> None:
        """Have seen none yet."""
        self._seen: dict[tuple[UowId, int], float] = {}

    def see(self, units: Iterable[Unit], monotonic: float) -> None:
        """Take note of the live units, all of them."""
        self._seen = {
            (unit.id, unit.fence): self._seen.get((unit.id, unit.fence), monotonic)
            for unit in units
            if unit.state in (UnitState.IN_PROGRESS, UnitState.INVALID)
        }

    def seen_for(self, unit: Unit, monotonic: float) -> timedelta:
        """Return for how long an attempt was seen."""
        since = self._seen.get((unit.id, unit.fence), monotonic)
        return timedelta(seconds=monotonic - since)


def is_neglected(
    unit: Unit, now: datetime, store_now: datetime, patience: Patience, seen_for: timedelta
) -> Event | None:
    """Return what must be decided about a live unit; None when all is well with it.

    store_now: by the clock that judges leases. seen_for: see `Attempts`.
    """
    match unit.state:
        case UnitState.IN_PROGRESS:
            is_held = unit.lease_until is not None and unit.lease_until >= store_now
            return None if is_held else _failed(unit, patience.age_max, seen_for) or Expired(unit)
        case UnitState.REQUESTED:
            if unit.not_before is not None and unit.not_before > now:
                return Reported(unit) if unit.not_before > now + patience.delay_max else None
            rung_at = _latest(unit.announced_at, unit.not_before)
            # Far ahead, too: it was rung by a clock that has been set back since.
            is_silent = unit.announced_at is None or (
                rung_at is not None and abs(now - rung_at) > patience.republish_after
            )
            return Reported(unit) if is_silent else None
        case _:
            return reported(unit, patience.age_max, seen_for)


def awaiting(uow_ids: Iterable[UowId], timetable: Timetable) -> dict[UowId, Job]:
    """Return the units of which, once processed, no more need be known, and who waits for each."""
    machine_of = timetable.hierarchy.machine
    found = {uow_id: timetable.awaiting(uow_id) for uow_id in uow_ids}
    return {
        uow_id: job
        for uow_id, job in found.items()
        if job is not None and not machine_of(job.process).retries_processed
    }


def reported(unit: Unit, age_max: timedelta, seen_for: timedelta) -> Event:
    """Return what must be decided about a unit of which a worker or a look has told."""
    is_failed = unit.state is UnitState.INVALID
    return (_failed(unit, age_max, seen_for) if is_failed else None) or Reported(unit)


def _failed(unit: Unit, age_max: timedelta, seen_for: timedelta) -> Event | None:
    why = given_up_because(unit, age_max, seen_for)
    return None if why is None else TooOld(unit, why)


def waiting_for(jobs: Iterable[Job], live: Mapping[UowId, Unit]) -> Iterator[Job]:
    """Yield the running jobs whose unit is not live: it ended and nobody told, or it is gone."""
    for job in jobs:
        if job.has_live_unit and job.uow_id not in live:
            yield job


def ended(jobs: Iterable[Job], units: Mapping[UowId, Unit]) -> Iterator[Event]:
    """Yield what the engine must be told about running jobs whose units are not live."""
    for job in jobs:
        unit = units.get(job.uow_id) if job.uow_id is not None else None
        yield Vanished(job.key) if unit is None else Reported(unit)


def _latest(first: datetime | None, second: datetime | None) -> datetime | None:
    return max((instant for instant in (first, second) if instant is not None), default=None)
