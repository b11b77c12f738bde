"""A real sshd on loopback, for commands on another host; and somebody who interrupts a run."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


class Stop(BaseException):
    """Raised out of the main thread, as the guard does."""


def is_waiting(thread: int) -> bool:
    """Tell whether a thread waits for a process; it may still be in the middle of starting one."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code is subprocess.Popen.wait.__code__:
            return True
        frame = frame.f_back
    return False


@pytest.fixture
def stop_when() -> Iterator[Callable[[Callable[[], bool]], None]]:
    """Raise Stop in the main thread, which waits for a process, as soon as something is so."""

    def stop(*_: object) -> None:
        raise Stop

    before = signal.signal(signal.SIGUSR2, stop)
    main = threading.main_thread().ident
    assert main is not None
    is_over = threading.Event()
    threads: list[threading.Thread] = []

    def watch(is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + 20
        while not (is_so() and is_waiting(main)) and time.monotonic() < until:
            if is_over.wait(0.02):
                return
        signal.pthread_kill(main, signal.SIGUSR2)

    def stop_when(is_so: Callable[[], bool]) -> None:
        threads.append(threading.Thread(target=watch, args=(is_so,)))
        threads[-1].start()

    yield stop_when
    is_over.set()
    for thread in threads:
        thread.join()
    signal.signal(signal.SIGUSR2, before)


@pytest.fixture(scope='session')
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A real sshd on loopback, with a key of its own; yields arguments that lead to it."""
    server = shutil.which('sshd', path='/usr/sbin:/usr/bin')
    assert server is not None, 'no sshd; ./launch.py test installs it where it may (apt-get)'
    folder = tmp_path_factory.mktemp('ssh')
    for name in ('host', 'user'):
        subprocess.run(
            ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(folder / name)], check=True
        )
    (folder / 'authorized').write_bytes((folder / 'user.pub').read_bytes())
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    (folder / 'config').write_text(
        f'Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n'
        f'AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n'
        f'PidFile {folder}/pid\n'
    )
    Path('/run/sshd').mkdir(exist_ok=True)
    with subprocess.Popen(
        [server, '-D', '-e', '-f', str(folder / 'config')], stderr=subprocess.DEVNULL
    ) as daemon:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', port)) == 0:
                    break
            time.sleep(0.05)
        yield {'port': port, 'key': folder / 'user', 'known': folder / 'known'}
        daemon.terminate()


@pytest.fixture
def remote(sshd: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Arguments that run a command over SSH, with a client that knows the test's key."""
    client = tmp_path / 'bin' / 'ssh'
    client.parent.mkdir()
    client.write_text(
        f'#!/bin/sh\nexec {shutil.which("ssh")} -F none -i {sshd["key"]} '
        f'-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={sshd["known"]} "$@"\n'
    )
    client.chmod(0o755)
    monkeypatch.setenv('PATH', f'{client.parent}:{os.environ["PATH"]}')
    return {'host': f'{getpass.getuser()}@127.0.0.1', 'port': sshd['port']}
