"""One peer's week, and how it is taken: the processes that make it up, and their processor time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from synergy.core.structs import Struct

#: A Monday. The files of the peers say the same; they run where this one cannot be imported.
START: Final = datetime(2026, 1, 5, tzinfo=UTC)
DAYS_VARIABLE: Final = 'SYNERGY_INTERNAL_PEERS_DAYS'
SINGLE_RUN_VARIABLE: Final = 'SYNERGY_INTERNAL_PEERS_SINGLE_RUN'
_PATIENCE_SECONDS: Final = 1800.0
_LOOK_SECONDS: Final = 0.5
_STOP_SECONDS: Final = 30.0


class PeerFailed(Exception):
    """A peer did not do its week; the message has what it said last."""


class Week(Struct, frozen=True, kw_only=True):
    """What one way of running the week took.

    start_seconds: from the first process started to ready, None when it has no part to start;
    seconds: from everything due to everything succeeded; processor_seconds: what all processes,
    the database included, used of the cores in that time.
    """

    what: str
    start_seconds: float | None
    seconds: float
    processor_seconds: float


def interval_count(days: int) -> int:
    """Return how many jobs the week of `days` days has: its hours and its days."""
    return days * 25


class Processes:
    """The long-running processes of a peer; a context manager that ends them."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """folder: where they run and log; environ: all of theirs."""
        self._folder = folder
        self._environ = dict(environ)
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Processes:
        """Start nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End each, and what it started."""
        for child in reversed(self._children):
            child.send_signal(signal.SIGTERM)
        until = time.monotonic() + _STOP_SECONDS
        for child in self._children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, until - time.monotonic()))
            # Its group is its own: what is left of it is ours to end.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def start(self, name: str, *command: str) -> None:
        """Start one; its output goes to `name`.out."""
        with (self._folder / f'{name}.out').open('ab') as output:
            self._children.append(
                subprocess.Popen(
                    # The kernel ends it when the benchmark is killed.
                    ['setpriv', '--pdeathsig', 'TERM', *command],
                    cwd=self._folder,
                    env=self._environ,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    def run(self, *command: str) -> str:
        """Run one to its end; return what it printed; raise PeerFailed."""
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PeerFailed(f'{" ".join(command)}: {done.stdout[-1000:]}{done.stderr[-2000:]}')
        return done.stdout

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until `is_so`; raise PeerFailed when a process ends or patience does."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while not is_so():
            ended = [child for child in self._children if child.poll() is not None]
            if ended or time.monotonic() > until:
                raise PeerFailed(f'waited in vain until {what}:\n{self._last_words()}')
            time.sleep(_LOOK_SECONDS)

    def _last_words(self) -> str:
        files = sorted(self._folder.glob('*.out'))
        return '\n'.join(f'{file}:\n{file.read_text(errors="replace")[-2000:]}' for file in files)


def processor_seconds() -> float:
    """Return the processor time of all processes below this one, those that ended included.

    A process that ended counts through the parent that waited for it.
    """
    own = os.times()
    total = own.children_user + own.children_system
    for process in psutil.Process().children(recursive=True):
        try:
            spent = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system + spent.children_user + spent.children_system
    return total


def free_ports(count: int) -> Sequence[int]:
    """Return ports of loopback that nobody uses now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(('127.0.0.1', 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
