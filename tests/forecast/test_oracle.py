"""Where every run takes as long as it always does, what is foreseen is what then comes.

The oracle is the whole system on a simulated clock: Scheduler, store, broker and workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

import pytest

from synergy.core.closed import parse as closed_hours
from synergy.core.durations import POINTS, Lengths, Odds, Work
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.lanes import CatchUp
from synergy.core.pool_record import Demand, Pool, PoolName, SharedPools
from synergy.core.records import Process, ProcessName, Route, Tree
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.core.trigger import Every
from synergy.forecast.outlook import forecast
from synergy.forecast.situation import Situation
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.faults import Faults
from synergy.simulation.plot import Crew, Plot
from synergy.simulation.world import World
from synergy.view.index import load_index

NOW: Final = datetime(2026, 11, 23, tzinfo=UTC)
LENGTH: Final = timedelta(hours=26)
POOL: Final = PoolName('warehouse')
#: Histories in which no two things happen at one instant, so that who comes first is no chance, and
#: in which no turn is the leader's alone to know: about nine in ten are such.
SEEDS: Final = range(6)
#: What it takes to announce, to claim and to report, of a whole chain, in simulated seconds.
LATENCY: Final = timedelta(seconds=20)


def constant(seconds: float) -> Work:
    """Return the work of runs that take so long, each of them, and never fail."""
    return Work(lengths=Lengths((seconds,) * POINTS), odds=Odds(0.0, 0.0))


def made(
    random: Random,
) -> tuple[Hierarchy, Mapping[ProcessName, float], Mapping[ProcessName, int]]:
    """Return a hierarchy with a backlog, how long its runs take, and its workers."""
    trees: list[Tree] = []
    processes, seconds, workers = [], {}, {}
    count, is_pooled = random.randint(1, 3), random.random() < 0.4
    # What opens for many starts at one instant, and who comes first is left to chance.
    is_closed = count == 1 and random.random() < 0.5
    for number in range(count):
        levels = []
        for word, level in (('Hour', Qualifier.HOURLY), ('Day', Qualifier.DAILY)):
            name = ProcessName(f'{word}{number}')
            levels.append(name)
            most = random.randint(1, 3)
            processes.append(
                Process(
                    name=name,
                    qualifier=level,
                    # Whose turn it is, history's or what is live, is not in the store.
                    catch_up=CatchUp.IN_ORDER,
                    max_running=most,
                    lag=timedelta(minutes=random.choice((0, 0, 7))),
                    demand=Demand(((POOL, 1),))
                    if is_pooled and level is Qualifier.HOURLY
                    else Demand(),
                    closed=(closed_hours('02:00-04:00', UTC),) if is_closed else (),
                )
            )
            # Odd lengths: no two things are to happen at one instant by chance.
            seconds[name] = random.randint(100, 1500) + random.random()
            workers[name] = random.randint(most, 4)
        depends = (f't{number - 1}',) if number and random.random() < 0.7 else ()
        start = NOW - timedelta(hours=random.randint(1, 30))
        if depends:
            start = trees[-1].start
        trees.append(
            Tree(name=f't{number}', levels=tuple(levels), start=start, dependent_on=depends)
        )
    hierarchy = build(processes, trees)
    if is_pooled:
        sizes = {POOL: Pool(name=POOL, slots=random.randint(1, 4))}
        pools = SharedPools(sizes=sizes, freerun_demands={})
        hierarchy = hierarchy.replaced(hierarchy.nodes, pools)
    return hierarchy, seconds, workers


def world_of(
    hierarchy: Hierarchy, seconds: Mapping[ProcessName, float], workers: Mapping[ProcessName, int]
) -> World:
    return World(
        Plot(
            pipeline=Pipeline(
                hierarchy=hierarchy,
                route_of=lambda process: Route(exchange='ex', routing=process, queue=process),
            ),
            start=NOW,
            crew=Crew(instances=workers),
            duration=lambda uow: seconds[ProcessName(uow.process_name)],
            is_calm=True,
            uow_lease=timedelta(days=1),
        ),
        seed=1,
        faults=Faults(),
    )


@pytest.mark.parametrize('seed', SEEDS)
def test_ends_are_as_foreseen(seed: int) -> None:
    random = Random(seed)
    hierarchy, seconds, workers = made(random)

    foreseen, ended = both(hierarchy, seconds, workers, random.uniform(1, 7200))

    assert len(ended) > 10
    assert foreseen.keys() <= ended.keys()
    assert wrong(foreseen, ended) == {}


@pytest.mark.parametrize('seconds', [450.0, 700.0, 2950.0])
def test_runs_of_live_intervals_take_places_too(seconds: float) -> None:
    name = ProcessName('Live')
    process = Process(
        name=name,
        qualifier=Qualifier.HOURLY,
        machine='continuous',
        trigger=Every(seconds=600),
        max_running=1,
        lag=timedelta(0),
    )
    hierarchy = build([process], [Tree(name='live', levels=(name,), start=NOW)])

    foreseen, ended = both(hierarchy, {name: seconds}, {name: 1}, 900.0)

    # One that is under way as the hour ends is waited for, and the final run comes behind it.
    assert len(foreseen) > 10
    assert wrong(foreseen, ended) == {}


def both(
    hierarchy: Hierarchy,
    seconds: Mapping[ProcessName, float],
    workers: Mapping[ProcessName, int],
    before: float,
) -> tuple[Mapping[JobKey, datetime], Mapping[JobKey, datetime]]:
    """Return when jobs end as foreseen, so many seconds after the beginning, and in truth."""
    world = world_of(hierarchy, seconds, workers)
    try:
        world.run(before, check_every=1_000_000)
        now = world.clock.now()
        situation = Situation(
            now=now,
            timetable=load_index(hierarchy, world.store, now),
            units=world.store.live_units(),
            work={name: constant(length) for name, length in seconds.items()},
            workers={str(name): count for name, count in workers.items()},
        )
        outlook = forecast(situation, LENGTH)
        world.run(LENGTH.total_seconds(), check_every=1_000_000)
        ended = {
            unit.key: unit.finished_at
            for unit in sorted(world.store.all_units(), key=lambda unit: unit.run)
            if unit.finished_at is not None and unit.finished_at > now
        }
    finally:
        world.close()
    items = [outlook.of(key) for key in outlook.jobs]
    until = now + LENGTH - LATENCY
    return {item.key: item.end for item in items if item and item.end and item.end < until}, ended


def wrong(
    foreseen: Mapping[JobKey, datetime], ended: Mapping[JobKey, datetime]
) -> Mapping[str, tuple[datetime, datetime | None]]:
    return {
        str(key): (end, ended.get(key))
        for key, end in foreseen.items()
        if not -LATENCY / 10 <= ended.get(key, NOW) - end <= LATENCY
    }
