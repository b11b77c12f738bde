"""Free runs: cron-like entries with no interval to answer for; one heap for all of them.

Each fire makes a unit, or is suppressed for a reason that is written down. Overlap: what becomes of
a fire while an earlier run is still under way. Misfire: what becomes of fires that nobody was
there to handle. `every N` fires at a phase of its own, from the entry's name, so that ten thousand
entries of one period do not fire in one instant; fires do not drift and survive a restart.

Like the engine: values in, effects out. The caller drops and rebuilds it when a save is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from typing import Final

from synergy.core.effects import (
    Announce,
    CancelUnit,
    Effect,
    InsertUnit,
    MoveUnit,
    Note,
    RemoveFreerun,
    SaveFreerun,
)
from synergy.core.events import Event, Expired, Reported, TooOld, process_of
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.records import ProcessName, RetryPolicy, Unit, UowId, uow_id_of
from synergy.core.retry import (
    brought_forward,
    is_too_late,
    later_than,
    next_attempt_at,
    rescue_attempt_at,
)
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.trigger import Every

#: A fire handled later than this was missed: nobody was there.
MISFIRE_GRACE: Final = timedelta(seconds=30)
#: A clock set back by more was wrong before: fires at a time of day come again. Source: cron(8).
CLOCK_SET_BACK_MAX: Final = timedelta(hours=3)
#: Fires looked at for one entry at a time; of more, the count is not exact.
FIRES_MAX: Final = 10_000


class Freeruns:
    """All free runs, their live units and their next fires."""

    def __init__(
        self,
        freeruns: Iterable[Freerun],
        policy_of: Callable[[ProcessName], RetryPolicy],
        now: datetime,
        processes: Collection[ProcessName] | None = None,
        isolated: Collection[ProcessName] = (),
    ) -> None:
        """Take over the entries as the store has them. policy_of: for attempts of their units.

        processes: those of the context; entries of any other, and their units, rest until it is
        back. None: all are. isolated: entries of which nothing is decided but what operators ask.
        """
        self._isolated = frozenset(isolated)
        #: Whom the decision under way is about; after an exception, whom it was about.
        self.deciding: ProcessName | None = None
        self._by_name = {freerun.name: freerun for freerun in freeruns}
        self._policy_of = policy_of
        self._processes = processes
        self._heap: list[tuple[datetime, ProcessName, int]] = []
        # A number that makes the heap's stale items recognisable after an edit.
        self._serial: dict[ProcessName, int] = {}
        for freerun in self._by_name.values():
            self._arm(freerun, _armed_after(freerun, now))
        heapify(self._heap)
        self._effects: list[Effect] = []

    def __contains__(self, name: ProcessName) -> bool:
        """Tell whether there is such an entry."""
        return name in self._by_name

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

    def on(self, events: Iterable[Event], now: datetime) -> Sequence[Effect]:
        """Decide on reports and lost leases of free runs, and start what is due."""
        self._effects = []
        for item in events:
            self.deciding = process_of(item)
            if self.deciding not in self._isolated:
                self._take(item, now)
        while (at := self.next_at) is not None and at <= now:
            self.deciding = name = heappop(self._heap)[1]
            self._fire(self._by_name[name], at, now)
        self.deciding = None
        return self._effects

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
                self._effects.append(CancelUnit(unit.id, 'no entry waits for it', now))
            case Expired(unit):
                at = rescue_attempt_at(self._policy_of(unit.process), unit, now)
                self._again(unit, at, f'lease of {unit.owner} ran out', now)
            case TooOld(unit, why):
                self._again(unit, None, why, now)
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
                self._effects.append(CancelUnit(unit.id, 'no entry waits for it', now))
            return
        match unit.state:
            case UnitState.REQUESTED if is_too_late(self._policy_of(unit.process), unit, now):
                self._effects.append(brought_forward(unit, now))
                self._effects.append(Announce(unit.id, unit.process))
            case UnitState.REQUESTED if unit.not_before is not None and unit.not_before > now:
                return  # It is rung for when its time has come.
            case UnitState.REQUESTED:
                self._effects.append(Announce(unit.id, unit.process, unit.not_before))
            case UnitState.INVALID:
                policy = self._policy_of(unit.process)
                self._again(unit, next_attempt_at(policy, unit, now), unit.error, now)
            case UnitState.IN_PROGRESS:
                return
            case _:
                word = unit.state.value.removeprefix('state_')
                text = f'run {unit.run} {word} {unit.processed_count}'
                self._ended(freerun, [unit.id], text, now)

    def vanished(self, uow_ids: Collection[UowId], now: datetime) -> Sequence[Effect]:
        """Forget units that are gone from the store."""
        self._effects = []
        for freerun in list(self._by_name.values()):
            gone = [uow_id for uow_id in freerun.live if uow_id in uow_ids]
            if gone:
                left = tuple(uow_id for uow_id in freerun.live if uow_id not in gone)
                self._save(replace(freerun, live=left), 'a unit is gone from the store', now)
        return self._effects

    def get(self, name: ProcessName) -> Freerun | None:
        """Return an entry as it stands."""
        return self._by_name.get(name)

    def define(self, defined: Freerun, now: datetime) -> Sequence[Effect]:
        """Add an entry, or change the definition of one; what is under way goes on."""
        self._effects = []
        before = self._by_name.get(defined.name)
        if before is None:
            self._save(replace(defined, rev=0, last_fire=now), f'added: {defined.trigger}', now)
        else:
            changed = replace(
                defined,
                rev=before.rev,
                last_fire=now,
                last_run=before.last_run,
                live=before.live,
                queued_at=before.queued_at if defined.is_on else None,
            )
            state = 'on' if defined.is_on else 'off'
            self._save(changed, f'changed: {defined.trigger}, {state}', now)
        self._arm(self._by_name[defined.name], now)
        return self._effects

    def remove(self, name: ProcessName, now: datetime) -> Sequence[Effect]:
        """Forget an entry; what is under way ends by itself."""
        self._effects = []
        freerun = self._by_name.pop(name)
        self._serial.pop(name, None)
        self._effects.append(RemoveFreerun(freerun))
        self._effects.append(Note('freerun_removed', f'{name} removed at {now:%H:%M:%S}'))
        return self._effects

    def run_now(self, name: ProcessName, now: datetime) -> Sequence[Effect]:
        """Start an entry out of turn, whatever its switch; its overlap policy holds."""
        self._effects = []
        freerun = self._by_name[name]
        changed, event = self._start_or_not(freerun, now, now)
        self._save(changed, f'run now: {event}', now)
        return self._effects

    def cancel(
        self, name: ProcessName, uow_ids: Collection[UowId], who: str, now: datetime
    ) -> Sequence[Effect]:
        """Cancel runs that are under way; a fire that is queued behind them starts.

        The worker that holds one learns it at its next renewal, and its result is discarded.
        """
        reason = f'cancelled by {who}'
        self._effects = [CancelUnit(uow_id, reason, now) for uow_id in uow_ids]
        self._ended(self._by_name[name], uow_ids, f'{", ".join(uow_ids)} {reason}', now)
        return self._effects

    def _fire(self, freerun: Freerun, at: datetime, now: datetime) -> None:
        fires = _fires(freerun, at, now)
        is_late = len(fires) > 1 or now - at > MISFIRE_GRACE
        chosen = _chosen(freerun, fires) if is_late else fires
        events = []
        suppressed = len(fires) - len(chosen)
        if suppressed:
            events.append(
                f'{suppressed} fires since {fires[0]:%Y-%m-%d %H:%M:%S} suppressed: '
                f'missed, and misfire is {freerun.misfire.value}'
            )
        freerun = replace(freerun, last_fire=fires[-1])
        for planned in chosen:
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
            self._effects.append(Note('fire_suppressed', f'{freerun.name}: {text}'))
            return freerun, text
        return self._start(freerun, planned, now)

    def _start(self, freerun: Freerun, planned: datetime, now: datetime) -> tuple[Freerun, str]:
        timeperiod = containing_utc(Qualifier.REAL_TIME, planned)
        key = JobKey(freerun.name, timeperiod)
        # Unique for ever: the number of the run rises with each start of the entry.
        run = freerun.last_run + 1
        unit = Unit(
            id=uow_id_of(key, run),
            process=freerun.name,
            timeperiod=timeperiod,
            start=timeperiod,
            end=timeperiod.shift(1),
            run=run,
            created_at=now,
            arguments=dict(freerun.arguments),
        )
        self._effects.append(InsertUnit(unit))
        self._effects.append(Announce(unit.id, unit.process))
        started = replace(freerun, last_run=run, live=(*freerun.live, unit.id))
        return started, f'run {run} requested, uow {unit.id}'

    def _again(self, unit: Unit, at: datetime | None, error: str | None, now: datetime) -> None:
        """Let a failed attempt be followed by another at `at`; None: there is none left."""
        freerun = self._by_name.get(unit.process)
        policy = self._policy_of(unit.process)
        text = f'run {unit.run} attempt {unit.attempt} of {policy.max_attempts} failed: {error}'
        self._effects.append(
            MoveUnit(
                uow_id=unit.id,
                from_state=unit.state,
                from_fence=unit.fence,
                to_state=UnitState.DEAD if at is None else UnitState.REQUESTED,
                at=now,
                raises_fence=True,
                attempt=None if at is None else unit.attempt + 1,
                not_before=later_than(now, at),
                error=error,
            )
        )
        self._effects.append(
            Note('uow_dead' if at is None else 'uow_retried', f'{unit}: {text}', is_warning=True)
        )
        if at is not None:
            self._effects.append(Announce(unit.id, unit.process, at))
        elif freerun is not None and unit.id in freerun.live:
            self._ended(freerun, [unit.id], text, now)

    def _ended(self, freerun: Freerun, ended: Collection[UowId], event: str, now: datetime) -> None:
        left = tuple(uow_id for uow_id in freerun.live if uow_id not in ended)
        freerun = replace(freerun, live=left)
        if freerun.queued_at is not None and not left:
            planned = freerun.queued_at
            freerun, started = self._start(replace(freerun, queued_at=None), planned, now)
            event = f'{event}; {started}'
        self._save(freerun, event, now)

    def _save(self, freerun: Freerun, event: str, now: datetime) -> None:
        freerun = replace(freerun, rev=freerun.rev + 1, changed_at=now)
        self._by_name[freerun.name] = freerun
        self._effects.append(SaveFreerun(freerun, event))

    def _arm(self, freerun: Freerun, after: datetime) -> None:
        serial = self._serial.get(freerun.name, 0) + 1
        self._serial[freerun.name] = serial
        is_idle = self.rests(freerun) or freerun.name in self._isolated
        if freerun.is_on and not is_idle:
            heappush(self._heap, (next_fire(freerun, after), freerun.name, serial))


def next_fire(freerun: Freerun, after: datetime) -> datetime:
    """Return the first fire of an entry later than `after`."""
    trigger = freerun.trigger
    if isinstance(trigger, Every):
        phase = _phase(freerun.name, trigger.seconds)
        return trigger.next_fire(after - phase) + phase
    return trigger.next_fire(after)


def _armed_after(freerun: Freerun, now: datetime) -> datetime:
    """Return after which instant an entry fires next: its last fire, if that can be believed.

    A fire of later than now was handled before the clock was set back. What fired a moment ago is
    not to fire again, but a clock that was plainly wrong says nothing.
    """
    if freerun.last_fire is None:
        return now
    trigger = freerun.trigger
    ahead = CLOCK_SET_BACK_MAX
    if isinstance(trigger, Every):
        ahead = timedelta(seconds=trigger.seconds)
    return now if freerun.last_fire > now + ahead else freerun.last_fire


def _phase(name: ProcessName, seconds: int) -> timedelta:
    digest = blake2b(name.encode(), digest_size=6).digest()
    return timedelta(milliseconds=int.from_bytes(digest) % (seconds * 1000))


def _fires(freerun: Freerun, first: datetime, now: datetime) -> list[datetime]:
    """Return the fires from `first` to `now`, newest kept when there are very many."""
    trigger = freerun.trigger
    if isinstance(trigger, Every):
        period = timedelta(seconds=trigger.seconds)
        count = (now - first) // period + 1
        skipped = max(count - FIRES_MAX, 0)
        return [first + period * number for number in range(skipped, count)]
    fires = [first]
    while len(fires) < FIRES_MAX and (following := next_fire(freerun, fires[-1])) <= now:
        fires.append(following)
    return fires


def _chosen(freerun: Freerun, fires: list[datetime]) -> list[datetime]:
    match freerun.misfire:
        case Misfire.ONCE:
            return fires[-1:]
        case Misfire.ALL:
            return fires[-freerun.misfire_max :]
        case Misfire.SKIP:
            return []


def reconcile(
    stored: Iterable[Freerun], defined: Iterable[Freerun], now: datetime
) -> tuple[Sequence[Freerun], Sequence[Effect]]:
    """Return the entries that hold, and what is to be saved for that.

    stored: as the store has them. defined: as context.py has them now. What an operator changed at
    run time holds until the entry in context.py is changed; an entry that is gone from there goes.
    """
    entries = {freerun.name: freerun for freerun in stored}
    effects: list[Effect] = []
    definitions = {freerun.name: freerun for freerun in defined}
    for name, before in list(entries.items()):
        if before.definition is not None and name not in definitions:
            effects.append(RemoveFreerun(before))
            effects.append(Note('freerun_removed', f'{name} is gone from the context'))
            del entries[name]
    for name, fresh in definitions.items():
        before_or_none = entries.get(name)
        if before_or_none is None:
            entries[name] = replace(fresh, rev=1, last_fire=now, changed_at=now)
        elif before_or_none.definition != fresh.definition:
            entries[name] = replace(
                fresh,
                rev=before_or_none.rev + 1,
                last_fire=now,
                last_run=before_or_none.last_run,
                live=before_or_none.live,
                changed_at=now,
            )
        else:
            continue
        effects.append(SaveFreerun(entries[name], 'taken over from context.py'))
    return list(entries.values()), effects
