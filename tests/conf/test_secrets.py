"""References to secrets in a context: all that is wrong is told together, and none is resolved."""

from __future__ import annotations

from pathlib import Path

import pytest

from synergy.conf import secret as conf_secret
from synergy.core.records import ProcessName
from synergy.core.redaction import redacted
from synergy.core.secret_references import is_reference, problem_of
from tests.conf.test_context import load, problems

RUN = "dict(token='s', trigger_frequency='every 60')"
TREE = "timetable_context = {'a': timetable_tree_entry('a', ['A'])}\n"


def test_a_context_holds_references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('CANARY', 'hunter2')
    context = load(
        tmp_path,
        "process_context = [hourly('A', arguments={'db': {'password': secret('env:CANARY')}}),"
        "freerun_context_entry('Shell', 'x', classname='synergy.workers.shell.ShellWorker',"
        "arguments={'command': ['backup'], 'environment': {'PW': secret('file:/run/x')}},"
        f'**{RUN})]\n{TREE}',
    )
    arguments = context.managed[ProcessName('A')].process.arguments
    assert arguments == {'db': {'password': {'@secret': 'env:CANARY'}}}
    assert 'hunter2' not in repr(context)
    # It is shown, for it is not a secret; a value that stands there by mistake is not.
    assert redacted(arguments) == arguments
    assert 'hunter2' not in str(redacted({'password': {'@secret': 'hunter2'}}))
    assert 'hunter2' not in str(redacted({'x': {'@secret': 'hunter2'}}))


def test_everything_wrong_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf_secret, 'find_spec', lambda _: None)
    told = problems(
        tmp_path,
        "process_context = [hourly('A', arguments={'a': secret('hunter2'), 'b': secret('env:'),"
        "'c': [secret('file:run/x')], 'd': secret('vault:secret/db'), 'e': secret(7),"
        "'f': {'@secret': 'env:A', 'g': 1}, 'h': secret('vault:secret/db#key')}),"
        "freerun_context_entry('Shell', 'x', classname='synergy.workers.shell.ShellWorker',"
        f"arguments={{'command': ['mysql', secret('env:PW')]}}, **{RUN}),"
        "daemon_context_entry('D', classname='workers.x.D', token='d',"
        f"arguments={{'k': secret('env:K')}})]\n{TREE}",
    )
    for part in (
        'arguments.a: a secret must say where it is',
        'arguments.b: env: needs the name',
        'arguments.c.0: file: needs an absolute path',
        'arguments.d: vault: needs a mount',
        'arguments.e: a secret is named by a text',
        'arguments.f: a secret is named by a text',
        'arguments.h: vault: needs the library hvac',
        'python -m pip install "synergy-scheduler[vault]"',
        'arguments.command.1: a command line is seen by every user',
        'arguments.k: a daemon reads secrets itself',
    ):
        assert part in told
    assert 'hunter2' not in told


@pytest.mark.parametrize(
    'reference',
    ['env:A b', 'env:1', 'file:/a/../b', 'file:/', 'vault:db#k', 'vault:a//b#k', 'vault:a/../b#k',
     'vault:a/b?x=1#k', 'vault:a/b#', 'vault:a/b#k#l', 'aws:x', 'env:A\n', '', None, 'x' * 2_000],
)  # fmt: skip
def test_malformed_references_are_refused(reference: object) -> None:
    assert problem_of(reference) is not None
    assert not is_reference({'@secret': reference})
