"""What must hold of pools: no more starts than there are slots, nor than a minute may have.

And nobody of lower priority goes before somebody who waits. By rows alone: it is the oracle of
`synergy.core.pools`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.effects import InsertUnit, Save, SaveFreerun, SaveJob
from synergy.core.freerun_record import base_of, is_freerun
from synergy.core.hierarchy import Hierarchy
from synergy.core.pool_record import Demand, Pool, PoolName
from synergy.core.pool_sizes import resized
from synergy.core.pools import demands_of
from synergy.core.records import ProcessName, Unit, UowId
from synergy.ports.store import Store

_MINUTE: Final = timedelta(minutes=1)
#: A leader that is awake has looked within it at what runs of what has left the context.
_LOOKED_WITHIN: Final = timedelta(seconds=25)


class PoolWatch:
    """Watches the starts of one world."""

    def __init__(self, store: Store, hierarchy: Hierarchy) -> None:
        """Have seen nothing yet. hierarchy: with pools; the others that come have the same."""
        self._store = store
        self._hierarchy = hierarchy
        self._defined = hierarchy.pools.sizes
        self._demands = dict(demands_of(hierarchy))
        self._made: dict[UowId, Unit] = {}
        self._started: list[Unit] = []
        self._sizes: Mapping[PoolName, Pool] = self._defined
        # The sizes of the last minute, of which the greatest counts.
        self._limits: list[tuple[datetime, Mapping[PoolName, Pool]]] = []
        self.broken: str | None = None

    def expect(self, hierarchy: Hierarchy) -> None:
        """Know another context, of which some processes may be missing."""
        self._hierarchy = hierarchy
        self._demands |= demands_of(hierarchy)

    def saw_saves(self, saves: Iterable[Save], now: datetime) -> Sequence[Unit]:
        """Look at what was committed; return the units that have started.

        One that was made by a commit that broke off has not: nobody waits for it.
        """
        started = list(self._starts(saves))
        before = self._sizes
        self._sizes = resized(self._defined, self._store.pool_overrides())
        self._limits.append((now, self._sizes))
        self._limits = [item for item in self._limits if item[0] > now - 2 * _MINUTE]
        self._started = [unit for unit in self._started if unit.created_at > now - _MINUTE]
        self._started += started
        for pool in {pool for unit in started for pool, _ in self._demand(unit.process).shares}:
            self._check_slots(pool, max(before[pool].slots, self._sizes[pool].slots))
            self._check_rate(pool)
        return started

    def comes_before(
        self, steady: Collection[ProcessName], started: Iterable[Unit]
    ) -> Iterator[tuple[ProcessName, Unit]]:
        """Yield who waits for a slot while somebody of lower priority starts who takes of its pool.

        steady: processes that have work. Of those that take one slot of one pool: room is kept for
        nobody else before them.
        """
        running: dict[ProcessName, int] = {}
        for job in self._store.open_jobs():
            running[job.process] = running.get(job.process, 0) + job.has_live_unit
        for name in steady:
            process, demand = self._hierarchy.nodes[name].process, self._demand(name)
            if len(demand.shares) != 1 or demand.shares[0][1] != 1:
                continue
            if running.get(name, 0) >= process.max_running:
                continue
            for unit in started:
                other = self._demand(unit.process)
                if other.priority < demand.priority and demand.shares[0][0] in dict(other.shares):
                    yield name, unit

    def _starts(self, saves: Iterable[Save]) -> Iterator[Unit]:
        awaited: list[UowId] = []
        for save in saves:
            match save:
                case InsertUnit(unit):
                    self._made[unit.id] = unit
                case SaveJob(job) if job.uow_id is not None:
                    awaited.append(job.uow_id)
                case SaveFreerun(freerun):
                    awaited += freerun.live
        for uow_id in awaited:
            if uow_id in self._made:
                yield self._made.pop(uow_id)

    def _demand(self, name: ProcessName) -> Demand:
        return self._demands.get(name) or self._demands.get(base_of(name)) or Demand()

    def _check_slots(self, pool: PoolName, slots: int) -> None:
        taken = [*self._taken(pool)]
        if len(taken) > slots:
            said = ', '.join(taken)
            self._tell(f'pool {pool}: {len(taken)} of {slots} slots are taken by {said}')

    def _check_rate(self, pool: PoolName) -> None:
        limits = [sizes[pool].per_minute for _, sizes in self._limits]
        most = None if None in limits else max(limit for limit in limits if limit is not None)
        count = sum(pool in dict(self._demand(unit.process).shares) for unit in self._started)
        if most is not None and count > most:
            self._tell(f'pool {pool}: {count} starts within a minute, {most} may be')

    def _taken(self, pool: PoolName) -> Iterator[str]:
        """Yield a text for each slot that is taken: by units for which somebody waits.

        Of entries and intervals that have left the context, by those that run, and did when the
        leader looked last.
        """
        awaited: set[UowId | None] = {
            job.uow_id for job in self._store.open_jobs() if job.has_live_unit
        }
        for freerun in self._store.freeruns():
            awaited.update(freerun.live)
        now = self._store.store_now()
        for unit in self._store.live_units():
            if unit.id in awaited and (self._is_there(unit) or _has_run_long(unit, now)):
                yield from [str(unit)] * dict(self._demand(unit.process).shares).get(pool, 0)

    def _is_there(self, unit: Unit) -> bool:
        node = self._hierarchy.nodes.get(unit.process)
        if node is None:
            return is_freerun(unit.process)
        ordinal = unit.timeperiod.ordinal
        return node.first <= ordinal and (node.until is None or ordinal < node.until)

    def _tell(self, what: str) -> None:
        self.broken = self.broken or f'I9 {what}'


def _has_run_long(unit: Unit, now: datetime) -> bool:
    is_leased = unit.lease_until is not None and unit.lease_until > now
    began = unit.started_at
    return is_leased and began is not None and began < now - _LOOKED_WITHIN
