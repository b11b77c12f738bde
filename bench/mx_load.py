"""The dashboard beside a Scheduler at full load, with fifty live viewers, on a million jobs.

Real processes on one store: Scheduler, workers and MX. Short spells with and without viewers take
turns within one run, ABBA after one that does not count, so that what else the machine does, and
what becomes slower or quicker by itself, falls on both; then each page is asked for while viewers
and load go on. The overview comes before all that, for the load is over once all hours that there
have been are done.
"""

from __future__ import annotations

import http.client
import math
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.names import ALERT, DAILY, HOURLY, HOURS_VARIABLE, MONTHLY, WORKERS_VARIABLE
from bench.result import Result
from bench.viewers import Viewers
from synergy.adapters.sqlite.states import ENDED_JOBS
from synergy.bootstrap import PROJECT
from synergy.cli.patience import Patience
from synergy.core.records import ProcessName
from synergy.mx.live.forecasts import ForecastFailed
from synergy.operations.foreseen import Answer, Asked

VIEWERS: Final = 50
#: What they look at: most the overview, some a heat map and an interval.
_WATCHED: Final = ('/', '/', '/', '/t/site?z=day', '/t/p00?z=year&at=2020')
_HOURS: Final = 490_000
_WORKERS: Final = 1
#: Of the overview, beside load and viewers, in milliseconds; and how often it is asked for.
_OVERVIEW_AIM: Final = 60
_OVERVIEW_ROUNDS: Final = 200
_PATIENCE_SECONDS: Final = 120.0
_PIPELINE: Final = (HOURLY, DAILY, MONTHLY, ALERT)
_FINISHED: Final = f"""
SELECT count(*) FROM job WHERE process_name IN (?, ?, ?, ?) AND state IN {ENDED_JOBS}
"""


class Elsewhere:
    """Makes no forecasts: in truth that is done in a process of its own, beside the pages."""

    def answer(self, asked: Asked) -> Answer:
        """Make none."""
        raise ForecastFailed(f'a benchmark of pages makes none: {asked}')

    def close(self) -> None:
        """Keep nothing."""


def environ_of(folder: str) -> dict[str, str]:
    """Return the environment of all processes of this benchmark."""
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
    return {
        **os.environ,
        'SYNERGY_HOME': folder,
        'SYNERGY_CONTEXT_MODULE': 'bench.mx_load_context',
        'SYNERGY_MX_PORT': str(port),
        # Reading a million rows the first time takes longer than the usual lease of a leader.
        'SYNERGY_LEADER_LEASE_SECONDS': '120',
        # Those of the spell before are still leaving when the next ones come.
        'SYNERGY_MX_VIEWERS_MAX': str(4 * VIEWERS),
        HOURS_VARIABLE: str(_HOURS),
        WORKERS_VARIABLE: str(_WORKERS),
    }


