"""Pools in use: what each holds, who waits for it, and whose turn it is.

No count of slots is stored: what is held is what the units that are live take, so it is taken by
the commit that makes a unit and given back by the one that ends it, and no crash can leak a slot.
Starts within the last minute are kept in memory; a new leader reads them from the store.

Who waits is asked by priority; equal ones take turns, start by start where little room is left, and
a few starts at a time where there is much. A large share would wait for
ever for as much to be free at once: when as many of equal or lower priority as the pool has slots
have passed it, what it takes is kept free for it. Whoever waits costs nothing until there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from heapq import heappop, heappush
from typing import Final, TypeAlias

from synergy.core.effects import Effects
from synergy.core.freerun_record import base_of
from synergy.core.hierarchy import Hierarchy
from synergy.core.pool_rates import StartRates
from synergy.core.pool_record import SLOTS_MAX, Demand, Pool, PoolName
from synergy.core.pool_takers import Taker
from synergy.core.records import ProcessName
from synergy.core.strays import Strays

_NOTHING: Final = Demand()

#: Somebody in a queue, and the order of then: stale where that has changed since.
Queued: TypeAlias = tuple[int, ProcessName]


class Pools:
    """The pools of one leader, and all who take from them; dropped with its index.

    One class of many short methods, for each is a question to the same few numbers, or a change of
    them.
    """

    def __init__(
        self,
        sizes: Mapping[PoolName, Pool],
        demands: Mapping[ProcessName, Demand],
        running: Callable[[ProcessName], int],
        managed: Iterable[ProcessName],
    ) -> None:
        """Hold nothing yet.

        demands: of processes and free runs; of an entry made at run time, that of its process.
        running: how many units of a process are live. managed: of which that can be asked.
        """
        self._demands = demands
        self._running = running
        self._takers: dict[ProcessName, Taker] = {}
        self._managed = [taker for name in managed if (taker := self.taker(name)).shares]
        #: Free runs that ask for a start; each is attended to in its turn.
        self.asking: dict[ProcessName, None] = {}
        #: Starts a free run that asks, if there is room.
        self.attend: Callable[[ProcessName, datetime], Effects] = _nobody
        #: What free runs have asked for in their turns, until it is taken.
        self.effects = Effects()
        #: Something that was held was given back, or a size was changed.
        self.is_stirred = False
        self._live_freeruns: dict[ProcessName, int] = {}
        #: What units hold that run of what has left the context.
        self.strays = Strays()
        self._used: dict[PoolName, int] = {}
        #: Starts of the last minute.
        self.rates = StartRates()
        #: Who waits, and in the queue of which pool; None: in none, until the next turn.
        self.waiting: dict[ProcessName, PoolName | None] = {}
        self._queues: dict[PoolName, list[Queued]] = {name: [] for name in sizes}
        # Those that others may pass, and that have work and wait.
        self._passed: dict[ProcessName, Taker] = {}
        self._turn = 0
        self.sizes: Mapping[PoolName, Pool] = {}
        self._slots: dict[PoolName, int] = {}
        self.resize(sizes)

    def taker(self, name: ProcessName) -> Taker:
        """Return what is known of a process or free run."""
        found = self._takers.get(name)
        if found is None:
            demand = self._demands.get(name) or self._demands.get(base_of(name), _NOTHING)
            found = self._takers[name] = Taker(name, demand)
        return found

    def is_shared(self, name: ProcessName) -> bool:
        """Tell whether a start of a process or free run takes anything of a pool."""
        return bool(self.taker(name).shares)

    def has_turn(self, taker: Taker) -> None:
        """Let all others of the same priority come before somebody who is about to start."""
        self._turn += 1
        taker.has_turn(self._turn)

    def begin(self, now: datetime) -> None:
        """Count what is held by now."""
        self.is_stirred = False
        used = self._used = dict.fromkeys(self._slots, 0)
        for taker in self._managed:
            if count := self._running(taker.name):
                for pool, share in taker.shares:
                    used[pool] += count * share
        for name, count in self._live_freeruns.items():
            for pool, share in self.taker(name).shares:
                used[pool] += count * share
        for pool, share in self.strays.taken(self._slots):
            used[pool] += share
        self.rates.forget(now)
        for name, queue in self.waiting.items():
            if queue is None:
                taker = self.taker(name)
                self.waiting[name] = pool = taker.shares[0][0]
                heappush(self._queues[pool], (taker.order, name))

    def first_waiting(self) -> Queued | None:
        """Return who comes first of those who wait for a pool that has room; None: nobody."""
        first: Queued | None = None
        for pool, queue in self._queues.items():
            if queue and self._has_room(pool):
                while queue and not self._is_current(queue[0], pool):
                    heappop(queue)
                if queue and (first is None or queue[0] < first):
                    first = queue[0]
        return first

    def short(self, taker: Taker) -> Collection[PoolName]:
        """Return the pools that lack what a start takes. Only after `begin`."""
        used, slots, is_limited = self._used, self._slots, bool(self.rates)
        found: list[PoolName] = []
        for pool, share in taker.shares:
            kept = self._kept(pool, taker) if self._passed else 0
            is_full = used[pool] + share + kept > slots[pool]
            if is_full or (is_limited and self.rates.is_spent(pool)):
                found.append(pool)
        return found

    def room(self, taker: Taker) -> int:
        """Return how many starts are sure to find room, if nobody else starts. After `begin`."""
        if self._passed:
            return 0 if self.short(taker) else 1
        found = SLOTS_MAX
        for pool, share in taker.shares:
            left = (self._slots[pool] - self._used[pool]) // share
            found = min(found, left, self.rates.left(pool))
        return max(found, 0)

    def wait(self, taker: Taker, short: Iterable[PoolName]) -> None:
        """Let somebody who has work wait for pools."""
        full = next((pool for pool in short if not self._has_room(pool)), None)
        self.waiting[taker.name] = full
        if full is not None:
            heappush(self._queues[full], (taker.order, taker.name))
        if taker.may_be_passed:
            self._passed[taker.name] = taker

    def rest(self, taker: Taker) -> None:
        """Forget that somebody waits: it has started, or there is nothing to start."""
        self.waiting.pop(taker.name, None)
        if self._passed.pop(taker.name, None) is not None:
            if taker.is_kept_for:
                self.is_stirred = True  # Nothing is kept free for it any more.
            taker.passed = 0
            taker.keep_room(is_kept=False)

    def started(self, taker: Taker, count: int, now: datetime) -> None:
        """Count new units of a process or free run, and whom they have passed."""
        for pool, share in taker.shares:
            self._used[pool] += count * share
        if count <= 0:
            return
        if self.waiting or self._passed:
            self.rest(taker)
        if self.rates:
            self.rates.note(taker.shares, (now,) * count)
        if not self._passed:
            return
        for other in self._passed.values():
            if other.priority >= taker.priority and _share_one(other, taker):
                other.passed += count
                self._judge(other)

    def limited(self, freeruns: Iterable[ProcessName]) -> Collection[ProcessName]:
        """Return the processes, and those of `freeruns`, of which only so many may start."""
        takers = (*self._managed, *map(self.taker, freeruns))
        return {item.name for item in takers if any(pool in self.rates for pool, _ in item.shares)}

    def taken(self) -> Effects:
        """Return what free runs have asked for, once."""
        effects, self.effects = self.effects, Effects()
        return effects

    def hold(self, freerun: ProcessName, count: int) -> None:
        """Note how many units of a free run are live."""
        before = self._live_freeruns.pop(freerun, 0)
        if count and self.is_shared(freerun):
            self._live_freeruns[freerun] = count
        if count < before:
            self.is_stirred = True

    def resize(self, sizes: Mapping[PoolName, Pool]) -> None:
        """Go by other sizes; starts of the last minute count on."""
        self.sizes = sizes
        self._slots = {name: pool.slots for name, pool in sizes.items()}
        self.rates.resize(sizes)
        self.is_stirred = True
        for taker in self._passed.values():
            taker.keep_room(is_kept=False)
            self._judge(taker)

    def next_at(self) -> datetime | None:
        """Return when somebody who waits may start because a minute has passed; None: nobody."""
        if not self.rates:
            return None
        return self.rates.free_at(pool for pool, queue in self._queues.items() if queue)

    def _is_current(self, queued: Queued, pool: PoolName) -> bool:
        order, name = queued
        return self.waiting.get(name) == pool and self._takers[name].order == order

    def _has_room(self, pool: PoolName) -> bool:
        return self._used[pool] < self._slots[pool] and not self.rates.is_spent(pool)

    def _judge(self, taker: Taker) -> None:
        """Keep room for somebody whom enough others have passed.

        Not for what no longer fits at all, since the size of a pool was changed: that would keep
        everybody from starting for good.
        """
        slots = [self._slots[pool] for pool, _ in taker.shares]
        fits = all(share <= self._slots[pool] for pool, share in taker.shares)
        if not taker.is_kept_for and fits and taker.passed >= max(slots):
            taker.keep_room(is_kept=True)
            if (pool := self.waiting.get(taker.name)) is not None:
                heappush(self._queues[pool], (taker.order, taker.name))

    def _kept(self, pool: PoolName, taker: Taker) -> int:
        """Return how much of a pool is kept free for others who are asked before `taker`."""
        return sum(
            share
            for other in self._passed.values()
            if other.is_kept_for and other is not taker and other.order < taker.order
            for of, share in other.shares
            if of == pool
        )


def _share_one(one: Taker, other: Taker) -> bool:
    pools = {pool for pool, _ in other.shares}
    return any(pool in pools for pool, _ in one.shares)


def demands_of(hierarchy: Hierarchy) -> Mapping[ProcessName, Demand]:
    """Return what starts of processes and of free runs take of pools."""
    own = {name: node.process.demand for name, node in hierarchy.nodes.items()}
    return {**own, **hierarchy.pools.freerun_demands}


def pools_in_use(
    sizes: Mapping[PoolName, Pool],
    demands: Mapping[ProcessName, Demand],
    running: Callable[[ProcessName], int],
    managed: Iterable[ProcessName],
) -> Pools | None:
    """Return the pools of a context; None where nobody takes of any, and all are asked alike."""
    if all(demand == _NOTHING for demand in demands.values()):
        return None
    return Pools(sizes, demands, running, managed)


def _nobody(_name: ProcessName, _now: datetime) -> Effects:
    """Start nothing: there are no free runs."""
    return Effects()
