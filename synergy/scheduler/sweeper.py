"""Look at everything in flight now and then, and say what fell between two steps.

What is found here was saved but not announced, reported or renewed: `sweep_rules` decides, row by
row, and what the engine makes of it repairs it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.effects import Effects
from synergy.core.events import Event, Expired, Processed, Reported, TooOld, Vanished
from synergy.core.records import ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.strays import stray_demands
from synergy.core.structs import Struct, replace
from synergy.core.timetable import Timetable
from synergy.ports.clock import Clock
from synergy.ports.store import SchedulerStore
from synergy.scheduler import sweep_rules
from synergy.scheduler.index import Index
from synergy.scheduler.loop_settings import LoopSettings
from synergy.scheduler.rings import Rings
from synergy.scheduler.start_timeouts import StartTimeouts

logger = logging.getLogger(__name__)

#: A unit unclaimed this long after it was rung is rung again: its message may have been purged.
REPUBLISH_AFTER: Final = timedelta(seconds=60)
#: Sweeps because processes have opened, each at a time of its own.
RING_AGAIN_EVERY: Final = timedelta(seconds=1)
_WORDS: Final = {
    Reported: 'units to announce or to read',
    Expired: 'lost leases',
    TooOld: 'attempts that lasted too long',
    Vanished: 'jobs whose unit is gone',
}


class Found(Struct, frozen=True):
    """What a sweep has found. effects: of units of free runs that are gone."""

    events: Sequence[Event]
    effects: Effects


class Sweeper:
    """Looks at units and running jobs, and remembers what only a second look can tell."""

    def __init__(
        self,
        store: SchedulerStore,
        clock: Clock,
        settings: LoopSettings,
        rings: Rings,
        overdue: StartTimeouts,
    ) -> None:
        """Have seen nothing yet. rings: what was rung for. overdue: who waits for too long."""
        self._overdue = overdue
        self._rings = rings
        self._store = store
        self._clock = clock
        self._period = settings.sweep_period
        self._age_max = settings.uow_age_max
        self._patience = sweep_rules.Patience(
            republish_after=REPUBLISH_AFTER, age_max=settings.uow_age_max
        )
        self._at_once = replace(self._patience, republish_after=timedelta())
        self._leases = sweep_rules.Leases(settings.uow_lease)
        self._attempts = sweep_rules.Attempts()
        self._told = ''
        self._opened: set[ProcessName] = set()
        self._swept_at: datetime | None = None
        self.next_at: datetime | None = None

    def hurry(self) -> None:
        """Sweep at the next turn: what is under way is unknown."""
        self.next_at = None

    def ring_again(self, opened: Collection[ProcessName], now: datetime) -> None:
        """Sweep soon, and ring for what waits of some processes, however lately it was rung for.

        Workers let go of the messages that reach them while they may begin nothing.
        """
        if opened and self.next_at is not None:
            self._opened.update(opened)
            soon = now if self._swept_at is None else self._swept_at + RING_AGAIN_EVERY
            self.next_at = min(self.next_at, max(soon, now))

    def is_due(self, now: datetime) -> bool:
        """Tell whether it is time."""
        return self.next_at is None or now >= self.next_at

    def reports(self, uow_ids: Collection[UowId], timetable: Timetable) -> Iterator[Event]:
        """Yield what must be decided about units of which messages tell.

        Most were processed and are waited for: of those, little is read.
        """
        awaiting = sweep_rules.awaiting(uow_ids, timetable)
        processed = self._store.processed(awaiting) if awaiting else {}
        for uow_id, (count, seconds) in processed.items():
            job = awaiting[uow_id]
            yield Processed(uow_id, job.key, job.run, count, seconds)
        others = [uow_id for uow_id in uow_ids if uow_id not in processed]
        if not others:
            return
        monotonic = self._clock.monotonic()
        for unit in self._store.units(others).values():
            seen_for = self._attempts.seen_for(unit, monotonic)
            yield sweep_rules.reported(unit, self._age_max, seen_for)

    def sweep(self, index: Index, now: datetime) -> Found:
        """Return what must be decided about whatever is in flight."""
        self._store.forget_illegal_rows()
        live = self._rings.see(self._store.live_units())
        events = [*self._of_units(live, now), *self._of_jobs(index, live)]
        if index.pools is not None:
            timetable, at = index.engine.timetable, self._store.store_now()
            running = stray_demands(live.values(), timetable, index.freeruns.get, at)
            index.pools.strays.note(running)
        missing = index.freeruns.waiting_for(live)
        effects = Effects()
        if missing:
            found = self._store.units(missing)
            events += map(Reported, found.values())
            illegal = self._illegal() if len(found) < len(missing) else frozenset()
            gone = [uow_id for uow_id in missing if uow_id not in found and uow_id not in illegal]
            effects = index.freeruns.vanished(gone, now)
        self.next_at, self._swept_at = now + self._period, now
        self._tell([item for item in events if not self._is_new(item, now)])
        return Found(events, effects)

    def _of_units(self, live: dict[UowId, Unit], now: datetime) -> Iterator[Event]:
        store_now = self._store.store_now()
        monotonic = self._clock.monotonic()
        self._attempts.see(live.values(), monotonic)
        self._overdue.look(live.values(), now)
        for unit in live.values():
            seen_for = self._attempts.seen_for(unit, monotonic)
            patience = self._at_once if unit.process in self._opened else self._patience
            if (limit := self._overdue.limit_of(unit)) is not None:
                patience = replace(patience, republish_after=min(limit, patience.republish_after))
            if item := sweep_rules.is_neglected(unit, now, store_now, patience, seen_for):
                yield item
        self._opened.clear()
        yield from map(Expired, self._leases.overlong(live.values(), store_now, monotonic))

    def _of_jobs(self, index: Index, live: dict[UowId, Unit]) -> Iterator[Event]:
        waiting = list(sweep_rules.waiting_for(index.engine.timetable.open_jobs(), live))
        if not waiting:
            return
        uow_ids = [job.uow_id for job in waiting if job.uow_id is not None]
        units = self._store.units(uow_ids)
        if len(units) < len(uow_ids):
            # A unit whose row cannot be read is not gone: its job counts as running.
            illegal = self._illegal()
            waiting = [job for job in waiting if job.uow_id not in illegal]
        yield from sweep_rules.ended(waiting, units)

    def _tell(self, events: Sequence[Event]) -> None:
        """Say what was found, once: an outage lets sweep after sweep find the same."""
        counts = Counter(map(type, events))
        told = ', '.join(f'{word}: {counts[kind]}' for kind, word in _WORDS.items() if counts[kind])
        if told and told != self._told:
            logger.info(
                'the sweep found what nobody had told; %s', told, extra={'event': 'sweep_found'}
            )
        self._told = told

    def _is_new(self, item: Event, now: datetime) -> bool:
        """Tell whether an event is about a unit that was just made, and is about to be rung for."""
        match item:
            case Reported(unit):
                is_young = timedelta(0) <= now - unit.created_at < self._period
                return unit.state is UnitState.REQUESTED and is_young
            case _:
                return False

    def _illegal(self) -> frozenset[str]:
        return frozenset(row.row for row in self._store.illegal_rows())
