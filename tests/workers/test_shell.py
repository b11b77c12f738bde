"""Shell commands as units: exit codes, output, no expansion, process groups; test_ssh: over SSH."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synergy.core.records import Unit, uow_id_of
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.trace_ids import traceparent_of
from synergy.workers import Outcome, Uow
from synergy.workers.shell import CommandProblem, ShellWorker, command_of
from synergy.workers.uow import uow_of
from tests.builders import instant, key
from tests.workers.conftest import Stop

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


def test_a_command_is_told_the_span_of_its_attempt(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run(['printenv', 'TRACEPARENT'])

    assert [record.getMessage() for record in caplog.records] == [uow({}).traceparent]
    assert uow({}).traceparent == traceparent_of(uow_id_of(HOUR, 1), None, 1)
    asked = replace(uow({}), request_id='c1', attempt=2)
    assert asked.traceparent == traceparent_of(uow_id_of(HOUR, 1), 'c1', 2)


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
    assert time.monotonic() - began < 25
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


@pytest.mark.heavy
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
        ({'command': 'x', 'environment': ['A=1']}, 'an object of texts'),
        ({'command': 'x', 'environment': {'A=1; reboot #': 'x'}}, 'letters, digits and _'),
        ({'command': 'x', 'environment': {'1A': 'x'}}, 'letters, digits and _'),
        ({'command': 'x', 'environment': {'A\n': 'x'}}, 'letters, digits and _'),
        ({'command': 'x', 'environment': {'Ä': 'x'}}, 'letters, digits and _'),
        ({'command': 'x', 'environment': {'': 'x'}}, 'letters, digits and _'),
        ({'command': 'x', 'environment': {'A': 'x\0y'}}, 'variable A holds a NUL'),
        ({'command': ['x', 'a\0b']}, 'holds a NUL'),
        ({'command': 'x', 'folder': 'a\0b'}, 'holds a NUL'),
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


def test_an_interrupted_run_takes_its_whole_process_group_with_it(
    tmp_path: Path, stop_when: Callable[[Callable[[], bool]], None]
) -> None:
    child = tmp_path / 'child'
    script = f'trap "" TERM; sleep 300 & echo $! > {child}.new; mv {child}.new {child}; wait'
    stop_when(child.exists)

    with pytest.raises(Stop):
        run(script, shell=True)

    assert wait_dead(int(child.read_text()))


def test_no_line_of_output_steers(caplog: pytest.LogCaptureFixture) -> None:
    lines = ['synergy-process-group abc', 'synergy-process-group 1', 'k', '.']

    with caplog.at_level(logging.INFO):
        outcome = run(['printf', '%s\\n', *lines])

    assert outcome.state is UnitState.PROCESSED
    assert [record.getMessage() for record in caplog.records] == lines
