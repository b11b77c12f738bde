"""What must hold for pools by rows alone: no more is held of one than it had slots (I9).

What is held is what live units take, so it can be counted from any store. A pool that was made
smaller may be over for a while: nothing was started since. So what counts is the largest size that
was in force since the newest of those who hold it was made; and where context.py has changed
since then, nobody remembers what it said, and nothing is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.commands import Command
from synergy.core.freerun_record import Freerun
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import EndedJob
from synergy.core.led_context import LedContext, placed
from synergy.core.led_pools import demands_led
from synergy.core.pool_record import PoolName, PoolOverride
from synergy.core.pool_sizes import resized
from synergy.core.pools import demands_of
from synergy.core.records import Job, ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.strays import demand_of_stray, is_leased
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.violations import Violation

_KIND: Final = 'I9'
#: Clocks of boxes may differ by so much: who leads makes units and changes sizes.
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
#: Holders that a sentence names.
_NAMED_MAX: Final = 5


class Sizes(Struct, frozen=True, kw_only=True):
    """How large pools were. changes: commands about their sizes that were done, in any order."""

    overrides: Sequence[PoolOverride] = ()
    changes: Sequence[Command] = ()


class PoolLedger:
    """Who holds what of pools, noted while rows are read for other rules: no pass of its own.

    Memory: the live units that take of a pool.
    """

    def __init__(
        self, hierarchy: Hierarchy, led: LedContext | None, freeruns: Iterable[Freerun]
    ) -> None:
        """Have seen no row yet. hierarchy: its pools are as context.py has them."""
        self._led = led
        self._hierarchy = placed(hierarchy, led)
        self._sizes = hierarchy.pools.sizes
        self._awaited: set[UowId] = set()
        self._live: list[Unit] = []
        if self._sizes:
            self._awaited.update(uow_id for item in freeruns for uow_id in item.live)

    def jobs(self, rows: Iterable[Job | EndedJob]) -> Iterable[Job | EndedJob]:
        """Pass on rows of jobs."""
        return self._jobs(rows) if self._sizes else rows

    def units(self, rows: Iterable[Unit]) -> Iterable[Unit]:
        """Pass on rows of units."""
        return self._units(rows) if self._sizes else rows

    def _jobs(self, rows: Iterable[Job | EndedJob]) -> Iterator[Job | EndedJob]:
        nodes = self._hierarchy.nodes
        for job in rows:
            if type(job) is Job and job.has_live_unit and job.uow_id is not None:
                node, ordinal = nodes.get(job.process), job.timeperiod.ordinal
                if (
                    node is not None
                    and node.first <= ordinal
                    and (node.until is None or ordinal < node.until)
                ):
                    self._awaited.add(job.uow_id)
            yield job

    def _units(self, rows: Iterable[Unit]) -> Iterator[Unit]:
        for unit in rows:
            if unit.state.is_live and demand_of_stray(self._hierarchy, unit.process).shares:
                self._live.append(unit)
            yield unit

    def violations(self, sizes: Sizes, store_now: datetime) -> Iterator[Violation]:
        """Yield pools of which more is held than there was, and what nobody defines.

        After all rows. store_now: by the clock of the store.
        """
        led = self._led
        if led is None or led.pools is None:
            return
        yield from self._undefined(led, sizes)
        defined = {name: (pool.slots, pool.per_minute) for name, pool in self._sizes.items()}
        if led.pools.sizes != defined or led.demands != demands_led(led, self._hierarchy):
            return  # Led with other pools than these.
        held: dict[PoolName, list[tuple[Unit, int]]] = {}
        for unit in self._live:
            if unit.id in self._awaited or (
                unit.state is UnitState.IN_PROGRESS and is_leased(unit, store_now)
            ):
                for pool, share in demand_of_stray(self._hierarchy, unit.process).shares:
                    held.setdefault(pool, []).append((unit, share))
        now = resized(self._sizes, sizes.overrides)
        for name, units in held.items():
            newest = max((unit for unit, _ in units), key=lambda unit: unit.created_at)
            taken = sum(share for _, share in units)
            if name not in now or taken <= now[name].slots or newest.created_at <= led.pools.since:
                continue
            since = newest.created_at - _CLOCKS_DIFFER
            slots = max(now[name].slots, *self._earlier(name, sizes.changes, since))
            if taken > slots:
                text = f'{taken} of {slots} slots of pool {name} are held, by {_said(units)}'
                yield Violation(invariant=_KIND, key=newest.key, text=text)

    def _earlier(
        self, name: PoolName, changes: Iterable[Command], since: datetime
    ) -> Sequence[int]:
        """Return how many slots a pool may have had at some time after `since`, but for now."""
        defined = self._sizes[name].slots
        own = sorted(
            (item.finished_at or item.created_at, _slots_of(item, defined))
            for item in changes
            if str(item.process) == name and 'slots' in item.details
        )
        later = [slots for at, slots in own if at >= since]
        before = [slots for at, slots in own if at < since][-1:]
        return [0, defined, *before, *later] if later else [0]

    def _undefined(self, led: LedContext, sizes: Sizes) -> Iterator[Violation]:
        """Yield what is said of pools that the context has not that was led."""
        assert led.pools is not None, 'else nothing is known'
        known, present = led.pools.sizes, demands_of(self._hierarchy)
        for name, shares in led.demands.items():
            for pool, share in shares if name in present else ():
                if pool not in known:
                    text = f'takes {share} of pool {pool}, which nobody defines'
                    yield Violation(invariant=_KIND, key=_key(name), text=text)
        for override in sizes.overrides:
            if override.pool not in known:
                text = f'the size of pool {override.pool} is changed, which nobody defines'
                yield Violation(invariant=_KIND, key=_key(ProcessName(override.pool)), text=text)


def _slots_of(command: Command, defined: int) -> int:
    slots = command.details['slots']
    return slots if isinstance(slots, int) else defined


def _said(units: Sequence[tuple[Unit, int]]) -> str:
    counts: Counter[ProcessName] = Counter()
    for unit, share in units:
        counts[unit.process] += share
    named = [f'{name} ({slots})' for name, slots in counts.most_common(_NAMED_MAX)]
    more = len(counts) - len(named)
    return f'{", ".join(named)}{f" and {more} more" if more > 0 else ""}'


def _key(name: ProcessName) -> JobKey:
    return JobKey(name, Timeperiod(Qualifier.REAL_TIME, 0))
