"""`launch.py restart NAME`: stop and start processes of this box again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from synergy import bootstrap
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.commands.start import tell_start
from synergy.cli.control import Control, entries_of
from synergy.cli.restarting import restart, switched_on
from synergy.conf.model import Entry
from synergy.conf.names import PROCESS_MX, PROCESS_SUPERVISOR


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'names', nargs='*', metavar='NAME', help='registered processes, or Supervisor'
    )
    parser.add_argument(
        '--all', action='store_true', help='all that is on; the Supervisor goes on meanwhile'
    )


def _run(options: Namespace) -> ExitCode:
    if options.all == bool(options.names):
        raise CommandError('give the NAME of processes, or --all', ExitCode.USAGE)
    # Read before anything is stopped: what cannot be started again goes on.
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        control = Control(runtime)
        entries: Sequence[Entry] = [control.entry(n) for n in dict.fromkeys(options.names)]
        if any(entry.name == PROCESS_SUPERVISOR for entry in entries):
            # With it everything ends, and starts again.
            return _restart_supervisor(control)
        if control.supervisor() is None:
            if options.all:
                raise CommandError(
                    'no Supervisor runs here, so nobody knows what is to run; '
                    './launch.py start Supervisor starts all',
                    ExitCode.FOUND,
                )
            return _restart_alone(control, entries)
        if options.all:
            entries = switched_on(runtime, entries_of(runtime).values())
        _refuse_mx(control, entries)
        restart(runtime, control, entries)
    for entry in entries:
        print(f'{entry.name} was started again; the Supervisor keeps it')
    return ExitCode.OK


def _restart_supervisor(control: Control) -> ExitCode:
    running = control.supervisor()
    if running is None:
        raise CommandError(
            'the Supervisor does not run; ./launch.py start Supervisor starts it', ExitCode.FOUND
        )
    if not control.stop(running):
        raise _too_slow(f'{PROCESS_SUPERVISOR} with pid {running.pid}')
    pid = control.start_supervisor()
    print(f'{PROCESS_SUPERVISOR} started again with pid {pid}', flush=True)
    return tell_start(control)


def _restart_alone(control: Control, entries: Sequence[Entry]) -> ExitCode:
    """Restart processes that no Supervisor watches; one that does not run is started."""
    _refuse_mx(control, entries)
    for entry in entries:
        for item in list(control.instances(entry)):
            if item.identity is not None and not control.stop(item.identity):
                raise _too_slow(f'{entry.name} with pid {item.identity.pid}')
        pids = ' '.join(map(str, control.start_alone(entry)))
        print(f'{entry.name} started again with pid {pids}; no Supervisor watches it')
    return ExitCode.OK


def _refuse_mx(control: Control, entries: Sequence[Entry]) -> None:
    """Refuse to end a dashboard that would not listen again."""
    is_meant = any(entry.name == PROCESS_MX for entry in entries)
    if is_meant and (refusal := control.refusal_of_mx()) is not None:
        raise CommandError(refusal, ExitCode.MISCONFIGURED)


def _too_slow(what: str) -> CommandError:
    return CommandError(
        f'{what} has not ended yet, so nothing was started in its place; look with ./launch.py '
        'query, or raise stop_grace_seconds',
        ExitCode.UNAVAILABLE,
    )


COMMAND = CliCommand(
    name='restart',
    summary='Stop and start processes of this box again, as after a change of their code, and wait '
    'until they are up; with the Supervisor, everything, as after a change of context.py. A worker '
    'finishes or hands back what it works on. For all boxes: process restart.',
    example='restart SiteHourly SiteDaily',
    add_arguments=_add_arguments,
    run=_run,
)
