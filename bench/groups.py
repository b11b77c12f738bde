"""One box whose processes share groups of workers: what it takes at rest, and an hour's turn.

All that runs there is counted, the Supervisor, the Scheduler and the dashboard among it; memory
that processes share counts once. Each process is due once, at a full minute some time after the
start, so that the box is up and at rest before.
"""

from __future__ import annotations

import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psutil

from bench.embedded import Embedded
from bench.groups_context import (
    COUNT_VARIABLE,
    END_VARIABLE,
    GROUPS_VARIABLE,
    INSTANCES_VARIABLE,
    LAG_VARIABLE,
    START_VARIABLE,
)
from bench.result import Result
from bench.spent import seconds_of
from synergy import bootstrap
from synergy.adapters.os.clocks import SimulatedClock
from synergy.bootstrap import PROJECT
from synergy.core.records import Unit
from synergy.core.states import FINAL_JOB_STATES, UnitState
from synergy.core.structs import Struct
from synergy.core.supervision import ProcessStatus
from synergy.ports.store import Store
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.main import pipeline_of

_MEBIBYTE: Final = 1024 * 1024
#: On a busy machine.
_SECONDS_MAX: Final = 300.0
_LOOK_SECONDS: Final = 0.5
_PACE: Final = 'intervals/s'
#: Of the run of `bench embedded` that the pace of an hour's turn is held against.
_HOURS: Final = 5_000


class _Box(Struct, frozen=True, kw_only=True):
    """What is measured. seconds_until_due: at least, for the box to come up and be at rest first.

    rest_seconds: for which it is looked at at rest.
    """

    processes: int
    groups: int
    instances: int
    seconds_until_due: float
    rest_seconds: float

    @property
    def text(self) -> str:
        """Return it in words."""
        many = 'one group' if self.groups == 1 else f'{self.groups} groups'
        return f'{self.processes:,} processes in {many} of {self.instances} workers'


_SMALL: Final = _Box(processes=200, groups=1, instances=4, seconds_until_due=15, rest_seconds=0)
_LARGE: Final = _Box(processes=5_000, groups=5, instances=2, seconds_until_due=60, rest_seconds=20)


def run() -> Sequence[Result]:
    """Measure two hundred processes, and five thousand."""
    alone = _requested_alone(_LARGE)
    small, large = _measured(_SMALL), _measured(_LARGE)
    pace = next(item.value for item in large if item.unit == _PACE)
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        usual = Embedded(Path(folder)).pipeline(_HOURS, 2).per_second
    return [
        *small,
        *large,
        _result('bench embedded in the same run, 2 workers', usual, _PACE),
        _result('5,000 due at once: worked off, beside that', pace / usual, 'times', 'at least 1'),
        _result('5,000 due at once: processor time of a Scheduler alone', alone, 's', 'under 2'),
    ]


def request_a_turn() -> None:
    """Be a Scheduler alone for which everything becomes due at once; print the seconds it takes."""
    settings, context = bootstrap.load()
    ends = [node.tree.end for node in context.hierarchy if node.tree.end is not None]
    clock = SimulatedClock(ends[0] - timedelta(seconds=30))
    with bootstrap.open_runtime(settings, context) as runtime:
        scheduler = Scheduler(
            pipeline_of(context, clock),
            store=runtime.open_store(),
            broker=runtime.open_broker(),
            clock=clock,
            settings=LoopSettings(
                owner='bench',
                leader_lease=timedelta(hours=1),
                sweep_period=settings.sweep_period,
                inbox_batch_max=settings.inbox_batch_max,
            ),
        )
        while scheduler.step() <= 0:
            pass
        clock.advance(timedelta(seconds=31))
        began = time.process_time()
        while scheduler.step() <= 0:
            pass
        took = time.process_time() - began
        assert len(runtime.open_store().live_units()) == len(ends), 'all were due'
    print(took)


def _requested_alone(box: _Box) -> float:
    """Return the processor seconds of a Scheduler alone that requests all there is."""
    hour = bootstrap.clock().now().replace(minute=0, second=0, microsecond=0)
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        done = subprocess.run(
            [sys.executable, '-c', 'from bench import groups; groups.request_a_turn()'],
            cwd=PROJECT,
            env={**os.environ, **_variables(box, folder, hour, hour)},
            stdout=subprocess.PIPE,
            check=True,
        )
    return float(done.stdout)


def _variables(box: _Box, folder: str, hour: datetime, due: datetime) -> Mapping[str, str]:
    return {
        COUNT_VARIABLE: str(box.processes),
        GROUPS_VARIABLE: str(box.groups),
        INSTANCES_VARIABLE: str(box.instances),
        START_VARIABLE: f'{hour - timedelta(hours=1):%Y%m%d%H}',
        END_VARIABLE: f'{hour:%Y%m%d%H}',
        LAG_VARIABLE: str(round((due - hour).total_seconds() / 60)),
        'SYNERGY_HOME': folder,
        'SYNERGY_CONTEXT_MODULE': 'bench.groups_context',
        'SYNERGY_MX_PORT': '0',
    }


