"""Rows that are plainly right are told of in brief, all others as other readers tell of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymongo
import pytest

from synergy.adapters.mongo.store import MongoStore
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.hierarchy import build
from synergy.core.invariants import EndedJob, check
from synergy.core.records import CommandId, Job, Unit, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.ports.store import Store
from synergy.view.whole import all_jobs
from tests.builders import first_unit, key, process, tree
from tests.contract.test_illegal_rows import (
    DAY,
    ENTRY,
    NOW,
    Vault,
    _mongo_vault,
    _sqlite_vault,
)
from tests.core.invariants_one_by_one import check_one_by_one

HIERARCHY = build(
    [process('SiteHourly'), process('AlertDaily')],
    [tree('site', ['SiteHourly']), tree('alert', ['AlertDaily'])],
)
#: As many as are broken before one look; each look takes as long as breaking ten.
KEYS = [key(f'SiteHourly@20261122{hour:02}') for hour in range(15)] + [key('AlertDaily@2026112200')]
STAMP = JobKey(ENTRY, containing_utc(Qualifier.REAL_TIME, NOW))
#: Beside what breaks any field: what breaks those of jobs and units alone, or only seems to.
MORE: list[Any] = [
    'state_processed', 'state_requested', 'state_dead', '_daily', '_monthly', '2026022900',
    '2028022900', '2026113100', '2026112224', '2026112223', '20261122', '2026112200 ', '1969123123',
    '3000010100', '0026112200', '{}', '{"a": 1}', '2026112\x0000', 'größer', 'a\0b', 0, 1, 2**50,
    2**53, None, 'x' * 1001,
    2, 3, 4, 5, 6, 7, 2026022900, 2026113100, 2026112224, 2026112223, 1969123123, 3000010100, 3.0,
]  # fmt: skip


def job_of(where: JobKey) -> Job:
    return Job(
        process=where.process,
        timeperiod=where.timeperiod,
        state=JobState.PROCESSED,
        rev=1,
        run=1,
        uow_id=uow_id_of(where, 1),
        request_id=CommandId('r1'),
        changed_at=NOW,
    )


def unit_of(where: JobKey, **fields: Any) -> Unit:
    return first_unit(where, NOW, state=UnitState.PROCESSED, fence=1, owner='w', **fields)


def seed(store: Store) -> None:
    leadership = store.lead('one', DAY)
    assert leadership is not None
    for where in (*KEYS, STAMP):
        unit = unit_of(where, announced_at=NOW, started_at=NOW, finished_at=NOW)
        store.commit(leadership, [InsertUnit(unit)])
    for where in KEYS:
        store.commit(leadership, [SaveJob(job_of(where), 'ended')])


@pytest.fixture(params=['sqlite', 'mongodb'])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    clock = SimulatedClock(NOW)
    if request.param == 'sqlite':
        store: Store = SqliteStore.open(tmp_path / 'store.db', clock=clock)
        seed(store)
        with closing(sqlite3.connect(tmp_path / 'store.db', isolation_level=None)) as connection:
            connection.execute('PRAGMA synchronous = OFF')
            yield _sqlite_vault(store, connection)
    else:
        uri = request.getfixturevalue('empty_mongo_uri')
        store = MongoStore.open(uri, clock=clock)
        seed(store)
        with pymongo.MongoClient[dict[str, Any]](uri) as client:
            yield _mongo_vault(store, client.get_default_database())
    store.close()


def in_full(store: Store) -> tuple[list[str], list[str]]:
    store.forget_illegal_rows()
    found = check_one_by_one(HIERARCHY, all_jobs(store), store.all_units(), NOW)
    return sorted(map(str, found)), sorted(map(str, store.illegal_rows()))


def in_brief(store: Store) -> tuple[list[str], list[str]]:
    store.forget_illegal_rows()
    found = check(HIERARCHY, store.scanned_jobs(), store.scanned_units(), NOW)
    return sorted(map(str, found)), sorted(map(str, store.illegal_rows()))


def test_what_is_plainly_right_is_told_of_in_brief(vault: Vault) -> None:
    told = sorted(vault.store.scanned_jobs(), key=lambda job: (job.process, job.timeperiod))

    assert [type(job) for job in told] == [EndedJob] * len(KEYS)
    assert [(job.process, job.timeperiod) for job in told] == sorted(KEYS)
    assert {(job.state, job.term, job.request_id) for job in told} == {
        (JobState.PROCESSED, 1, CommandId('r1'))
    }
    assert list(vault.store.scanned_units()) == []


def written(values: list[Any]) -> list[tuple[Any, ...]]:
    """Return each value and the row that it is written into, which only documents are asked for."""
    return [(values[0],), *((value, number) for number, value in enumerate(values[1:], 1))]


@pytest.mark.heavy
def test_whatever_becomes_of_a_row_is_found_as_by_reading_all_of_it(vault: Vault) -> None:
    tables = [name for name in vault.tables if name.startswith(('job', 'unit_of_work'))]
    tables = [name for name in tables if name != 'job_event']
    assert len(tables) >= 2
    findings = set()
    for table in tables:
        # Each row is told of for itself, so that all of them can be broken before one look.
        count = vault.row_count(table)
        for number, field in enumerate(vault.tables[table]):
            values = [*vault.values[number % vault.share :: vault.share], *MORE]
            for at in range(0, len(values), count):
                tried = values[at : at + count]
                edits = [vault.edit(table, field, *it) for it in written(tried)]
                if not any(edits):
                    continue
                found = in_brief(vault.store)
                assert found == in_full(vault.store), (table, field, tried)
                findings.add((bool(found[0]), bool(found[1])))
                if not vault.is_restored_by_edit:
                    vault.restore(table)
        vault.restore(table)
    assert findings >= {(True, False), (False, True), (False, False)}


def test_rows_that_are_not_plain_are_told_of_in_full(vault: Vault) -> None:
    assert vault.edit('unit_of_work', 'error', 'boom')

    assert [unit.error for unit in vault.store.scanned_units()] == ['boom']
