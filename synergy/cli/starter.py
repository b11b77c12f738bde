"""Become one process of the project: its title, log, pid file and code, by its registered name."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

from synergy import bootstrap, inherited, logs, private
from synergy.bootstrap import Runtime, die_with, open_runtime, show_as
from synergy.cli.numbers import whole
from synergy.conf.built_in import is_watch
from synergy.conf.errors import ConfigurationError
from synergy.conf.group_words import grouped_text
from synergy.conf.locate import resolve
from synergy.conf.model import Context, DaemonEntry, Entry, Settings
from synergy.conf.names import PROCESS_MX, PROCESS_SCHEDULER, PROCESS_SUPERVISOR
from synergy.core.exit_codes import ExitCode
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.doors import starter_command
from synergy.output.capture import Output
from synergy.ports.errors import PortError
from synergy.supervisor import main as supervisor
from synergy.supervisor.leftovers import Leftovers
from synergy.supervisor.loop import PARENT_VARIABLE
from synergy.supervisor.slots import instance_file, slot_name
from synergy.workers.forks import children_end_here
from synergy.workers.main import run_worker

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Run the process named in `arguments` until it ends; return its exit code."""
    inherited.settle_in_background()
    parser = argparse.ArgumentParser(
        prog='process_starter', description='Start one process of this project by its name.'
    )
    parser.add_argument('process', help='name of the process, as registered in context.py')
    parser.add_argument(
        '--instance', type=whole(0, 100_000), default=0, help='number among its instances'
    )
    parser.add_argument('--console', action='store_true', help='log to the terminal, too')
    parser.add_argument('--daemon', action='store_true', help='detach and run in the background')
    options = parser.parse_args(arguments)
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is not None and not die_with(int(parent)):
        return ExitCode.UNAVAILABLE
    try:
        settings, context = bootstrap.load(reads_sources=False)
    except ConfigurationError as error:
        sys.stderr.write(f'{error}\n')
        return ExitCode.MISCONFIGURED
    entry = _entry(context, options.process)
    if entry is None:
        known = list(context.entries)
        text = f'process {options.process!r} is not registered{nearest(options.process, known)}; '
        own = grouped_text(context, options.process)
        sys.stderr.write(f'{own or text + "./launch.py list shows all"}\n')
        return ExitCode.UNKNOWN
    os.umask(settings.umask)
    try:
        narrowed = bootstrap.narrow(settings)
    except ConfigurationError as error:
        sys.stderr.write(f'{error}\n')
        return ExitCode.MISCONFIGURED
    with _detached(settings) if options.daemon else nullcontext():
        is_supervised = parent is not None
        code = _run(settings, context, entry, narrowed, options, is_supervised=is_supervised)
        if code == ExitCode.RESTART:
            _end_and_restart(entry, options.instance, parent, is_console=options.console)
        return code


def _detached(settings: Settings) -> AbstractContextManager[object]:
    # Only here: it reads the metadata of packages, which most processes would do for nothing.
    import daemon

    # Detached whatever stdin is: python-daemon takes a socket there for inetd's.
    context: AbstractContextManager[object] = daemon.DaemonContext(
        working_directory=str(settings.project), umask=settings.umask, detach_process=True
    )
    return context


def _entry(context: Context, name: str) -> Entry | None:
    return context.entries.get(ProcessName(name))


