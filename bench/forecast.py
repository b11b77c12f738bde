"""How well forecasts hold: speed on large ones, and calibration on histories that were played.

The truth is what the real Scheduler and workers do on a simulated clock, with lengths of runs that
are drawn and attempts that fail; a forecast sees only what the store of then has. What it said is
held against what came.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from time import process_time
from typing import Final

from bench.result import Result
from synergy.core.deadline import Within
from synergy.core.durations import Measured, work_of
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import Outcome, Process, ProcessName, RetryPolicy, Route, Tree
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.core.timetable import Timetable
from synergy.core.trigger import Every
from synergy.forecast.likely import Likely
from synergy.forecast.outlook import forecast
from synergy.forecast.situation import Situation
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.faults import Faults
from synergy.simulation.plot import Crew, Plot, UserCode
from synergy.simulation.world import World
from synergy.view.forecast import situation_of
from synergy.view.index import load_index
from synergy.workers.handler import Handler

_START: Final = datetime(2026, 3, 2, tzinfo=UTC)
_HORIZON: Final = timedelta(hours=8)
_LEARNING: Final = timedelta(days=20)
_STEP: Final = timedelta(minutes=15)
_DAY: Final = timedelta(days=1)
_VANISHED_AFTER: Final = timedelta(seconds=15)
_RETRY: Final = RetryPolicy(max_attempts=4, delay=timedelta(minutes=2))
_FAILS: Final = 0.05
_SPREAD: Final = 0.45
#: On so many days all takes longer, and nobody knows beforehand.
_SLOW_DAYS: Final = 0.1
_SLOWER: Final = 1.6
#: Usual minutes of a run, by process; each waits for the one before it.
_HOURS: Final = {'Load': 12, 'Clean': 6, 'Report': 4}
_NIGHT: Final = {'Fetch': 90, 'Sort': 60, 'Join': 45, 'Sum': 30, 'Check': 15, 'Publish': 5}
_MINUTES: Final = _HOURS | _NIGHT
#: Minutes after midnight until which the last of a night are to be done.
_DEADLINES: Final = {'Check': 310, 'Publish': 322}
#: From which chance on somebody is told that a deadline will be missed.
_WARNED: Final = 0.5
_AHEAD: Final = timedelta(minutes=30)
_EVERYBODY: Final = 1_000_000


class Said(Struct, frozen=True):
    """What one forecast said of one job; usual: what the usual length of a run alone says."""

    at: datetime
    likely: Likely
    usual: bool


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure speed, then calibration over some days of several histories."""
    logging.disable(logging.CRITICAL)
    try:
        return [
            *_speed(is_quick=is_quick),
            *_calibration(1 if is_quick else 4, 5 if is_quick else 20),
        ]
    finally:
        logging.disable(logging.NOTSET)


def _speed(*, is_quick: bool) -> Sequence[Result]:
    backlog = 10_000 if is_quick else 100_000
    found = []
    for what, aim, trees, start, width in (
        ('100 processes for 24 hours', 'under 2', 50, _START, 4),
        (f'{backlog:,} open intervals', 'under 10', 10, _START - timedelta(hours=backlog / 10), 50),
    ):
        hierarchy = _wide(trees, start, width)
        timetable = Timetable(hierarchy)
        timetable.extend(_START)
        random = Random(1)
        runs = [Measured(random.lognormvariate(3, _SPREAD), at % 24) for at in range(200)]
        situation = Situation(
            now=_START,
            timetable=timetable,
            work={name: work_of(runs) for name in hierarchy.nodes},
            workers=dict.fromkeys(hierarchy.nodes, width),
        )
        before = process_time()
        forecast(situation, timedelta(hours=24)).deadlines()
        took = process_time() - before
        found.append(Result(benchmark='forecast', what=what, value=took, unit='s', aim=aim))
    return found


def _wide(trees: int, start: datetime, width: int) -> Hierarchy:
    levels = (('Hourly', Qualifier.HOURLY), ('Daily', Qualifier.DAILY))
    return build(
        [
            Process(
                name=ProcessName(f'T{tree}{name}'),
                qualifier=level,
                max_running=width,
                deadline=Within(length=timedelta(minutes=20)),
            )
            for tree, (name, level) in product(range(trees), levels)
        ],
        [
            Tree(
                name=f't{tree}',
                levels=(ProcessName(f'T{tree}Hourly'), ProcessName(f'T{tree}Daily')),
                start=start,
                dependent_on=(f't{tree - 1}',) if tree % 5 else (),
            )
            for tree in range(trees)
        ],
    )


