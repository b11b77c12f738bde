"""Five thousand processes, ten thousand free runs: pages, `status`, `check`, the first unit.

What they take is processor time, which depends less on what else the machine does; what pages
weigh is what is sent to a browser, compressed.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from werkzeug.test import Client

from bench import groups
from bench.breadth_context import FREERUN, START_VARIABLE, TREE_COUNT
from bench.mx_context import LEVELS
from bench.mx_load import Elsewhere
from bench.result import Result
from synergy import bootstrap
from synergy.bootstrap import PROJECT
from synergy.core.effects import SaveFreerun
from synergy.core.freerun_record import Freerun
from synergy.core.records import ProcessName
from synergy.core.trigger import parse_trigger
from synergy.mx.app import App
from synergy.mx.main import site_of
from synergy.ports.store import Store
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.main import pipeline_of

_ROUNDS: Final = 20
_FREERUNS: Final = 10_000
_PAGES: Final = (
    ('overview', '/', 150, 300),
    ('processes', '/processes', None, 300),
    ('health', '/health', None, 300),
    ('boxes', '/boxes', None, 300),
    ('10,000 free runs', '/freeruns', 150, 300),
    ('one of 10,000 free runs by its name', f'/freeruns?q={FREERUN}::E09999', 150, 300),
    ('API, overview with all rows', '/api/v1/overview', None, None),
)
_COMMANDS: Final = (('status', 2.0), ('check', 2.0))
_FIRST: Final = 'from bench import breadth; breadth.start_first_units()'
_HEADERS: Final = {'Host': 'localhost', 'Accept-Encoding': 'gzip'}


def run(*, is_quick: bool) -> Sequence[Result]:
    """Start a Scheduler in an empty home; then ask as people do. is_quick: fewer rounds."""
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        yesterday = bootstrap.clock().now() - timedelta(days=1)
        environ = {
            **os.environ,
            'SYNERGY_HOME': folder,
            'SYNERGY_CONTEXT_MODULE': 'bench.breadth_context',
            'SYNERGY_LEADER_LEASE_SECONDS': '120',
            START_VARIABLE: f'{yesterday:%Y%m%d}00',
        }
        first = _seconds_of([sys.executable, '-c', _FIRST], environ)
        results = [
            _result('processes', TREE_COUNT * len(LEVELS), 'processes'),
            _result('a Scheduler started to its first units', first, 's', 'under 3'),
        ]
        for name, aim in _COMMANDS:
            took = _seconds_of([sys.executable, '-m', 'synergy.cli', name], environ)
            results.append(_result(name, took, 's', f'under {aim:.0f}'))
        results += _pages(environ, _ROUNDS // 4 if is_quick else _ROUNDS)
    return [*results, *groups.run()]


def start_first_units() -> None:
    """Be a Scheduler until its first units are in the store."""
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        store = runtime.open_store()
        scheduler = Scheduler(
            pipeline_of(context, runtime.clock),
            store=store,
            broker=runtime.open_broker(),
            clock=runtime.clock,
            settings=LoopSettings(
                owner='bench',
                leader_lease=settings.leader_lease,
                sweep_period=settings.sweep_period,
                inbox_batch_max=settings.inbox_batch_max,
            ),
        )
        scheduler.step()
        assert store.live_units(), 'something was due'


def _add_freeruns(store: Store) -> None:
    """Write entries as if somebody had made them at run time. The store is led by 'bench'."""
    now = bootstrap.clock().now()
    leadership = store.lead('bench', timedelta(minutes=2))
    assert leadership is not None
    entries = [
        Freerun(
            name=ProcessName(f'{FREERUN}::E{number:05d}'),
            trigger=parse_trigger(f'at {number % 24:02d}:{number // 24 % 60:02d}'),
            rev=1,
            changed_at=now,
        )
        for number in range(_FREERUNS)
    ]
    store.commit(leadership, [SaveFreerun(entry, 'added') for entry in entries])


def _pages(environ: dict[str, str], rounds: int) -> list[Result]:
    os.environ[START_VARIABLE] = environ[START_VARIABLE]
    settings, context = bootstrap.load(environ)
    found = []
    with bootstrap.open_runtime(settings, context) as runtime:
        _add_freeruns(runtime.open_store())
        site = site_of(runtime, 'secret of a benchmark', Elsewhere())
        client = Client(App(site))
        client.get('/', headers=_HEADERS)
        for what, address, milliseconds, kilobytes in _PAGES:
            took = []
            for _ in range(rounds):
                began = time.thread_time()
                answer = client.get(address, headers=_HEADERS)
                took.append(time.thread_time() - began)
            aim = None if milliseconds is None else f'under {milliseconds}'
            median = statistics.median(took) * 1000
            found.append(_result(f'{what}, median', median, 'ms', aim))
            aim = None if kilobytes is None else f'under {kilobytes}'
            found.append(_result(f'{what}, sent', len(answer.data) / 1000, 'kB', aim))
        site.feed.stop()
        site.stores.close()
    return found


def _seconds_of(command: Sequence[str], environ: dict[str, str]) -> float:
    """Return the processor time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _result(what: str, value: float, unit: str, aim: str | None = None) -> Result:
    return Result(
        benchmark='breadth', what=f'5,000 processes: {what}', value=value, unit=unit, aim=aim
    )
