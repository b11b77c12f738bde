"""`launch.py demo`: a year of real flights through the whole system, in a home of its own.

The demo is a user of the product like any other: it starts a Supervisor as a process, looks at the
store while the workers run, and in the end compares what they wrote with an independent recount.
Should the Supervisor be killed, the demo starts it again, as an init system would.
"""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from synergy import bootstrap
from synergy.bootstrap import PROJECT, Runtime
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import console, print_table
from synergy.cli.demo_live import run_live
from synergy.cli.demo_progress import Progress
from synergy.cli.demo_system import (
    LOOK_SECONDS,
    DemoSystem,
    claimed_home,
    interruptible,
    lead_to,
    running_system,
    stay_up,
)
from synergy.cli.numbers import whole
from synergy.core.calendar import UtcCalendar
from synergy.core.hierarchy import Hierarchy
from synergy.core.states import FINAL_JOB_STATES, JobState
from synergy.core.structs import Struct, as_document
from synergy.core.timeperiod import Qualifier
from synergy.ports.store import Store
from synergy.view.verification import verified


class DemoResult(Struct, frozen=True, kw_only=True):
    """How a demo ended. seconds: from the start of the Supervisor to the last final interval."""

    intervals: int
    processed: int
    noop: int
    skipped: int
    failed: int
    seconds: float
    jobs_per_s: float
    totals_ok: bool
    violations: int

    @property
    def is_good(self) -> bool:
        """Tell whether everything finished, the totals agree and no invariant is broken."""
        is_finished = self.processed + self.noop == self.intervals
        return is_finished and self.totals_ok and not self.violations


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        '--days', type=whole(1, 400), metavar='N', help='only the first N days of the year'
    )
    parser.add_argument('--exit', action='store_true', help='stop everything at the end')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the result to FILE')
    parser.add_argument(
        '--home',
        type=Path,
        metavar='DIR',
        help='where to keep store, logs and tables; emptied at the start (default .synergy-demo, '
        'with --live .synergy-live)',
    )
    parser.add_argument(
        '--live',
        action='store_true',
        help="instead: flights that arrive on today's clock, followed by every state machine; "
        'with --exit, until each was seen',
    )
    parser.add_argument(
        '--speed', metavar='X', help='with --live: each minute brings the flights of X (default 1)'
    )


def _run(options: Namespace) -> ExitCode:
    if options.live:
        return run_live(options)
    if options.speed is not None:
        raise CommandError('--speed belongs to --live; give both', ExitCode.USAGE)
    if options.days is not None and not 1 <= options.days <= 365:
        raise CommandError('--days must be between 1 and 365', ExitCode.USAGE)
    home = (options.home or PROJECT / '.synergy-demo').absolute()
    _set_environment(home, options.days)
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime, claimed_home(runtime, home):
        _load_fixtures()
        with running_system(runtime) as system, interruptible():
            seconds = _watch(runtime, system)
            result = _judge(runtime, seconds, None if options.days is None else settings)
            if options.json is not None:
                options.json.write_text(json.dumps(as_document(result), indent=2) + '\n')
            if not options.exit:
                stay_up(runtime, system, 'status', 'job FlightDaily 20130101')
    return ExitCode.OK if result.is_good else ExitCode.FOUND


def _set_environment(home: Path, days: int | None) -> None:
    """Lead this process and all that it starts to the demo's home."""
    lead_to(home)
    if days is not None:
        first = bootstrap.load()[1].hierarchy
        start = min(node.tree.start for node in first)
        end = UtcCalendar().containing(Qualifier.HOURLY, start + timedelta(days=days))
        os.environ['SYNERGY_END_TIMEPERIOD'] = str(end)


def _load_fixtures() -> None:
    from db.database import open_database
    from db.load import end_of_run, load_fixtures

    out, end = console(), end_of_run()
    out.print(f'loading {"a year of" if end is None else "the first"} flights and weather ...')
    database = open_database()
    try:
        for loaded in load_fixtures(database, end_timeperiod=end):
            out.print(f'  {loaded.file}: {loaded.row_count} rows, {loaded.rejected_count} rejected')
    finally:
        database.close()


