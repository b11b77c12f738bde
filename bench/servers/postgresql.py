"""A real PostgreSQL on loopback: started in a second or two, gone without a trace.

Data, log and socket lie in a folder of its own, on a free port. PostgreSQL refuses to run as root;
started by root it runs as the user `postgres`, whom Debian's package makes. It dies with the
process that started it. Everything that concerns durability stays as PostgreSQL ships it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

#: Debian keeps each major version in a folder of its own, outside of PATH.
_DEBIAN: Final = Path('/usr/lib/postgresql')
_START_SECONDS_MAX: Final = 60.0
_USER: Final = 'peers'


class PostgresServerError(Exception):
    """The server could not be started, or refused a statement; the message says what it said."""


def binaries() -> Path | None:
    """Return the folder of the newest initdb; None when PostgreSQL is not installed."""
    found = sorted(_DEBIAN.glob('*/bin/initdb'), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which('initdb')
    return Path(on_path).resolve().parent if on_path else None


class PostgresServer:
    """One server; a context manager."""

    def __init__(self) -> None:
        """Choose a port; start nothing."""
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port: int = probe.getsockname()[1]
        self._folder = Path(tempfile.mkdtemp(prefix='synergy-postgresql-'))
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PostgresServer:
        """Start it; what was begun is gone when that fails."""
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def database(self, name: str) -> str:
        """Make a database; return where it is, without a scheme: `user@host:port/name`."""
        self.ask('postgres', f'CREATE DATABASE {name}')
        return f'{_USER}@127.0.0.1:{self.port}/{name}'

    def ask(self, database: str, statement: str) -> Sequence[Sequence[str]]:
        """Run one statement; return its rows, all values as text."""
        done = subprocess.run(
            [
                str(_found() / 'psql'), '-h', '127.0.0.1', '-p', str(self.port), '-U', _USER,
                '-d', database, '-XAtq', '-F', '\t', '-c', statement,
            ],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise PostgresServerError(f'{statement}: {done.stderr.strip()}')
        return [line.split('\t') for line in done.stdout.splitlines()]

    def close(self) -> None:
        """End it and remove its folder; safe to call twice."""
        if self._child is not None:
            # A fast shutdown. Source: PostgreSQL docs, Shutting Down the Server.
            self._child.send_signal(signal.SIGINT)
            try:
                self._child.wait(30)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._child = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        programs, data = _found(), self._folder / 'data'
        if os.geteuid() == 0:
            shutil.chown(self._folder, 'postgres', 'postgres')
        made = subprocess.run(
            _as_user(
                str(programs / 'initdb'), '-D', str(data), '-U', _USER, '-A', 'trust',
                '-E', 'UTF8', '--locale=C.UTF-8',
            ),
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if made.returncode != 0:
            raise PostgresServerError(f'initdb: {made.stderr.strip()}')
        log = self._folder / 'log'
        with log.open('ab') as output:
            self._child = subprocess.Popen(
                # The kernel ends it when the process that started it dies.
                _as_user(
                    '--pdeathsig', 'QUIT', str(programs / 'postgres'), '-D', str(data),
                    '-p', str(self.port), '-c', 'listen_addresses=127.0.0.1',
                    '-c', f'unix_socket_directories={self._folder}', '-c', 'max_connections=200',
                ),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )  # fmt: skip
        give_up_at = time.monotonic() + _START_SECONDS_MAX
        while True:
            try:
                self.ask('postgres', 'SELECT 1')
            except PostgresServerError as error:
                if self._child.poll() is not None or time.monotonic() > give_up_at:
                    words = log.read_text(errors='replace')[-2000:]
                    raise PostgresServerError(f'PostgreSQL did not start:\n{words}') from error
                time.sleep(0.1)
            else:
                return


def _found() -> Path:
    programs = binaries()
    if programs is None:
        raise PostgresServerError('PostgreSQL is not installed; apt-get install postgresql')
    return programs


def _as_user(*command: str) -> list[str]:
    """Return the command under setpriv, as the user `postgres` when we are root."""
    if os.geteuid() != 0:
        return ['setpriv', *command]
    return ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups', *command]
