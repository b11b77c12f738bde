"""Commands on another host end with what they were started for, whatever ends that; a real sshd."""

from __future__ import annotations

import logging
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from synergy.core.states import JobState, UnitState
from synergy.workers import ssh
from tests.system_harness import SystemHarness, kill
from tests.workers.conftest import Stop
from tests.workers.test_shell import run

#: Ignores SIGTERM, and so does its child in a session of its own.
STUBBORN = (
    "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 444 & wait' & "
    'sleep 444 & touch {folder}/began; wait'
)

#: Shells that may be `sh` over there: two that every machine has, and others where they are here.
SHELLS = (
    'dash',
    'bash',
    *(name for name in ('busybox', 'ksh', 'mksh', 'zsh') if shutil.which(name) is not None),
)


@pytest.fixture
def token() -> Iterator[str]:
    """Yield a value that what a test starts there has in its environment; fail if any is left."""
    value = secrets.token_hex(8)
    yield value
    left = carrying(value)
    for process in left:
        process.kill()
    assert left == []


def carrying(value: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if value in process.environ().values() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def wait_for(is_so: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(0.02)
    return is_so()


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


def test_a_host_that_does_not_answer_fails_the_attempt(
    remote: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        outcome = run('true', **{**remote, 'port': 1})

    assert outcome.state is UnitState.INVALID
    assert 'exit code 255' in str(outcome.error)
    assert any('refused' in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    'value',
    ["it's", '$(reboot)', '`id`', 'two\nlines', ' "x" \\', 'ä \u20ac', '', '!!', 'a' * 100_000],
)
def test_values_arrive_as_they_are(remote: dict[str, Any], tmp_path: Path, value: str) -> None:
    words = ['sh', '-c', 'printf %s "$VALUE" > "$1"', 'sh', str(tmp_path / "it's here")]

    outcome = run(words, environment={'VALUE': value}, **remote)

    assert outcome.state is UnitState.PROCESSED
    assert (tmp_path / "it's here").read_text() == value


def test_values_are_on_no_command_line(
    remote: dict[str, Any],
    tmp_path: Path,
    token: str,
    stop_when: Callable[[Callable[[], bool]], None],
) -> None:
    seen: list[str] = []

    def look() -> bool:
        for process in psutil.process_iter():
            try:
                seen.extend(word for word in process.cmdline() if token in word)
            except (psutil.Error, OSError):
                continue
        return (tmp_path / 'began').exists()

    stop_when(look)
    with pytest.raises(Stop):
        run(f'touch {tmp_path}/began; sleep 444', shell=True, environment={'T': token}, **remote)

    assert seen == []


def test_no_line_of_output_steers_over_ssh(
    remote: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        outcome = run('echo synergy-process-group 1; echo k; echo . >&2', shell=True, **remote)

    assert outcome.state is UnitState.PROCESSED
    messages = {record.getMessage() for record in caplog.records}
    assert messages >= {'synergy-process-group 1', 'k', '.'}


@pytest.mark.parametrize(('end', 'expected'), [('exit 7', 7), ('kill -KILL $$', 137)])
def test_the_exit_code_is_that_of_the_command(
    remote: dict[str, Any], end: str, expected: int
) -> None:
    assert f'exit code {expected}' in str(run(end, shell=True, **remote).error)


def test_an_interrupted_run_is_ended_on_the_other_host(
    remote: dict[str, Any],
    tmp_path: Path,
    token: str,
    stop_when: Callable[[Callable[[], bool]], None],
) -> None:
    stop_when((tmp_path / 'began').exists)

    with pytest.raises(Stop):
        run(STUBBORN.format(folder=tmp_path), shell=True, environment={'T': token}, **remote)

    assert carrying(token) == []


def test_what_a_command_leaves_there_is_ended_and_named(
    remote: dict[str, Any], token: str, caplog: pytest.LogCaptureFixture
) -> None:
    script = f'{STUBBORN.format(folder="/tmp").partition("touch")[0]} exit 5'

    with caplog.at_level(logging.INFO):
        outcome = run(script, shell=True, environment={'T': token}, **remote)

    assert 'exit code 5' in str(outcome.error)
    assert carrying(token) == []
    (said,) = [item.getMessage() for item in caplog.records if 'has left' in item.getMessage()]
    assert 'sleep (pid' in said


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_a_client_that_is_killed_or_silent_ends_the_command(
    remote: dict[str, Any],
    tmp_path: Path,
    token: str,
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ssh, '_SILENCE_SECONDS', 2)
    monkeypatch.setattr(ssh, '_BEAT_SECONDS', 0.3)
    script = ssh.script_of(
        ['sh', '-c', STUBBORN.format(folder=tmp_path)], str(tmp_path), {'T': token}
    )
    words = ssh.client_words(remote['host'], remote['port'])
    client = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert client.stdin is not None
    lifeline = ssh.Lifeline(client.stdin, script)
    assert wait_for((tmp_path / 'began').exists)
    # For longer than the silence that is allowed, it lives on signs of life.
    assert not wait_for(lambda: carrying(token) == [], 4)

    client.send_signal(number)

    assert wait_for(lambda: carrying(token) == [])
    client.kill()
    client.wait()
    lifeline.close()


@pytest.mark.parametrize('shell', SHELLS)
def test_any_shell_may_be_the_one_over_there(tmp_path: Path, token: str, shell: str) -> None:
    program = shutil.which(shell)
    assert program is not None, f'{shell} is not installed'
    login = [program, 'sh'] if shell == 'busybox' else [program]
    folder = tmp_path / 'bin'
    folder.mkdir()
    (folder / 'sh').symlink_to(program)
    door = ssh.client_words('host', None)[-1].replace('/bin/sh', str(folder / 'sh'))

    for way in ('at once', 'with a grace'):
        script = ssh.script_of(
            ['/bin/sh', '-c', STUBBORN.format(folder=tmp_path)],
            str(tmp_path),
            {'T': token},
        )
        with subprocess.Popen([*login, '-c', door], stdin=subprocess.PIPE) as started:
            assert started.stdin is not None
            lifeline = ssh.Lifeline(started.stdin, script)
            assert wait_for((tmp_path / 'began').exists)
            lifeline.let_go(at_once=way == 'at once')
            assert started.wait(20) == 137
            lifeline.close()
        (tmp_path / 'began').unlink()


@pytest.mark.parametrize('way', ['kill', 'stop'])
def test_a_worker_that_ends_takes_its_command_on_the_other_host_along(
    remote: dict[str, Any], tmp_path: Path, token: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f'{remote["host"]} {remote["port"]} {token} {tmp_path / "home"}'
    monkeypatch.setenv('SYNERGY_TEST_REMOTE', said)
    with SystemHarness(tmp_path / 'home', 'tests.pipelines.remote') as system:
        system.start('Scheduler')
        worker = system.start('RemoteDaily')
        system.wait_for((system.home / 'began').exists, 'the start')

        if way == 'kill':
            kill(worker)
        else:
            worker.terminate()
            assert worker.wait(20) == 0
            assert carrying(token) == []
        system.wait_for(lambda: carrying(token) == [], 'the end of the command')

        system.tell('go')
        system.start('RemoteDaily')
        assert system.wait_final(system.key('RemoteDaily')) is JobState.PROCESSED
