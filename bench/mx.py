"""The dashboard on a million jobs: how long its pages take, alone and beside a loaded Scheduler."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from werkzeug.test import Client

from bench import mx_load
from bench.names import ALERT, DAILY, HOURLY, MONTHLY
from bench.result import Result
from synergy import bootstrap
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.conf.model import Context, Settings
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.records import Job, ProcessName, Unit, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.mx.app import App
from synergy.mx.main import site_of
from synergy.ports.broker import Broker
from synergy.ports.errors import BrokerUnavailable
from synergy.ports.store import Store

_NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
_BATCH = 5_000
_PIPELINE = (HOURLY, DAILY, MONTHLY, ALERT)
_ROUNDS = 200
#: One job in this many is held.
_HELD_EVERY = 2_000
#: Processes of which the newest intervals and those of the pages have runs, for the charts.
_CHARTED = ('P00Hourly', 'P00Daily', 'P00Monthly')
_RUNS = 2_000
_CHARTED_AROUND = datetime(2020, 6, 1, tzinfo=UTC)
_PAGES = (
    ('overview', '/', 100),
    ('ten years', '/t/p00?z=all', 200),
    ('year', '/t/p00?z=year&at=2020', 100),
    ('year of hours', '/t/P00Hourly?z=year&at=2020', 100),
    ('month', '/t/p00?z=month&at=202006', 100),
    ('day', '/t/p00?z=day&at=20200601', 100),
    ('interval', '/i/P00Hourly/2020060100', 50),
    ('why', '/api/v1/jobs/P00Yearly/2020000000/why', 50),
    (
        'preview of 10,000',
        '/change/reprocess?process=P00Daily&first=2020010100&last=2021021800&with_children=on',
        300,
    ),
    ('search for failed', '/search?q=state:failed', 100),
    ('API, 100 jobs', '/api/v1/jobs?state=state_processed', 100),
)


class _Runtime(Struct, frozen=True):
    settings: Settings
    context: Context
    clock: SimulatedClock
    path: Path

    def open_store(
        self,
        *,
        create: bool = True,  # noqa: ARG002 - it is there
        busy_seconds_max: float | None = None,
    ) -> Store:
        seconds = busy_seconds_max or 30.0
        return SqliteStore.open(self.path, clock=self.clock, busy_seconds_max=seconds)

    def open_broker(self, *, create: bool = True) -> Broker:
        assert not create
        raise BrokerUnavailable('none here')


def run(*, is_quick: bool) -> Sequence[Result]:
    """Fill a store with a million jobs; ask for each page alone, then beside a loaded Scheduler.

    is_quick: as many jobs, fewer rounds.
    """
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        environ = mx_load.environ_of(folder)
        settings, context = bootstrap.load(environ)
        runtime = _Runtime(settings, context, SimulatedClock(_NOW), Path(folder) / 'store.db')
        count = _fill(runtime)
        site = site_of(runtime, 'secret of a benchmark', mx_load.Elsewhere())
        client = Client(App(site))
        began = time.perf_counter()
        client.get('/', headers={'Host': 'localhost'})
        first = time.perf_counter() - began
        results = [
            Result(benchmark='mx', what='jobs in the store', value=count, unit='jobs'),
            Result(benchmark='mx', what='first page, all read', value=first, unit='s'),
        ]
        for what, address, aim in _PAGES:
            seconds = []
            for _ in range(_ROUNDS // 5 if is_quick else _ROUNDS):
                runtime.clock.sleep(1)
                began = time.perf_counter()
                answer = client.get(address, headers={'Host': 'localhost'})
                seconds.append(time.perf_counter() - began)
                assert answer.status_code == 200, f'{address}: {answer.status_code}'
            slowest = mx_load.p99(seconds[1:]) * 1000
            results.append(
                Result(
                    benchmark='mx', what=f'{what}, p99', value=slowest, unit='ms', aim=f'< {aim}'
                )
            )
        site.feed.stop()
        site.stores.close()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        results += mx_load.run(environ, _PAGES, is_quick=is_quick)
    results.append(Result(benchmark='mx', what='memory', value=memory, unit='MiB'))
    return results


def _fill(runtime: _Runtime) -> int:
    """Write a row for every job, and some runs; return how many jobs."""
    store = runtime.open_store()
    leadership = store.lead('bench', timedelta(days=9999))
    assert leadership is not None
    count = 0
    jobs = _jobs(runtime.context)
    while chosen := list(islice(jobs, _BATCH)):
        count += len(chosen)
        store.commit(leadership, [SaveJob(job, 'made by a benchmark') for job in chosen])
    units = [InsertUnit(unit) for unit in _units(runtime.context)]
    for first in range(0, len(units), _BATCH):
        store.commit(leadership, units[first : first + _BATCH])
    # The Scheduler of the second half is to lead.
    store.resign(leadership)
    store.close()
    return count


def _units(context: Context) -> Iterator[Unit]:
    """Yield ended runs of some processes: of their newest intervals, and of those around a page."""
    hierarchy = context.hierarchy
    for name in _CHARTED:
        node = hierarchy.nodes[ProcessName(name)]
        over = hierarchy.over_until(node, _NOW)
        around = node.calendar.containing(node.process.qualifier, _CHARTED_AROUND).ordinal
        chosen = {*range(over - _RUNS, over), *range(around - _RUNS // 2, around + _RUNS // 2)}
        for ordinal in sorted(chosen & set(range(node.first, over))):
            timeperiod = hierarchy.timeperiod(node, ordinal)
            key = JobKey(node.process.name, timeperiod)
            started_at = node.calendar.end(timeperiod)
            yield Unit(
                id=uow_id_of(key, 1),
                process=key.process,
                timeperiod=timeperiod,
                start=timeperiod,
                end=timeperiod.shift(1),
                run=1,
                state=UnitState.PROCESSED,
                created_at=started_at,
                started_at=started_at,
                finished_at=started_at + timedelta(seconds=60 + ordinal % 17),
            )


def _jobs(context: Context) -> Iterator[Job]:
    hierarchy = context.hierarchy
    for node in hierarchy:
        if node.process.name in _PIPELINE:
            continue
        over = hierarchy.over_until(node, _NOW)
        for ordinal in range(node.first, over):
            is_held = ordinal % _HELD_EVERY == 7
            timeperiod = hierarchy.timeperiod(node, ordinal)
            yield Job(
                process=node.process.name,
                timeperiod=timeperiod,
                state=JobState.IN_PROGRESS if is_held else JobState.PROCESSED,
                rev=1,
                run=1,
                is_held=is_held,
                reason='it failed three times' if is_held else None,
                changed_at=node.calendar.end(timeperiod),
            )
