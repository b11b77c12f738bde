"""Secrets of arguments: user code has their values, and nothing that is kept or shown does."""

from __future__ import annotations

import base64
import json
import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import cast
from urllib.parse import quote

import pytest

from synergy.adapters.secrets.values import SecretValues
from synergy.conf.secret import secret
from synergy.core.redaction import redacted_text
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.output.concealed import Concealed
from synergy.output.lines import cut
from synergy.output.outlet import Outlet
from synergy.workers import Outcome, Uow
from synergy.workers.calling import Calling
from synergy.workers.code import Bounds, Code
from synergy.workers.handler import Handler
from synergy.workers.isolated import Isolation
from synergy.workers.run_log import Capture
from synergy.workers.shell import CommandProblem, ShellWorker
from synergy.workers.zones import Zones
from tests.builders import first_unit
from tests.depth import deep
from tests.workers.runner_harness import HOUR, NOW, Guard, RunnerHarness
from tests.workers.test_shell import uow

#: Signs that writers of JSON, addresses and Python write in another way.
CANARY = 'k4n"ary/\'ü %& w0rd'


def no_time() -> float:
    return 0.0


def tells(uow: Uow) -> None:
    """Tell it in every usual way, and fail with it."""
    value = uow.arguments['login']
    assert isinstance(value, dict)
    passwords = value['passwords']
    assert isinstance(passwords, list)
    password = passwords[0]
    assert password == CANARY
    logger = logging.getLogger('user')
    logger.warning('with %s', password)
    logger.warning('as %r or %s', uow.arguments, json.dumps(uow.arguments))
    logger.warning('at https://x/?p=%s', quote(password, safe=''))
    logger.warning('in %s', base64.b64encode(password.encode()).decode())
    raise ValueError(f'cannot log in with {password}') from RuntimeError(password)


def test_a_value_is_nowhere_but_in_user_code(tmp_path: Path) -> None:
    environment = {'DB': CANARY}
    arguments = {'login': {'user': 'anna', 'passwords': [secret('env:DB')]}, 'depth': 3}
    harness = RunnerHarness(
        tmp_path, tells, secret_of=SecretValues(environment, no_time), arguments=arguments
    )
    root = logging.getLogger()
    root.addHandler(harness.capture)
    try:
        [uow_id] = harness.request(1)
        assert harness.runner.step()
    finally:
        root.removeHandler(harness.capture)

    unit = harness.unit(uow_id)
    assert unit.attempt == 1
    assert unit.arguments == arguments
    lines = [line.text for line in harness.store.log(uow_id)]
    assert any('with •••' in line for line in lines)
    assert any('cannot log in with •••' in line for line in lines)
    assert unit.error == 'ValueError: cannot log in with •••'
    harness.store.close()
    kept = b''.join(file.read_bytes() for file in tmp_path.rglob('*') if file.is_file())
    assert b'cannot log in with' in kept
    forms = (CANARY, json.dumps(CANARY)[1:-1], quote(CANARY, safe=''), repr(CANARY)[1:-1])
    for form in (*forms, base64.b64encode(CANARY.encode()).decode()):
        assert form.encode() not in kept


def test_a_secret_is_looked_up_for_each_run(tmp_path: Path) -> None:
    environment = {'DB': 'first'}
    seen: list[object] = []

    def work(uow: Uow) -> None:
        seen.append(uow.arguments['password'])
        environment['DB'] = 'second'

    harness = RunnerHarness(
        tmp_path,
        work,
        secret_of=SecretValues(environment, no_time),
        arguments={'password': secret('env:DB')},
    )
    harness.request(2)

    while harness.runner.step():
        pass

    assert seen == ['first', 'second']


def test_a_secret_that_is_missing_fails_the_attempt(tmp_path: Path) -> None:
    called: list[Uow] = []
    harness = RunnerHarness(
        tmp_path,
        called.append,
        secret_of=SecretValues({}, no_time),
        arguments={'password': secret('env:DB')},
    )
    [uow_id] = harness.request(1)

    harness.runner.step()

    unit = harness.unit(uow_id)
    assert not called
    assert unit.state is UnitState.INVALID
    assert 'the secret env:DB cannot be had: the worker has no such variable' in str(unit.error)
    assert redacted_text(unit.error) == unit.error


def test_a_command_has_secrets_in_its_environment_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = uow({'command': ['printenv', 'PW'], 'environment': {'PW': 'hunter2'}})
    caplog.set_level(logging.INFO)

    ShellWorker('Shell').process_uow(replace(given, secret_arguments=frozenset({'environment'})))

    assert [record.getMessage() for record in caplog.records] == ['hunter2']
    with pytest.raises(CommandProblem, match='command holds a secret') as refused:
        ShellWorker('Shell').process_uow(replace(given, secret_arguments=frozenset({'command'})))
    assert 'hunter2' not in str(refused.value)


def test_random_values_never_get_through() -> None:
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    ways: list[Callable[[str], str]] = [str, repr, json.dumps, quote]
    for _ in range(deep(100)):
        concealed = Concealed()
        signs = 'ab1"\'\\/%&+= ü\n\u2028€'
        values = [''.join(rng.choices(signs, k=rng.randint(6, 20))) for _ in range(3)]
        concealed.add(values)
        for value in values:
            way = rng.choice(ways)
            told = way(value)
            shown = concealed.text(f'<<{told}>>')
            assert told.strip('"\'') not in shown, (seed, value, told, shown)
            assert value not in shown, (seed, value)


def test_a_child_is_forked_once_its_output_is_watched_for_the_value() -> None:
    capture = Capture()
    seen: list[str] = []

    class Forks:
        def call(self, work: Callable[[], Outcome], _bounds: Bounds) -> Outcome:
            seen.append(capture.concealed.text(f'<{CANARY}>'))
            return replace(work(), error=f'it said {CANARY}')

    def work(uow: Uow) -> None:
        seen.append(str(uow.arguments['pw']))

    code = Code(process=HOUR.process, handler=Handler(work), bounds=Bounds())
    values = SecretValues({'DB': CANARY}, no_time)
    calling = Calling(Guard(None), capture, cast('Isolation', Forks()), Zones(), values)

    outcome = calling.run(code, first_unit(HOUR, NOW, arguments={'pw': secret('env:DB')}))

    assert seen == ['<•••>', CANARY]
    assert outcome.error == 'it said •••'


def test_the_log_of_the_process_hides_values_too() -> None:
    kept: list[str] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record.getMessage())

    outlet = Outlet(Keeps())
    outlet.concealed.add([CANARY, 'two\nlines'])

    outlet.put('stdout', logging.INFO, [f'printed {CANARY}', 'lines'], None)
    outlet.emit(logging.LogRecord('x', logging.INFO, '', 0, 'logged %s', (CANARY,), None))

    assert kept == ['printed •••', '•••', 'logged •••']


def test_a_line_that_was_cut_within_a_value_does_not_begin_it() -> None:
    concealed = Concealed()
    concealed.add(['hunter2-' * 2_000, 'sesame-open'])
    for value in ('hunter2-' * 2_000, '.' * 7_965 + 'sesame-open' + '.' * 50):
        line = cut(value)
        assert line.endswith(' characters, cut)')
        shown = concealed.text(line)
        assert 'hunt' not in shown
        assert 'sesa' not in shown
        assert shown.endswith(' characters, cut)')
