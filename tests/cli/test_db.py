"""`launch.py db` on a file: what is there, bringing it up to date, emptying it."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite import schema
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.records import Leadership
from tests.builders import index_rows
from tests.cli.conftest import Said
from tests.contract.rows import start

Launch = Callable[..., Said]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    opened = SqliteStore.open(tmp_path / 'home' / 'store.db', clock=SystemClock())
    start(opened)
    resign(opened)
    return opened


def resign(store: SqliteStore) -> Leadership:
    leadership = store.leadership()
    assert leadership is not None
    store.resign(leadership)
    return leadership


def test_a_check_of_nothing_makes_nothing(launch: Launch, tmp_path: Path) -> None:
    said = launch('db', '--check')

    assert said.code == 1
    assert 'the file does not exist yet' in said.out
    assert not (tmp_path / 'home' / 'store.db').exists()


@pytest.mark.usefixtures('store')
def test_a_store_that_is_up_to_date_is_said_to_be(launch: Launch) -> None:
    said = launch('db')
    found = json.loads(launch('db', '--check', '--json').out)

    assert said.code == 0
    assert 'up to date' in said.out
    assert '1 in unit_of_work' in found['found']
    assert found['changes'] == []


def test_an_older_store_is_updated_once(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / 'home').mkdir()
    database = sqlite3.connect(tmp_path / 'home' / 'store.db')
    for statement in schema.MIGRATIONS[0].split(';'):
        database.execute(statement)
    database.execute('PRAGMA user_version = 1')
    database.close()

    before = launch('db', '--check')
    updated = launch('db', '--update')

    assert before.code == 1
    assert f'schema version becomes {len(schema.MIGRATIONS)}' in before.out
    assert updated.code == 0, updated
    assert launch('db', '--check').code == 0


def test_a_reset_asks_first(
    launch: Launch, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('sys.stdin', io.StringIO('no\n'))
    assert launch('db', '--reset').code == 1
    assert len(index_rows(store)) == 1

    monkeypatch.setattr('sys.stdin', io.StringIO('reset\n'))
    assert launch('db', '--reset').code == 0

    found = json.loads(launch('db', '--json').out)
    assert '0 in job' in found['found']


def test_a_store_that_somebody_leads_is_neither_reset_nor_updated(
    launch: Launch, store: SqliteStore
) -> None:
    assert store.lead('box:4711', timedelta(seconds=60)) is not None

    for action in ('--reset', '--update'):
        said = launch('db', action, '--yes')

        assert said.code == 5
        assert 'box:4711 leads' in said.err
    assert len(index_rows(store)) == 1


def test_what_is_no_database_is_said(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / 'home').mkdir()
    (tmp_path / 'home' / 'store.db').write_text('a shopping list' * 1000)

    said = launch('db')

    assert said.code == 4
    assert 'restore it from a backup' in said.err


def test_a_mongodb_store_is_checked_updated_and_reset(
    launch: Launch, mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SYNERGY_STORE_URI', mongo_uri)

    empty = launch('db', '--check')
    updated = launch('db', '--update')

    assert (empty.code, updated.code) == (1, 0)
    assert 'is empty' in empty.out
    assert 'unique index of job_hourly on process_name, timeperiod was created' in updated.out
    assert launch('db', '--check').code == 0
    assert launch('db', '--reset', '--yes').code == 0
    assert launch('jobs').code == 0
