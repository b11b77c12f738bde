"""Free runs that take of pools: they ask for their turn, and start when it comes."""

from __future__ import annotations

from datetime import datetime

from synergy.core.effects import SaveFreerun
from synergy.core.freerun_record import Freerun
from synergy.core.journal import Happened
from synergy.core.pools import Pools
from synergy.core.records import ProcessName, UowId


class FreerunTurns:
    """Which entries ask for a turn; without pools nobody does."""

    def __init__(self, pools: Pools | None) -> None:
        """Nobody asks yet."""
        self._pools = pools
        self._is_attending = False
        # Fires that are handled when their entry is asked, in this very turn of the Scheduler.
        self._fired: dict[ProcessName, datetime] = {}

    def has_put_off(self, name: ProcessName, at: datetime) -> bool:
        """Let a fire of an entry of a pool be handled in its turn; tell whether it will be."""
        if self._pools is None or not self._pools.is_shared(name):
            return False
        self._fired[name] = at
        self._pools.asking[name] = None
        return True

    def begin(self, name: ProcessName) -> datetime | None:
        """Let the turn of an entry come; return its fire that was put off, if one was."""
        self._is_attending = True
        return self._fired.pop(name, None)

    def end(self) -> None:
        """Let the turn pass."""
        self._is_attending = False

    def is_kept(self, name: ProcessName, now: datetime) -> bool:
        """Tell whether an entry may not start now; it then asks, or waits for what is short."""
        pools = self._pools
        if pools is None or not pools.is_shared(name):
            return False
        if not self._is_attending:
            pools.asking[name] = None
            return True
        taker = pools.taker(name)
        if short := pools.short(taker):
            pools.wait(taker, short)
            return True
        pools.has_turn(taker)
        pools.started(taker, 1, now)
        return False

    def hold(self, freerun: Freerun) -> None:
        """Count what an entry holds."""
        if self._pools is not None:
            self._pools.hold(freerun.name, len(freerun.live))

    def forget(self, name: ProcessName, freerun: Freerun | None) -> None:
        """Forget what was asked for by an entry that has changed or, None, is gone."""
        self._fired.pop(name, None)
        if self._pools is not None and (freerun is None or freerun.queued_at is None):
            self._pools.rest(self._pools.taker(name))
            self._pools.hold(name, 0 if freerun is None else len(freerun.live))

    def told(self, name: ProcessName) -> str:
        """Return what an entry waits for."""
        if self._pools is None:
            return 'the run before'
        return ', '.join(pool for pool, _ in self._pools.taker(name).shares)


def save_of(
    before: Freerun | None, after: Freerun, event: str, what: Happened | None
) -> SaveFreerun:
    """Return what saves an entry. what: what has become of it, where a run has ended."""
    begun, ended = _moved_units(before, after)
    return SaveFreerun(after, event, what or _happened(before, after), begun, ended)


def _moved_units(
    before: Freerun | None, after: Freerun
) -> tuple[tuple[UowId, ...], tuple[UowId, ...]]:
    """Return which units of an entry have begun, and which have ended."""
    was = () if before is None else before.live
    if was == after.live:
        return (), ()
    begun = tuple(uow_id for uow_id in after.live if uow_id not in was)
    return begun, tuple(uow_id for uow_id in was if uow_id not in after.live)


def _happened(before: Freerun | None, after: Freerun) -> Happened:
    """Return what has become of an entry of which no run has ended."""
    if before is None:
        return Happened.CHANGED
    if after.last_run > before.last_run:
        return Happened.STARTED
    if after.queued_at is not None and before.queued_at is None:
        return Happened.WAITS
    is_same = after.definition == before.definition and after.trigger == before.trigger
    is_fire = is_same and after.is_on == before.is_on and after.live == before.live
    return Happened.SUPPRESSED if is_fire else Happened.CHANGED
