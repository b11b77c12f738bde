"""Free runs with their next fires."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from synergy.conf.model import Context
from synergy.core.freerun_fires import next_fire
from synergy.core.freerun_record import Freerun
from synergy.core.records import ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.ports.store import Reader
from synergy.view.fires import changes_said

NEXT_COUNT = 5
#: Newest runs by which an entry is judged.
LOOKED_AT = 20


class FreerunView(Struct, frozen=True):
    """An entry and when it fires next; never while it is off.

    clock_changes: how the clock of its trigger is changed until then. start_timeout: how long a
    run may wait for a worker.
    """

    freerun: Freerun
    next_fires: Sequence[datetime]
    clock_changes: Sequence[str] = ()
    start_timeout: timedelta | None = None


class EntryResults(Struct, frozen=True, kw_only=True):
    """How an entry has done lately. last: its newest run that has ended. failed_count: of the
    newest runs in a row; is_least: there may be more.
    """

    last: Unit | None
    failed_count: int
    is_least: bool


def standing(store: Reader, name: ProcessName) -> EntryResults:
    """Return how the newest runs of an entry ended; one read of few rows."""
    ended = [unit for unit in store.freerun_units(name, LOOKED_AT) if not unit.state.is_live]
    failed = list(takewhile(lambda unit: unit.state is UnitState.DEAD, ended))
    return EntryResults(
        last=ended[0] if ended else None,
        failed_count=len(failed),
        is_least=bool(failed) and len(failed) == len(ended) >= LOOKED_AT - 1,
    )


def failing(store: Reader, dead: Iterable[Unit]) -> Sequence[ProcessName]:
    """Return the entries whose newest run that has ended failed, of those with dead letters."""
    names = {unit.process for unit in dead} & {item.name for item in store.freeruns()}
    return [name for name in sorted(names) if standing(store, name).failed_count]


def freeruns(context: Context, store: Reader, now: datetime) -> Sequence[FreerunView]:
    """Return all entries, in the order of their names, with their next fires."""
    return views_of(context, entries(context, store, now), now)


def entries(context: Context, store: Reader, now: datetime) -> Sequence[Freerun]:
    """Return all entries: as the store has them, and those of the context not taken over yet."""
    found = {item.name: item for item in store.freeruns()}
    for entry in context.freeruns.values():
        defined = entry.freerun(now)
        found.setdefault(defined.name, defined)
    return sorted(found.values(), key=lambda item: item.name)


def views_of(context: Context, found: Iterable[Freerun], now: datetime) -> Sequence[FreerunView]:
    """Return entries with their next fires, which of thousands take a second."""
    views = []
    for item in found:
        fires = next_fires(item, now) if item.is_on else ()
        changes = tuple(changes_said(item.trigger, fires, now))
        limit = context.start_timeouts.get(item.process)
        views.append(FreerunView(item, fires, changes, limit))
    return views


def next_fires(freerun: Freerun, now: datetime, count: int = NEXT_COUNT) -> Sequence[datetime]:
    """Return the next `count` fires of an entry, whatever its switch."""
    fires: list[datetime] = []
    for _ in range(count):
        fires.append(next_fire(freerun, fires[-1] if fires else now))
    return fires
