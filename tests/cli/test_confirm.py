"""Questions before much is changed: asked at a terminal, not of a script."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from synergy.cli.commands import requests
from synergy.cli.interface import ChangeWanted
from synergy.cli.local import open_local
from synergy.cli.parsing import parser_of
from synergy.cli.registry import RECORD_BY_NAME
from synergy.core.commands import CommandKind, CommandState, Only
from synergy.operations.refusal import OperationRefused
from tests.cli.conftest import Said

Launch = Callable[..., Said]
MANY = ('skip', 'FlightHourly', '2013-01-01', '00', '--to', '2013-01-09')
FEW = ('skip', 'FlightHourly', '2013-01-01', '00', '--to', '2013-01-02')
QUESTION = 'skip 192 jobs, and 16 in consequence? [y/N] '


class Terminal(io.StringIO):
    """Standard input of somebody who types."""

    def isatty(self) -> bool:
        """Return that somebody is there."""
        return True


@pytest.fixture
def typing(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str | None, tuple[str, ...]], Said]:
    """Return a function that runs a command while somebody types; None: a script runs it."""
    monkeypatch.setenv('SYNERGY_END_TIMEPERIOD', '2013-01-20')
    assert launch('db', '--update').code == 0

    def run(typed: str | None, words: tuple[str, ...]) -> Said:
        stdin = io.StringIO('') if typed is None else Terminal(typed)
        monkeypatch.setattr('sys.stdin', stdin)
        return launch(*words)

    return run


Typing = Callable[[str | None, tuple[str, ...]], Said]


def kinds(typing: Typing) -> list[str]:
    return [item['kind'] for item in json.loads(typing(None, ('requests', '--json')).out)]


@pytest.mark.parametrize('answer', ['n\n', '\n', '', 'yesterday\n'])
def test_a_person_sees_the_plan_and_anything_but_yes_changes_nothing(
    typing: Typing, answer: str
) -> None:
    said = typing(answer, MANY)

    assert said.code == 1
    assert 'skip would touch 192 jobs' in said.out
    assert said.err.endswith(f'{QUESTION}nothing was changed\n')
    assert kinds(typing) == []


@pytest.mark.parametrize('answer', ['y\n', 'Yes\n'])
def test_a_yes_asks_for_what_was_shown(typing: Typing, answer: str) -> None:
    said = typing(answer, MANY)

    assert said.code == 0
    assert QUESTION in said.err
    assert kinds(typing) == ['skip']


def test_another_set_than_was_shown_is_refused(typing: Typing) -> None:
    wanted = ChangeWanted(
        kind=CommandKind.SKIP,
        process='FlightHourly',
        timeperiod='2013-01-01 00',
        only=Only.ALL,
        plan_hash='of another set',
    )

    with open_local() as ask, pytest.raises(OperationRefused, match='would touch another set now'):
        ask.change_jobs(wanted)

    assert kinds(typing) == []


def test_json_is_alone_on_standard_output(typing: Typing) -> None:
    said = typing('y\n', (*MANY, '--json'))

    assert json.loads(said.out)['kind'] == 'skip'
    assert 'skip would touch 192 jobs' in said.err


@pytest.mark.parametrize(
    ('typed', 'words'),
    [(None, MANY), ('n\n', (*MANY, '--yes')), ('n\n', FEW), ('n\n', (*FEW, '--name', 'once'))],
    ids=['a script', 'with --yes', 'few', 'few with a name'],
)
def test_nobody_is_asked(typing: Typing, typed: str | None, words: tuple[str, ...]) -> None:
    said = typing(typed, words)

    assert said.code == 0
    assert '[y/N]' not in said.err
    assert kinds(typing) == ['skip']


def test_what_touches_nothing_is_refused_without_a_question(typing: Typing) -> None:
    said = typing('y\n', ('cancel', *MANY[1:]))

    assert said.code == 3
    assert '[y/N]' not in said.err


def test_a_great_request_is_cancelled_after_a_question(
    typing: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(None, MANY)
    (asked,) = json.loads(typing(None, ('requests', '--json')).out)
    request = asked['id']
    assert asked['state'] in requests.OPEN_STATES
    monkeypatch.setattr('synergy.cli.confirm.UNASKED_MAX', -1)

    refused = typing('n\n', ('requests', 'cancel', request))
    assert refused.code == 1
    assert f'cancel skip {request} of FlightHourly' in refused.err
    assert typing('y\n', ('requests', 'cancel', request)).code == 0
    assert sorted(kinds(typing)) == ['abandon', 'skip']


def test_open_requests_are_those_that_can_be_cancelled() -> None:
    assert CommandState.DONE.value not in requests.OPEN_STATES


@pytest.mark.parametrize(
    'name', ['reprocess', 'skip', 'cancel', 'mark-done', 'requests', 'dead', 'freerun']
)
def test_every_command_that_changes_many_takes_yes(name: str) -> None:
    text = parser_of(RECORD_BY_NAME[name]).format_help()

    assert '--yes' in text
    assert 'more than 100 are asked about' in ' '.join(text.split())


@pytest.mark.parametrize(
    'words', [('dead', 'drop', '--all'), ('freerun', 'cancel', 'Nobody::here')]
)
def test_many_dead_letters_or_runs_are_asked_about(
    typing: Typing, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr('synergy.cli.confirm.UNASKED_MAX', -1)

    said = typing('n\n', words)

    assert said.code == 1
    assert said.err.endswith('[y/N] nothing was changed\n')
