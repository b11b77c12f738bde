"""Ten thousand free runs on one Scheduler: how late they fire, and what that costs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from bench.result import Result
from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.bootstrap import PROJECT
from synergy.core.freerun_fires import next_fire
from synergy.core.freerun_record import Freerun, Overlap
from synergy.core.hierarchy import build
from synergy.core.records import Outcome, ProcessName, Route, UnitEnd, UowId
from synergy.core.trigger import Every
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.pipeline import Pipeline
from synergy.workers.batch_size import BATCH_MAX

_PROCESS = ProcessName('Cleaner')
_PERIOD_SECONDS = 60
_PROGRAM = 'import sys; from bench import timers; timers.work(sys.argv[1])'


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure 100, 1,000 and 10,000 entries, each every minute, for half a minute."""
    results: list[Result] = []
    for count in (100, 1_000) if is_quick else (100, 1_000, 10_000):
        results += _measure(count, 10 if is_quick else 30)
    return results


def work(folder: str) -> None:
    """Be the worker: finish whatever is announced, until ended."""
    clock, home = SystemClock(), Path(folder)
    store = SqliteStore.open(home / 'store.db', clock=clock)
    broker = EmbeddedBroker.open(home / 'broker', clock=clock)
    consumer = broker.consumer(_route_of(_PROCESS))
    lease = timedelta(seconds=60)
    while True:
        deliveries = consumer.take(BATCH_MAX)
        if not deliveries:
            consumer.wait(1)
            continue
        claimed = store.claim([UowId(item.body['uow']) for item in deliveries], 'worker', lease)
        consumer.ack(deliveries)
        outcome = Outcome.processed()
        store.finish(
            [UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=outcome) for unit in claimed]
        )
        broker.publish([Message(REPORT_ROUTE, {'uow': unit.id}) for unit in claimed])


def _route_of(process: ProcessName) -> Route:
    return Route(exchange='ex', routing=process, queue=process)


def _measure(count: int, seconds: float) -> Sequence[Result]:
    clock = SystemClock()
    now = clock.now()
    entries = [
        Freerun(
            name=ProcessName(f'{_PROCESS}::entry{number}'),
            trigger=Every(seconds=_PERIOD_SECONDS),
            overlap=Overlap.ALLOW,
            definition='bench',
            changed_at=now,
        )
        for number in range(count)
    ]
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        home = Path(folder)
        store = SqliteStore.open(home / 'store.db', clock=clock)
        scheduler = Scheduler(
            Pipeline(
                hierarchy=build([], []),
                route_of=_route_of,
                freeruns=entries,
                freerun_processes=[_PROCESS],
            ),
            store=SqliteStore.open(home / 'store.db', clock=clock),
            broker=EmbeddedBroker.open(home / 'broker', clock=clock),
            clock=clock,
            settings=LoopSettings(
                owner='bench',
                leader_lease=timedelta(seconds=10),
                sweep_period=timedelta(seconds=10),
                inbox_batch_max=500,
            ),
        )
        scheduler.step()
        loaded = clock.now()
        with subprocess.Popen([sys.executable, '-c', _PROGRAM, folder], cwd=PROJECT) as worker:
            before = time.process_time()
            timer = threading.Timer(seconds, scheduler.stop)
            timer.start()
            scheduler.run()
            spent = time.process_time() - before
            worker.terminate()
        by_name = {entry.name: entry for entry in entries}
        lateness = [
            (
                unit.created_at - next_fire(by_name[unit.process], loaded - timedelta(seconds=1))
            ).total_seconds()
            * 1000
            for unit in store.all_units()
        ]
        store.close()
    quantiles = statistics.quantiles(lateness, n=100)
    return [
        Result(
            benchmark='timers',
            what=f'{count:,} entries, {len(lateness):,} fires: 99 % late by at most',
            value=quantiles[98],
            unit='ms',
            aim='50',
        ),
        Result(
            benchmark='timers',
            what=f'{count:,} entries: processor time of the Scheduler',
            value=spent / seconds * 100,
            unit='% of a core',
            aim='under 20',
        ),
        Result(
            benchmark='timers',
            what=f'{count:,} entries: threads beside the timer that ends this',
            value=float(sum(1 for _ in Path(f'/proc/{os.getpid()}/task').iterdir())),
            unit='',
            aim='1',
        ),
    ]
