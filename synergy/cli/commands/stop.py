"""`launch.py stop NAME`: stop a process, or the Supervisor and with it everything."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from synergy import bootstrap
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.control import Control
from synergy.conf.context import built_in_context, load_context
from synergy.conf.errors import ContextError
from synergy.conf.model import Context, Settings
from synergy.conf.names import PROCESS_SUPERVISOR


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('name', metavar='NAME', help='a registered process, or Supervisor')


def _context_to_stop(settings: Settings, name: str) -> Context:
    """Return the context; of the Supervisor, whatever context.py has become meanwhile."""
    try:
        return load_context(settings, reads_sources=False)
    except ContextError:
        if name != PROCESS_SUPERVISOR:
            raise
        return built_in_context(settings)


def _run(options: Namespace) -> ExitCode:
    settings = bootstrap.load_settings()
    context = _context_to_stop(settings, options.name)
    with bootstrap.open_runtime(settings, context) as runtime:
        control = Control(runtime)
        entry = control.entry(options.name)
        supervisor = control.supervisor()
        if entry.name != PROCESS_SUPERVISOR and supervisor is not None:
            if not control.set_desired(entry, is_on=False):
                raise _too_slow(entry.name)
            print(f'{entry.name} stopped; it stays off until ./launch.py start {entry.name}')
            return ExitCode.OK
        running = (
            [supervisor]
            if entry.name == PROCESS_SUPERVISOR
            else [item.identity for item in control.instances(entry)]
        )
        found = [identity for identity in running if identity is not None]
        if not found:
            print(f'{entry.name} does not run; ./launch.py query shows what does')
            return ExitCode.FOUND
        for identity in found:
            if not control.stop(identity):
                raise _too_slow(f'{entry.name} with pid {identity.pid}')
    print(f'{entry.name} stopped')
    return ExitCode.OK


def _too_slow(what: str) -> CommandError:
    return CommandError(
        f'{what} has not ended yet; look with ./launch.py query, or raise stop_grace_seconds',
        ExitCode.UNAVAILABLE,
    )


COMMAND = CliCommand(
    name='stop',
    summary='Stop a process, or the Supervisor and with it everything; exit 1 when it does not '
    'run. A worker finishes or hands back what it works on.',
    example='stop Supervisor',
    add_arguments=_add_arguments,
    run=_run,
)
