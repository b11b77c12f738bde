"""`launch.py demo`: a year of real flights through the whole system, in a home of its own.

The demo is a user of the product like any other: it starts a Supervisor as a process, looks at the
store while the workers run, and in the end compares what they wrote with an independent recount.
Should the Supervisor be killed, the demo starts it again, as an init system would.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import webbrowser
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from synergy import bootstrap
from synergy.bootstrap import PROJECT, Runtime
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import console, print_table
from synergy.cli.control import starter_command
from synergy.cli.demo_progress import Progress
from synergy.cli.verify import all_jobs
from synergy.conf.model import Settings
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.core.calendar import UtcCalendar
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import check
from synergy.core.states import FINAL_JOB_STATES, JobState
from synergy.core.timeperiod import Qualifier
from synergy.mx.address import address_of, free_port
from synergy.ports.processes import ProcessIdentity
from synergy.ports.store import Store
from synergy.supervisor.loop import PARENT_VARIABLE
from synergy.supervisor.main import pid_file_of

_MARKER: Final = 'this-home-belongs-to-launch.py-demo'
_LOOK_SECONDS: Final = 0.25
_STOP_SECONDS: Final = 40.0
#: A Supervisor that cannot be kept alive is a failure, not something to wait for.
_RESTARTS_MAX: Final = 50
#: Variables that would lead the demo away from its own home and context.
_FOREIGN_VARIABLES: Final = (
    'SYNERGY_STORE_URI',
    'SYNERGY_BROKER_URI',
    'SYNERGY_LOG_DIRECTORY',
    'SYNERGY_PID_DIRECTORY',
    'SYNERGY_CONTEXT_MODULE',
    'SYNERGY_START_TIMEPERIOD',
    'SYNERGY_END_TIMEPERIOD',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
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
    parser.add_argument('--days', type=int, metavar='N', help='only the first N days of the year')
    parser.add_argument('--exit', action='store_true', help='stop everything at the end')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the result to FILE')
    parser.add_argument(
        '--home',
        type=Path,
        metavar='DIR',
        default=PROJECT / '.synergy-demo',
        help='where to keep store, logs and tables; emptied at the start (default .synergy-demo)',
    )


def _run(options: Namespace) -> ExitCode:
    if options.days is not None and not 1 <= options.days <= 365:
        raise CommandError('--days must be between 1 and 365', ExitCode.USAGE)
    home = options.home.absolute()
    _set_environment(home, options.days)
    os.environ['SYNERGY_MX_PORT'] = str(free_port(bootstrap.load_settings()))
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        _claim_home(runtime, home)
        _load_fixtures()
        with _running_system(runtime) as system, _interruptible():
            console().print(f'dashboard {address_of(settings)}')
            seconds = _watch(runtime, system)
            result = _judge(runtime, seconds, None if options.days is None else settings)
            if options.json is not None:
                options.json.write_text(json.dumps(asdict(result), indent=2) + '\n')
            if not options.exit:
                _stay_up(runtime, system, home)
    return ExitCode.OK if result.is_good else ExitCode.FOUND


def _set_environment(home: Path, days: int | None) -> None:
    """Lead this process and all that it starts to the demo's home."""
    for name in _FOREIGN_VARIABLES:
        os.environ.pop(name, None)
    os.environ['SYNERGY_HOME'] = str(home)
    if days is not None:
        first = bootstrap.load()[1].hierarchy
        start = min(node.tree.start for node in first)
        end = UtcCalendar().containing(Qualifier.HOURLY, start + timedelta(days=days))
        os.environ['SYNERGY_END_TIMEPERIOD'] = str(end)


