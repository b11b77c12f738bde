"""Intervals per second from due to processed, and what each costs, beside `bench.limit`.

Runs of the product and of the limit take turns, so that a change of the machine's mood meets both;
medians are compared, and the lowest and highest are shown.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from bench.limit import Limit
from bench.names import ALERT, DAILY, HOURLY, HOURS_VARIABLE, MONTHLY, START, WORKERS_VARIABLE
from bench.result import Result
from bench.spent import seconds_of, seconds_of_all
from synergy import bootstrap
from synergy.bootstrap import PROJECT
from synergy.cli.patience import Patience
from synergy.core.records import Unit
from synergy.core.states import FINAL_JOB_STATES
from synergy.core.structs import Struct
from synergy.core.timeperiod import Qualifier, containing_utc, parse, start_utc
from synergy.ports.store import Store

_BATCH: Final = 256
_PATIENCE_SECONDS: Final = 120.0
_LEASE: Final = timedelta(seconds=60)
#: Each look counts all jobs, which takes the servers some milliseconds of what is measured.
_LOOK_SECONDS: Final = 1.0
#: Until the first interval has ended: from then on the processor time of each process is counted.
_FIRST_LOOK_SECONDS: Final = 0.1
#: A run in which the Scheduler is not the bottleneck: under full load, a hand-over measures how
#: long the queue of reports is.
PACE_SECONDS: Final = '0.05'
PACED: Final = '2 workers, 50 ms an hour'
WORKER_COUNTS: Final = (1, 2, 4)


class Throughput(Struct, frozen=True, kw_only=True):
    """One run. spent_us: processor time per interval of 'Scheduler', 'workers', maybe 'servers',
    without their start. hand_over_ms, start_ms: from the end of a last child to the parent's unit
    made, and to its worker started.
    """

    intervals: int
    per_second: float
    spent_us: Mapping[str, float]
    hand_over_ms: Sequence[float]
    start_ms: Sequence[float]


class _Look(Struct, frozen=True):
    """How far a run is. spent: processor seconds of each role since its processes were started."""

    begun: int
    done: int
    spent: Mapping[str, float]

    def spent_us_since(self, before: _Look) -> Mapping[str, float]:
        """Return the processor time per interval of each role since another look.

        What was begun by then and had not ended counts as half an interval, but for workers, who
        have hardly begun any.
        """
        done = self.done - before.done
        halves = (done + self.begun - before.begun) / 2
        return {
            role: (seconds - before.spent[role])
            / max(done if role == 'workers' else halves, 1)
            * 1e6
            for role, seconds in self.spent.items()
        }


def pipeline(
    environ: Mapping[str, str],
    home: Path,
    hours: int,
    worker_count: int,
    server_pids: Sequence[int] = (),
) -> Throughput:
    """Run the pipeline of `hours` on the store and broker of `environ`; return how fast."""
    with _system(environ, home, hours, worker_count) as (store, children):
        total = _interval_count(hours)

        def spent() -> Mapping[str, float]:
            found = {role: sum(map(seconds_of, pids)) for role, pids in children.items()}
            return found | ({'servers': seconds_of_all(server_pids)} if server_pids else {})

        first, last = _watch(store, total, spent)
        units = list(store.all_units())
    began = min(unit.created_at for unit in units)
    ended = max(unit.finished_at for unit in units if unit.finished_at is not None)
    made, started = _hand_overs(units)
    return Throughput(
        intervals=total,
        per_second=total / (ended - began).total_seconds(),
        spent_us=last.spent_us_since(first),
        hand_over_ms=made,
        start_ms=started,
    )


@contextmanager
def _system(
    environ: Mapping[str, str], home: Path, hours: int, worker_count: int
) -> Iterator[tuple[Store, Mapping[str, Sequence[int]]]]:
    """Start workers first and then a Scheduler, each a process; end all with the block.

    The block has the process ids of 'Scheduler' and 'workers'.
    """
    environ = {
        **environ,
        HOURS_VARIABLE: str(hours),
        WORKERS_VARIABLE: str(worker_count),
        'SYNERGY_CONTEXT_MODULE': 'bench.pipeline',
    }
    settings, context = bootstrap.load(environ)
    home.mkdir(parents=True, exist_ok=True)
    children: list[subprocess.Popen[bytes]] = []
    pids: dict[str, list[int]] = {'Scheduler': [], 'workers': []}
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
                    child = subprocess.Popen(
                        command, env={**environ}, cwd=PROJECT, stdout=output, stderr=output
                    )
                    children.append(child)
                    pids[name if name in pids else 'workers'].append(child.pid)
            yield store, pids
        finally:
            for child in children:
                child.send_signal(signal.SIGTERM)
            for child in children:
                child.wait(30)


def _watch(
    store: Store, total: int, spent: Callable[[], Mapping[str, float]]
) -> tuple[_Look, _Look]:
    """Wait until all is finished; return the look at which the first were, and the last look."""
    patience, done, first = Patience(_PATIENCE_SECONDS, time.monotonic), 0, None
    while not patience.has_run_out(done):
        counts = store.count_jobs()
        done = sum(count for (_, state), count in counts.items() if state in FINAL_JOB_STATES)
        if done and first is None:
            first = _Look(sum(counts.values()), done, spent())
        if first is not None and done >= total:
            return first, _Look(total, total, spent())
        time.sleep(_FIRST_LOOK_SECONDS if first is None else _LOOK_SECONDS)
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


class Pair(Protocol):
    """A store and a broker for the limit and the product; each run begins with nothing."""

    name: str

    def limit(self, count: int) -> Limit:
        """Measure the limit with `count` jobs."""
        ...

    def pipeline(self, hours: int, worker_count: int, extra: Mapping[str, str] = ...) -> Throughput:
        """Run the pipeline; extra: more variables of the environment."""
        ...


def side_by_side(
    pair: Pair, aims: Mapping[int | str, str], *, hours: int, rounds: int
) -> Sequence[Result]:
    """Return the table of the limit and of the product with 1, 2 and 4 workers, by turns.

    aims: of the share of the limit, by workers, and of the processor time per interval, by role.
    """
    benchmark = pair.name
    limits: list[Limit] = []
    runs: dict[int, list[Throughput]] = {count: [] for count in WORKER_COUNTS}
    for _ in range(rounds):
        for count, done in runs.items():
            limits.append(pair.limit(hours))
            done.append(pair.pipeline(hours, count))
    limit = [item.per_second for item in limits]
    table = [spread(benchmark, 'the limit, one worker', limit, 'jobs/s')]
    for count, done in runs.items():
        workers = f'{count} worker{"s" * (count > 1)}'
        pace = [item.per_second for item in done]
        what = f'{done[0].intervals:,} intervals, {workers}'
        table.append(spread(benchmark, what, pace, 'intervals/s'))
        shares = [value / statistics.median(limit) * 100 for value in pace]
        what = f'{workers}, share of the limit'
        table.append(spread(benchmark, what, shares, '%', aims.get(count)))
    for role in runs[2][0].spent_us:
        least = [item.spent_us(role) for item in limits]
        table.append(spread(benchmark, f'processor time, the limit: {role}', least, 'us/job'))
        costs = [item.spent_us[role] for item in runs[2]]
        what = f'processor time, 2 workers: {role}'
        table.append(spread(benchmark, what, costs, 'us/interval', aims.get(role)))
    return [
        *table,
        *hand_overs(benchmark, '2 workers, full load', runs[2][-1], ('under 50', None, None)),
    ]


def spread(
    benchmark: str, what: str, values: Sequence[float], unit: str, aim: str | None = None
) -> Result:
    """Return the median of `values`, with the lowest and the highest."""
    return Result(
        benchmark=benchmark,
        what=what,
        value=statistics.median(values),
        low=min(values),
        high=max(values),
        unit=unit,
        aim=aim,
    )


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
