"""`launch.py check` and `db --check` name a process whose level has changed under its old name."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from synergy.adapters.mongo.store import MongoStore
from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import SaveContext, SaveJob
from synergy.core.led_context import LedContext, LedProcess
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, parse
from synergy.ports.store import Store
from tests.cli.conftest import Said

Launch = Callable[..., Said]
CONTEXT = """
from synergy.conf.entries import managed_context_entry, timetable_tree_entry

process_context = {
    'Site': managed_context_entry(
        process_name='Site',
        classname='synergy.workers.shell.ShellCommand',
        token='site',
        time_qualifier='_daily',
        arguments={'command': 'true'},
    )
}
timetable_context = {
    'site': timetable_tree_entry(
        'site', ['Site'], start_timeperiod='2013010100', deadline='06:00 +1d'
    )
}
"""
SITE = ProcessName('Site')


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # A name of its own: the context.py of this checkout may have been imported by another test.
    (tmp_path / 'project').mkdir()
    (tmp_path / 'project' / 'levels_context.py').write_text(CONTEXT)
    monkeypatch.setenv('SYNERGY_PROJECT', str(tmp_path / 'project'))
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'levels_context')
    # Nor is that of the test before this one.
    monkeypatch.setitem(sys.modules, 'levels_context', ModuleType('levels_context'))
    monkeypatch.delitem(sys.modules, 'levels_context')
    return tmp_path


def fill(store: Store, qualifier: Qualifier, led: Qualifier | None) -> None:
    """Let the store have a history of one level, and remember one."""
    leadership = store.lead('one', timedelta(seconds=10))
    assert leadership is not None
    job = Job(
        process=SITE,
        timeperiod=parse(qualifier, '2013010100'),
        state=JobState.PROCESSED,
        rev=1,
        run=1,
        changed_at=SystemClock().now(),
    )
    store.commit(leadership, [SaveJob(job, 'done')])
    if led is not None:
        context = LedContext(rev=1, processes={SITE: LedProcess(qualifier=led)})
        store.commit(leadership, [SaveContext(context)])
    store.resign(leadership)
    store.close()


def sqlite(project: Path) -> Store:
    (project / 'home').mkdir(exist_ok=True)
    return SqliteStore.open(project / 'home' / 'store.db', clock=SystemClock())


@pytest.mark.parametrize('led', [None, Qualifier.HOURLY])
def test_a_changed_level_is_named_by_both_checks(
    launch: Launch, project: Path, led: Qualifier | None
) -> None:
    fill(sqlite(project), Qualifier.HOURLY, led)

    check, found = launch('check'), launch('db', '--check')
    as_json = json.loads(launch('check', '--json').out)

    assert check.code == 6
    assert 'Site is daily in context.py, but its history is hourly (1 row)' in check.out
    assert as_json['is_valid'] is False
    assert 'make Site hourly again' in as_json['problems'][0]
    (deadline,) = as_json['deadlines']
    assert (deadline['process'], deadline['deadline']) == ('Site', '06:00 +1d')
    assert found.code == 1
    assert 'Site is daily in context.py, but its history is hourly (1 row)' in found.out


@pytest.mark.parametrize('led', [None, Qualifier.DAILY])
def test_a_history_of_the_same_level_is_sound(
    launch: Launch, project: Path, led: Qualifier | None
) -> None:
    fill(sqlite(project), Qualifier.DAILY, led)

    assert launch('check').code == 0
    assert launch('db', '--check').code == 0


@pytest.mark.usefixtures('project')
def test_where_there_is_no_store_there_is_no_history(launch: Launch, tmp_path: Path) -> None:
    said = launch('check')

    assert said.code == 0
    # Of the last interval that is over.
    assert re.search(r'deadlines Site \d{8}00 by \S+ 06:00 UTC \(06:00 \+1d\)', said.out)
    assert not (tmp_path / 'home' / 'store.db').exists()


def test_a_store_that_cannot_be_read_is_said_and_the_context_is_judged(
    launch: Launch, project: Path
) -> None:
    (project / 'home').mkdir()
    (project / 'home' / 'store.db').write_text('this is not a database at all')

    said = launch('check')

    assert said.code == 0
    assert 'history not looked at: store' in said.out
    assert 'context   ok' in said.out


def test_a_mongodb_store_tells_it_as_well(
    launch: Launch, project: Path, mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SYNERGY_STORE_URI', mongo_uri)
    fill(MongoStore.open(mongo_uri), Qualifier.HOURLY, None)

    check, found = launch('check'), launch('db', '--check')

    assert check.code == 6
    assert 'its history is hourly (1 row)' in check.out
    assert found.code == 1
    assert 'its history is hourly (1 row)' in found.out
    assert project.exists()
