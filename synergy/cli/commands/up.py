"""`launch.py up`: the Supervisor and everything, in the foreground; one Ctrl-C stops all."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from synergy import bootstrap, logs
from synergy.bootstrap import Runtime
from synergy.cli.browser import open_browser_soon
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.control import Control, entries_of
from synergy.conf.dashboard import address_of
from synergy.conf.names import PROCESS_MX, PROCESS_SUPERVISOR
from synergy.core.records import ProcessName
from synergy.mx.web.address import taken_text
from synergy.output.capture import Output
from synergy.ports.errors import PortError
from synergy.supervisor import main as supervisor
from synergy.view.backlog import coming_index, told
from synergy.view.estimates import Estimator
from synergy.view.usual import durations_of


def _add_arguments(_parser: ArgumentParser) -> None:
    """Take none."""


def _run(_options: Namespace) -> ExitCode:
    settings, context = bootstrap.load()
    entry = context.daemons[ProcessName(PROCESS_SUPERVISOR)]
    with bootstrap.open_runtime(supervisor.patient(settings), context) as runtime:
        narrowed = bootstrap.narrow(settings)
        # Said before the log takes standard output over.
        print(f'home {settings.home}; Ctrl-C stops everything', flush=True)
        control = Control(runtime)
        is_here = PROCESS_MX in entries_of(runtime)
        if is_here and (refusal := control.refusal_of_mx()) is not None:
            print(refusal, file=sys.stderr, flush=True)
        elif is_here and (taken := taken_text(settings)) is not None:
            # Held by the dashboard of this very home, it is told below that all runs already.
            if control.supervisor() is None:
                print(taken, file=sys.stderr, flush=True)
        elif is_here and settings.mx_port:
            print(f'dashboard {address_of(settings)}', flush=True)
            open_browser_soon(settings)
        for line in _history(runtime):
            print(line, flush=True)
        outlet = logs.set_up(
            title=PROCESS_SUPERVISOR,
            level=settings.log_level,
            file=entry.log_file,
            bytes_max=settings.log_file_bytes_max,
            count=settings.log_file_count,
            is_console=True,
        )
        Output(outlet, runtime.clock.monotonic)
        logs.tell_narrowed(narrowed)
        try:
            return ExitCode(supervisor.start(runtime, is_console=True))
        except supervisor.HomeInUse as error:
            raise CommandError(str(error), ExitCode.CONFLICT) from error


def _history(runtime: Runtime) -> Sequence[str]:
    """Return what is due at once, and how to choose otherwise; nothing where no store answers."""
    try:
        with closing(runtime.open_store()) as store:
            now = runtime.clock.now()
            index = coming_index(runtime.context.hierarchy, store, now)
            estimator = Estimator(
                hierarchy=index.hierarchy,
                durations=partial(durations_of, store),
                workers={},
                ahead={},
            )
            return told(index, estimator, now)
    except PortError:
        return []  # Who needs the store tells what is wrong with it.


COMMAND = CliCommand(
    name='up',
    summary='Run the Supervisor, the Scheduler and all workers of this box in the foreground; '
    'Ctrl-C stops all in order, a second one at once.',
    example='up',
    add_arguments=_add_arguments,
    run=_run,
)
