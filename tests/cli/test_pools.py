"""`launch.py pools`, on the store of this machine and through a dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from synergy.cli import local_asking as cli_local
from synergy.core.commands import CommandKind, CommandState
from tests.cli.conftest import Said
from tests.cli.test_remote import history as history
from tests.cli.test_remote import pages as pages
from tests.cli.test_remote import remote as remote
from tests.mx.dashboard_harness import DashboardHarness

Launch = Callable[..., Said]


@pytest.fixture
def here(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Return `launch` on a store of its own, whose context has a pool."""
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.pages')
    monkeypatch.delenv('SYNERGY_END_TIMEPERIOD')
    monkeypatch.setattr(cli_local, 'ANSWER_SECONDS', 0.0)
    assert launch('db', '--update').code == 0
    return launch


def test_pools_are_listed_and_resized_here(here: Launch) -> None:
    assert 'warehouse' in here('pools').out
    (found,) = json.loads(here('pools', 'ls', 'warehouse', '--json').out)
    assert (found['slots'], found['per_minute'], found['used']) == (4, 600, 0)

    said = here('pools', 'set', 'warehouse', '--slots', '2', '--reason', 'backup', '--json')

    assert json.loads(said.out)['details'] == {'slots': 2}
    assert json.loads(said.out)['reason'] == 'backup'


def test_pools_are_listed_and_resized_through_a_dashboard(
    remote: Launch, pages: DashboardHarness
) -> None:
    assert 'SiteHourly (1)' in remote('pools').out

    remote('pools', 'set', 'warehouse', '--slots', '2', '--per-minute', 'unlimited')

    (command,) = pages.store.commands((CommandState.REQUESTED,), 9)
    assert command.kind is CommandKind.POOL_SAVE
    assert dict(command.details) == {'slots': 2, 'per_minute': 0}


@pytest.mark.parametrize(
    ('words', 'code', 'told'),
    [
        (['set'], 2, 'give the pool'),
        (['set', 'warehouse'], 2, 'give --slots N or --per-minute N'),
        (['set', 'warehouse', '--slots', '0'], 2, 'give a whole number from 1'),
        (['set', 'warehouse', '--slots', 'many'], 2, 'or default'),
        (['set', 'warehouse', '--per-minute', '-1'], 2, 'unlimited or default'),
        (['set', 'warehous', '--slots', '1'], 3, 'did you mean'),
        (['ls', 'warehous'], 3, 'did you mean'),
        (['ls', '--slots', '1'], 2, 'are of pools set NAME'),
    ],
)
def test_mistakes_are_told(here: Launch, words: list[str], code: int, told: str) -> None:
    said = here('pools', *words)

    assert (said.code, told in said.err) == (code, True), said


def test_without_pools_that_is_said(launch: Launch) -> None:
    assert launch('db', '--update').code == 0

    said = launch('pools')

    assert (said.code, said.out) == (0, '')
    assert 'there are no pools; define them in pool_context' in said.err


def test_check_tells_who_takes_of_a_pool(here: Launch) -> None:
    told = 'warehouse: 4 slots, 600 starts a minute for Shell::sweep, SiteHourly'

    assert told in here('check').out


def asked_twice(ask: Launch) -> list[str]:
    """Ask for changes twice each, by names; return the ids of what was asked for."""
    changes = (
        ('freeze', '--until', '+2 hours', '--reason', 'r', '--name', 'night'),
        ('pools', 'set', 'warehouse', '--slots', '2', '--name', 'fewer'),
        ('process', 'catch-up', 'SiteHourly', 'none', '--name', 'caught'),
    )
    said = [json.loads(ask(*words, '--json').out) for words in changes for _ in range(2)]
    return [item['id'] for item in said]


def test_asking_again_by_the_same_name_does_nothing_here(here: Launch) -> None:
    assert asked_twice(here) == ['night', 'night', 'fewer', 'fewer', 'caught', 'caught']
    said = here('process', 'off', 'SiteDaily', '--name', 'night')
    assert said.code != 0
    assert 'under this name something else was asked for' in said.err


def test_asking_again_by_the_same_name_does_nothing_through_a_dashboard(
    remote: Launch, pages: DashboardHarness
) -> None:
    ids = asked_twice(remote)

    assert ids[::2] == ids[1::2]
    kinds = [command.kind for command in pages.store.commands((CommandState.REQUESTED,), 9)]
    assert sorted(kinds) == [CommandKind.FREEZE, CommandKind.POOL_SAVE, CommandKind.PROCESS_SAVE]
