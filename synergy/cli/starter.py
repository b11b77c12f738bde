"""Become one process of the project: its title, log, pid file and code, by its registered name."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import daemon

from synergy import bootstrap, inherited, logs, private
from synergy.bootstrap import Runtime, die_with, open_runtime, show_as
from synergy.cli.command import ExitCode
from synergy.cli.numbers import whole
from synergy.conf.errors import ConfigurationError
from synergy.conf.locate import resolve
from synergy.conf.model import Context, DaemonEntry, Entry, Settings
from synergy.conf.names import PROCESS_MX, PROCESS_SCHEDULER, PROCESS_SUPERVISOR
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.output.capture import Output
from synergy.ports.errors import PortError
from synergy.supervisor import main as supervisor
from synergy.supervisor.loop import PARENT_VARIABLE
from synergy.supervisor.slots import instance_file
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
        settings, context = bootstrap.load()
    except ConfigurationError as error:
        sys.stderr.write(f'{error}\n')
        return ExitCode.MISCONFIGURED
    entry = _entry(context, options.process)
    if entry is None:
        known = list(context.entries)
        sys.stderr.write(
            f'process {options.process!r} is not registered{nearest(options.process, known)}; '
            './launch.py list shows all\n'
        )
        return ExitCode.UNKNOWN
    os.umask(settings.umask)
    try:
        narrowed = bootstrap.narrow(settings)
    except ConfigurationError as error:
        sys.stderr.write(f'{error}\n')
        return ExitCode.MISCONFIGURED
    detached = (
        # Detached whatever stdin is: python-daemon takes a socket there for inetd's.
        daemon.DaemonContext(
            working_directory=str(settings.project),
            umask=settings.umask,
            detach_process=True,
        )
        if options.daemon
        else nullcontext()
    )
    with detached:
        is_supervised = parent is not None
        return _run(settings, context, entry, narrowed, options, is_supervised=is_supervised)


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
    show_as(f'{settings.process_prefix}{entry.name}')
    file = instance_file(entry.log_file, instance)
    try:
        outlet = logs.set_up(
            title=entry.name if instance == 0 else f'{entry.name}.{instance}',
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
            runtime.processes.record(pid_file)
        try:
            return _code(runtime, entry, instance, output, is_supervised=is_supervised)
        except (PortError, supervisor.HomeInUse, private.NotPrivate) as error:
            logger.error('%s ended: %s', entry.name, error, extra={'event': 'ended'})
            return (
                ExitCode.CONFLICT
                if isinstance(error, supervisor.HomeInUse)
                else ExitCode.UNAVAILABLE
            )
        except Exception:  # The door of a process: whatever ended it must be in its log.
            logger.exception('%s ended', entry.name, extra={'event': 'ended'})
            return 1
        finally:
            output.close()
            if is_recorded:
                runtime.processes.forget(pid_file)


def _code(
    runtime: Runtime, entry: Entry, instance: int, output: Output, *, is_supervised: bool
) -> int:
    """Run the entry's code: a worker, a part of the product, or the user's own daemon."""
    if not isinstance(entry, DaemonEntry):
        return run_worker(
            settings=runtime.settings,
            entry=entry,
            instance=instance,
            open_store=runtime.open_store,
            open_broker=runtime.open_broker,
            clock=runtime.clock,
            recorder=output,
            is_supervised=is_supervised,
        )
    target = resolve(entry.classname)
    if entry.name in (PROCESS_SCHEDULER, PROCESS_SUPERVISOR, PROCESS_MX):
        return int(target(runtime))
    if isinstance(target, type):
        # As in Synergy 2.x: the class gets the process's name, and its method is called.
        method: Callable[[], object] = getattr(target(entry.name), entry.classname.split('.')[-1])
        method()
    else:
        target()
    return ExitCode.OK


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
