"""`launch.py recut`: preview, confirmation, and what a Scheduler then makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from synergy.cli import local_asking
from synergy.core.timeperiod import Qualifier
from tests.cli.conftest import Said
from tests.cli.test_levels import fill, sqlite
from tests.cli.test_levels import project as project  # A context whose Site is daily.
from tests.cli.test_process import step

Launch = Callable[..., Said]
WHY = ('--reason', 'days will do')


@pytest.fixture(autouse=True)
def hourly(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_asking, 'ANSWER_SECONDS', 0.05)
    monkeypatch.setattr('sys.stdin', StringIO())  # Nobody is there to be asked.
    fill(sqlite(project), Qualifier.HOURLY, Qualifier.HOURLY)


def test_it_shows_all_of_it_and_does_it_once_that_is_agreed_to(launch: Launch) -> None:
    step()
    shown = launch('recut', 'Site', '2013-01-01', '--dry-run')
    document = json.loads(launch('recut', 'Site', '2013-01-01', '--dry-run', '--json').out)

    assert shown.code == 0
    assert 'Site is daily instead of hourly. 1 job of its history (1 processed)' in shown.out
    assert 'Its intervals begin at 2013010100: ' in shown.out
    assert document['jobs'] == {'processed': 1}
    assert 'left out' in launch('process').out

    asked = launch('recut', 'Site', '2013-01-01', '--yes', *WHY)
    for _ in range(4):
        step()
    assert asked.code == 0
    assert 'is requested' in asked.out
    again = launch('recut', 'Site', '2013-01-01', '--yes', *WHY)

    assert 'nothing to recut' in again.err
    assert again.code == 5
    assert 'begins at 2013010100 since' in launch('process').out
    assert launch('check').code == 0
    assert launch('verify').code == 0
    (item,) = [x for x in json.loads(launch('process', '--json').out) if x['process'] == 'Site']
    assert (item['left_out'], item['override']['start']) == (None, '2013010100')


def test_a_script_that_does_not_say_yes_is_shown_it_and_refused(launch: Launch) -> None:
    step()
    said = launch('recut', 'Site', '2013-01-01', *WHY)

    assert said.code == 2
    assert 'Its intervals begin at 2013010100' in said.out
    assert 'give --yes' in said.err


def test_without_a_reason_nothing_is_asked(launch: Launch) -> None:
    assert launch('recut', 'Site', '2013-01-01', '--yes').code == 2


def test_a_tree_is_recut_in_one_go(launch: Launch) -> None:
    step()
    tree = ('recut', '--tree', 'site', '2013-01-01')
    shown = launch(*tree, '--dry-run')
    document = json.loads(launch(*tree, '--dry-run', '--json').out)
    bare = launch(*tree, *WHY)
    asked = launch(*tree, '--yes', *WHY, '--name', 'days', '--json')
    again = launch(*tree, '--yes', *WHY, '--name', 'days', '--json')
    for _ in range(4):
        step()

    assert 'Site is daily instead of hourly. 1 job of its history (1 processed)' in shown.out
    assert [item['process'] for item in document['recuts']] == ['Site']
    assert bare.code == 2
    assert 'Its intervals begin at 2013010100' in bare.out
    (first,) = json.loads(asked.out)['requests']
    (second,) = json.loads(again.out)['requests']
    assert (first['id'], first['kind'], first['process']) == (second['id'], 'recut', 'Site')
    assert 'begins at 2013010100 since' in launch('process').out
    none = launch(*tree, '--yes', *WHY)
    assert (none.code, 'there is nothing to recut' in none.err) == (5, True)
    unknown = launch('recut', '--tree', 'sitte', '2013-01-01', '--dry-run')
    assert (unknown.code, "did you mean 'site'" in unknown.err) == (3, True)
    assert launch('recut', '--tree', 'site', 'nonsense', '--dry-run').code == 2
