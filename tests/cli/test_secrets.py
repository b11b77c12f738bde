"""No command line prints a password: not of a mistyped URI, and not of what the store has."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Said

Launch = Callable[..., Said]


@pytest.mark.parametrize('command', [('check', '--servers'), ('status',), ('verify',), ('db',)])
@pytest.mark.parametrize(
    'uri',
    [
        'mongodb:/anna:hunter2@127.0.0.1:1/x',
        'mongodb//anna:hunter2@127.0.0.1:1/x',
        'anna:hunter2@127.0.0.1:1/x',
        'mongo://anna:hunter2@127.0.0.1:1/x',
        'mongodb://anna:hunter2@127.0.0.1:x1/x',
        'mongodb://anna:hunter2/5@127.0.0.1:1/x',
        'mongodb://anna:hunter2@5@127.0.0.1:1/x',
        'mongodb://anna:hunter2%zz@127.0.0.1:1/x',
        'mongodb://anna:[hunter2@127.0.0.1:1/x',
        'mongodb://anna:hunter2@127.0.0.1:1,127.0.0.1:2/x?password=hunter2&w=hunter2',
        'mongodb+srv://anna:hunter2@127.0.0.1:1/x',
        'sqlite:/anna:hunter2@127.0.0.1/x',
        'postgresql://anna:hunter2@127.0.0.1:1/x',
    ],
)
def test_a_mistyped_store_uri_keeps_its_password(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, uri: str, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv('SYNERGY_STORE_URI', uri)
    monkeypatch.setenv('SYNERGY_STORE_BUSY_SECONDS_MAX', '0.2')

    said = launch(*command)

    assert 'hunter2' not in said.out + said.err
    assert said.code != 0


@pytest.mark.parametrize(
    'uri', ['amqp:/anna:hunter2@127.0.0.1:1', 'amqps://anna:hunter2@127.0.0.1:x', 'anna:hunter2@h']
)
def test_a_mistyped_broker_uri_keeps_its_password(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv('SYNERGY_BROKER_URI', uri)

    for command in (('check', '--servers'), ('check', '--json', '--servers'), ('mq', 'ls')):
        said = launch(*command)

        assert 'hunter2' not in said.out + said.err


def test_json_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    from synergy.cli.console import print_json

    print_json({'arguments': {'password': 'hunter2', 'command': 'mysql -phunter2'}, 'run': 3})

    out = capsys.readouterr().out
    assert 'hunter2' not in out
    assert json.loads(out)['run'] == 3
