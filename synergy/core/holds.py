"""What stands in the way of any start of a process: closed hours, and freezes of operators.

Whoever decides asks here, and so does whoever explains: the Scheduler before a start, a free run
before a fire, a worker before it claims, `why`, previews and status. So text and behaviour are one.
What runs may end; what is due starts once nothing holds it any more, and with `jitter_seconds` up
to so much later, each process at its own time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from synergy.core.closed import ClosedHours, closed_until, next_change
from synergy.core.freerun_record import base_of
from synergy.core.freezes import Freeze, Scope
from synergy.core.hierarchy import Hierarchy
from synergy.core.jitter import phase
from synergy.core.pool_record import Pool, PoolName
from synergy.core.pools import demands_of
from synergy.core.records import ProcessName
from synergy.core.structs import Struct

_NONE: Final = timedelta()


class HoldKind(StrEnum):
    """Why nothing starts."""

    FROZEN = 'frozen'
    CLOSED = 'closed'


class Hold(Struct, frozen=True, kw_only=True):
    """One thing that stands in the way. text: what it is, without until when.

    since: of a freeze, when it was asked for. freeze: that one.
    """

    kind: HoldKind
    text: str
    until: datetime
    freeze: Freeze | None = None

    def __str__(self) -> str:
        """Return what it is, and until when, in UTC."""
        return f'{self.text}, until {self.until:%Y-%m-%d %H:%M:%S} UTC'


class Hours(Struct, frozen=True, kw_only=True):
    """The closed hours of one process or free run, and how much later it starts after them."""

    closed: tuple[ClosedHours, ...] = ()
    jitter: timedelta = timedelta()


class Holds:
    """Answers what holds which process. `freezes` are those that are known now."""

    def __init__(
        self,
        hierarchy: Hierarchy,
        freeruns: Mapping[ProcessName, Hours] = MappingProxyType({}),
        everywhere: tuple[ClosedHours, ...] = (),
        freezes: Sequence[Freeze] = (),
    ) -> None:
        """Know the managed processes of a hierarchy, and free runs by their full names.

        everywhere: closed hours of what is neither, such as free runs made at run time.
        """
        self.freezes = freezes
        self._tree: dict[ProcessName, str] = {}
        self._hours: dict[ProcessName, Hours] = {}
        # Of those that take of none, too: a free run takes what its own entry says.
        self._pools: dict[ProcessName, Sequence[PoolName]] = {
            name: [pool for pool, _ in demand.shares]
            for name, demand in demands_of(hierarchy).items()
        }
        self._elsewhere = Hours(closed=everywhere)
        for node in hierarchy:
            process = node.process
            self._tree[process.name] = node.tree.name
            if process.closed or process.jitter:
                self._hours[process.name] = Hours(closed=process.closed, jitter=process.jitter)
        self._hours |= {name: hours for name, hours in freeruns.items() if hours != Hours()}
        self._close_by_pools(hierarchy.pools.sizes)
        self._has_hours = bool(everywhere) or any(item.closed for item in self._hours.values())
        #: The greatest of all.
        self.jitter_max = max((item.jitter for item in self._hours.values()), default=_NONE)
        # By the identity of hours, which processes share: until when the answer stays the same.
        self._asked: dict[int, tuple[datetime, datetime, datetime | None]] = {}

    @property
    def is_used(self) -> bool:
        """Tell whether anything may be held at all, now or at another time."""
        return self._has_hours or bool(self.freezes)

    def over(self, process: ProcessName, now: datetime) -> Sequence[Hold]:
        """Return what stands in the way of a process or a free run: freezes first."""
        if not self.is_used:
            return ()
        hours = self._hours_of(process)
        delay = phase(process, hours.jitter)
        found = [
            Hold(kind=HoldKind.FROZEN, text=str(freeze), until=freeze.until + delay, freeze=freeze)
            for freeze in self.freezes
            if freeze.until + delay > now and self._is_of(freeze, process)
        ]
        if (until := self._closed_until(hours, delay, now)) is not None:
            said = [item for item in hours.closed if item.until(now) or item.until(now - delay)]
            text = f'{process} is closed: {", ".join(map(str, said))}'
            found.append(Hold(kind=HoldKind.CLOSED, text=text, until=until))
        return found

    def until(self, process: ProcessName, now: datetime) -> datetime | None:
        """Return until when nothing of a process starts, as far as is known; None: it may."""
        if not self.is_used:
            return None
        hours = self._hours_of(process)
        delay = phase(process, hours.jitter)
        until = self._closed_until(hours, delay, now)
        for freeze in self.freezes:
            end = freeze.until + delay
            if end > now and (until is None or end > until) and self._is_of(freeze, process):
                until = end
        return until

    def is_held(self, process: ProcessName, now: datetime) -> bool:
        """Tell whether nothing of a process may start."""
        return self.until(process, now) is not None

    def changes_at(self, now: datetime) -> datetime:
        """Return an instant before which no hours begin or end, and no freeze ends."""
        all_hours = (self._elsewhere, *self._hours.values())
        closed = {id(hours.closed): hours.closed for hours in all_hours if hours.closed}
        changes = [next_change(hours, now) for hours in closed.values()]
        ends = [freeze.until for freeze in self.freezes if freeze.until > now]
        return min([*changes, *ends], default=datetime.max.replace(tzinfo=UTC))

    def forget_ended(self, now: datetime) -> None:
        """Drop the freezes that hold nobody any more."""
        latest = now - self.jitter_max
        self.freezes = [freeze for freeze in self.freezes if freeze.until > latest]

    def jitter_of(self, process: ProcessName) -> timedelta:
        """Return how much later than planned a process or free run starts."""
        return phase(process, self._hours_of(process).jitter)

    def _close_by_pools(self, pools: Mapping[PoolName, Pool]) -> None:
        """Close whoever takes of a pool in the hours of that pool, beside its own."""
        closed = {name: pool.closed for name, pool in pools.items() if pool.closed}
        if not closed:
            return
        # Processes share their hours, and so the answers about them.
        made: dict[tuple[object, ...], tuple[ClosedHours, ...]] = {}
        for name, taken in self._pools.items():
            if names := tuple(pool for pool in taken if pool in closed):
                own = self._hours.get(name, self._elsewhere)
                key = (id(own.closed), *names)
                if key not in made:
                    made[key] = (*own.closed, *(item for pool in names for item in closed[pool]))
                self._hours[name] = Hours(closed=made[key], jitter=own.jitter)

    def _hours_of(self, process: ProcessName) -> Hours:
        """Return the hours of a process or free run; made at run time, those of its process."""
        found = self._hours.get(process)
        if found is None and process not in self._pools:
            found = self._hours.get(base_of(process))
        return self._elsewhere if found is None else found

    def _closed_until(self, hours: Hours, delay: timedelta, now: datetime) -> datetime | None:
        if not hours.closed:
            return None
        if (until := self._asked_until(hours.closed, now)) is not None:
            return until + delay
        if delay:
            # It opened a moment ago, for others.
            before = self._asked_until(hours.closed, now - delay)
            if before is not None and before + delay > now:
                return before + delay
        return None

    def _asked_until(self, closed: tuple[ClosedHours, ...], now: datetime) -> datetime | None:
        kept = self._asked.get(id(closed))
        if kept is not None and kept[0] <= now < kept[1]:
            return kept[2]
        until = closed_until(closed, now)
        last = next_change(closed, now) if until is None else until
        self._asked[id(closed)] = now, last, until
        return until

    def _is_of(self, freeze: Freeze, process: ProcessName) -> bool:
        match freeze.scope:
            case Scope.ALL:
                return True
            case Scope.PROCESS:
                return freeze.name in (process, base_of(process))
            case Scope.TREE:
                return self._tree.get(process) == freeze.name
            case Scope.POOL:
                own = self._pools.get(process, self._pools.get(base_of(process), ()))
                return freeze.name in own


def over_pool(pool: Pool, freezes: Sequence[Freeze], now: datetime) -> Sequence[Hold]:
    """Return what lets nothing start that takes of a pool: freezes first."""
    found = [
        Hold(kind=HoldKind.FROZEN, text=str(freeze), until=freeze.until, freeze=freeze)
        for freeze in freezes
        if freeze.until > now
        and (freeze.scope is Scope.ALL or (freeze.scope, freeze.name) == (Scope.POOL, pool.name))
    ]
    if (until := closed_until(pool.closed, now)) is not None:
        said = ', '.join(item.text for item in pool.closed if item.until(now))
        text = f'{pool.name} is closed: {said}'
        found.append(Hold(kind=HoldKind.CLOSED, text=text, until=until))
    return found
