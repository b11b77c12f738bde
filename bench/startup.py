"""Starting with years of history: time to the first dispatch, memory, and the cost of a turn.

A store is filled with finished hours of many processes; then a Scheduler of its own process loads
it, once reading all rows, as after an upgrade, and once with the copy of the index that the first
one left. What it dispatches first is the hour that the history leaves open.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psutil

from bench.result import Result
from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.states import IS_NOT_OPEN
from synergy.adapters.sqlite.store import SqliteStore
from synergy.bootstrap import PROJECT
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import Process, ProcessName, Route, Tree
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.pipeline import Pipeline

_PROCESSES: Final = 100
#: Of a ratio, for which the rest of the time would only go into filling and loading.
_RATIO_PROCESSES: Final = 25
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TURNS: Final = 300
_MEBIBYTE: Final = 1024 * 1024
_PROGRAM: Final = 'import sys; from bench import startup; startup.measure(*sys.argv[1:])'
_FILL: Final = """
WITH RECURSIVE hour (number) AS (
    SELECT 0 UNION ALL SELECT number + 1 FROM hour WHERE number + 1 < :hours
)
INSERT INTO job (process_name, timeperiod, time_qualifier, state, rev, term, run,
    uow_id, number_of_failures, is_held, request_id, reason, changed_at)
-- 4 is hourly, and 3 processed.
SELECT :process, strftime('%Y%m%d%H', :first + number * 3600, 'unixepoch'), 4,
    3, 2, 1, 1, NULL, 0, 0, NULL, NULL,
    (:first + (number + 1) * 3600) * 1000000
FROM hour
"""


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure 30 days, 1 year and 10 years of a hundred processes."""
    results: list[Result] = []
    turns: dict[int, float] = {}
    for days in (30, 365) if is_quick else (30, 365, 3650):
        with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
            path = Path(folder) / 'store.db'
            _fill(path, days, _PROCESSES)
            first, again = (_started(path, days, _PROCESSES) for _ in range(2))
        turns[days] = again['turn_us']
        what = f'{_PROCESSES} processes, {days} days: {_PROCESSES * days * 24:,} finished hours'
        results += [
            _result(f'{what}: first start, all rows read', first['seconds'], 's'),
            _result(f'{what}: start to first dispatch', again['seconds'], 's', 'under 3'),
            _result('the same: resident memory', again['bytes'] / _MEBIBYTE, 'MiB', 'under 150'),
            _result('the same: a turn in which one hour begins', again['turn_us'], 'µs'),
        ]
    shortest, longest = turns[min(turns)], turns[max(turns)]
    results.append(
        _result(
            f'a turn at {max(turns)} days, beside one at {min(turns)}',
            longest / shortest * 100,
            '%',
            'flat: 90 to 110',
        )
    )
    return results


def turn_us(path: Path, days: int) -> float:
    """Return microseconds that a turn takes with `days` of history, in a new store."""
    _fill(path, days, _RATIO_PROCESSES)
    return float(_started(path, days, _RATIO_PROCESSES)['turn_us'])


def measure(path: str, days: str, process_count: str) -> None:
    """Be the process that is measured: load, dispatch, let time pass; print the numbers."""
    began = time.perf_counter()
    clock = SimulatedClock(_NOW + timedelta(minutes=6))
    store = SqliteStore.open(Path(path), clock=clock)
    scheduler = Scheduler(
        Pipeline(hierarchy=_hierarchy(int(days), int(process_count)), route_of=_route_of),
        store=store,
        broker=EmbeddedBroker.open(Path(path).parent / 'broker', clock=clock),
        clock=clock,
        settings=LoopSettings(
            owner='bench',
            leader_lease=timedelta(hours=10_000),
            sweep_period=timedelta(hours=10_000),
            inbox_batch_max=256,
        ),
    )
    scheduler.step()
    assert len(store.live_units()) == int(process_count), (
        'the open hour of each process is dispatched'
    )
    seconds = time.perf_counter() - began
    resident = psutil.Process().memory_info().rss
    turns = []
    for _ in range(_TURNS):
        clock.advance(timedelta(minutes=1))
        turn_began = time.perf_counter()
        scheduler.step()
        turns.append(time.perf_counter() - turn_began)
    scheduler.close()
    numbers = {
        'seconds': seconds,
        'bytes': resident,
        'turn_us': statistics.median(turns) * 1_000_000,
    }
    sys.stdout.write(json.dumps(numbers))


def _hierarchy(days: int, process_count: int) -> Hierarchy:
    start = _NOW - timedelta(days=days)
    names = [ProcessName(f'Process{number:03d}Hourly') for number in range(process_count)]
    return build(
        [Process(name=name, qualifier=Qualifier.HOURLY) for name in names],
        [Tree(name=name, levels=(name,), start=start) for name in names],
    )


def _route_of(process: ProcessName) -> Route:
    return Route(exchange='ex', routing=process, queue=process)


def _fill(path: Path, days: int, process_count: int) -> None:
    """Write the history, but for the last hour, with the store's own tables and indexes."""
    SqliteStore.open(path, clock=SimulatedClock(_NOW)).close()
    first = int((_NOW - timedelta(days=days)).timestamp())
    connection = sqlite3.connect(path)
    try:
        # Filling in order of the index that is not the table's own would be slow.
        index = f'CREATE INDEX job_ended ON job (changed_at) WHERE {IS_NOT_OPEN}'
        connection.execute('DROP INDEX job_ended')
        for node in _hierarchy(days, process_count):
            assert str(containing_utc(Qualifier.HOURLY, node.tree.start)).endswith('00')
            connection.execute(
                _FILL, {'process': node.process.name, 'hours': days * 24 - 1, 'first': first}
            )
        connection.execute(index)
        connection.commit()
    finally:
        connection.close()


def _started(path: Path, days: int, process_count: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, '-c', _PROGRAM, str(path), str(days), str(process_count)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    # The next start finds the hour open again.
    connection = sqlite3.connect(path)
    try:
        for table in ('job', 'unit_of_work'):
            last = f"DELETE FROM {table} WHERE timeperiod >= '2025123123'"
            connection.execute(last)
        connection.commit()
    finally:
        connection.close()
    return found


def _result(what: str, value: float, unit: str, aim: str | None = None) -> Result:
    return Result(benchmark='startup', what=what, value=value, unit=unit, aim=aim)
