"""The year of flights: wall time, memory of the Scheduler, hand-over, processor time when idle."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from bench.result import Result
from synergy.bootstrap import PROJECT

_QUICK_DAYS: Final = 60
_IDLE_SECONDS: Final = 20.0
_MEBIBYTE: Final = 1024 * 1024

#: Milliseconds from the end of the last hour to the start of the day's worker, day by day.
_HAND_OVER: Final = """
SELECT (parent.started_at - max(child.finished_at)) / 1000.0
FROM unit_of_work AS parent JOIN unit_of_work AS child
  ON child.process_name = :child
 AND child.timeperiod / 100 = parent.timeperiod / 100
WHERE parent.process_name = :parent
GROUP BY parent.id
"""


def run(*, is_quick: bool) -> Sequence[Result]:
    """Run the demo in a home of its own and measure it; leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        home, report = Path(folder) / 'home', Path(folder) / 'report.json'
        days = ['--days', str(_QUICK_DAYS)] if is_quick else []
        with _demo(home, '--json', str(report), *days) as demo:
            peak = _watch(demo, home, report)
            idle_share = _idle_share(home)
        result = json.loads(report.read_text())
        hand_overs = _hand_overs(home)
    return [
        Result(
            benchmark='demo',
            what=f'{result["intervals"]} intervals',
            value=result['seconds'],
            unit='s',
            aim='whole year under 120 s, on 2 cores',
        ),
        Result(benchmark='demo', what='rate', value=result['jobs_per_s'], unit='intervals/s'),
        Result(
            benchmark='demo',
            what='peak memory of the Scheduler',
            value=peak / _MEBIBYTE,
            unit='MiB',
            aim='under 120',
        ),
        Result(
            benchmark='demo',
            what='last hour finished -> worker of the day started, median',
            value=statistics.median(hand_overs),
            unit='ms',
            aim='under 20 until announced',
        ),
        Result(
            benchmark='demo',
            what='the same, 95 %',
            value=statistics.quantiles(hand_overs, n=20)[-1],
            unit='ms',
        ),
        Result(
            benchmark='demo',
            what='processor time of all processes when idle',
            value=idle_share * 100,
            unit='% of a core',
            aim='under 2',
        ),
        Result(
            benchmark='demo',
            what='wrong totals or broken invariants',
            value=float(not result['totals_ok']) + result['violations'],
            unit='',
            aim='0',
        ),
    ]


@contextmanager
def _demo(home: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, '-m', 'synergy.cli', 'demo', '--home', str(home), *options]
    with subprocess.Popen(command, cwd=PROJECT, env=dict(os.environ)) as demo:
        try:
            yield demo
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(60)


def _watch(demo: subprocess.Popen[bytes], home: Path, report: Path) -> int:
    """Wait for the report; return the peak of the Scheduler's resident memory in bytes."""
    peak = 0
    while not report.exists():
        if demo.poll() is not None:
            raise RuntimeError(f'the demo ended with {demo.returncode}; see what it printed above')
        for process in _processes(home):
            try:
                if process.cmdline() and 'Scheduler' in ' '.join(process.cmdline()):
                    peak = max(peak, process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.1)
    return peak


def _idle_share(home: Path) -> float:
    """Return the processor time that the whole system takes while nothing is to do."""
    time.sleep(2)
    before = _processor_seconds(home)
    time.sleep(_IDLE_SECONDS)
    return (_processor_seconds(home) - before) / _IDLE_SECONDS


def _processor_seconds(home: Path) -> float:
    total = 0.0
    for process in _processes(home):
        spent = process.cpu_times()
        total += spent.user + spent.system
    return total


def _processes(home: Path) -> Iterator[psutil.Process]:
    for file in (home / 'run').glob('*.pid'):
        try:
            yield psutil.Process(int(file.read_text().split()[0]))
        except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
            continue


def _hand_overs(home: Path) -> list[float]:
    database = sqlite3.connect(home / 'store.db')
    try:
        return [
            milliseconds
            for parent, child in (
                ('FlightDaily', 'FlightHourly'),
                ('WeatherDaily', 'WeatherHourly'),
            )
            for (milliseconds,) in database.execute(_HAND_OVER, {'parent': parent, 'child': child})
        ]
    finally:
        database.close()