def _watch(runtime: Runtime, system: DemoSystem) -> float:
    """Show the progress until every interval is final; return the seconds that it took."""
    hierarchy, clock = runtime.context.hierarchy, runtime.clock
    total = {
        str(node.process.name): node.until - node.first
        for node in hierarchy
        if node.until is not None
    }
    store = runtime.open_store()
    began = clock.monotonic()
    with Progress(console()) as progress:
        while True:
            system.keep_alive()
            counts = store.count_jobs()
            done = dict.fromkeys(total, 0)
            for (process, state), count in counts.items():
                if process in done and state in FINAL_JOB_STATES:
                    done[process] += count
            seconds = clock.monotonic() - began
            progress.show(done, total, seconds)
            if done == total:
                return seconds
            clock.sleep(LOOK_SECONDS)


def _judge(runtime: Runtime, seconds: float, cut: Any) -> DemoResult:
    """Compare, verify, print; return the result. cut: settings when only some days were run."""
    from db import totals
    from db.database import open_database

    out = console()
    end = None if cut is None else str(cut.end_timeperiod)
    expected: list[Mapping[str, totals.Totals]] = [totals.recount(end)]
    if cut is None:
        expected.append(totals.published())
    database = open_database()
    try:
        wrong = [line for item in expected for line in totals.differences(database, item)]
        yearly = totals.stored(database, 'flight_yearly')
    finally:
        database.close()
    store = runtime.open_store()
    violations = verified(runtime.context.hierarchy, store, runtime.clock).violations
    result = _result(runtime.context.hierarchy, store, seconds, not wrong, len(violations))
    out.print()
    print_table(
        ('airport', 'year', 'flights', 'cancelled', 'delay minutes', 'late'),
        [
            (origin, timeperiod[:4], *counts)
            for (origin, timeperiod), counts in sorted(yearly.items())
        ],
    )
    out.print()
    _print_problems('totals', wrong)
    _print_problems('verify', [str(item) for item in violations])
    against = 'a recount of the raw file' if cut else 'a recount and the published totals'
    out.print(
        f'{result.intervals} intervals in {result.seconds:.1f} s ({result.jobs_per_s:.0f} per '
        f'second): {result.processed} processed, {result.noop} noop, {result.skipped} skipped, '
        f'{result.failed} failed'
    )
    out.print(f'totals {"agree" if result.totals_ok else "DO NOT agree"} with {against}')
    out.print(f'verify: {result.violations or "no"} violation{"s" * (result.violations != 1)}')
    return result


def _print_problems(title: str, lines: Sequence[str]) -> None:
    for line in lines[:20]:
        print(f'{title}: {line}')


def _result(
    hierarchy: Hierarchy, store: Store, seconds: float, totals_ok: bool, violation_count: int
) -> DemoResult:
    counts = store.count_jobs()
    by_state = {
        state: sum(
            count
            for (process, other), count in counts.items()
            if other is state and process in hierarchy.nodes
        )
        for state in JobState
    }
    final_count = sum(by_state[state] for state in FINAL_JOB_STATES)
    return DemoResult(
        intervals=sum(node.until - node.first for node in hierarchy if node.until is not None),
        processed=by_state[JobState.PROCESSED],
        noop=by_state[JobState.NOOP],
        skipped=by_state[JobState.SKIPPED],
        failed=sum(unit.state.value == 'state_dead' for unit in store.all_units()),
        seconds=round(seconds, 2),
        jobs_per_s=round(final_count / seconds, 1),
        totals_ok=totals_ok,
        violations=violation_count,
    )


COMMAND = CliCommand(
    name='demo',
    summary='Process a year of real flights from New York, hour by hour, day by day, month by '
    'month, and check the totals; exit 1 when anything is unfinished or wrong.',
    example='demo --days 30 --exit, or demo --live --speed 10',
    add_arguments=_add_arguments,
    run=_run,
)
