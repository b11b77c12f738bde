"""`launch.py simulate`: play histories full of faults, or foresee what a context would run."""

from __future__ import annotations

import logging
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from itertools import chain

from synergy import bootstrap
from synergy.bootstrap import Runtime
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.numbers import MANY, real, whole
from synergy.cli.target import instant_of
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.ports.errors import StoreUnavailable
from synergy.scheduler.main import pipeline_of
from synergy.simulation.backlog import backlog_of
from synergy.simulation.crews import crew_of
from synergy.simulation.forecast import ForecastRun, forecast
from synergy.simulation.runs import History, simulate, simulate_contexts
from synergy.view.encode import instant
from synergy.view.index import load_index

_DAYS_MAX = 366
_RUNS_PER_PROCESS = 200


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--seed', type=whole(-MANY), default=0, metavar='N', help='which history')
    parser.add_argument(
        '--seeds', type=whole(1, 1_000_000), default=1, metavar='K', help='how many, from N on'
    )
    parser.add_argument(
        '--contexts', action='store_true', help='let context.py change on the way, too'
    )
    parser.add_argument(
        '--days', type=real(0, 100_000), metavar='N', help='foresee N days of this context instead'
    )
    parser.add_argument('--from', dest='start', metavar='T', help='with --days: since when')
    parser.add_argument(
        '--with-backlog',
        '--from-now',
        action='store_true',
        help='with --days: from now on, beginning with what the store of today has left to do',
    )
    parser.add_argument(
        '--duration',
        type=real(0, 100_000),
        metavar='SECONDS',
        help='with --days: of every run; otherwise taken from history, 60 without one',
    )
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return _simulate(options)
    finally:
        # Whoever called us as a function logs on.
        logging.disable(before)


def _simulate(options: Namespace) -> ExitCode:
    if options.days is not None:
        return _foresee(options)
    if options.with_backlog:
        raise CommandError('--with-backlog goes with --days', ExitCode.USAGE)
    if options.seeds < 1:
        raise CommandError('--seeds must be 1 or more', ExitCode.USAGE)
    seeds = range(options.seed, options.seed + options.seeds)
    found = []
    with ProcessPoolExecutor() as pool:
        for history in pool.map(simulate_contexts if options.contexts else simulate, seeds):
            if history.broken is not None:
                found.append(history)
            if not options.json:
                _tell(history, is_only=len(seeds) == 1, with_contexts=options.contexts)
    if options.json:
        print_json([{'seed': history.seed, 'broken': history.broken} for history in found])
    else:
        print(f'{len(seeds)} histories, {len(found)} with a broken promise')
    return ExitCode.FOUND if found else ExitCode.OK


def _tell(history: History, *, is_only: bool, with_contexts: bool) -> None:
    if history.broken is not None:
        print(
            f'seed {history.seed}: {history.broken}; replay with ./launch.py simulate --seed '
            f'{history.seed}{" --contexts" if with_contexts else ""}'
        )
    elif is_only:
        print(
            f'seed {history.seed}: {history.start_count} starts in '
            f'{history.simulated_seconds:.0f} simulated seconds, no promise broken'
        )


def _foresee(options: Namespace) -> ExitCode:
    if not 0 < options.days <= _DAYS_MAX:
        raise CommandError(f'--days must be more than 0, at most {_DAYS_MAX}', ExitCode.USAGE)
    if options.duration is not None and not 0 <= options.duration <= _DAYS_MAX * 86400:
        raise CommandError('--duration must be a number of seconds, 0 or more', ExitCode.USAGE)
    if options.with_backlog and options.start is not None:
        raise CommandError('--with-backlog begins now; leave --from out', ExitCode.USAGE)
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        now = runtime.clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight if options.start is None else instant_of(options.start, now)
        pipeline, backlog = pipeline_of(context, runtime.clock), None
        if options.with_backlog:
            store = runtime.open_store(create=False)
            timetable = load_index(context.hierarchy, store, now)
            # With what operators have switched off, or given another trigger.
            pipeline = replace(pipeline, hierarchy=timetable.hierarchy)
            start, backlog = now, backlog_of(timetable, now)
        runs = forecast(
            pipeline,
            crew_of(context),
            _durations(runtime, context.workers, options.duration),
            start,
            timedelta(days=options.days),
            backlog,
        )
    if options.json:
        print_json([_encoded(run) for run in runs])
        return ExitCode.OK
    has_deadline = any(run.late_at is not None for run in runs)
    print_table(
        (
            'starts (UTC)',
            'ends',
            'process',
            'timeperiod',
            'run',
            *(['deadline'] if has_deadline else []),
        ),
        [
            (
                f'{run.started_at:%Y-%m-%d %H:%M:%S}',
                '' if run.ended_at is None else f'{run.ended_at:%m-%d %H:%M:%S}',
                run.process,
                run.timeperiod,
                run.run,
                *([_deadline_text(run)] if has_deadline else []),
            )
            for run in runs
        ],
    )
    late = sum(run.is_late for run in runs)
    print(f'{len(runs)} runs{f", {late} end late" if late else ""}', file=sys.stderr)
    return ExitCode.OK


def _deadline_text(run: ForecastRun) -> str:
    if run.late_at is None:
        return ''
    return f'{run.late_at:%m-%d %H:%M}{" late" if run.is_late else ""}'


def _durations(
    runtime: Runtime, workers: Iterable[ProcessName], given: float | None
) -> Mapping[ProcessName, float]:
    """Return how long a run takes: as given, or on average in the store, or a minute."""
    seconds = dict.fromkeys(workers, 60.0 if given is None else given)
    if given is not None:
        return seconds
    try:
        store = runtime.open_store(create=False)
    except StoreUnavailable:
        return seconds
    keys_by_name = {name: [name] for name in workers}
    for entry in runtime.context.freeruns.values():
        keys_by_name[entry.name].append(ProcessName(f'{entry.name}::{entry.entry_name}'))
    for name, keys in keys_by_name.items():
        runs = chain.from_iterable(store.ended_runs(key, _RUNS_PER_PROCESS) for key in keys)
        spans = [run.took.total_seconds() for run in runs]
        if spans:
            seconds[name] = sum(spans) / len(spans)
    return seconds


def _encoded(run: ForecastRun) -> Mapping[str, object]:
    return {
        'process': run.process,
        'timeperiod': run.timeperiod,
        'run': run.run,
        'started_at': instant(run.started_at),
        'ended_at': instant(run.ended_at),
        'late_at': instant(run.late_at),
        'is_late': run.is_late,
    }


COMMAND = CliCommand(
    name='simulate',
    summary='Play histories in which everything goes wrong that can, and check the promises; or, '
    'with --days, foresee when this context would run what, on a virtual clock.',
    example='simulate --seeds 200',
    add_arguments=_add_arguments,
    run=_run,
)
