"""Shell commands as units: exit codes, output, no expansion, process groups, SSH to a real sshd."""

from __future__ import annotations

import getpass
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synergy.core.records import Unit, uow_id_of
from synergy.core.states import UnitState
from synergy.workers import Outcome, Uow
from synergy.workers.shell import CommandProblem, ShellWorker, command_of
from synergy.workers.uow import uow_of
from tests.builders import instant, key

HOUR = key('SiteHourly@2026112209')


def uow(arguments: dict[str, Any]) -> Uow:
    unit = Unit(
        id=uow_id_of(HOUR, 1),
        process=HOUR.process,
        timeperiod=HOUR.timeperiod,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(1),
        run=2,
        created_at=instant('2026112212'),
        arguments=arguments,
    )
    return uow_of(unit, None, None, lambda: False)


def run(command: object, **arguments: Any) -> Outcome:
    return ShellWorker('Shell').process_uow(uow({'command': command, **arguments}))


def test_output_goes_to_the_log_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        outcome = run(['sh', '-c', 'echo one; echo two >&2; printf three'])

    lines = {(record.levelname, record.getMessage()) for record in caplog.records}
    assert outcome.state is UnitState.PROCESSED
    assert lines == {('INFO', 'one'), ('WARNING', 'two'), ('INFO', 'three')}


def descriptors() -> set[str]:
    return set(os.listdir('/proc/self/fd'))  # noqa: PTH208 - numbers, not files


@pytest.mark.parametrize(
    'command',
    ['sleep 31 & echo done', '(setsid sleep 31 &) ; echo done', 'exec 1>&-; echo done >&2; exit 0'],
)
def test_who_holds_the_pipe_costs_neither_time_nor_threads(
    command: str, caplog: pytest.LogCaptureFixture
) -> None:
    held, threads = descriptors(), threading.enumerate()
    began = time.monotonic()

    with caplog.at_level(logging.INFO):
        outcome = run(command, shell=True)

    assert outcome.state is UnitState.PROCESSED
    assert [record.getMessage() for record in caplog.records] == ['done']
    assert time.monotonic() - began < 5
    assert (descriptors(), threading.enumerate()) == (held, threads)


def test_what_a_command_prints_is_cut_and_progress_costs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    script = (
        'import sys; sys.stdout.write("x" * 60_000_000 + "\\n"); '
        '[sys.stdout.write(f"{n}\\r") for n in range(20_000)]; print("\\x00 done")'
    )
    began = time.process_time()

    with caplog.at_level(logging.INFO):
        run([sys.executable, '-c', script])

    first, *progress, newest, last = [record.getMessage() for record in caplog.records]
    assert first.endswith('x... (60000001 bytes, cut)')
    assert len(progress) < 100
    assert (newest, last) == ('19999', '\x00 done')
    assert time.process_time() - began < 3


def test_output_without_end_is_read_as_fast_as_it_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    began = time.process_time()

    with caplog.at_level(logging.INFO):
        run(['sh', '-c', 'yes flood | head -n 1000000; printf last'])

    texts = [line for record in caplog.records for line in record.getMessage().splitlines()]
    assert len(texts) == 1_000_001
    assert texts[-1] == 'last'
    assert len(caplog.records) < 20_000
    assert time.process_time() - began < 10