def _run(
    settings: Settings,
    context: Context,
    entry: Entry,
    narrowed: Sequence[str],
    options: Namespace,
    *,
    is_supervised: bool,
) -> int:
    instance: int = options.instance
    slot = slot_name(entry.name, instance)
    show_as(f'{settings.process_prefix}{entry.name}')
    file = instance_file(entry.log_file, instance)
    try:
        outlet = logs.set_up(
            title=slot,
            level=settings.log_level,
            file=file,
            bytes_max=settings.log_file_bytes_max,
            count=settings.log_file_count,
            is_console=options.console,
        )
    except OSError as error:
        sys.stderr.write(
            f'log {file} cannot be written ({error.strerror}); check rights and room there, or set '
            'log_directory\n'
        )
        return ExitCode.MISCONFIGURED
    logs.tell_narrowed(narrowed)
    output = Output(outlet, bootstrap.clock().monotonic)
    if not isinstance(entry, DaemonEntry):
        output.take_descriptors()
    if entry.name == PROCESS_SUPERVISOR:
        settings = supervisor.patient(settings)
    with open_runtime(settings, context) as runtime:
        # The Supervisor records itself, under the lock of its home.
        pid_file = instance_file(entry.pid_file, instance)
        is_recorded = entry.name != PROCESS_SUPERVISOR
        if is_recorded:
            if not is_supervised:
                _end_leftovers(runtime, slot, pid_file)
            runtime.processes.record(pid_file)
            runtime = replace(runtime, tell_up=partial(runtime.processes.record_up, pid_file))
        try:
            return _code(runtime, entry, instance, output)
        except (PortError, supervisor.HomeInUse, private.NotPrivate) as error:
            logger.error('%s ended: %s', entry.name, error, extra={'event': 'ended'})
            return (
                ExitCode.CONFLICT
                if isinstance(error, supervisor.HomeInUse)
                else ExitCode.UNAVAILABLE
            )
        except Exception:  # The door of a process: whatever ended it must be in its log.
            logger.exception('%s ended', entry.name, extra={'event': 'ended'})
            return ExitCode.FAULT
        finally:
            output.close()
            if is_recorded:
                runtime.processes.forget(pid_file)


def _end_and_restart(
    entry: Entry, instance: int, parent: str | None, *, is_console: bool
) -> NoReturn:
    """End at once, or become a new one where no Supervisor starts it.

    At once: threads that wait for processes which were ended could hold this one up for ever.
    """
    logging.shutdown()
    if parent is None:
        command = starter_command(entry.name, instance, *(('--console',) if is_console else ()))
        os.execv(command[0], command)
    os._exit(ExitCode.RESTART)


def _end_leftovers(runtime: Runtime, slot: str, pid_file: Path) -> None:
    """End what a process that ran here without a Supervisor, and died, has left running."""
    settings = runtime.settings
    running = runtime.processes.recorded(pid_file)
    with suppress(FileNotFoundError):  # No home yet.
        leftovers = Leftovers(runtime.descendants, settings.home, settings.uow_lease)
        leftovers.end_marked([] if running is None else [running], slot)


def _code(runtime: Runtime, entry: Entry, instance: int, output: Output) -> int:
    """Run the entry's code: a worker, a part of the product, or the user's own daemon."""
    if not isinstance(entry, DaemonEntry):
        served = runtime.context.served.get(entry.name, {})
        return run_worker(
            settings=runtime.settings,
            entry=entry,
            served=served,
            instance=instance,
            open_both=runtime.open_both,
            open_store=runtime.open_store,
            clock=runtime.clock,
            descendants=runtime.descendants,
            recorder=output,
            tell_up=runtime.tell_up,
            calendars=runtime.context.calendars_of(*served),
            holds=runtime.context.holds(),
            secret_of=bootstrap.secret_values(runtime),
        )
    target = resolve(entry.classname)
    if entry.name in (PROCESS_SCHEDULER, PROCESS_SUPERVISOR, PROCESS_MX) or is_watch(entry):
        return int(target(runtime))
    with children_end_here():
        _run_daemon(entry, target, runtime.tell_up)
    return ExitCode.OK


def _run_daemon(
    entry: DaemonEntry, target: Callable[..., object], tell_up: Callable[[], None]
) -> None:
    """Call the user's own daemon, until it returns."""
    if isinstance(target, type):
        # As in Synergy 2.x: the class gets the process's name, and its method is called.
        method: Callable[[], object] = getattr(target(entry.name), entry.classname.split('.')[-1])
        tell_up()
        method()
    else:
        tell_up()
        target()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