def _measured(box: _Box) -> Sequence[Result]:
    """Start a box in an empty home, let each process run once, and look at what runs."""
    now = bootstrap.clock().now()
    due = _full_minute(now + timedelta(seconds=box.seconds_until_due))
    hour = now.replace(minute=0, second=0, microsecond=0)
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        environ = {**os.environ, **_variables(box, folder, hour, due)}
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, str(PROJECT / 'process_starter.py'), 'Supervisor'],
            cwd=PROJECT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as supervisor:
            try:
                return _watched(box, environ, supervisor.pid, began, due)
            finally:
                supervisor.send_signal(signal.SIGTERM)


def _watched(
    box: _Box, environ: Mapping[str, str], supervisor: int, began: float, due: datetime
) -> Sequence[Result]:
    # The processes are counted, not looked at: this process does not read their context, of which
    # it has one length only.
    settings, context = bootstrap.load(
        {**environ, 'SYNERGY_CONTEXT_MODULE': 'bench.groups_context'}
    )
    with bootstrap.open_runtime(settings, context) as runtime:
        store = runtime.open_store()
        _wait(lambda: _is_up(store, box))
        up = time.monotonic() - began
        spent_up = sum(_spent(supervisor).values())
        found = []
        if box.rest_seconds:
            rest = _at_rest(supervisor, box.rest_seconds)
            found += [
                _result(f'{box.text}: up', up, 's', 'under 30'),
                _result('the same: up, processor time', spent_up, 's'),
                _result('the same: at rest, of a core', rest, '%', 'under 5'),
            ]
            if bootstrap.clock().now() >= due:
                raise RuntimeError(f'the box was up too late, {up:.0f} s after its start')
        before = _spent(supervisor)
        _wait(lambda: _has_run(store, box))
        after = _spent(supervisor)
        units = list(store.all_units())
        held = _held(supervisor)
        workers = {
            pid for row in store.box_processes() for pid in row.pids if 'many' in row.process
        }
    assert {unit.state for unit in units} == {UnitState.PROCESSED}
    aim = 'under 400' if box is _SMALL else None
    found += [
        _result(f'{box.text}: memory of all of the box together', sum(held.values()), 'MiB', aim),
        _result('the same: its workers', sum(held[pid] for pid in workers), 'MiB'),
    ]
    if box.rest_seconds:
        spent = sum(after.values()) - sum(before.get(pid, 0.0) for pid in after)
        found += _turn(units, due, spent)
    return found


def _turn(units: Sequence[Unit], due: datetime, spent: float) -> Sequence[Result]:
    """Return how an hour's turn went. spent: processor seconds of all of the box meanwhile."""
    made = [(unit.created_at - due).total_seconds() for unit in units]
    ended = [(unit.finished_at - due).total_seconds() for unit in units if unit.finished_at]
    count = f'{len(units):,}'
    return [
        _result(f'{count} due at once: requested after, the last', max(made), 's', 'under 2'),
        _result(f'{count} due at once: requested after, median', statistics.median(made), 's'),
        _result(
            f'{count} due at once: worked off', len(units) / (max(ended) - min(made)), _PACE
        ),
        _result(
            f'{count} due at once: processor time of all of the box', spent / len(units) * 1e6,
            'us/interval',
        ),
    ]  # fmt: skip


def _full_minute(instant: datetime) -> datetime:
    """Return the first full minute that is not before `instant`."""
    minute = instant.replace(second=0, microsecond=0)
    return minute if minute == instant else minute + timedelta(minutes=1)


def _wait(is_done: Callable[[], bool]) -> None:
    until = time.monotonic() + _SECONDS_MAX
    while not is_done():
        if time.monotonic() > until:
            raise RuntimeError(f'nothing came of it within {_SECONDS_MAX:.0f} s')
        time.sleep(_LOOK_SECONDS)


def _is_up(store: Store, box: _Box) -> bool:
    """Tell whether a Scheduler leads, and each worker and whatever else is there takes work."""
    rows = [row for row in store.box_processes() if row.is_on]
    pids = sum(len(row.pids) for row in rows if 'many' in row.process)
    return (
        pids == box.groups * box.instances
        and all(row.state == ProcessStatus.RUNNING for row in rows)
        and store.led_context() is not None
    )


def _has_run(store: Store, box: _Box) -> bool:
    counts = store.count_jobs()
    done = sum(count for (_, state), count in counts.items() if state in FINAL_JOB_STATES)
    return done == box.processes


def _all_of(supervisor: int) -> Sequence[psutil.Process]:
    own = psutil.Process(supervisor)
    return [own, *own.children(recursive=True)]


def _spent(supervisor: int) -> Mapping[int, float]:
    """Return the processor seconds of all of a box, by process."""
    return {process.pid: seconds_of(process.pid) for process in _all_of(supervisor)}


def _at_rest(supervisor: int, seconds: float) -> float:
    """Return how much of a core a box takes that has nothing to do, in per cent."""
    time.sleep(math.ceil(seconds / 4))  # What was begun while it came up is done.
    before, began = _spent(supervisor), time.monotonic()
    time.sleep(seconds)
    after = _spent(supervisor)
    used = sum(after.values()) - sum(before.get(pid, 0.0) for pid in after)
    return used / (time.monotonic() - began) * 100


def _held(supervisor: int) -> Mapping[int, float]:
    """Return the memory of all of a box, by process: what several share counts once in all."""
    return {
        process.pid: process.memory_full_info().pss / _MEBIBYTE for process in _all_of(supervisor)
    }


def _result(what: str, value: float, unit: str, aim: str | None = None) -> Result:
    return Result(benchmark='breadth', what=what, value=value, unit=unit, aim=aim)
