"""A row that does not belong there stops its process: all others go on, and everybody says so."""

from __future__ import annotations

import json
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pymongo
import pytest

from synergy.core.effects import InsertUnit
from synergy.core.records import Outcome, ProcessName, Unit, UnitEnd, UowId, uow_id_of
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from tests.system_harness import SystemHarness

LEASE = timedelta(seconds=5)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(('127.0.0.1', 0))
        return int(trial.getsockname()[1])


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def system(tmp_path: Path, pair: Mapping[str, str], port: int) -> Iterator[SystemHarness]:
    variables = {**pair, 'SYNERGY_MX_PORT': str(port)}
    with SystemHarness(tmp_path / 'home', 'tests.pipelines.governed', **variables) as running:
        yield running


def leave_stray(system: SystemHarness, key: JobKey) -> UowId:
    """Leave an ended unit under the id that the first run of a job is to have."""
    leadership = system.store.lead('somebody', LEASE)
    assert leadership is not None
    unit = Unit(
        id=uow_id_of(key, 1),
        process=key.process,
        timeperiod=key.timeperiod,
        start=key.timeperiod,
        end=key.timeperiod.shift(1),
        run=1,
        created_at=datetime.now(UTC),
    )
    system.store.commit(leadership, [InsertUnit(unit)])
    (claimed,) = system.store.claim([unit.id], 'somebody', LEASE)
    end = UnitEnd(uow_id=unit.id, fence=claimed.fence, outcome=Outcome.processed(1))
    assert system.store.finish([end]) == []
    system.store.resign(leadership)
    return unit.id


def remove(system: SystemHarness, uow_id: UowId) -> None:
    uri = system.environ.get('SYNERGY_STORE_URI')
    if uri is None:
        with sqlite3.connect(system.home / 'store.db') as connection:
            connection.execute('DELETE FROM unit_of_work WHERE id = ?', (uow_id,))
        return
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        units = client.get_default_database()['unit_of_work']
        assert units.delete_many({'process_name': 'OnceDaily'}).deleted_count == 1


def health(port: int) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/api/v1/health') as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, {}


def test_a_unit_that_collides_holds_up_nobody_else(system: SystemHarness, port: int) -> None:
    key = system.key('OnceDaily')
    uow_id = leave_stray(system, key)
    for name in ('Scheduler', 'OnceDaily', 'LiveDaily', 'Shell', 'MX'):
        system.start(name)
    today = containing_utc(Qualifier.DAILY, datetime.now(UTC))
    live = ProcessName('LiveDaily')

    assert system.wait_final(JobKey(live, today.shift(-1))) is JobState.PROCESSED
    ticking = ProcessName('Shell::ticking')
    system.wait_for(lambda: len(system.store.freerun_units(ticking, 9)) >= 3, 'three fires')
    system.wait_for(lambda: bool(health(port)[1].get('isolated')), 'an isolated process')

    status, found = health(port)
    assert (status, found['is_well']) == (503, False)
    assert 'Process OnceDaily is isolated since' in found['needs'][0]
    assert [item['name'] for item in found['isolated']] == ['OnceDaily']
    assert uow_id in found['isolated'][0]['reason']
    assert 'is isolated since' in system.launch('why', 'OnceDaily', '2026110100').stdout
    # While it is tried again it is not isolated.
    system.wait_for(
        lambda: 'OnceDaily is isolated' in system.launch('status').stdout.replace('\n', ' '),
        'a status that says so',
    )
    fires = len(system.store.freerun_units(ticking, 99))
    system.wait_for(lambda: len(system.store.freerun_units(ticking, 99)) > fires, 'more fires')

    remove(system, uow_id)
    assert system.wait_final(key) is JobState.SKIPPED  # It fails, as this process always does.
    system.wait_for(lambda: health(port)[1].get('isolated') == [], 'nobody isolated')