def test_a_handler_that_raises_does_not_stop_a_command(caplog: pytest.LogCaptureFixture) -> None:
    class Raising(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError(record.getMessage())

    raising = Raising()
    logging.getLogger().addHandler(raising)
    try:
        with caplog.at_level(logging.INFO):
            outcome = run(['sh', '-c', 'yes x | head -c 200000'])
    finally:
        logging.getLogger().removeHandler(raising)

    assert outcome.state is UnitState.PROCESSED


@pytest.mark.parametrize(
    ('code', 'state'),
    [
        (0, UnitState.PROCESSED),
        (1, UnitState.INVALID),
        (77, UnitState.NOOP),
        (88, UnitState.CANCELED),
    ],
)
def test_exit_codes_mean_what_the_arguments_say(code: int, state: UnitState) -> None:
    outcome = run(['sh', '-c', f'exit {code}'], noop_codes=[77], cancelled_codes=[88])

    assert outcome.state is state
    if state is UnitState.INVALID:
        assert 'exit code 1' in str(outcome.error)


def test_nothing_is_expanded_unless_asked_for(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.INFO):
        run('echo $HOME `id` > x', folder=str(tmp_path))
        run('echo $SYNERGY_TIMEPERIOD', shell=True)

    messages = [record.getMessage() for record in caplog.records]
    assert messages == ['$HOME `id` > x', '2026112209']
    assert list(tmp_path.iterdir()) == []


def test_folder_and_environment_are_given(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with caplog.at_level(logging.INFO):
        run(
            'pwd; echo $COLOR $SYNERGY_RUN',
            shell=True,
            folder=str(tmp_path),
            environment={'COLOR': 'green'},
        )

    assert [record.getMessage() for record in caplog.records] == [str(tmp_path), 'green 2']


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        ({}, 'command is None'),
        ({'command': ''}, 'empty'),
        ({'command': 'echo "open'}, 'cannot be split'),
        ({'command': ['echo', 3]}, 'list of texts'),
        ({'comand': 'echo'}, "did you mean 'command'"),
        ({'command': 'x', 'noop_codes': [300]}, 'from 1 to 255'),
        ({'command': 'x', 'host': '-oProxyCommand=evil'}, 'host'),
        ({'command': ['x'], 'shell': True}, 'one text'),
    ],
)
def test_bad_arguments_are_refused_with_a_reason(arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(CommandProblem, match=expected):
        command_of(arguments)


def test_a_missing_program_or_folder_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no-such-program'):
        run('no-such-program')
    with pytest.raises(CommandProblem, match='does not exist'):
        run('true', folder=str(tmp_path / 'nowhere'))


class Stop(BaseException):
    """Raised out of the main thread, as the guard does."""


@pytest.fixture
def stop_soon() -> Iterator[None]:
    """Raise Stop in the main thread after a while."""

    def stop(*_: object) -> None:
        raise Stop

    before = signal.signal(signal.SIGUSR2, stop)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(1.0, lambda: signal.pthread_kill(main, signal.SIGUSR2))
    timer.start()
    yield
    timer.cancel()
    signal.signal(signal.SIGUSR2, before)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f'/proc/{pid}/stat').read_text().split()[2] != 'Z'


def wait_dead(pid: int) -> bool:
    until = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_alive(pid)


@pytest.mark.usefixtures('stop_soon')
def test_an_interrupted_run_takes_its_whole_process_group_with_it(tmp_path: Path) -> None:
    script = f'trap "" TERM; sleep 300 & echo $! > {tmp_path}/child; wait'

    with pytest.raises(Stop):
        run(script, shell=True)

    assert wait_dead(int((tmp_path / 'child').read_text()))


@pytest.fixture(scope='module')
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A real sshd on loopback, with a key of its own; yields arguments that lead to it."""
    server = shutil.which('sshd', path='/usr/sbin:/usr/bin')
    if server is None:
        pytest.skip('sshd is not installed; ./launch.py test installs it when run as root')
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


def test_a_command_runs_on_another_host(
    remote: dict[str, Any], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.INFO):
        outcome = run(
            ['sh', '-c', 'echo "$COLOR $SYNERGY_TIMEPERIOD $PWD $SSH_CONNECTION"; exit 3'],
            folder=str(tmp_path),
            environment={'COLOR': "it's green"},
            noop_codes=[3],
            **remote,
        )

    assert outcome.state is UnitState.NOOP
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == 'INFO']
    assert line.startswith(f"it's green 2026112209 {tmp_path} 127.0.0.1")


@pytest.mark.usefixtures('stop_soon')
def test_an_interrupted_run_is_killed_on_the_other_host(
    remote: dict[str, Any], tmp_path: Path
) -> None:
    script = f'sleep 300 & echo $! > {tmp_path}/child; wait'

    with pytest.raises(Stop):
        run(script, shell=True, **remote)

    assert wait_dead(int((tmp_path / 'child').read_text()))


def test_a_host_that_does_not_answer_fails_the_attempt(
    remote: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        outcome = run('true', **{**remote, 'port': 1})

    assert outcome.state is UnitState.INVALID
    assert 'exit code 255' in str(outcome.error)
    assert any('refused' in record.getMessage() for record in caplog.records)
