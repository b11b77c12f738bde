"""`launch.py start NAME`: start a process, or the Supervisor and with it everything."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection

from synergy import bootstrap
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.control import Control, entries_of
from synergy.conf.names import PROCESS_MX, PROCESS_SUPERVISOR
from synergy.doors import starter_command


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('name', metavar='NAME', help='a registered process, or Supervisor')
    parser.add_argument(
        '--console', action='store_true', help='stay in the foreground and log to the terminal'
    )


def _run(options: Namespace) -> ExitCode:
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        control = Control(runtime)
        entry = control.entry(options.name)
        if entry.name == PROCESS_MX and (refusal := control.refusal_of_mx()) is not None:
            raise CommandError(refusal, ExitCode.MISCONFIGURED)
        if options.console:
            if entry.name == PROCESS_SUPERVISOR:
                if (running := control.supervisor()) is not None:
                    raise CommandError(
                        f'the Supervisor of home {settings.home} runs already with pid '
                        f'{running.pid}; stop it with ./launch.py stop Supervisor',
                        ExitCode.CONFLICT,
                    )
            else:
                control.refuse_running(entry)
            command = starter_command(entry.name, 0, '--console')
            os.chdir(settings.project)
            os.execv(command[0], command)
        if entry.name == PROCESS_SUPERVISOR:
            pid = control.start_supervisor()
            print(f'{PROCESS_SUPERVISOR} started with pid {pid}; home {settings.home}', flush=True)
            if PROCESS_MX not in entries_of(runtime) or not (refusal := control.refusal_of_mx()):
                return tell_start(control)
            print(refusal, file=sys.stderr)
            return tell_start(control, but=(PROCESS_MX,))
        if control.supervisor() is None:
            pids = ' '.join(map(str, control.start_alone(entry)))
            print(f'{entry.name} started with pid {pids}; no Supervisor watches it')
            return ExitCode.OK
        if not control.set_desired(entry, is_on=True):
            raise CommandError(
                f'{entry.name} is wanted on, but is not up yet; see {entry.log_file} and '
                './launch.py status',
                ExitCode.UNAVAILABLE,
            )
    print(f'{entry.name} runs; the Supervisor keeps it')
    return ExitCode.OK


def tell_start(control: Control, but: Collection[str] = ()) -> ExitCode:
    """Say how everything on this box has come up; `but` was told of already."""
    problems = control.await_all(but)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return ExitCode.FOUND
    if not but:
        print('everything on this box is up')
    return ExitCode.OK


COMMAND = CliCommand(
    name='start',
    summary='Start a process in the background, or the Supervisor and with it everything, and wait '
    'until it is up; what does not come up is told with its last words. Under a running Supervisor '
    'the process is switched on for good; without one it runs unwatched.',
    example='start Supervisor',
    add_arguments=_add_arguments,
    run=_run,
)
