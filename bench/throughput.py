"""Intervals per second from due to processed, beside the bare sequence of the same operations.

The bare sequence is a plain loop over one store and one broker: insert units and jobs and announce
them, a batch at a time, as the Scheduler does; take, claim, acknowledge, finish and report each
unit, as a worker does; take the reports and update the jobs, a batch at a time.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from bench.names import ALERT, DAILY, HOURLY, HOURS_VARIABLE, MONTHLY, START, WORKERS_VARIABLE
from bench.result import Result
from synergy import bootstrap
from synergy.bootstrap import PROJECT
from synergy.cli.patience import Patience
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.records import Job, Outcome, ProcessName, Unit, UnitEnd, UowId, uow_id_of
from synergy.core.states import FINAL_JOB_STATES, JobState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc, parse, start_utc
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.store import Store
from synergy.workers.runner import BATCH_MAX

_BATCH: Final = 256
_PATIENCE_SECONDS: Final = 120.0
_LEASE: Final = timedelta(seconds=60)
_LOOK_SECONDS: Final = 0.05
#: A run in which the Scheduler is not the bottleneck: under full load, a hand-over measures how
#: long the queue of reports is.
PACE_SECONDS: Final = '0.05'
PACED: Final = '2 workers, 50 ms an hour'


class Throughput(Struct, frozen=True, kw_only=True):
    """One run. hand_over_ms: from the end of a last child to the parent's unit made, and to its
    worker started.
    """

    intervals: int
    per_second: float
    hand_over_ms: Sequence[float]
    start_ms: Sequence[float]


def pipeline(environ: Mapping[str, str], home: Path, hours: int, worker_count: int) -> Throughput:
    """Run the pipeline of `hours` on the store and broker of `environ`; return how fast."""
    with _system(environ, home, hours, worker_count) as store:
        total = _interval_count(hours)
        _wait_finished(store, total)
        units = list(store.all_units())
    began = min(unit.created_at for unit in units)
    ended = max(unit.finished_at for unit in units if unit.finished_at is not None)
    made, started = _hand_overs(units)
    return Throughput(
        intervals=total,
        per_second=total / (ended - began).total_seconds(),
        hand_over_ms=made,
        start_ms=started,
    )


def bare_sequence(environ: Mapping[str, str], count: int) -> float:
    """Return the units per second of the plain loop, on the store and broker of `environ`."""
    settings, context = bootstrap.load(environ)
    with bootstrap.open_runtime(settings, context) as runtime:
        store, broker = runtime.open_store(), runtime.open_broker()
        route = context.managed[ProcessName(HOURLY)].route
        broker.declare([route, REPORT_ROUTE])
        work, reports = broker.consumer(route), broker.consumer(REPORT_ROUTE)
        leadership = store.lead('bench', timedelta(hours=1))
        assert leadership is not None, 'the home is new'
        first = parse(Qualifier.HOURLY, START)
        began = time.perf_counter()
        for offset in range(0, count, _BATCH):
            keys = [
                JobKey(ProcessName(HOURLY), first.shift(number))
                for number in range(offset, min(offset + _BATCH, count))
            ]
            now = runtime.clock.now()
            units = [
                Unit(
                    id=uow_id_of(key, 1),
                    process=key.process,
                    timeperiod=key.timeperiod,
                    start=key.timeperiod,
                    end=key.timeperiod.shift(1),
                    run=1,
                    created_at=now,
                )
                for key in keys
            ]
            jobs = [
                Job(
                    process=unit.process,
                    timeperiod=unit.timeperiod,
                    state=JobState.IN_PROGRESS,
                    rev=1,
                    run=1,
                    uow_id=unit.id,
                    changed_at=now,
                )
                for unit in units
            ]
            store.commit(
                leadership,
                [
                    save
                    for unit, job in zip(units, jobs, strict=True)
                    for save in (InsertUnit(unit), SaveJob(job, 'run 1 requested'))
                ],
            )
            broker.publish([Message(route, {'uow': unit.id}) for unit in units])
            done = 0
            while done < len(units):
                deliveries = work.take(BATCH_MAX)
                if not deliveries:
                    work.wait(1)
                    continue
                claimed = store.claim(
                    [UowId(item.body['uow']) for item in deliveries], 'bench', _LEASE
                )
                work.ack(deliveries)
                outcome = Outcome.processed(1)
                store.finish(
                    [UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=outcome) for unit in claimed]
                )
                broker.publish([Message(REPORT_ROUTE, {'uow': unit.id}) for unit in claimed])
                done += len(claimed)
            taken = 0
            while taken < len(units):
                found = reports.take(_BATCH)
                if not found:
                    reports.wait(1)
                    continue
                store.units([UowId(item.body['uow']) for item in found])
                store.commit(
                    leadership,
                    [
                        SaveJob(replace(job, state=JobState.PROCESSED, rev=2), 'run 1 processed 1')
                        for job in jobs[taken : taken + len(found)]
                    ],
                    announced=dict.fromkeys([unit.id for unit in units], now),
                )
                reports.ack(found)
                taken += len(found)
        return count / (time.perf_counter() - began)


@contextmanager
def _system(
    environ: Mapping[str, str], home: Path, hours: int, worker_count: int
) -> Iterator[Store]:
    """Start workers first and then a Scheduler, each a process; end all with the block."""
    environ = {
        **environ,
        HOURS_VARIABLE: str(hours),
        WORKERS_VARIABLE: str(worker_count),
        'SYNERGY_CONTEXT_MODULE': 'bench.pipeline',
    }
    settings, context = bootstrap.load(environ)
    home.mkdir(parents=True, exist_ok=True)
    children: list[subprocess.Popen[bytes]] = []
    with (
        (home / 'bench.out').open('ab') as output,
        bootstrap.open_runtime(settings, context) as runtime,
    ):
        store = runtime.open_store()
        try:
            instances = {HOURLY: worker_count, DAILY: 1, MONTHLY: 1, ALERT: 1, 'Scheduler': 1}
            for name, count in instances.items():
                for instance in range(count):
                    command = [
                        sys.executable, str(PROJECT / 'process_starter.py'), name,
                        '--instance', str(instance),
                    ]  # fmt: skip
                    children.append(
                        subprocess.Popen(
                            command, env={**environ}, cwd=PROJECT, stdout=output, stderr=output
                        )
                    )
            yield store
        finally:
            for child in children:
                child.send_signal(signal.SIGTERM)
            for child in children:
                child.wait(30)


def _wait_finished(store: Store, total: int) -> None:
    patience, done = Patience(_PATIENCE_SECONDS, time.monotonic), 0
    while not patience.has_run_out(done):
        counts = store.count_jobs()
        done = sum(count for (_, state), count in counts.items() if state in FINAL_JOB_STATES)
        if done >= total:
            return
        time.sleep(_LOOK_SECONDS)
    raise RuntimeError(
        f'only {done} of {total} intervals are finished, none within {_PATIENCE_SECONDS:g} s'
    )


def _interval_count(hours: int) -> int:
    """Return how many intervals the pipeline of `hours` has, days twice: of site and alert.

    Not asked of the context: this process has read it once, for another length maybe.
    """
    first = start_utc(parse(Qualifier.HOURLY, START))
    last = first + timedelta(hours=hours) - timedelta(microseconds=1)

    def count(qualifier: Qualifier) -> int:
        ordinals = [containing_utc(qualifier, instant).ordinal for instant in (first, last)]
        return ordinals[1] - ordinals[0] + 1

    return hours + 2 * count(Qualifier.DAILY) + count(Qualifier.MONTHLY)


def _hand_overs(units: Sequence[Unit]) -> tuple[list[float], list[float]]:
    """Return, for every day, milliseconds from its last hour's end to its unit and its start."""
    last_by_day: dict[str, float] = {}
    for unit in units:
        if unit.process == HOURLY and unit.finished_at is not None:
            day = str(unit.timeperiod)[:8]
            ended = unit.finished_at.timestamp()
            last_by_day[day] = max(ended, last_by_day.get(day, ended))
    made, started = [], []
    for unit in units:
        if unit.process == DAILY and unit.started_at is not None:
            ended = last_by_day[str(unit.timeperiod)[:8]]
            made.append((unit.created_at.timestamp() - ended) * 1000)
            started.append((unit.started_at.timestamp() - ended) * 1000)
    return made, started


def quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return median, 95 % and 99 %."""
    cuts = statistics.quantiles(values, n=100)
    return statistics.median(values), cuts[94], cuts[98]


def results(
    benchmark: str, bare: float, runs: Mapping[int, Throughput], aim: str
) -> Sequence[Result]:
    """Return the table: the bare sequence, each run beside it, and its hand-over.

    aim: of the share of the bare sequence.
    """
    table = [
        Result(benchmark=benchmark, what='bare sequence, one process', value=bare, unit='units/s')
    ]
    for count, measured in runs.items():
        workers = f'{count} worker{"s" * (count > 1)}'
        table.append(
            Result(
                benchmark=benchmark,
                what=f'{measured.intervals:,} intervals, {workers}',
                value=measured.per_second,
                unit='intervals/s',
            )
        )
        table.append(
            Result(
                benchmark=benchmark,
                what=f'{workers}, share of the bare sequence',
                value=measured.per_second / bare * 100,
                unit='%',
                aim=aim,
            )
        )
        table += hand_overs(benchmark, f'{workers}, full load', measured)
    return table


def hand_overs(
    benchmark: str, what: str, measured: Throughput, aims: Sequence[str | None] = (None,) * 3
) -> Sequence[Result]:
    """Return the hand-over of a run. aims: of median, 95 and 99 % until announced, in words."""
    made, started = quantiles(measured.hand_over_ms), quantiles(measured.start_ms)
    return [
        *(
            Result(
                benchmark=benchmark,
                what=f'{what}: last hour finished -> unit of the day announced, {which}',
                value=made[place],
                unit='ms',
                aim=aims[place],
            )
            for place, which in enumerate(('median', '95 %', '99 %'))
        ),
        Result(
            benchmark=benchmark,
            what=f'{what}: last hour finished -> worker of the day started, median',
            value=started[0],
            unit='ms',
        ),
    ]
