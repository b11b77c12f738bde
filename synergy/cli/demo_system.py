"""The system that a demo runs: a home of its own, and a Supervisor that is kept alive."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from synergy import bootstrap, private
from synergy.bootstrap import PROJECT, Runtime
from synergy.cli.browser import open_browser
from synergy.cli.command import CommandError, ExitCode
from synergy.cli.console import console
from synergy.conf.dashboard import address_of
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.doors import PROJECT_VARIABLE, starter_command
from synergy.mx.web.address import free_port
from synergy.ports.processes import ProcessIdentity
from synergy.supervisor.loop import PARENT_VARIABLE
from synergy.supervisor.main import pid_file_of

_MARKER: Final = 'this-home-belongs-to-launch.py-demo'
LOOK_SECONDS: Final = 0.25
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


def hint(*examples: str) -> str:
    """Return how to look at this demo from another terminal: with its variables, then examples."""
    names = ('SYNERGY_HOME', 'SYNERGY_CONTEXT_MODULE', 'SYNERGY_END_TIMEPERIOD')
    variables = ' '.join(f'{name}={os.environ[name]}' for name in names if name in os.environ)
    lines = [f'  {variables} ./launch.py {example}' for example in examples]
    return '\n'.join(['look around from another terminal, as in', *lines])


def lead_to(home: Path) -> None:
    """Lead this process and all that it starts to the demo's home."""
    for name in _FOREIGN_VARIABLES:
        os.environ.pop(name, None)
    os.environ['SYNERGY_HOME'] = str(home)
    os.environ[PROJECT_VARIABLE] = str(PROJECT)
    # Another dashboard may have the usual port.
    os.environ['SYNERGY_MX_PORT'] = str(free_port(bootstrap.load_settings()))


@contextmanager
def claimed_home(runtime: Runtime, home: Path) -> Iterator[None]:
    """Empty the demo's home, and be its only demo for a block.

    Raises CommandError when it is anybody else's or in use.
    """
    if home.exists() and any(home.iterdir()) and not (home / _MARKER).exists():
        raise CommandError(
            f'{home} is not empty and was not made by a demo; choose another --home',
            ExitCode.CONFLICT,
        )
    try:
        private.make_folder(home)
        folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _unmade(home, error) from error
    try:
        # Held from before there is a Supervisor until after it: loading takes its time.
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _in_use(runtime, home) from error
        if runtime.processes.recorded(pid_file_of(runtime.settings)) is not None:
            raise _in_use(runtime, home)
        try:
            _empty(home)
            private.write_text(home / _MARKER, 'Emptied whenever a demo starts.\n')
        except OSError as error:
            raise _unmade(home, error) from error
        yield
    finally:
        os.close(folder)


def _empty(home: Path) -> None:
    """Remove what is in a home; the folder itself stays, for it is locked."""
    for item in home.iterdir():
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        elif item.name != _MARKER:
            item.unlink()


def _in_use(runtime: Runtime, home: Path) -> CommandError:
    running = runtime.processes.recorded(pid_file_of(runtime.settings))
    if running is None:
        how = 'end it with Ctrl-C'
    else:
        how = (
            f'end it with Ctrl-C, or its Supervisor (pid {running.pid}) with SYNERGY_HOME={home} '
            './launch.py stop Supervisor'
        )
    return CommandError(
        f'a demo runs already in {home}; {how}, or choose another --home', ExitCode.CONFLICT
    )


def _unmade(home: Path, error: OSError) -> CommandError:
    return CommandError(
        f'home {home} cannot be made ({error.strerror}); choose another --home',
        ExitCode.UNAVAILABLE,
    )


class DemoSystem:
    """The Supervisor of the demo, started again when it dies."""

    def __init__(self, runtime: Runtime) -> None:
        """Start nothing yet."""
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
        private.make_folder(settings.log_directory)
        self._identity = processes.spawn(
            starter_command(PROCESS_SUPERVISOR, 0),
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
def running_system(runtime: Runtime) -> Iterator[DemoSystem]:
    """Yield the system of a demo, and say where its dashboard is; stop it when the block ends."""
    system = DemoSystem(runtime)
    console().print(f'dashboard {address_of(runtime.settings)}')
    try:
        yield system
    finally:
        system.stop()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does: in order."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def stay_up(runtime: Runtime, system: DemoSystem, *examples: str) -> None:
    """Keep the system up until Ctrl-C. examples: what one might look at meanwhile."""
    out = console()
    open_browser(runtime.settings)
    out.print(f'\nthe system stays up until Ctrl-C; {hint(*examples)}')
    try:
        while True:
            system.keep_alive()
            runtime.clock.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        out.print('stopping')
