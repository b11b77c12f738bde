"""What starts next where there are pools or priorities: the highest first, equal ones in turn.

Processes and free runs are asked in one order. Whoever finds a pool short waits, and is asked again
when there is room in it; until then it costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from itertools import chain, islice
from typing import Final, TypeAlias

from synergy.core.holds import Holds
from synergy.core.pool_record import PoolName
from synergy.core.pool_takers import Taker
from synergy.core.pools import Pools, Queued
from synergy.core.readiness import Readiness, next_startable
from synergy.core.records import ProcessName
from synergy.core.starting import Starting
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable

_Start: TypeAlias = tuple[JobKey, Readiness | None]

#: Equal ones take turns start by start while less room is left than so many starts of a turn take,
#: and a turn has at most so many.
_ROOM_PER_START: Final = 8
_TURN_MAX: Final = 32


class PooledStarting(Starting):
    """Processes and free runs that are owed a look, by priority, and what each may start."""

    def __init__(
        self,
        timetable: Timetable,
        pools: Pools,
        silent: Collection[ProcessName] = (),
        holds: Holds | None = None,
    ) -> None:
        """Owe nothing. pools: of the same timetable."""
        super().__init__(timetable, silent, holds)
        self._pools = pools
        # Those that are owed a look; stale where they are not any more, or their order has changed.
        self._queue: list[Queued] = []
        # Processes whose trigger has fired and whose live intervals have yet to run for it.
        self._triggered: set[ProcessName] = set()

    @property
    def owed_count(self) -> int:
        """Return how many looks are owed; what waits for a pool is owed one once there is room."""
        pools = self._pools
        is_stirred = pools.is_stirred or pools.strays.have_ended
        return len(self._owed) + len(pools.asking) + is_stirred

    def owe(self, process: ProcessName) -> None:
        """Look at a process or free run, in the order of priority."""
        if process in self._owed:
            return
        taker = self._pools.taker(process)
        if process in self._pools.waiting and not taker.may_be_passed:
            return  # It is looked at as soon as there is room.
        self._owed[process] = None
        heappush(self._queue, (taker.order, process))

    def release(self, processes: Iterable[ProcessName]) -> None:
        """Look at processes, in the order of priority."""
        for process in processes:
            if process not in self._owed:
                self.owe(process)

    def live(self, process: ProcessName, now: datetime) -> Iterator[JobKey]:
        """Yield the live intervals of a process that may run; of a pool they wait their turn."""
        if not self._pools.is_shared(process):
            yield from super().live(process, now)
        elif self.may(process, now):
            self._triggered.add(process)
            self.owe(process)

    def starts(self, now: datetime) -> Generator[_Start]:
        """Yield what may start, by priority; free runs start meanwhile."""
        pools = self._pools
        pools.begin(now)
        draws: dict[ProcessName, Iterator[_Start]] = {}
        while (taker := self._next_asked()) is not None:
            self.asked = name = taker.name
            if name not in self._hierarchy.nodes:
                del self._owed[name]
                pools.effects.add(pools.attend(name, now))
            elif not (self.may(name, now) or self.may_even_if_off(name, now)):
                self._rest(taker)
            elif not taker.shares:
                yield from self._unshared(taker, now)
            else:
                yield from self._while_first(taker, draws, now)
        self.asked = None

    def _while_first(
        self, taker: Taker, draws: dict[ProcessName, Iterator[_Start]], now: datetime
    ) -> Iterator[_Start]:
        """Yield what a process may start, until another comes first.

        Others of its priority come after one start where little room is left, and after a few where
        there is much. What it has taken is counted once it stops, however that comes: until then
        nobody else asks.
        """
        pools, queue, name = self._pools, self._queue, taker.name
        if (draw := draws.get(name)) is None:
            draw = draws[name] = self._drawn(name, now)
        before = self._timetable.running_count(name)
        place, room = (taker.order, name), pools.room(taker)
        most, count, has_ended = min(max(room // _ROOM_PER_START, 1), _TURN_MAX, room), 0, False
        # Of the others, who is first; looked at again only once that is somebody else.
        ahead = queue[0] if queue else None
        try:
            for drawn in islice(draw, most):
                count += 1
                yield drawn
                self.is_trigger = False
                if queue and queue[0] is not ahead:
                    ahead = queue[0]
                    if ahead < place:
                        return
            if count < most:
                del draws[name]
                has_ended = True
        finally:
            self.is_trigger = False
            if count:
                pools.has_turn(taker)
                pools.started(taker, self._timetable.running_count(name) - before, now)
            if has_ended or (count and not self.has_place(name)):
                self._rest(taker)
            elif short := pools.short(taker):
                self._let_wait(taker, short, now)
            else:
                heappush(queue, (taker.order, name))

    def _next_asked(self) -> Taker | None:
        """Return who comes first by now, of those owed a look and those who wait for a pool."""
        pools, queue, owed = self._pools, self._queue, self._owed
        if pools.asking:
            for name in pools.asking:  # Whether it waits already or not: it has fired again.
                if name not in owed:
                    owed[name] = None
                    heappush(queue, (pools.taker(name).order, name))
            pools.asking.clear()
        while queue:
            order, name = queue[0]
            taker = pools.taker(name)
            if name in owed and order == taker.order:
                break
            heappop(queue)
            if name in owed:
                heappush(queue, (taker.order, name))
        waiting = pools.first_waiting() if pools.waiting else None
        if waiting is not None and (not queue or waiting < queue[0]):
            name = waiting[1]
            del pools.waiting[name]
            owed[name] = None
            return pools.taker(name)
        if not queue:
            return None
        heappop(queue)
        return taker

    def _unshared(self, taker: Taker, now: datetime) -> Iterator[_Start]:
        """Yield all that a process may start which takes of no pool."""
        name = taker.name
        self._pools.has_turn(taker)
        # Whoever breaks off owes it another look.
        heappush(self._queue, (taker.order, name))
        yield from self._all_of(self._hierarchy.nodes[name], now)
        del self._owed[name]

    def _rest(self, taker: Taker) -> None:
        self._owed.pop(taker.name, None)
        self._pools.rest(taker)

    def _let_wait(self, taker: Taker, short: Collection[PoolName], now: datetime) -> None:
        """Let a process wait; whom others may pass only if there is something that it would start.

        Room is kept for it in the end, and must not be kept for nothing.
        """
        name = taker.name
        if taker.may_be_passed and not self._has_work(name, now):
            self._rest(taker)
            return
        self._owed.pop(name, None)
        self._pools.wait(taker, short)

    def _has_work(self, name: ProcessName, now: datetime) -> bool:
        """Tell whether a process would start something; nothing is drawn for that."""
        timetable, node = self._timetable, self._hierarchy.nodes[name]
        if not self.has_place(name):
            return False
        if timetable.resting(name) or (
            name in self._triggered and any(True for _ in super().live(name, now))
        ):
            return True
        return any(next_startable(timetable, node, work, now) for work in self._works(node, now))

    def _drawn(self, name: ProcessName, now: datetime) -> Iterator[_Start]:
        """Return what a process may start."""
        usual = self._all_of(self._hierarchy.nodes[name], now)
        return chain(self._runs(name, now), usual) if name in self._triggered else usual

    def _runs(self, name: ProcessName, now: datetime) -> Iterator[_Start]:
        """Yield the live intervals that run because the trigger of their process has fired."""
        for key in super().live(name, now):
            self.is_trigger = True
            yield key, None
        self._triggered.discard(name)
