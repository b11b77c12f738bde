"""Starting works whatever the caller hands down: descriptors, signals, folder, limits."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from synergy.bootstrap import PROJECT
from synergy.ports.processes import Processes, ProcessIdentity
from tests.system_harness import SystemHarness

CONTEXT = 'tests.pipelines.unstartable'
LAUNCH = [sys.executable, '-m', 'synergy.cli']
SECONDS = 60


@pytest.fixture
def system(tmp_path: Path) -> Iterator[SystemHarness]:
    with SystemHarness(tmp_path / 'home', CONTEXT) as running:
        try:
            yield running
        finally:
            end(running)


def is_gone(processes: Processes, identity: ProcessIdentity) -> bool:
    return not processes.is_alive(identity)


def end(system: SystemHarness) -> None:
    """Stop what was started, the Supervisor first."""
    processes = system.runtime.processes
    for pid_file in sorted((system.home / 'run').glob('*.pid'), reverse=True):
        identity = processes.recorded(pid_file)
        if identity is not None:
            processes.terminate(identity)
            system.wait_for(partial(is_gone, processes, identity), 'its end')


def started(
    system: SystemHarness, *, before: Callable[[], object] | None = None, **options: Any
) -> int:
    """Start a Scheduler as a caller of that kind does; return the pid of what runs then."""
    settings: dict[str, Any] = {'env': system.environ, 'cwd': PROJECT, **options}
    if 'stdout' not in settings and before is None:
        settings |= {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT}
    child = subprocess.Popen([*LAUNCH, 'start', 'Scheduler'], preexec_fn=before, **settings)
    said, _ = child.communicate(timeout=SECONDS)
    assert child.returncode == 0, said
    return pid_of(system, 'Scheduler')


def pid_of(system: SystemHarness, process: str) -> int:
    entry = next(item for item in system.context.entries.values() if item.name == process)
    identity = system.runtime.processes.recorded(entry.pid_file)
    assert identity is not None, system.logs()
    return identity.pid


def opened(pid: int) -> dict[int, str]:
    """Return where the descriptors of a process lead."""
    folder = Path(f'/proc/{pid}/fd')
    return {int(item.name): str(item.readlink()) for item in folder.iterdir()}


def signals(pid: int, what: str) -> int:
    """Return a set of signals of a process. what: SigBlk, SigIgn or SigCgt."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1], 16)


def has(mask: int, number: signal.Signals) -> bool:
    return bool(mask >> (number - 1) & 1)


def assert_detached(pid: int) -> None:
    """Assert that nothing of the caller is held."""
    found = opened(pid)
    assert [found[number] for number in (0, 1, 2)] == ['/dev/null'] * 3
    assert not [place for place in found.values() if place.startswith('socket')]
    assert os.getsid(pid) != os.getsid(0)
    assert psutil.Process(pid).terminal() is None


def test_stdin_may_be_a_socket(system: SystemHarness) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert_detached(started(system, stdin=theirs))


def test_stdin_may_be_a_pipe_that_stays_open(system: SystemHarness) -> None:
    reading, writing = os.pipe()
    try:
        pid = started(system, stdin=reading)
        assert_detached(pid)
        assert f'pipe:[{os.fstat(reading).st_ino}]' not in opened(pid).values()
    finally:
        os.close(reading)
        os.close(writing)


