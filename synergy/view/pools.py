"""Pools as they stand: who holds what of each, and who waits for it since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.freerun_record import Freerun, Overlap, base_of
from synergy.core.freezes import Freeze
from synergy.core.holds import Hold, over_pool
from synergy.core.node import Node
from synergy.core.pool_rates import RATE_WINDOW
from synergy.core.pool_record import Demand, Pool, PoolName
from synergy.core.readiness import next_startable
from synergy.core.records import ProcessName
from synergy.core.starting import lanes_of, live_first
from synergy.core.states import UnitState
from synergy.core.strays import demand_of_stray, is_leased, is_stray
from synergy.core.structs import Struct, replace
from synergy.core.timetable import Timetable
from synergy.ports.freezing import freezes_in
from synergy.ports.recent_starts import Start, recent_starts
from synergy.ports.store import Reader
from synergy.view.estimates import Estimator, ready_count
from synergy.view.words import at

#: Holders that a sentence names.
_NAMED_MAX: Final = 5


class Holder(Struct, frozen=True, kw_only=True):
    """Who has units under way that take of a pool. slots: of all its units together."""

    name: ProcessName
    units: int
    slots: int


class Waiter(Struct, frozen=True, kw_only=True):
    """Who has something that may start but for a pool. share: that a start takes of it.

    jobs: how many may start. since: when the first of them could have. takes: how long these take
    at their pace and that of their pools; None: nobody knows.
    """

    name: ProcessName
    share: int
    priority: int
    jobs: int
    since: datetime | None
    takes: timedelta | None = None


class PoolView(Struct, frozen=True, kw_only=True):
    """A pool. holders: who hold most first. waiters: in the order of their priorities.

    takers: processes and free runs that take of it at all. started: how many did within the last
    minute, where that is limited; next_at: when another may, if none may now. holds: closed hours
    and freezes that let nothing start that takes of it.
    """

    pool: Pool
    holders: Sequence[Holder]
    waiters: Sequence[Waiter]
    takers: Sequence[ProcessName]
    started: int = 0
    next_at: datetime | None = None
    holds: Sequence[Hold] = ()

    @property
    def used(self) -> int:
        """Return how many slots are taken."""
        return sum(holder.slots for holder in self.holders)

    def lacks(self, share: int) -> bool:
        """Tell whether a start that takes `share` finds no room."""
        return self.used + share > self.pool.slots or self.next_at is not None


class PoolsLook(Struct, frozen=True, kw_only=True):
    """What all pools are seen by: one look at the store.

    strays: of each unit that runs although its entry or interval has left the context, whose it is.
    """

    timetable: Timetable
    freeruns: Sequence[Freerun]
    starts: Sequence[Start]
    now: datetime
    freezes: Sequence[Freeze] = ()
    strays: Sequence[ProcessName] = ()

    def demand(self, name: ProcessName) -> Demand:
        """Return what a start of a process or free run takes."""
        node = self.timetable.hierarchy.nodes.get(name)
        if node is not None:
            return node.process.demand
        demands = self.timetable.hierarchy.pools.freerun_demands
        return demands.get(name) or demands.get(base_of(name)) or Demand()


def look_at_pools(timetable: Timetable, store: Reader, now: datetime) -> PoolsLook:
    """Read what is needed, which is nothing where there are no pools."""
    sizes = timetable.hierarchy.pools.sizes
    freeruns = store.freeruns() if sizes else ()
    freezes = freezes_in(store) if sizes else ()
    look = PoolsLook(
        timetable=timetable,
        freeruns=freeruns,
        starts=(),
        now=now,
        freezes=freezes,
        strays=_strays(timetable, store, freeruns) if sizes else (),
    )
    limited = {pool for pool, size in sizes.items() if size.per_minute is not None}
    if not limited:
        return look
    names = {
        name
        for name in (*timetable.hierarchy.nodes, *(item.name for item in freeruns))
        if any(pool in limited for pool, _ in look.demand(name).shares)
    }
    starts = recent_starts(store, names, freeruns, now)
    return replace(look, starts=starts)


def _strays(
    timetable: Timetable, store: Reader, freeruns: Sequence[Freerun]
) -> Sequence[ProcessName]:
    entry = {item.name: item for item in freeruns}.get
    found = [
        run.id
        for run in store.live_runs()
        if run.state is UnitState.IN_PROGRESS and is_stray(run.id, run.key, timetable, entry)
    ]
    if not found:
        return ()
    now = store.store_now()
    return [unit.process for unit in store.units(found).values() if is_leased(unit, now)]


def pool_views(look: PoolsLook) -> Sequence[PoolView]:
    """Return all pools, by name."""
    sizes = look.timetable.hierarchy.pools.sizes
    return [_with_waiters(look, _without_waiters(look, sizes[name])) for name in sorted(sizes)]


def with_pace(views: Sequence[PoolView], estimator: Estimator) -> Sequence[PoolView]:
    """Return pools with how long that takes which waits for them; of free runs nobody knows."""
    nodes = estimator.hierarchy.nodes
    return [
        replace(
            view,
            waiters=[
                replace(item, takes=estimator.takes(item.name, item.jobs))
                if item.name in nodes
                else item
                for item in view.waiters
            ],
        )
        for view in views
    ]


def short_pools(look: PoolsLook, name: ProcessName) -> Sequence[PoolView]:
    """Return the pools in which a start of a process or free run finds no room."""
    sizes = look.timetable.hierarchy.pools.sizes
    found = []
    for pool, share in look.demand(name).shares:
        view = _without_waiters(look, sizes[pool])
        if view.lacks(share):
            found.append(view)
    return found


def contended(look: PoolsLook, name: ProcessName) -> Sequence[PoolName]:
    """Return the pools of a process or free run that somebody finds short, who takes of them.

    Where it finds room itself, room may be kept for who takes more.
    """
    sizes = look.timetable.hierarchy.pools.sizes
    found = []
    for pool, _ in look.demand(name).shares:
        view = _without_waiters(look, sizes[pool])
        most = max(dict(look.demand(taker).shares)[pool] for taker in view.takers)
        if view.lacks(most):
            found.append(pool)
    return found


def short_said(view: PoolView, share: int, now: datetime) -> str:
    """Return what a pool lacks: `a slot of warehouse: 8 of 8 used by SiteHourly (8)`."""
    pool = view.pool
    if view.used + share > pool.slots:
        what = 'a slot' if share == 1 else f'{share} slots'
        named = [f'{item.name} ({item.slots})' for item in view.holders[:_NAMED_MAX]]
        more = len(view.holders) - len(named)
        by = f' by {", ".join(named)}' + (f' and {more} more' if more > 0 else '') if named else ''
        return f'{what} of {pool.name}: {view.used} of {pool.slots} used{by}'
    assert view.next_at is not None, 'else it lacks nothing'
    return (
        f'{pool.name}: {view.started} of {pool.per_minute} starts within a minute were made, the '
        f'next may follow at {at(view.next_at, now)}'
    )


def waiting_said(view: PoolView) -> Sequence[str]:
    """Return who waits for a pool, in sentences; none when nobody does."""
    if not view.waiters:
        return ()
    named = [f'{item.name} ({item.jobs:,})' for item in view.waiters[:_NAMED_MAX]]
    more = len(view.waiters) - len(named)
    return [f'For it wait {", ".join(named)}' + (f' and {more} more.' if more > 0 else '.')]


def _without_waiters(look: PoolsLook, pool: Pool) -> PoolView:
    timetable = look.timetable
    units = {name: timetable.running_count(name) for name in timetable.hierarchy.nodes}
    units |= {item.name: len(item.live) for item in look.freeruns}
    taken, takers = Counter[ProcessName](), []
    for name, count in units.items():
        share = dict(look.demand(name).shares).get(pool.name)
        if share is not None:
            takers.append(name)
            taken[name] += count * share
    for name in look.strays:
        taken[name] += dict(demand_of_stray(timetable.hierarchy, name).shares).get(pool.name, 0)
    strays = Counter(look.strays)
    holders = [
        Holder(name=name, units=units.get(name, 0) + strays[name], slots=slots)
        for name, slots in taken.items()
        if slots
    ]
    started = [
        start.at for start in look.starts if pool.name in dict(look.demand(start.name).shares)
    ]
    most = pool.per_minute
    is_used = most is not None and len(started) >= most
    return PoolView(
        pool=pool,
        holders=sorted(holders, key=lambda item: (-item.slots, item.name)),
        waiters=(),
        takers=takers,
        started=0 if most is None else len(started),
        next_at=started[-most] + RATE_WINDOW if is_used and most else None,
        holds=over_pool(pool, look.freezes, look.now),
    )


def _with_waiters(look: PoolsLook, view: PoolView) -> PoolView:
    waiters = sorted(
        _waiters(look, view),
        key=lambda item: (-item.priority, item.since or look.now, item.name),
    )
    return replace(view, waiters=waiters)


def _waiters(look: PoolsLook, view: PoolView) -> Iterator[Waiter]:
    """Yield who could start something but for pools, of which this one is short or held."""
    freeruns = {item.name: item for item in look.freeruns}
    for name in view.takers:
        demand = look.demand(name)
        share = dict(demand.shares)[view.pool.name]
        if not view.holds and not view.lacks(share):
            continue
        node = look.timetable.hierarchy.nodes.get(name)
        if node is not None:
            jobs, since = _ready(look, node)
        else:
            queued = freeruns[name].queued_at
            is_free = not freeruns[name].live or freeruns[name].overlap is Overlap.ALLOW
            jobs, since = (1, queued) if queued is not None and is_free else (0, None)
        if jobs:
            yield Waiter(name=name, share=share, priority=demand.priority, jobs=jobs, since=since)


def _ready(look: PoolsLook, node: Node) -> tuple[int, datetime | None]:
    """Return how many jobs of a process may start, and when the first of them could have."""
    process, timetable = node.process, look.timetable
    if not process.is_on or timetable.running_count(process.name) >= process.max_running:
        return 0, None
    over_until = timetable.hierarchy.over_until(node, look.now)
    works = lanes_of(node, live_first(timetable, node), over_until)
    found = (next_startable(timetable, node, work, look.now) for work in works.values())
    firsts = [item.key for item in found if item is not None]
    if not firsts:
        return 0, None
    since = []
    for key in firsts:
        job = timetable.open_job(key)
        over_at = timetable.hierarchy.over_at(node, key.timeperiod.ordinal)
        since.append(over_at if job is None else max(over_at, job.changed_at))
    count = ready_count(timetable, node, timetable.span(process.name), look.now)
    return max(count, 1), min(since)
