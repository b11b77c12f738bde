"""Rows that somebody edited: each field of each table with each kind of nonsense, on both stores.

A row may cost itself, never the list, the page of a list, or the call that reads it.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pymongo
import pytest
from bson import ObjectId
from bson.datetime_ms import DatetimeMS

from synergy.adapters.mongo.store import MongoStore
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.box_load import BoxLoad, ProcessLoad
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import InsertUnit, SaveFreerun, SaveJob, SaveOverride, SavePool
from synergy.core.freerun_record import Freerun
from synergy.core.index_pages import IndexCopy, IndexPage
from synergy.core.pool_record import PoolName, PoolOverride
from synergy.core.records import (
    Box,
    BoxProcess,
    Job,
    LogLine,
    Outcome,
    Override,
    ProcessName,
    Unit,
    UnitEnd,
    uow_id_of,
)
from synergy.core.states import JobState, UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from synergy.core.users import ApiToken, Role, User
from synergy.ports.store import JobFilter, Store
from tests.builders import first_unit, index_rows, instant, key

NOW = instant('2026112312')
DAY = timedelta(days=1)
ENTRY = ProcessName('Cleaner::a')
STAMP = containing_utc(Qualifier.REAL_TIME, NOW)
DEEP: Any = json.loads('[' * 485 + ']' * 485)

NOT_UTF8 = b'\xff\xfe'
#: What somebody may have written into a column of SQLite.
SQLITE_VALUES = [
    'soon',
    '',
    '\0',
    5,
    -1,
    2**62,
    7.5,
    NOT_UTF8,
    b'\xfe',
    b'',
    '[' * 100_000,
    '{"a":' * 485 + '1' + '}' * 485,
    'NaN',
    '1e999999',
    '9' * 5000,
    '"\\ud800"',
    'x' * 3_000_000,
    '_yearly',
    '99999123100',
    '{"a": 1, "a": 2}',
]
#: And into a field of a document.
MONGO_VALUES: list[Any] = [
    'soon',
    '',
    5,
    -1,
    2**62,
    7.5,
    True,
    None,
    b'\xff',
    [],
    {},
    [1, [2, [3]]],
    {'$x': {'y': [{}]}},
    ObjectId(),
    DatetimeMS(2**55),
    DatetimeMS(-(2**55)),
    datetime(1, 1, 1, tzinfo=UTC),
    float('nan'),
    'x' * 3_000_000,
    '99999123100',
    json.loads('{"a":' * 95 + '1' + '}' * 95),
]


class Vault(Struct, frozen=True, dict=True):
    """A store, and a way to write into it past all of our code.

    share: each field is tried with every so-many-th of `values`, another field with others.
    edit: sets a field of a row of a table; tells whether the store let us. Of a document, one may
        say which, the first when not.
    is_restored_by_edit: the next edit of a row makes good what the last did to it.
    touched: makes a call; returns the tables that it asked the store about.
    """

    store: Store
    tables: Mapping[str, list[str]]
    values: list[Any]
    share: int
    is_restored_by_edit: bool
    edit: Callable[..., bool]
    row_count: Callable[[str], int]
    restore: Callable[[str], None]
    touched: Callable[[Callable[[], object]], set[str]]


def seed(store: Store) -> None:
    """Write two rows of everything."""
    lead = store.lead('one', timedelta(days=9))
    assert lead is not None
    for hour in range(2):
        job_key = key(f'SiteHourly@202611220{hour}')
        unit = unit_of(job_key)
        store.commit(lead, [InsertUnit(unit), SaveJob(job_of(job_key), 'run 1 requested')])
        [claimed] = store.claim([unit.id], 'w', DAY)
        line = LogLine(attempt=1, at=NOW, level='INFO', text='counting')
        store.append_log(unit.id, [line])
        if hour:
            outcome = Outcome.failed('boom')
            store.finish([UnitEnd(uow_id=unit.id, fence=claimed.fence, outcome=outcome)])
        for name in (f'Cleaner::{"ab"[hour]}',):
            run = unit_of(JobKey(ProcessName(name), STAMP), state=UnitState.DEAD, finished_at=NOW)
            store.commit(lead, [InsertUnit(run), SaveFreerun(freerun_of(name), 'made')])
        override = Override(
            process=ProcessName(f'Site{hour}'),
            is_on=False,
            is_on_at=NOW,
            is_on_by='anna',
            trigger=parse_trigger('every 60'),
            trigger_at=NOW,
            trigger_by='anna',
            definition='d',
        )
        pool = PoolOverride(
            pool=PoolName(f'pool{hour}'), slots=3, at=NOW, by='anna', definition='d'
        )
        store.commit(lead, [SaveOverride(override), SavePool(pool)])
        store.insert_command(command_of(f'c{hour}'))
        store.heartbeat(box_of(f'box{hour}'), DAY)
        process = BoxProcess(
            box_id=f'box{hour}', process='MX', is_on=True, pids=(5,), state='running'
        )
        store.report_actual([process])
        user = User(name=f'user{hour}', role=Role.ADMIN, password_hash='h', created_at=NOW)
        store.add_user(user)
        store.save_token(
            ApiToken(
                id=f't{hour}',
                user='user0',
                role=Role.ADMIN,
                digest='d',
                created_at=NOW,
                expires_at=NOW,
            )
        )
    page = IndexPage(
        process=ProcessName('SiteHourly'), qualifier=Qualifier.HOURLY, first=9, codes=b'\2'
    )
    store.save_index_copy(lead, IndexCopy(as_of=NOW, pages=(page,)))


def unit_of(job_key: JobKey, **fields: Any) -> Unit:
    return first_unit(job_key, NOW, arguments={'depth': 3}, **fields)


def job_of(job_key: JobKey) -> Job:
    return Job(
        process=job_key.process,
        timeperiod=job_key.timeperiod,
        state=JobState.IN_PROGRESS,
        rev=1,
        run=1,
        uow_id=uow_id_of(job_key, 1),
        changed_at=NOW,
        reason='because',
    )


def freerun_of(name: str) -> Freerun:
    return Freerun(
        name=ProcessName(name),
        trigger=parse_trigger('every 60'),
        changed_at=NOW,
        rev=1,
        arguments={'a': 1},
        description='cleans',
        definition='d',
        last_fire=NOW,
        last_run=1,
        queued_at=NOW,
        live=(uow_id_of(JobKey(ProcessName(name), STAMP), 1),),
    )


def command_of(name: str) -> Command:
    hour = key('SiteHourly@2026112200').timeperiod
    return Command(
        id=CommandId(name),
        kind=CommandKind.REPROCESS,
        process=ProcessName('SiteHourly'),
        start=hour,
        end=hour.shift(1),
        details={'a': 1},
        actor='anna',
        created_at=NOW,
        reason='late',
        plan_hash='h',
        target=CommandId('t'),
        plan={ProcessName('SiteHourly'): ((1, 2),)},
        planned_count=1,
    )


def box_of(name: str) -> Box:
    load = ProcessLoad(process='MX', pid=5, started_at=NOW, cpu_percent=1.0, memory_bytes=2)
    return Box(
        box_id=name,
        host='h',
        home='/h',
        pid=7,
        version='3',
        load=BoxLoad(load_average=1.0, cpu_count=2, memory_percent=3.0, processes=(load,)),
    )


@pytest.fixture(params=['sqlite', 'mongodb'])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    clock = SimulatedClock(NOW)
    if request.param == 'sqlite':
        store: Store = SqliteStore.open(tmp_path / 'store.db', clock=clock)
        seed(store)
        with closing(sqlite3.connect(tmp_path / 'store.db', isolation_level=None)) as connection:
            connection.execute('PRAGMA synchronous = OFF')  # Edits need not outlive the machine.
            yield _sqlite_vault(store, connection)
    else:
        uri = request.getfixturevalue('empty_mongo_uri')
        store = MongoStore.open(uri, clock=clock)
        seed(store)
        with pymongo.MongoClient[dict[str, Any]](uri) as client:
            yield _mongo_vault(store, client.get_default_database())
    store.close()


def _sqlite_vault(store: Store, connection: sqlite3.Connection) -> Vault:
    names = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    names = [name for name in names if not name.startswith('sqlite')]
    tables = {
        name: [row[1] for row in connection.execute(f'PRAGMA table_info({name})')] for name in names
    }
    kept = {name: connection.execute(f'SELECT * FROM {name}').fetchall() for name in names}

    def edit(table: str, field: str, value: Any) -> bool:
        sql = f'UPDATE OR FAIL {table} SET {field} = ?'
        key_field = tables[table][0]
        lowest = f'(SELECT min({key_field}) FROM {table})'
        if table in ('job', 'job_event'):
            sql += " WHERE timeperiod = '2026112200'"
        elif table != 'log_recording':
            sql += f' WHERE {key_field} = {lowest}'
        if table == 'freerun_process':
            sql += " AND entry_name = 'a'"
        try:
            # Bytes that stand in a column as a text: not UTF-8.
            given = '= CAST(? AS TEXT)' if value == NOT_UTF8 else '= ?'
            connection.execute(sql.replace('= ?', given, 1), (value,))
        except sqlite3.IntegrityError:
            return False
        return True

    def restore(table: str) -> None:
        connection.execute(f'DELETE FROM {table}')
        marks = ', '.join('?' * len(tables[table]))
        connection.executemany(f'INSERT INTO {table} VALUES ({marks})', kept[table])

    def touched(call: Callable[[], object]) -> set[str]:
        said: list[str] = []
        assert isinstance(store, SqliteStore)
        store._file._connection.set_trace_callback(said.append)
        call()
        store._file._connection.set_trace_callback(None)
        return {name for name in names if re.search(rf'\b{name}\b', ' '.join(said))}

    return Vault(store, tables, SQLITE_VALUES, 1, False, edit, lambda _: 1, restore, touched)


def _mongo_vault(store: Store, database: Any) -> Vault:
    names = [name for name in database.list_collection_names() if name != 'schema']
    kept = {name: list(database[name].find().sort('_id', 1)) for name in names}
    tables = {name: [f for f in rows[0] if f != '_id'] for name, rows in kept.items() if rows}

    for rows in kept.values():
        rows.sort(key=lambda row: (str(row.get('timeperiod')), str(row['_id'])))

    def edit(table: str, field: str, value: Any, number: int = 0) -> bool:
        try:
            row = kept[table][number]
            database[table].replace_one({'_id': row['_id']}, {**row, field: value}, upsert=True)
        except (pymongo.errors.PyMongoError, bson.errors.InvalidDocument):
            return False
        return True

    def restore(table: str) -> None:
        for row in kept[table]:
            database[table].replace_one({'_id': row['_id']}, row, upsert=True)

    def row_count(table: str) -> int:
        return len(kept[table])

    def touched(call: Callable[[], object]) -> set[str]:
        database.command('profile', 2, filter={'ns': {'$ne': f'{database.name}.system.profile'}})
        call()
        database.command('profile', 0)
        said = list(database['system.profile'].find({'op': {'$ne': 'update'}}))
        database.drop_collection('system.profile')
        return {name for name in names if any(f"'{name}'" in str(item['command']) for item in said)}

    return Vault(store, tables, MONGO_VALUES, 5, True, edit, row_count, restore, touched)


def readers(store: Store) -> dict[str, Callable[[], list[Any]]]:
    """Return all that reads, by what it reads."""
    hour = key('SiteHourly@2026112200')
    uow = uow_id_of(hour, 1)
    return {
        'index_rows': lambda: [*index_rows(store), *index_rows(store, NOW - DAY)],
        'open_jobs': lambda: list(store.open_jobs()),
        'jobs': lambda: list(store.jobs([hour, key('SiteHourly@2026112201')])),
        'units': lambda: list(store.units([uow, uow_id_of(key('SiteHourly@2026112201'), 1)])),
        'processed': lambda: list(store.processed([uow])),
        'live': lambda: list(store.live_units()),
        'live runs': lambda: list(store.live_runs()),
        'live, limited': lambda: list(store.live_units(1)),
        'open commands': lambda: list(store.open_commands(10)),
        'a command': lambda: [store.command(CommandId('c0')), store.command(CommandId('c1'))],
        'overrides': lambda: list(store.overrides()),
        'pools': lambda: list(store.pool_overrides()),
        'found jobs': lambda: list(store.find_jobs(JobFilter(), 10)),
        'a page of jobs': lambda: list(store.find_jobs(JobFilter(), 1)),
        'changed': lambda: list(store.changed_jobs(NOW - DAY, 10)),
        'counts': lambda: list(store.count_jobs()),
        'runs': lambda: list(store.runs(hour)),
        'all units': lambda: list(store.all_units()),
        'log': lambda: list(store.log(uow)),
        'events': lambda: list(store.events(hour, 10)),
        'progress': lambda: list(store.request_progress(CommandId('c0'))),
        'freeruns': lambda: list(store.freeruns()),
        'freerun events': lambda: list(store.freerun_events(ENTRY, 10)),
        'freerun units': lambda: list(store.freerun_units(ENTRY, 10)),
        'ended': lambda: list(store.ended_runs(hour.process, 10)),
        'ended freeruns': lambda: list(store.ended_freerun_units(NOW - DAY, list(UnitState), 10)),
        'dead': lambda: list(store.dead_units(10)),
        'a page of the dead': lambda: list(store.dead_units(1)),
        'commands': lambda: list(store.commands(list(CommandState), 10)),
        'a page of commands': lambda: list(store.commands(list(CommandState), 1)),
        'boxes': lambda: list(store.boxes()),
        'box processes': lambda: list(store.box_processes()),
        'users': lambda: list(store.users()),
        'tokens': lambda: list(store.tokens()),
        'leadership': lambda: [store.leadership()],
        'copy': lambda: [store.index_copy()],
        'now': lambda: [store.store_now()],
    }


#: What has two rows and keeps at least the good one.
KEEPING = (
    'found jobs',
    'a page of jobs',
    'all units',
    'freeruns',
    'dead',
    'a page of the dead',
    'commands',
    'a page of commands',
    'boxes',
    'box processes',
    'users',
    'tokens',
    'overrides',
    'pools',
)


@pytest.mark.heavy
def test_each_field_with_each_kind_of_nonsense_costs_its_row_at_most(vault: Vault) -> None:
    reading = readers(vault.store)
    whole = {name: len(read()) for name, read in reading.items()}
    assert all(whole[name] >= 1 for name in KEEPING)
    touched = {name: vault.touched(read) for name, read in reading.items()}
    tried = 0
    for table, fields in vault.tables.items():
        # What asks nothing of a table cannot find out what stands in it.
        asking = {name: read for name, read in reading.items() if table in touched[name]}
        for number, field in enumerate(fields):
            for value in vault.values[number % vault.share :: vault.share]:
                if not vault.edit(table, field, value):
                    continue
                tried += 1
                vault.store.forget_illegal_rows()
                what = f'{table}.{field} = {value!r:.60}'
                try:
                    found = {name: len(read()) for name, read in asking.items()}
                except Exception as error:
                    raise AssertionError(what) from error
                for name in asking:
                    assert name not in KEEPING or found[name] >= 1, (what, name)
                assert found.get('users', whole['users']) == whole['users'], what
                for row in vault.store.illegal_rows():
                    assert len(str(row)) < 700, what
                    assert table != 'mx_user' or field != 'password_hash' or 'xxx' not in str(row)
                if table == 'box':
                    assert vault.store.heartbeat(box_of('box0'), DAY).box_id, what
                if not vault.is_restored_by_edit:
                    vault.restore(table)
        vault.restore(table)
    assert tried > 200
    assert all(tables for name, tables in touched.items() if name in KEEPING)
    assert {name: len(read()) for name, read in reading.items()} == whole


def test_a_page_is_as_long_as_if_illegal_rows_were_not_there(vault: Vault) -> None:
    for number in range(2, 40):
        vault.store.insert_command(command_of(f'c{number:02}'))
    vault.edit('command', 'kind', 'nonsense')

    first = vault.store.commands(list(CommandState), 20)
    rest = vault.store.commands(list(CommandState), 100, after=first[-1])

    assert len(first) == 20
    assert len(first) + len(rest) == 39
    assert [row.table for row in vault.store.illegal_rows()] == ['command']
    assert "'kind'" in vault.store.illegal_rows()[0].problem


def test_a_claim_leaves_an_illegal_unit_as_it_was(vault: Vault) -> None:
    lead = vault.store.lead('one', DAY)
    assert lead is not None
    hours = [key(f'SiteHourly@202611230{hour}') for hour in range(3)]
    vault.store.commit(lead, [InsertUnit(unit_of(hour)) for hour in hours])
    ids = [uow_id_of(hour, 1) for hour in hours]
    broken = key('SiteHourly@2026112300')
    _break_unit(vault, broken)

    claimed = vault.store.claim(ids, 'w', DAY)
    alone = vault.store.claim(ids[:1], 'w', DAY)

    assert [unit.id for unit in claimed] == ids[1:]
    assert list(alone) == []
    assert [row.row for row in vault.store.illegal_rows()] == [ids[0]]


@pytest.mark.parametrize('value', ['soon', 7.5])
def test_a_unit_whose_count_cannot_be_read_is_not_told_in_brief(vault: Vault, value: Any) -> None:
    store = vault.store
    hour = key('SiteHourly@2026112300')
    lead = store.lead('one', DAY)
    assert lead is not None
    store.commit(lead, [InsertUnit(unit_of(hour))])
    [unit] = store.claim([uow_id_of(hour, 1)], 'w', DAY)
    store.finish([UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=Outcome.processed(3))])
    assert store.processed([unit.id])[unit.id][0] == 3

    fields = ('processed_count', 'number_of_processed_documents')
    [field] = set(fields) & set(vault.tables['unit_of_work'])
    _break_unit(vault, hour, field, value)

    assert dict(store.processed([unit.id])) == {}
    assert dict(store.units([unit.id])) == {}
    assert [row.row for row in store.illegal_rows()] == [unit.id]


def _break_unit(vault: Vault, job_key: JobKey, field: str = 'arguments', value: Any = '[[') -> None:
    store = vault.store
    if isinstance(store, SqliteStore):
        store._file.write(
            f'UPDATE unit_of_work SET {field} = ? WHERE timeperiod = ?',
            (value, str(job_key.timeperiod)),
        )
    else:
        assert isinstance(store, MongoStore)
        store._connection.database['unit_of_work'].update_one(
            {'timeperiod': str(job_key.timeperiod)}, {'$set': {field: value}}
        )
