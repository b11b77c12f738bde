"""The Supervisor as a process, in the background or, for `launch.py up`, in the foreground."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from synergy import __version__, private
from synergy.conf.model import Context, Settings
from synergy.conf.names import PROCESS_SUPERVISOR, SUPERVISOR_PID_FILE
from synergy.core.exit_codes import ExitCode
from synergy.core.records import Box
from synergy.core.structs import replace
from synergy.core.supervision import Policy
from synergy.ports.clock import Clock
from synergy.ports.processes import Descendants, Processes
from synergy.ports.store import Store
from synergy.supervisor.leftovers import Leftovers
from synergy.supervisor.loop import Supervisor
from synergy.supervisor.presence import Presence
from synergy.supervisor.slots import slots_of

logger = logging.getLogger(__name__)

#: Beyond the grace of a worker: time to end the processes of its run, to hand its unit back and to
#: end.
_STOP_MARGIN: Final = timedelta(seconds=10)
_STORE_SECONDS_MAX: Final = 5.0


class HomeInUse(Exception):
    """Another Supervisor runs on this home."""


class SupervisorRuntime(Protocol):
    """What the Supervisor is started with."""

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        ...

    @property
    def context(self) -> Context:
        """Return the context."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        ...

    @property
    def processes(self) -> Processes:
        """Return the processes of this box."""
        ...

    @property
    def descendants(self) -> Descendants:
        """Return what this process has started."""
        ...

    def open_store(self) -> Store:
        """Return a connection to the store."""
        ...


def start(runtime: SupervisorRuntime, *, is_console: bool = False) -> int:
    """Supervise until SIGTERM or SIGINT; return the exit code.

    Raises HomeInUse when another Supervisor runs on this home.
    """
    settings = runtime.settings
    with home_lock(settings, runtime.processes):
        # Missing folders or an unusable store are said now, before anything is started.
        runtime.open_store().close()
        supervisor = Supervisor(
            slots_of(settings, runtime.context, is_console=is_console),
            presence=Presence(
                Box(
                    box_id=settings.box_id,
                    host=socket.gethostname(),
                    home=str(settings.home),
                    pid=os.getpid(),
                    version=__version__,
                ),
                settings.box_vanished,
            ),
            policy=Policy(
                restart_delay=settings.restart_delay,
                restart_delay_max=settings.restart_delay_max,
                quick_exit=settings.quick_exit,
                quick_exit_count_max=settings.quick_exit_count_max,
                stop_grace=settings.stop_grace + _STOP_MARGIN,
            ),
            processes=runtime.processes,
            open_store=runtime.open_store,
            clock=runtime.clock,
            leftovers=Leftovers(runtime.descendants, settings.home, settings.uow_lease),
        )
        logger.info('Supervisor started on box %s', settings.box_id, extra={'event': 'started'})
        _loop(supervisor)
        supervisor.leave()
        logger.info('Supervisor stopped', extra={'event': 'stopped'})
    return ExitCode.OK


def patient(settings: Settings) -> Settings:
    """Return the settings for a Supervisor: it does not wait long for a store that is away.

    While it waits, nothing is restarted or stopped, and it can do without the store.
    """
    seconds = min(settings.store_busy_seconds_max, _STORE_SECONDS_MAX)
    return replace(settings, store_busy_seconds_max=seconds)


@contextmanager
def home_lock(settings: Settings, processes: Processes) -> Iterator[None]:
    """Be the only Supervisor of this home for a block; raise HomeInUse, naming the other."""
    folder = settings.pid_directory
    private.make_folder(folder)
    # Whoever may open it may lock it, and so keep the Supervisor from starting.
    lock = private.open_file(folder / 'supervisor.lock', os.O_RDWR)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(_in_use(settings, os.pread(lock, 32, 0).decode().strip())) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f'{os.getpid()}\n'.encode(), 0)
        pid_file = pid_file_of(settings)
        processes.record(pid_file)
        try:
            yield
        finally:
            processes.forget(pid_file)
    finally:
        os.close(lock)


def pid_file_of(settings: Settings) -> Path:
    """Return the pid file of this home's Supervisor."""
    return settings.pid_directory / SUPERVISOR_PID_FILE


def _in_use(settings: Settings, pid: str) -> str:
    return (
        f'home {settings.home} is in use by the {PROCESS_SUPERVISOR} with pid {pid or "?"}; '
        f'stop it with ./launch.py stop {PROCESS_SUPERVISOR}, or choose another SYNERGY_HOME'
    )


def _loop(supervisor: Supervisor) -> None:
    """Step whenever a child ends, a signal comes, or time says so."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    stop_count = 0

    def on_stop(*_: object) -> None:
        nonlocal stop_count
        stop_count += 1
        supervisor.stop()
        if stop_count > 1:
            supervisor.kill()

    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGINT, on_stop)
    signal.signal(signal.SIGHUP, lambda *_: supervisor.ring())
    # A handler that does nothing, so that the signal ends the wait below.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    waiting = select.poll()
    waiting.register(reading, select.POLLIN)
    try:
        while not supervisor.is_done:
            seconds = supervisor.step()
            if supervisor.is_done:
                break
            waiting.poll(max(seconds, 0.0) * 1000)
            try:
                os.read(reading, 4096)
            except BlockingIOError:
                continue
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)
