"""Reprocessing a range: planning it, and applying it to a store until every job is reset."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.result import Result
from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.closure import plan
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import SaveJob
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import Job, Process, ProcessName, Route, Tree
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, Timeperiod
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.store import Store
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.pipeline import Pipeline
from synergy.view.index import load_index

_START: Final = datetime(2010, 1, 1, tzinfo=UTC)
_HOURLY: Final = ProcessName('SiteHourly')
_PLAN_TRIES: Final = 5
_LEVELS: Final = (
    ('Hourly', Qualifier.HOURLY),
    ('Daily', Qualifier.DAILY),
    ('Monthly', Qualifier.MONTHLY),
)


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure cascades of a thousand, ten thousand and a hundred thousand jobs."""
    results: list[Result] = []
    for count in (1_000, 10_000) if is_quick else (1_000, 10_000, 100_000):
        with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
            results += _measure(Path(folder), count)
    return results


def plan_seconds(home: Path, count: int) -> float:
    """Return seconds that planning takes, in a new store; the best of several, for it is short."""
    hierarchy = _hierarchy(hours=count * 24 // 50)
    clock = SystemClock()
    store = SqliteStore.open(home / 'store.db', clock=clock)
    _fill(store, hierarchy)
    timetable = load_index(hierarchy, store, clock.now())
    command = _command(hierarchy, clock)
    store.close()

    def once() -> float:
        began = time.perf_counter()
        plan(timetable, command)
        return time.perf_counter() - began

    return min(once() for _ in range(_PLAN_TRIES))


def _command(hierarchy: Hierarchy, clock: SystemClock) -> Command:
    node = hierarchy.nodes[_HOURLY]
    assert node.until is not None, 'the tree ends'
    return Command(
        id=CommandId('bench'),
        kind=CommandKind.REPROCESS,
        process=_HOURLY,
        start=Timeperiod(Qualifier.HOURLY, node.first),
        end=Timeperiod(Qualifier.HOURLY, node.until),
        actor='bench',
        created_at=clock.now(),
    )


def _measure(home: Path, count: int) -> Sequence[Result]:
    # One in 25 jobs is a day or a month; half of the others are of the tree that depends.
    hierarchy = _hierarchy(hours=count * 24 // 50)
    clock = SystemClock()
    store = SqliteStore.open(home / 'store.db', clock=clock)
    _fill(store, hierarchy)
    broker = EmbeddedBroker.open(home / 'broker', clock=clock)
    scheduler = Scheduler(
        Pipeline(hierarchy=hierarchy, route_of=_route_of),
        store=SqliteStore.open(home / 'store.db', clock=clock),
        broker=broker,
        clock=clock,
        settings=LoopSettings(
            owner='bench',
            leader_lease=timedelta(seconds=6),
            sweep_period=timedelta(seconds=5),
            inbox_batch_max=256,
        ),
    )
    scheduler.step()
    command = _command(hierarchy, clock)
    timetable = load_index(hierarchy, store, clock.now())
    began = time.perf_counter()
    planned = plan(timetable, command)
    planning_seconds = time.perf_counter() - began
    store.insert_command(command)
    broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    began, longest = time.perf_counter(), 0.0
    while _state(store, command) in (CommandState.REQUESTED, CommandState.APPLYING):
        turn_began = time.perf_counter()
        scheduler.step()
        longest = max(longest, time.perf_counter() - turn_began)
    apply_seconds = time.perf_counter() - began
    scheduler.close()
    store.close()
    jobs = f'{planned.count:,} jobs'
    return [
        _result(f'plan the reprocessing of {jobs}', planning_seconds, 's', 'under 1 of 100,000'),
        _result(f'reset {jobs}', apply_seconds, 's', 'under 15 of 100,000'),
        _result(f'reset {jobs}: longest turn of the Scheduler', longest * 1000, 'ms'),
    ]


def _state(store: Store, command: Command) -> CommandState:
    found = store.command(command.id)
    assert found is not None, 'it was inserted'
    return found.state


def _hierarchy(hours: int) -> Hierarchy:
    end = _START + timedelta(hours=hours)
    processes = [
        Process(
            name=ProcessName(f'{tree}{level}'),
            qualifier=qualifier,
            # Nothing starts while it is reset: what is measured is the resetting.
            is_on=False,
        )
        for tree in ('Site', 'Alert')
        for level, qualifier in _LEVELS
    ]
    names = [process.name for process in processes]
    half = len(_LEVELS)
    return build(
        processes,
        [
            Tree(name='site', levels=tuple(names[:half]), start=_START, end=end),
            Tree(
                name='alert',
                levels=tuple(names[half:]),
                dependent_on=('site',),
                start=_START,
                end=end,
            ),
        ],
    )


def _route_of(process: ProcessName) -> Route:
    return Route(exchange='ex', routing=process, queue=process)


def _fill(store: Store, hierarchy: Hierarchy) -> None:
    """Let every interval be processed."""
    leadership = store.lead('filler', timedelta(minutes=10))
    assert leadership is not None, 'the store is new'
    for node in hierarchy:
        assert node.until is not None, 'the trees end'
        store.commit(
            leadership,
            [
                SaveJob(
                    Job(
                        process=node.process.name,
                        timeperiod=Timeperiod(node.process.qualifier, ordinal),
                        state=JobState.PROCESSED,
                        rev=1,
                        run=1,
                        changed_at=_START,
                    ),
                    'processed',
                )
                for ordinal in range(node.first, node.until)
            ],
        )
    store.resign(leadership)


def _result(what: str, value: float, unit: str, aim: str | None = None) -> Result:
    return Result(benchmark='closure', what=what, value=value, unit=unit, aim=aim)
