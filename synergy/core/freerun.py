"""Free runs: cron-like entries with no interval to answer for; one heap for all of them.

Each fire makes a unit, or is suppressed for a reason that is written down. Overlap: what becomes of
a fire while an earlier run is still under way. Misfire: what becomes of fires that nobody was
there to handle. `every N` fires at a phase of its own, from the entry's name, so that ten thousand
entries of one period do not fire in one instant; fires do not drift and survive a restart.

Like the engine: values in, effects out. The caller drops and rebuilds it when a save is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Final

from synergy.core.effects import (
    Announce,
    CancelUnit,
    Effects,
    InsertUnit,
    Note,
    RemoveFreerun,
)
from synergy.core.events import Event, Expired, Reported, TooOld, process_of
from synergy.core.failure_streaks import FailureStreaks
from synergy.core.freerun_fires import armed_after, chosen, fires_until, next_fire, next_unit
from synergy.core.freerun_record import Freerun, Overlap, redefined
from synergy.core.freerun_turns import FreerunTurns, save_of
from synergy.core.holds import Holds
from synergy.core.journal import Happened
from synergy.core.pools import Pools
from synergy.core.records import ProcessName, RetryPolicy, Unit, UowId
from synergy.core.requests import asked_by_itself
from synergy.core.retry import Failure, announced_again, failed_attempt
from synergy.core.states import UnitState
from synergy.core.structs import replace

#: A fire handled later than this was missed: nobody was there.
MISFIRE_GRACE: Final = timedelta(seconds=30)


class Freeruns:
    """All free runs, their live units and their next fires.

    One class of many short methods, for each is one event of an entry: all of them change the same
    entry, its units and its place among the next fires together.
    """

    def __init__(  # noqa: PLR0913 - all by which entries are decided
        self,
        freeruns: Iterable[Freerun],
        policy_of: Callable[[ProcessName], RetryPolicy],
        now: datetime,
        processes: Collection[ProcessName] | None = None,
        isolated: Collection[ProcessName] = (),
        streaks: FailureStreaks | None = None,
        pools: Pools | None = None,
        holds: Holds | None = None,
    ) -> None:
        """Take over the entries as the store has them. policy_of: for attempts of their units.

        processes: those of the context; entries of any other, and their units, rest until it is
        back. None: all are. isolated: entries of which nothing is decided but what operators ask.
        streaks: of equal failures, after so many of which an entry is switched off. pools: of which
        entries take; each is then asked in its turn, see `attend`. holds: closed
        hours and freezes; what fires in them is handled after them, as what was missed.
        """
        self._streaks = streaks or FailureStreaks(0)
        self._isolated = frozenset(isolated)
        self._holds = holds
        #: Whom the decision under way is about; after an exception, whom it was about.
        self.deciding: ProcessName | None = None
        self._by_name = {freerun.name: freerun for freerun in freeruns}
        self._policy_of = policy_of
        self._processes = processes
        self._heap: list[tuple[datetime, ProcessName, int]] = []
        # A number that makes the heap's stale items recognisable after an edit.
        self._serial: dict[ProcessName, int] = {}
        for freerun in self._by_name.values():
            self._arm(freerun, armed_after(freerun, now))
        heapify(self._heap)
        self._held: set[ProcessName] = set()  # Until closed hours or a freeze are over.
        self._effects = Effects()
        self._turns = FreerunTurns(pools)
        # Entries whose fire waits, and not for the run before: of a pool, or of one that is gone.
        self._left_waiting = [
            freerun.name for freerun in self._by_name.values() if self._may_go(freerun)
        ]
        if pools is not None:
            pools.attend = self.attend
        for freerun in self._by_name.values():
            self._turns.hold(freerun)

    def __contains__(self, name: ProcessName) -> bool:
        """Tell whether there is such an entry."""
        return name in self._by_name

    @property
    def names(self) -> Collection[ProcessName]:
        """Return the names of all entries."""
        return self._by_name.keys()

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._by_name)

    @property
    def next_at(self) -> datetime | None:
        """Return the next fire of all."""
        while self._heap and self._serial.get(self._heap[0][1]) != self._heap[0][2]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def waiting_for(self, live: Collection[UowId]) -> Sequence[UowId]:
        """Return units that entries wait for and that are not live any more."""
        return [
            uow_id
            for freerun in self._by_name.values()
            if freerun.name not in self._isolated
            for uow_id in freerun.live
            if uow_id not in live
        ]

    def on(self, events: Iterable[Event], now: datetime) -> Effects:
        """Decide on reports and lost leases of free runs, and start what is due."""
        self._effects = Effects()
        for item in events:
            self.deciding = process_of(item)
            if self.deciding not in self._isolated:
                self._take(item, now)
        while self._left_waiting:
            self.deciding = name = self._left_waiting.pop()
            self._go(name, 'is asked again', now)
        if self._held:
            self._release(now)
        while (at := self.next_at) is not None and at <= now:
            self.deciding = name = heappop(self._heap)[1]
            planned = at - self._delay(name)
            if self._is_held(name, now):
                self._held.add(name)
            elif not self._turns.has_put_off(name, planned):
                self._fire(self._by_name[name], planned, now)
        self.deciding = None
        return self._effects

    def attend(self, name: ProcessName, now: datetime) -> Effects:
        """Start an entry of a pool whose turn has come, or let its fire wait; see `Pools`."""
        self._effects, self.deciding = Effects(), name
        at = self._turns.begin(name)
        freerun = self._by_name.get(name)
        if freerun is not None and self._may_go(freerun):
            self._go(name, '', now)
        if freerun is not None and at is not None:
            self._fire(self._by_name[name], at, now)
        self._turns.end()
        self.deciding = None
        return self._effects

    def _may_go(self, freerun: Freerun) -> bool:
        """Tell whether a fire waits, and not for the end of the run before."""
        if freerun.queued_at is None or self.rests(freerun) or freerun.name in self._isolated:
            return False
        return not freerun.live or freerun.overlap is Overlap.ALLOW

    def _go(self, name: ProcessName, event: str, now: datetime) -> None:
        """Start the fire that waits, or let it wait for its turn."""
        freerun = self._by_name[name]
        assert freerun.queued_at is not None, 'a fire waits'
        if self._is_kept(name, now):
            return
        waited = now - freerun.queued_at
        seconds = max(waited.total_seconds(), 0)
        freerun, started = self._start(replace(freerun, queued_at=None), freerun.queued_at, now)
        self._save(freerun, f'{event or f"waited {seconds:.0f} s for a pool"}; {started}', now)

    def rests(self, freerun: Freerun) -> bool:
        """Tell whether the process of an entry is gone from the context."""
        return self._processes is not None and freerun.process not in self._processes

    def _take(self, item: Event, now: datetime) -> None:
        match item:
            case Reported(unit) | Expired(unit) | TooOld(unit) if self._is_resting(unit):
                return
            case Reported(unit):
                self._examine(unit, now)
            case Expired(unit) | TooOld(unit) if unit.process not in self._by_name:
                self._effects.saves.append(CancelUnit(unit.id, 'no entry waits for it', now))
            case Expired() | TooOld():
                self._fail(item, now)
            case _:
                raise ValueError(f'{item} is not about a free run')

    def _is_resting(self, unit: Unit) -> bool:
        freerun = self._by_name.get(unit.process)
        return freerun is not None and self.rests(freerun)

    def _examine(self, unit: Unit, now: datetime) -> None:
        freerun = self._by_name.get(unit.process)
        if freerun is None or unit.id not in freerun.live:
            # Saved without its entry by a commit that broke off. Never to be announced: the fire is
            # handled again, and adopts it, or has been handled otherwise.
            if unit.state.is_live and (freerun is None or unit.run <= freerun.last_run):
                self._effects.saves.append(CancelUnit(unit.id, 'no entry waits for it', now))
            return
        match unit.state:
            case UnitState.REQUESTED if not self._is_held(unit.process, now):
                self._effects.add(announced_again(self._policy_of(unit.process), unit, now))
            case UnitState.INVALID:
                self._fail(Reported(unit), now)
            case UnitState.REQUESTED | UnitState.IN_PROGRESS:
                return
            case _:
                if unit.state in (UnitState.PROCESSED, UnitState.NOOP):
                    self._streaks.ended_well(unit.process)
                word = unit.state.value.removeprefix('state_')
                event = f'run {unit.run} {word} {unit.processed_count}'
                self._ended(freerun, [unit.id], event, now, Happened.ENDED)

    def vanished(self, uow_ids: Collection[UowId], now: datetime) -> Effects:
        """Forget units that are gone from the store."""
        self._effects = Effects()
        for freerun in list(self._by_name.values()):
            gone = [uow_id for uow_id in freerun.live if uow_id in uow_ids]
            if gone:
                left = tuple(uow_id for uow_id in freerun.live if uow_id not in gone)
                self._save(replace(freerun, live=left), 'a unit is gone from the store', now)
                if self._may_go(self._by_name[freerun.name]):
                    self._left_waiting.append(freerun.name)
        return self._effects

    def get(self, name: ProcessName) -> Freerun | None:
        """Return an entry as it stands."""
        return self._by_name.get(name)

    def define(self, defined: Freerun, now: datetime, why: str = '') -> Effects:
        """Add an entry, or change the definition of one; what is under way goes on.

        why: of the history, where more is to be told than what has changed.
        """
        self._effects = Effects()
        before = self._by_name.get(defined.name)
        if before is None:
            self._save(replace(defined, rev=0, last_fire=now), f'added: {defined.trigger}', now)
        else:
            changed = redefined(before, defined, now)
            state = 'on' if defined.is_on else 'off'
            told = f'changed: {defined.trigger}, {state}'
            self._save(changed, f'{told}; {why}' if why else told, now)
        self._arm(self._by_name[defined.name], now)
        self._turns.forget(defined.name, self._by_name[defined.name])
        return self._effects

    def remove(self, name: ProcessName, now: datetime) -> Effects:
        """Forget an entry; what is under way ends by itself."""
        self._effects = Effects()
        freerun = self._by_name.pop(name)
        self._serial.pop(name, None)
        self._turns.forget(name, None)
        self._effects.saves.append(RemoveFreerun(freerun))
        self._effects.notes.append(Note('freerun_removed', f'{name} removed at {now:%H:%M:%S}'))
        return self._effects

    def run_now(self, name: ProcessName, now: datetime) -> Effects:
        """Start an entry out of turn, whatever its switch; its overlap policy holds."""
        self._effects = Effects()
        freerun = self._by_name[name]
        changed, event = self._start_or_not(freerun, now, now)
        self._save(changed, f'run now: {event}', now)
        return self._effects

    def cancel(
        self, name: ProcessName, uow_ids: Collection[UowId], who: str, now: datetime
    ) -> Effects:
        """Cancel runs that are under way; a fire that is queued behind them starts.

        The worker that holds one learns it at its next renewal, and its result is discarded.
        """
        reason = f'cancelled by {who}'
        self._effects = Effects([CancelUnit(uow_id, reason, now) for uow_id in uow_ids])
        event = f'{", ".join(uow_ids)} {reason}'
        self._ended(self._by_name[name], uow_ids, event, now, Happened.CANCELED)
        return self._effects

    def _fire(self, freerun: Freerun, at: datetime, now: datetime) -> None:
        planned_now = now - self._delay(freerun.name)
        fires = fires_until(freerun, at, planned_now)
        is_late = len(fires) > 1 or planned_now - at > MISFIRE_GRACE
        handled = chosen(freerun, fires) if is_late else fires
        events = []
        suppressed = len(fires) - len(handled)
        if suppressed:
            events.append(
                f'{suppressed} fires since {fires[0]:%Y-%m-%d %H:%M:%S} suppressed: '
                f'missed, and misfire is {freerun.misfire.value}'
            )
        freerun = replace(freerun, last_fire=fires[-1])
        for planned in handled:
            freerun, event = self._start_or_not(freerun, planned, now)
            events.append(event)
        self._save(freerun, '; '.join(events), now)
        self._arm(freerun, fires[-1])

    def _start_or_not(
        self, freerun: Freerun, planned: datetime, now: datetime
    ) -> tuple[Freerun, str]:
        if freerun.live and freerun.overlap is not Overlap.ALLOW:
            if freerun.overlap is Overlap.QUEUE and freerun.queued_at is None:
                return replace(freerun, queued_at=planned), f'{planned:%H:%M:%S} queued'
            reason = 'one is queued already' if freerun.queued_at else 'the run before is under way'
            text = f'fire of {planned:%Y-%m-%d %H:%M:%S} suppressed: {reason}'
            self._effects.notes.append(Note('fire_suppressed', f'{freerun.name}: {text}'))
            return freerun, text
        if self._is_kept(freerun.name, now):
            return self._waiting(freerun, planned)
        return self._start(freerun, planned, now)

    def _waiting(self, freerun: Freerun, planned: datetime) -> tuple[Freerun, str]:
        """Let a fire wait for its turn; of several the first does, for all of them."""
        told = 'its opening' if freerun.name in self._held else self._turns.told(freerun.name)
        if freerun.queued_at is None:
            return replace(freerun, queued_at=planned), f'{planned:%H:%M:%S} waits for {told}'
        text = f'fire of {planned:%Y-%m-%d %H:%M:%S} suppressed: one waits for {told} already'
        self._effects.notes.append(Note('fire_suppressed', f'{freerun.name}: {text}'))
        return freerun, text

    def _start(self, freerun: Freerun, planned: datetime, now: datetime) -> tuple[Freerun, str]:
        unit = next_unit(freerun, planned, now)
        self._effects.saves.append(InsertUnit(unit))
        self._effects.announcements.append(Announce(unit.id, unit.process))
        started = replace(freerun, last_run=unit.run, live=(*freerun.live, unit.id))
        return started, f'run {unit.run} requested, uow {unit.id}'

    def _fail(self, event: Failure, now: datetime) -> None:
        """Let a failed attempt be followed by another; without one, the run has ended."""
        unit = event.unit
        failed = failed_attempt(event, self._policy_of(unit.process), now)
        self._effects.add(failed.effects(now))
        freerun = self._by_name.get(unit.process)
        if failed.next_at is None and freerun is not None and unit.id in freerun.live:
            self._ended(freerun, [unit.id], f'run {unit.run} {failed}', now, Happened.GAVE_UP)
            pause = self._streaks.failed(unit, failed.error, now)
            if pause is not None and freerun.is_on:
                self._effects.add(asked_by_itself(pause))

    def _ended(
        self, freerun: Freerun, ended: Collection[UowId], event: str, now: datetime, what: Happened
    ) -> None:
        left = tuple(uow_id for uow_id in freerun.live if uow_id not in ended)
        freerun, name = replace(freerun, live=left), freerun.name
        if freerun.queued_at is not None and not left and not self._is_kept(name, now):
            planned = freerun.queued_at
            freerun, started = self._start(replace(freerun, queued_at=None), planned, now)
            event = f'{event}; {started}'
        self._save(freerun, event, now, what)

    def _is_held(self, name: ProcessName, now: datetime) -> bool:
        return self._holds is not None and self._holds.is_held(name, now)

    def _delay(self, name: ProcessName) -> timedelta:
        return timedelta() if self._holds is None else self._holds.jitter_of(name)

    def _is_kept(self, name: ProcessName, now: datetime) -> bool:
        if self._is_held(name, now):
            self._held.add(name)
            return True
        return self._turns.is_kept(name, now)

    def _release(self, now: datetime) -> None:
        """Let come what closed hours or a freeze held, where nothing holds it any more."""
        for name in sorted(self._held):
            if self._is_held(name, now) or name in self._isolated:
                continue
            self._held.discard(name)
            freerun = self._by_name.get(name)
            if freerun is None or self.rests(freerun):
                continue
            if self._may_go(freerun):
                self.deciding = name
                self._go(name, 'has opened', now)
            self._arm(self._by_name[name], armed_after(freerun, now))

    def _save(
        self, freerun: Freerun, event: str, now: datetime, what: Happened | None = None
    ) -> None:
        before = self._by_name.get(freerun.name)
        freerun = replace(freerun, rev=freerun.rev + 1, changed_at=now)
        self._by_name[freerun.name] = freerun
        self._turns.hold(freerun)
        self._effects.saves.append(save_of(before, freerun, event, what))

    def _arm(self, freerun: Freerun, after: datetime) -> None:
        serial = self._serial.get(freerun.name, 0) + 1
        self._serial[freerun.name] = serial
        is_idle = self.rests(freerun) or freerun.name in self._isolated
        if freerun.is_on and not is_idle:
            at = next_fire(freerun, after) + self._delay(freerun.name)
            heappush(self._heap, (at, freerun.name, serial))