def test_whoever_reads_the_output_to_its_end_gets_there(system: SystemHarness) -> None:
    done = subprocess.run(
        f'"{sys.executable}" -m synergy.cli start Scheduler 2>&1 | cat',
        shell=True, env=system.environ, cwd=PROJECT, capture_output=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip

    assert b'Scheduler started with pid' in done.stdout
    assert_detached(pid_of(system, 'Scheduler'))


@pytest.mark.parametrize('closed', ['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])
def test_standard_streams_may_be_closed(system: SystemHarness, closed: str) -> None:
    command = f'exec "{sys.executable}" -m synergy.cli start Scheduler {closed}'

    done = subprocess.run(
        ['bash', '-c', command], env=system.environ, cwd=PROJECT, timeout=SECONDS, check=False
    )

    assert done.returncode == 0
    assert_detached(pid_of(system, 'Scheduler'))


def test_further_descriptors_of_the_caller_are_not_kept(
    system: SystemHarness, tmp_path: Path
) -> None:
    secret = os.open(tmp_path / 'secret', os.O_CREAT | os.O_RDWR)
    kept = os.dup2(secret, 77)
    try:
        pid = started(system, pass_fds=[kept])
    finally:
        os.close(secret)
        os.close(kept)

    assert str(tmp_path / 'secret') not in opened(pid).values()


def test_signals_that_the_caller_ignores_or_blocks_are_minded(system: SystemHarness) -> None:
    def rude() -> None:
        for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(
            signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2, signal.SIGCHLD, signal.SIGALRM}
        )

    pid = started(system, before=rude, stdin=subprocess.DEVNULL)

    assert signals(pid, 'SigBlk') == 0
    ignored = signals(pid, 'SigIgn')
    minded = (signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
    assert not [number for number in minded if has(ignored, number)]
    assert system.launch('stop', 'Scheduler').returncode == 0


def test_a_failure_is_no_success_where_the_caller_ignores_its_children(
    system: SystemHarness,
) -> None:
    def rude() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    environ = {**system.environ, 'SYNERGY_CONTEXT_MODULE': 'no_such_module'}
    command = f'trap "" CHLD; exec "{sys.executable}" -m synergy.cli start Scheduler'
    done = subprocess.run(
        ['bash', '-c', command], env=environ, cwd=PROJECT, preexec_fn=rude, check=False
    )

    assert done.returncode == 6


@pytest.mark.parametrize('mask', [0, 0o777])
def test_any_umask_will_do(system: SystemHarness, mask: int) -> None:
    pid = started(system, before=partial(os.umask, mask))

    assert_private(system.home)
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    assert next(line for line in lines if line.startswith('Umask')).split()[1] == '0077'


def assert_private(home: Path) -> None:
    for path in (home, *home.rglob('*')):
        if path.name != 'journal' and not path.is_symlink():
            assert path.stat().st_mode & 0o077 == 0, path


def test_cron_hands_down_hardly_any_environment(system: SystemHarness) -> None:
    kept = {name: text for name, text in system.environ.items() if name.startswith('SYNERGY_')}

    assert_detached(started(system, env=kept))


def test_the_current_folder_may_be_gone(system: SystemHarness, tmp_path: Path) -> None:
    folder = tmp_path / 'gone'
    folder.mkdir()
    environ = {**system.environ, 'SYNERGY_PROJECT': str(PROJECT), 'PYTHONPATH': str(PROJECT)}
    command = f'rmdir "{folder}"; exec "{sys.executable}" "{PROJECT}/launch.py" start Scheduler'

    done = subprocess.run(
        ['bash', '-c', command], env=environ, cwd=folder, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert_detached(pid_of(system, 'Scheduler'))


@pytest.mark.parametrize('limit', [64, 1024 * 1024], ids=['few', 'as many as may be'])
def test_few_or_very_many_descriptors_are_allowed(system: SystemHarness, limit: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)

    pid = started(system, before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard)))

    soft, _ = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    assert soft >= min(1024, limit) if limit > 1024 else soft == 1024


def test_a_caller_that_is_gone_changes_nothing(system: SystemHarness) -> None:
    # A terminal that hangs up, a login that ends: its whole session is killed.
    done = subprocess.run(
        ['setsid', 'bash', '-c', f'"{sys.executable}" -m synergy.cli start Scheduler; kill -9 0'],
        env=system.environ, cwd=PROJECT, check=False, timeout=SECONDS,
    )  # fmt: skip

    assert done.returncode == -signal.SIGKILL
    assert psutil.pid_exists(pid_of(system, 'Scheduler'))


def test_workers_of_the_supervisor_hold_nothing_of_its_caller(system: SystemHarness) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = subprocess.run(
            [*LAUNCH, 'start', 'Supervisor'], env=system.environ, cwd=PROJECT,
            stdin=theirs.fileno(), capture_output=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        # One worker of this context cannot start, and is named; the others are up.
        assert child.returncode == 1
        assert child.stderr.startswith(b'UnstartableDaily on box dev does not start'), child.stderr
        system.wait_for(
            lambda: 'began 2026110100 attempt 1 fence 1' in system.journal(), 'the first run'
        )

        for name in ('Supervisor', 'Scheduler', 'PatientDaily'):
            found = opened(pid_of(system, name))
            assert found[0] == '/dev/null'
            assert f'socket:[{os.fstat(theirs.fileno()).st_ino}]' not in found.values()
        system.tell('go')