def _claim_home(runtime: Runtime, home: Path) -> None:
    """Empty the demo's home; raise CommandError when it is anybody else's or in use."""
    if home.exists() and any(home.iterdir()) and not (home / _MARKER).exists():
        raise CommandError(
            f'{home} is not empty and was not made by a demo; choose another --home',
            ExitCode.CONFLICT,
        )
    running = runtime.processes.recorded(pid_file_of(runtime.settings))
    if running is not None:
        raise CommandError(
            f'a demo runs already in {home} (Supervisor with pid {running.pid}); stop it with '
            f'SYNERGY_HOME={home} ./launch.py stop Supervisor, or choose another --home',
            ExitCode.CONFLICT,
        )
    try:
        if home.exists():
            shutil.rmtree(home)
        home.mkdir(parents=True)
        (home / _MARKER).write_text('Emptied whenever a demo starts.\n')
    except OSError as error:
        raise CommandError(
            f'home {home} cannot be made ({error.strerror}); choose another --home',
            ExitCode.UNAVAILABLE,
        ) from error


def _load_fixtures() -> None:
    try:
        from db.database import open_database
        from db.load import load_fixtures
    except ModuleNotFoundError as error:
        raise CommandError(
            'the demo needs the folder db/ of a checkout; run it there', ExitCode.UNAVAILABLE
        ) from error
    out = console()
    out.print('loading a year of flights and weather ...')
    database = open_database()
    try:
        for loaded in load_fixtures(database):
            out.print(f'  {loaded.file}: {loaded.row_count} rows, {loaded.rejected_count} rejected')
    finally:
        database.close()


class _System:
    """The Supervisor of the demo, started again when it dies."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._identity: ProcessIdentity | None = None
        self._restart_count = 0

    def keep_alive(self) -> None:
        """Start the Supervisor if it does not run."""
        processes = self._runtime.processes
        processes.reap()
        if self._identity is not None and processes.is_alive(self._identity):
            return
        if self._identity is not None:
            self._restart_count += 1
            console().print('the Supervisor ended; starting it again')
        if self._restart_count > _RESTARTS_MAX:
            raise CommandError(
                f'the Supervisor ended {self._restart_count} times; see '
                f'{self._runtime.settings.log_directory}',
                ExitCode.UNAVAILABLE,
            )
        settings = self._runtime.settings
        settings.log_directory.mkdir(parents=True, exist_ok=True)
        self._identity = processes.spawn(
            starter_command(settings.project, PROCESS_SUPERVISOR, 0),
            environment={PARENT_VARIABLE: str(os.getpid())},
            folder=settings.project,
            output=settings.log_directory / 'supervisor.out',
        )

    def stop(self) -> None:
        """Stop everything in order; after a while by force."""
        if self._identity is None:
            return
        processes, clock = self._runtime.processes, self._runtime.clock
        processes.terminate(self._identity)
        until = clock.monotonic() + _STOP_SECONDS
        while processes.is_alive(self._identity):
            processes.reap()
            if clock.monotonic() >= until:
                # Its children die with it: the kernel tells them.
                processes.kill(self._identity)
                return
            clock.sleep(0.05)
        processes.reap()


@contextmanager
def _running_system(runtime: Runtime) -> Iterator[_System]:
    system = _System(runtime)
    try:
        yield system
    finally:
        system.stop()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does: in order."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _watch(runtime: Runtime, system: _System) -> float:
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
            clock.sleep(_LOOK_SECONDS)


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
    violations = list(
        check(runtime.context.hierarchy, all_jobs(store), store.all_units(), runtime.clock.now())
    )
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


def _stay_up(runtime: Runtime, system: _System, home: Path) -> None:
    out = console()
    _open_browser(runtime.settings)
    out.print(
        '\nthe system stays up until Ctrl-C; look around from another terminal, as in\n'
        f'  SYNERGY_HOME={home} ./launch.py status\n'
        f'  SYNERGY_HOME={home} ./launch.py job FlightDaily 20130101'
    )
    try:
        while True:
            system.keep_alive()
            runtime.clock.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        out.print('stopping')


def _open_browser(settings: Settings) -> None:
    """Show the dashboard where there is a screen to show it on."""
    if os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'):
        webbrowser.open(address_of(settings))


COMMAND = CliCommand(
    name='demo',
    summary='Process a year of real flights from New York, hour by hour, day by day, month by '
    'month, and check the totals; exit 1 when anything is unfinished or wrong.',
    example='demo --days 30 --exit',
    add_arguments=_add_arguments,
    run=_run,
)
