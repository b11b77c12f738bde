"""What one box takes that runs two hundred processes with one group of workers.

All that runs there is counted, the Supervisor, the Scheduler and the dashboard among it, once each
process has run: what processes share counts once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import psutil

from bench.groups_context import END_VARIABLE, GROUP, INSTANCES, NAMES, START_VARIABLE
from bench.result import Result
from synergy import bootstrap
from synergy.bootstrap import PROJECT
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey, ProcessName, parse

_MEBIBYTE: Final = 1024 * 1024
#: On a busy machine.
_SECONDS_MAX: Final = 300.0
_LOOK_SECONDS: Final = 0.2


def run() -> Sequence[Result]:
    """Start a box in an empty home, let each process run once, and weigh what runs."""
    now = bootstrap.clock().now()
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        environ = {
            **os.environ,
            'SYNERGY_HOME': folder,
            'SYNERGY_CONTEXT_MODULE': 'bench.groups_context',
            'SYNERGY_MX_PORT': '0',
            START_VARIABLE: f'{now - timedelta(hours=2):%Y%m%d%H}',
            END_VARIABLE: f'{now - timedelta(hours=1):%Y%m%d%H}',
        }
        os.environ.update({name: environ[name] for name in (START_VARIABLE, END_VARIABLE)})
        with subprocess.Popen(
            [sys.executable, str(PROJECT / 'process_starter.py'), 'Supervisor'],
            cwd=PROJECT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as supervisor:
            try:
                workers = _workers_when_done(environ, environ[START_VARIABLE])
                own = psutil.Process(supervisor.pid)
                held_by_pid = {
                    process.pid: process.memory_full_info().pss / _MEBIBYTE
                    for process in (own, *own.children(recursive=True))
                }
            finally:
                supervisor.send_signal(signal.SIGTERM)
    what = f'{len(NAMES)} processes in one group of {INSTANCES} workers'
    return [
        _result(f'{what}: all of the box together', sum(held_by_pid.values()), 'under 400'),
        _result('the same: its workers', sum(held_by_pid[pid] for pid in workers), None),
    ]


def _workers_when_done(environ: dict[str, str], hour: str) -> Sequence[int]:
    """Wait until each process has run its hour; return the pids of the workers."""
    settings, context = bootstrap.load(environ)
    with bootstrap.open_runtime(settings, context) as runtime:
        store = runtime.open_store()
        until = time.monotonic() + _SECONDS_MAX
        nodes = context.hierarchy.nodes
        keys = [
            JobKey(name, parse(nodes[name].process.qualifier, hour))
            for name in map(ProcessName, NAMES)
        ]
        while time.monotonic() < until:
            jobs = store.jobs(keys)
            if len(jobs) == len(keys) and all(job.state.is_final for job in jobs.values()):
                units = [unit for key in keys for unit in store.runs(key)]
                assert {unit.state for unit in units} == {UnitState.PROCESSED}
                rows = store.box_processes()
                return next(row.pids for row in rows if row.process == GROUP)
            time.sleep(_LOOK_SECONDS)
    raise RuntimeError(f'not every process has run within {_SECONDS_MAX:.0f} s')


def _result(what: str, value: float, aim: str | None) -> Result:
    return Result(benchmark='breadth', what=what, value=value, unit='MiB', aim=aim)
