"""The deciding core alone, in memory: intervals, decisions, cascades."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from bench.result import Result
from synergy.core.closure import plan
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.effects import InsertUnit
from synergy.core.engine import Engine
from synergy.core.events import Event, Look, Reported
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.pool_record import Demand, Pool, PoolName, SharedPools
from synergy.core.pools import Pools, demands_of, pools_in_use
from synergy.core.readiness import readiness
from synergy.core.records import Job, Process, ProcessName, Tree
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.timetable import Timetable

_START = datetime(2020, 1, 1, tzinfo=UTC)
_LEVELS = (
    ('Hourly', Qualifier.HOURLY),
    ('Daily', Qualifier.DAILY),
    ('Monthly', Qualifier.MONTHLY),
    ('Yearly', Qualifier.YEARLY),
)
_POOL: Final = PoolName('warehouse')
#: With a priority that is not the usual one.
_SHARED: Final = Demand(((_POOL, 1),), 60)
#: Slots: of a pool in which there is always room, and of one that is always short.
_ROOM, _SHORT = 1_000, 100
_SLOTS: Final = (_ROOM, _SHORT)
_POOL_ROUNDS: Final = 25


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure each on trees of its own size."""
    return [
        _decisions(20_000 if is_quick else 200_000),
        _engine(10_000 if is_quick else 50_000),
        *_pools(500 if is_quick else 1_000),
        *_cascade(10_000 if is_quick else 100_000),
    ]


def _hierarchy(hours: int, demand: Demand = Demand()) -> Hierarchy:  # noqa: B008 - frozen
    """Return a tree of all levels, and one that depends on it hour by hour.

    demand: what each start takes.
    """
    end = _START + timedelta(hours=hours)
    names = [f'{tree}{level}' for tree in ('Site', 'Alert') for level, _ in _LEVELS]
    processes = [
        Process(
            name=ProcessName(f'{tree}{level}'),
            qualifier=qualifier,
            max_running=100,
            lag=timedelta(0),
            demand=demand,
        )
        for tree in ('Site', 'Alert')
        for level, qualifier in _LEVELS
    ]
    half = len(_LEVELS)
    return build(
        processes,
        [
            Tree(name='site', levels=tuple(map(ProcessName, names[:half])), start=_START, end=end),
            Tree(
                name='alert',
                levels=tuple(map(ProcessName, names[half:])),
                dependent_on=('site',),
                start=_START,
                end=end,
            ),
        ],
    )


def _decisions(hours: int) -> Result:
    """Ask of every hour whether it may run, and its machine what to do."""
    hierarchy = _hierarchy(hours)
    now = _START + timedelta(hours=hours + 1)
    timetable = Timetable(hierarchy)
    timetable.extend(now)
    name = ProcessName('SiteHourly')
    machine = MACHINE_BY_NAME['discrete']
    keys = [JobKey(name, Timeperiod(Qualifier.HOURLY, at)) for at in timetable.span(name)]

    def decide() -> None:
        for key in keys:
            machine.decide(JobState.EMBRYO, None, readiness(timetable, key, now).due)

    return Result(
        benchmark='core',
        what=f'decisions over {len(keys):,} due intervals',
        value=len(keys) / _seconds(decide),
        unit='intervals/s',
        aim='100,000',
    )


def _engine(hours: int) -> Result:
    """Run every interval of two trees from due to processed, all records and effects made."""
    count = 0

    def work() -> None:
        nonlocal count
        count = _worked_off(_hierarchy(hours))

    seconds = _seconds(work)
    return Result(
        benchmark='core',
        what=f'engine, {count:,} intervals from due to processed',
        value=count / seconds,
        unit='intervals/s',
    )


def _pools(hours: int) -> Sequence[Result]:
    """Run the same with and without a pool of which each start takes, by turns.

    Processor time is compared, of runs that follow each other; there are many short ones, for what
    else the machine does takes from it.
    """
    hierarchies: dict[int | None, Hierarchy] = {None: _hierarchy(hours)}
    hierarchies.update({slots: _shared(hours, slots) for slots in _SLOTS})
    ratios: dict[int, list[float]] = {slots: [] for slots in _SLOTS}
    for _ in range(_POOL_ROUNDS):
        took: dict[int | None, float] = {}
        for slots, hierarchy in hierarchies.items():
            gc.collect()
            began = time.process_time()
            _worked_off(hierarchy)
            took[slots] = time.process_time() - began
        for slots, found in ratios.items():
            found.append((took[slots] / took[None] - 1) * 100)
    return [
        Result(
            benchmark='core',
            what=f'{what}, beside the engine without',
            value=statistics.median(ratios[slots]),
            low=min(ratios[slots]),
            high=max(ratios[slots]),
            unit='%',
            aim=aim,
        )
        for what, slots, aim in (
            ('a pool with room, and a priority', _ROOM, 'under 5'),
            ('a pool that is always short, and a priority', _SHORT, None),
        )
    ]


def _shared(hours: int, slots: int) -> Hierarchy:
    hierarchy = _hierarchy(hours, _SHARED)
    pools = SharedPools(sizes={_POOL: Pool(name=_POOL, slots=slots)})
    return hierarchy.replaced(hierarchy.nodes, pools)


def _worked_off(hierarchy: Hierarchy) -> int:
    """Run every interval of a hierarchy; return how many there were."""
    now = max(node.tree.end for node in hierarchy if node.tree.end) + timedelta(hours=1)
    timetable = Timetable(hierarchy)
    timetable.extend(now)
    pools = _pools_of(timetable)
    engine = Engine(timetable, pools=pools)
    count = 0
    events: list[Event] = [Look(node.process.name) for node in hierarchy]
    while events or engine.is_owing:
        effects = engine.on(events, now)
        timetable.settle()
        events = [
            Reported(replace(effect.unit, state=UnitState.PROCESSED, fence=1))
            for effect in effects.saves
            if isinstance(effect, InsertUnit)
        ]
        count += len(events)
    return count


def _pools_of(timetable: Timetable) -> Pools | None:
    hierarchy = timetable.hierarchy
    sizes, demands = hierarchy.pools.sizes, demands_of(hierarchy)
    return pools_in_use(sizes, demands, timetable.running_count, hierarchy.nodes)


def _cascade(hours: int) -> Sequence[Result]:
    """Plan the reprocessing of every hour of a tree, with all that depends on it."""
    hierarchy = _hierarchy(hours // 2)
    now = _START + timedelta(hours=hours)
    timetable = Timetable(hierarchy)
    timetable.extend(now)
    for node in hierarchy:
        for at in timetable.span(node.process.name):
            timetable.put(
                Job(
                    process=node.process.name,
                    timeperiod=Timeperiod(node.process.qualifier, at),
                    state=JobState.PROCESSED,
                    rev=2,
                    run=1,
                    changed_at=now,
                )
            )
    timetable.settle()
    span = timetable.span(ProcessName('SiteHourly'))
    command = Command(
        id=CommandId('c'),
        kind=CommandKind.REPROCESS,
        process=ProcessName('SiteHourly'),
        start=Timeperiod(Qualifier.HOURLY, span.start),
        end=Timeperiod(Qualifier.HOURLY, span.stop),
        actor='bench',
        created_at=now,
    )
    planned = plan(timetable, command)
    return [
        Result(
            benchmark='core',
            what=f'plan a cascade of {planned.count:,} jobs',
            value=_seconds(lambda: plan(timetable, command)),
            unit='s',
            aim='under 1',
        ),
        Result(
            benchmark='core',
            what='hash it',
            value=_seconds(lambda: planned.hash),
            unit='s',
        ),
    ]


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