def run(
    environ: dict[str, str], pages: Sequence[tuple[str, str, int]], *, is_quick: bool
) -> Sequence[Result]:
    """Measure on the filled store of `environ`. pages: what, address, milliseconds at most."""
    path = Path(environ['SYNERGY_HOME']) / 'store.db'
    port = int(environ['SYNERGY_MX_PORT'])
    spells, seconds, rounds = (4, 5.0, 40) if is_quick else (8, 8.0, 200)
    alone: list[float] = []
    watched: list[float] = []
    (overview, address, _), *others = pages
    with ExitStack() as stack:
        stack.enter_context(_processes(environ, Path(environ['SYNERGY_HOME'])))
        _wait_moving(path)
        _wait_serving(port)
        _rate(path, seconds)
        with Viewers(port, VIEWERS, _WATCHED) as viewers:
            slowest = {overview: _slowest(port, address, _OVERVIEW_ROUNDS)}
        assert not viewers.failures, viewers.failures[:3]
        was_loaded = _rate(path, 1.0) > 0
        for number in range(spells):
            first, second = (_alone, _watched) if number % 2 == 0 else (_watched, _alone)
            for spell in (first, second):
                rates = alone if spell is _alone else watched
                rates.append(spell(path, port, seconds))
        with Viewers(port, VIEWERS, _WATCHED) as viewers:
            slowest |= {what: _slowest(port, address, rounds) for what, address, _ in others}
        assert not viewers.failures, viewers.failures[:3]
        is_loaded = _rate(path, 1.0) > 0
    before, during = statistics.mean(alone), statistics.mean(watched)
    table = [
        Result(benchmark='mx', what='load, no viewer', value=before, unit='intervals/s'),
        Result(benchmark='mx', what=f'load, {VIEWERS} viewers', value=during, unit='intervals/s'),
        Result(
            benchmark='mx',
            what=f'throughput lost by {VIEWERS} viewers',
            value=(1 - during / before) * 100,
            unit='%',
            aim='< 5',
        ),
        Result(
            benchmark='mx', what='still loaded at the end', value=float(is_loaded), unit='yes = 1'
        ),
    ]
    loaded = Result(
        benchmark='mx', what='loaded after the overview', value=float(was_loaded), unit='yes = 1'
    )
    table.append(loaded)
    for what, _, aim in [(overview, address, _OVERVIEW_AIM), *others]:
        table.append(
            Result(
                benchmark='mx',
                what=f'{what}, loaded, p99',
                value=slowest[what],
                unit='ms',
                aim=f'< {aim}',
            )
        )
    return table


def _alone(path: Path, _port: int, seconds: float) -> float:
    # Those who looked before are to be gone.
    time.sleep(1)
    return _rate(path, seconds)


def _watched(path: Path, port: int, seconds: float) -> float:
    with Viewers(port, VIEWERS, _WATCHED) as viewers:
        time.sleep(1)
        rate = _rate(path, seconds)
    assert not viewers.failures, viewers.failures[:3]
    return rate


def _slowest(port: int, address: str, rounds: int) -> float:
    """Return in how many milliseconds 99 of 100 answers come."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=_PATIENCE_SECONDS)
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        connection.request('GET', address)
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, f'{address}: {answer.status}'
        # People do not ask again at once.
        time.sleep(0.05)
    connection.close()
    return p99(taken)


def p99(taken: Sequence[float]) -> float:
    """Return within what 99 of 100 lie: of fewer than 100 the largest one."""
    return sorted(taken)[math.ceil(len(taken) * 0.99) - 1]


def _finished(path: Path) -> int:
    """Count what the pipeline has finished, and not the million beside it: that would be a load."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute(_FINISHED, _PIPELINE).fetchone()[0])
    finally:
        connection.close()


def _rate(path: Path, seconds: float) -> float:
    """Return the intervals per second that the pipeline finishes."""
    first, began = _finished(path), time.perf_counter()
    time.sleep(seconds)
    last = _finished(path)
    return (last - first) / (time.perf_counter() - began)


def _wait_serving(port: int) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        with socket.socket() as trial:
            if trial.connect_ex(('127.0.0.1', port)) == 0:
                break
        time.sleep(0.1)
    # The first page reads the whole store, once.
    _slowest(port, '/', 2)


def _wait_moving(path: Path) -> None:
    patience = Patience(_PATIENCE_SECONDS, time.monotonic)
    while (done := _finished(path)) < _WORKERS * 500:
        assert not patience.has_run_out(done), 'the pipeline does not move; see bench.out'
        time.sleep(0.2)


@contextmanager
def _processes(environ: dict[str, str], home: Path) -> Iterator[None]:
    names = ['Scheduler', *map(ProcessName, _PIPELINE), 'MX']
    children: list[subprocess.Popen[bytes]] = []
    with (home / 'bench.out').open('ab') as output:
        try:
            for name in names:
                command = [sys.executable, str(PROJECT / 'process_starter.py'), name]
                children.append(
                    subprocess.Popen(
                        command, env=environ, cwd=PROJECT, stdout=output, stderr=output
                    )
                )
            yield
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(30)