def _calibration(histories: int, nights: int) -> Sequence[Result]:
    """Return how often bands and deadlines held, over all histories together."""
    inside = count = 0
    ours = usual = 0.0
    judged = missed = warned = 0
    for seed in range(histories):
        said, ends = _play(seed, nights)
        for item in said:
            end = ends.get(item.likely.key)
            if end is None:
                continue
            low, high = item.likely.low, item.likely.high
            count += 1
            inside += low is not None and low <= end and (high is None or end <= high)
            if item.likely.holds is not None and item.likely.late_at is not None:
                truth = end <= item.likely.late_at
                judged += 1
                ours += (item.likely.holds - truth) ** 2
                usual += (item.usual - truth) ** 2
        for lowest in _lowest_ahead(said, ends):
            missed += 1
            warned += lowest < _WARNED
    better = 100 * (1 - ours / usual) if usual else 0.0
    return [
        _percent('ends within their 80 % band', 100 * inside / max(count, 1), '75 to 85'),
        _percent('Brier score of deadlines, better than usual length', better, 'at least 20'),
        _percent('misses warned 30 minutes ahead', 100 * warned / max(missed, 1), 'at least 90'),
        Result(benchmark='forecast', what='ends judged', value=count, unit='jobs'),
        Result(benchmark='forecast', what='deadlines judged', value=judged, unit='jobs'),
        Result(benchmark='forecast', what='deadlines missed', value=missed, unit='jobs'),
    ]


def _percent(what: str, value: float, aim: str) -> Result:
    return Result(benchmark='forecast', what=what, value=value, unit='%', aim=aim)


def _lowest_ahead(said: Sequence[Said], ends: Mapping[JobKey, datetime]) -> Sequence[float]:
    """Return, of each missed deadline, the lowest chance it was given early enough."""
    lowest: dict[JobKey, float] = {}
    for item in said:
        likely, end = item.likely, ends.get(item.likely.key)
        if end is None or likely.late_at is None or likely.holds is None or end <= likely.late_at:
            continue
        if item.at <= likely.late_at - _AHEAD:
            lowest[likely.key] = min(lowest.get(likely.key, 1.0), likely.holds)
    return list(lowest.values())


def _play(seed: int, nights: int) -> tuple[Sequence[Said], Mapping[JobKey, datetime]]:
    """Return what was said on the way of one history, and when each job ended."""
    random = Random(seed)
    hierarchy = _chain()
    names = list(hierarchy.nodes)

    def length(now: datetime) -> float:
        is_slow = Random(seed * 10_000 + now.toordinal()).random() < _SLOW_DAYS
        return random.lognormvariate(0, _SPREAD) * (_SLOWER if is_slow else 1)

    def outcome(_uow: object) -> Outcome:
        return Outcome.failed('by chance') if random.random() < _FAILS else Outcome.processed(1)

    world = World(
        Plot(
            pipeline=Pipeline(hierarchy=hierarchy, route_of=_route_of),
            start=_START,
            crew=Crew(instances=dict.fromkeys(names, 2)),
            duration=lambda uow: 60 * _MINUTES[uow.process_name] * length(world.clock.now()),
            is_calm=True,
            # Nobody dies; and runs are longer than what workers gather before they report.
            uow_lease=_DAY,
            user_code_of=lambda _: UserCode(handler=Handler(outcome)),
        ),
        seed=seed,
        faults=Faults(),
    )
    said: list[Said] = []
    try:
        world.run(_LEARNING.total_seconds(), _EVERYBODY)
        for _ in range(nights):
            for _ in range(_HORIZON // _STEP):
                said += _said(world)
                world.run(_STEP.total_seconds(), _EVERYBODY)
            world.run((_DAY - _HORIZON).total_seconds(), _EVERYBODY)
        ends = {
            unit.key: unit.finished_at
            for unit in world.store.all_units()
            if unit.finished_at is not None
        }
    finally:
        world.close()
    return said, ends


def _said(world: World) -> Sequence[Said]:
    now = world.clock.now()
    index = load_index(world.hierarchy, world.store, now)
    situation = situation_of(index, world.store, now, _VANISHED_AFTER)
    outlook = forecast(situation, _HORIZON)
    found = []
    for key in outlook.jobs:
        likely = outlook.of(key)
        if likely is None or (likely.late_at is not None and likely.late_at <= now):
            continue
        node = world.hierarchy.nodes[key.process]
        begin = max(now, world.hierarchy.over_at(node, key.timeperiod.ordinal))
        length = timedelta(seconds=situation.work_of(key.process).lengths.median)
        is_in_time = likely.late_at is None or begin + length <= likely.late_at
        found.append(Said(now, likely, is_in_time))
    return found


def _chain() -> Hierarchy:
    """Return hours and nights, each process of which waits for the one before."""
    return build(
        [
            Process(
                name=ProcessName(name),
                qualifier=Qualifier.HOURLY if name in _HOURS else Qualifier.DAILY,
                max_running=2,
                lag=timedelta(0),
                # A look when nothing is due costs time and changes nothing.
                trigger=Every(seconds=86_400),
                retry=_RETRY,
                deadline=(
                    Within(length=timedelta(minutes=_DEADLINES[name]))
                    if name in _DEADLINES
                    else None
                ),
            )
            for name in _MINUTES
        ],
        [
            Tree(
                name=name,
                levels=(ProcessName(name),),
                start=_START,
                dependent_on=(before,) if before else (),
            )
            for chain in (_HOURS, _NIGHT)
            for before, name in zip(['', *chain], chain, strict=False)
        ],
    )


def _route_of(process: ProcessName) -> Route:
    return Route(exchange='ex', routing=process, queue=process)
