"""`--at` on the command line, on the store of this machine and through a dashboard."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from tests.cli.test_remote import history as history
from tests.cli.test_remote import pages as pages
from tests.cli.test_remote import remote as remote
from tests.mx.dashboard_harness import DashboardHarness
from tests.mx.pasts import THEN, give_past

Launch = Callable[..., Said]


@pytest.fixture(params=['here', 'remote'])
def asked(
    request: pytest.FixtureRequest,
    pages: DashboardHarness,
    launch: Launch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Launch:
    """Return `launch` on a store with a past, or at a dashboard that has it."""
    give_past(pages)
    if request.param == 'remote':
        found: Launch = request.getfixturevalue('remote')
        return found
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.pages')
    monkeypatch.delenv('SYNERGY_END_TIMEPERIOD', raising=False)
    home = tmp_path / 'home'
    home.mkdir(exist_ok=True)
    pages.store.close()
    shutil.copy(tmp_path / 'served' / 'store.db', home / 'store.db')
    return launch


HOUR = ('SiteHourly', '2026112209')


def test_jobs_stand_as_they_stood(asked: Launch) -> None:
    then = THEN.replace('T', ' ')
    said = asked('job', *HOUR, '--at', then)
    assert said.out.startswith('As of 2026-11-23 11:32:00 UTC. Read-only. '), said.err
    assert 'held' not in said.out
    assert 'held' in asked('job', *HOUR, '--at', '2026-11-23 12:00').out

    found = json.loads(asked('jobs', 'SiteHourly', '--state', 'held', '--json', '--at', then).out)
    assert found == {'at': '2026-11-23T11:32:00Z', 'items': []}
    groups = json.loads(asked('jobs', '--by-error', '--json', '--at', '2026-11-23 12:00').out)
    assert groups['at'] == '2026-11-23T12:00:00Z'
    why = json.loads(asked('why', 'SiteDaily', '2026112200', '--json', '--at', then).out)
    assert all(cause['action'] is None for cause in why['items'])
    assert 'is held' not in json.dumps(why)
    lacks = [
        json.loads(asked('inputs', 'SiteDaily', '2026112200', '--json', '--at', at).out)['items']
        for at in (then, '2026-11-23 12:00')
    ]
    assert ['held' in item[0]['lacks'] for item in lacks] == [False, True]


def test_status_tells_how_the_system_stood(asked: Launch) -> None:
    said = asked('status', '--at', THEN)

    assert said.code == 0, said.err
    assert 'a Scheduler leads in term' in said.out
    assert json.loads(asked('status', '--json', '--at', THEN).out)['at'] == '2026-11-23T11:32:00Z'


@pytest.mark.parametrize(
    ('at', 'said', 'code'),
    [
        ('soon', 'cannot be read', 2),
        ('2096-01-01', 'is not past yet', 2),
        ('2020-01-01', 'history begins with 2026-11-23 11:17:00 UTC; give', 3),
    ],
)
def test_what_makes_no_sense_is_refused(asked: Launch, at: str, said: str, code: int) -> None:
    for command in (['status'], ['why', *HOUR]):
        found = asked(*command, '--at', at)
        assert (said in found.err, found.code, found.out) == (True, code, ''), found


def test_a_free_run_has_no_past_but_a_journal(asked: Launch) -> None:
    found = asked('why', 'Shell::sweep', '--at', THEN)

    assert found.code == 3
    assert './launch.py journal --process Shell::sweep tells what happened to it' in found.err
