"""The SQLite file: versions, damage, locks, a full disk, a moved file, many writers."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from synergy import bootstrap
from synergy.adapters.embedded import files
from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite import commits, states
from synergy.adapters.sqlite.connection import SqliteFile
from synergy.adapters.sqlite.schema import MIGRATIONS
from synergy.adapters.sqlite.store import SqliteStore
from synergy.bootstrap import PROJECT
from synergy.core.records import uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.ports.errors import StoreUnavailable, StoreUnusable
from tests.builders import index_rows, key
from tests.contract.rows import HOUR, start


def open_file(path: Path, migrations: list[str], busy_seconds_max: float = 0.2) -> SqliteFile:
    return SqliteFile(
        path,
        what='store',
        migrations=migrations,
        unavailable=StoreUnavailable,
        unusable=StoreUnusable,
        busy_seconds_max=busy_seconds_max,
        synchronous='NORMAL',
    )


FIRST = 'CREATE TABLE item (id INTEGER PRIMARY KEY)'
SECOND = 'ALTER TABLE item ADD COLUMN name TEXT'


def test_an_older_schema_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    old = open_file(tmp_path / 's.db', [FIRST])
    old.write('INSERT INTO item (id) VALUES (7)')
    old.close()

    migrated = open_file(tmp_path / 's.db', [FIRST, SECOND])

    assert migrated.read('SELECT id, name FROM item') == [(7, None)]


@pytest.mark.parametrize('scripts', [MIGRATIONS, files._OWN_MIGRATIONS])
def test_a_new_file_is_what_all_scripts_make(tmp_path: Path, scripts: tuple[str, ...]) -> None:
    open_file(tmp_path / 'at_once.db', list(scripts)).close()
    for version in range(1, len(scripts) + 1):
        open_file(tmp_path / 'each.db', list(scripts[:version])).close()

    made = []
    for name in ('at_once.db', 'each.db'):
        with closing(sqlite3.connect(tmp_path / name)) as database:
            version = database.execute('PRAGMA user_version').fetchone()
            dump = [line for line in database.iterdump() if 'sqlite_sequence' not in line]
            made.append((version, sorted(dump)))

    assert made[0] == made[1]


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_file(tmp_path / 's.db', [FIRST, SECOND]).close()

    with pytest.raises(StoreUnusable, match=r's\.db.*version 2.*newer|newer'):
        open_file(tmp_path / 's.db', [FIRST])

    assert open_file(tmp_path / 's.db', [FIRST, SECOND]).read('SELECT * FROM item') == []


def test_a_failing_migration_changes_nothing(tmp_path: Path) -> None:
    open_file(tmp_path / 's.db', [FIRST]).close()

    with pytest.raises((StoreUnusable, StoreUnavailable, sqlite3.Error)):
        open_file(tmp_path / 's.db', [FIRST, 'CREATE TABLE other (id); CREATE TABLE item (id)'])

    again = open_file(tmp_path / 's.db', [FIRST])
    assert again.read("SELECT name FROM sqlite_master WHERE type = 'table'") == [('item',)]


def test_what_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / 's.db').write_text('a shopping list, certainly no database' * 100)

    with pytest.raises(StoreUnusable, match=r's\.db'):
        open_file(tmp_path / 's.db', [FIRST])


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')

    with pytest.raises(StoreUnavailable, match=r'folder .*file/deep'):
        open_file(tmp_path / 'file' / 'deep' / 's.db', [FIRST])


def test_a_lock_that_lasts_names_its_holder(tmp_path: Path) -> None:
    file = open_file(tmp_path / 's.db', [FIRST])
    program = (
        'import sqlite3, sys\n'
        f'connection = sqlite3.connect({str(tmp_path / "s.db")!r}, isolation_level=None)\n'
        "connection.execute('BEGIN IMMEDIATE')\n"
        "print('held', flush=True)\n"
        'sys.stdin.read()\n'
    )
    with subprocess.Popen(
        [sys.executable, '-c', program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        with pytest.raises(StoreUnavailable, match=f'locked by pid {holder.pid}'):
            file.write('INSERT INTO item (id) VALUES (1)')

        holder.communicate()
    assert file.write('INSERT INTO item (id) VALUES (1)') == 1


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    file = open_file(tmp_path / 's.db', [FIRST, SECOND])
    file.write("INSERT INTO item (id, name) VALUES (1, 'kept')")
    file._connection.execute('PRAGMA max_page_count = 5')

    with pytest.raises(StoreUnavailable, match=r's\.db.*(full|room)'):
        file.write('INSERT INTO item (id, name) VALUES (2, zeroblob(1000000))')

    assert file.read('SELECT id FROM item') == [(1,)]


def test_a_limit_on_the_size_of_files_is_said_and_loses_nothing(tmp_path: Path) -> None:
    program = (
        'import resource, sys\n'
        'from pathlib import Path\n'
        'from tests.adapters.test_sqlite_file import FIRST, SECOND, open_file\n'
        "file = open_file(Path(sys.argv[1]) / 's.db', [FIRST, SECOND])\n"
        'file.write("INSERT INTO item (id, name) VALUES (1, \'kept\')")\n'
        'resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n'
        'try:\n'
        "    file.write('INSERT INTO item (id, name) VALUES (2, zeroblob(1000000))')\n"
        'except Exception as error:\n'
        '    print(type(error).__name__, error)\n'
        "print(file.read('SELECT id FROM item'))\n"
    )
    said = subprocess.run(
        [sys.executable, '-c', program, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        cwd=bootstrap.PROJECT,
    ).stdout

    assert said.startswith('StoreUnavailable store')
    assert 'ulimit -f' in said
    assert said.endswith('[(1,)]\n')
    assert open_file(tmp_path / 's.db', [FIRST, SECOND]).read('SELECT id FROM item') == [(1,)]


def test_a_file_that_is_moved_away_is_waited_for(tmp_path: Path) -> None:
    path, away = tmp_path / 's.db', tmp_path / 'away.db'
    file = open_file(path, [FIRST])

    path.rename(away)

    for act in (file.read, file.write, file.write_returning):
        with pytest.raises(StoreUnavailable, match=r's\.db is gone.*put it back'):
            act('INSERT INTO item (id) VALUES (7)')
    away.rename(path)
    assert file.write('INSERT INTO item (id) VALUES (7)') == 1


def test_a_file_that_is_replaced_in_a_transaction_is_not_written_to(tmp_path: Path) -> None:
    path, other = tmp_path / 's.db', tmp_path / 'other.db'
    open_file(other, [FIRST]).close()
    file = open_file(path, [FIRST])

    def insert_and_replace() -> None:
        with file.transaction() as connection:
            connection.execute('INSERT INTO item (id) VALUES (7)')
            path.rename(tmp_path / 'away.db')
            other.rename(path)

    with pytest.raises(StoreUnusable, match='was replaced while it was open'):
        insert_and_replace()

    assert file._connection.execute('SELECT * FROM item').fetchall() == []


def test_a_store_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    SqliteStore.open(tmp_path / 's.db', clock=SystemClock()).close()
    program = (
        'import os, sys\n'
        'from pathlib import Path\n'
        'from synergy.adapters.os.clocks import SystemClock\n'
        'from synergy.adapters.sqlite.store import SqliteStore\n'
        'from synergy.ports.errors import StoreError\n'
        'os.setuid(65534)\n'
        'try:\n'
        f'    store = SqliteStore.open(Path({str(tmp_path / "s.db")!r}), clock=SystemClock())\n'
        "    store.set_desired('box', 'P', is_on=True)\n"
        'except StoreError as error:\n'
        '    print(error)\n'
    )
    if os.getuid() != 0:
        pytest.skip('needs root to become nobody')
    for folder in (tmp_path, *tmp_path.parents[:3]):  # Processes of a parallel run add one.
        if folder.stat().st_uid == os.getuid() and folder != Path('/tmp'):
            folder.chmod(0o755)

    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=False
    )

    assert 's.db' in done.stdout, done.stderr
    assert 'check' in done.stdout


def test_many_processes_write_without_losing_anything(tmp_path: Path) -> None:
    open_file(tmp_path / 's.db', [FIRST]).close()
    program = (
        'import sys\n'
        'from pathlib import Path\n'
        'from tests.adapters.test_sqlite_file import FIRST, open_file\n'
        f'file = open_file(Path({str(tmp_path / "s.db")!r}), [FIRST], 30)\n'
        'first = int(sys.argv[1])\n'
        'for number in range(first, first + 200):\n'
        "    assert file.write('INSERT INTO item (id) VALUES (?)', (number,)) == 1\n"
    )
    writers = [
        subprocess.Popen([sys.executable, '-c', program, str(first)])
        for first in range(0, 1200, 200)
    ]

    assert [writer.wait() for writer in writers] == [0] * 6

    assert open_file(tmp_path / 's.db', [FIRST]).read('SELECT count(*) FROM item') == [(1200,)]


def test_an_illegal_row_is_named_once_and_counts_as_running(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore.open(tmp_path / 's.db', clock=SystemClock())
    for hour in range(3):
        start(store, key(f'SiteHourly@202611220{hour}'))
    edited = sqlite3.connect(tmp_path / 's.db')
    edited.execute("UPDATE job SET state = 'state_lost' WHERE timeperiod = '2026112200'")
    edited.execute("UPDATE job SET timeperiod = 'soon' WHERE timeperiod = '2026112201'")
    edited.execute("UPDATE unit_of_work SET end_timeperiod = '' WHERE timeperiod = '2026112202'")
    edited.commit()
    edited.close()

    with caplog.at_level(logging.ERROR):
        found = [*index_rows(store), *index_rows(store)]
        units = store.live_units()
        jobs = store.open_jobs()

    assert [(str(timeperiod), state) for _, timeperiod, state in found[:2]] == [
        ('2026112200', JobState.IN_PROGRESS),
        ('2026112202', JobState.IN_PROGRESS),
    ]
    assert [str(unit.timeperiod) for unit in units] == ['2026112200', '2026112201']
    assert [str(job.timeperiod) for job in jobs] == ['2026112202']
    named = [record.getMessage() for record in caplog.records]
    assert len(named) == len(set(named)) == 3
    assert 'SiteHourly@2026112200 in store' in named[0]
    store.close()


def test_pruning_does_not_read_the_units_that_stay(tmp_path: Path) -> None:
    # It does so on the Scheduler's thread, under the write lock, with ten years of units beside.
    database = sqlite3.connect(tmp_path / 'store.db')
    SqliteStore.open(tmp_path / 'store.db', clock=SystemClock()).close()

    for sql in (commits._PRUNE_LOG, commits._PRUNE_FREERUN_UNITS):
        steps = [row[3] for row in database.execute(f'EXPLAIN QUERY PLAN {sql}', (1, 1))]
        assert not [step for step in steps if step.startswith('SCAN')]

    database.close()


@pytest.mark.parametrize(
    ('table', 'condition', 'index'),
    [
        ('job', states.IS_OPEN, 'job_open'),
        ('unit_of_work', states.IS_LIVE, 'unit_of_work_live'),
        ('unit_of_work', f'state = {states.DEAD}', 'unit_of_work_dead'),
        ('command', f'state IN {states.OPEN_COMMANDS}', 'command_state'),
    ],
)
def test_states_are_spelled_as_the_indexes_spell_them(
    tmp_path: Path, table: str, condition: str, index: str
) -> None:
    # The lists come from the enumerations, the partial indexes from scripts that never change.
    SqliteStore.open(tmp_path / 'store.db', clock=SystemClock()).close()
    with closing(sqlite3.connect(tmp_path / 'store.db')) as database:
        sql = f'EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {condition}'
        steps = [row[3] for row in database.execute(sql)]

    assert [step for step in steps if index in step], steps


def test_no_statement_spells_a_state_by_itself() -> None:
    words = [state.value for state in (*JobState, *UnitState)]
    for file in (PROJECT / 'synergy' / 'adapters').rglob('*.py'):
        if file.name != 'schema.py':
            text = file.read_text()
            assert not [word for word in words if word in text], file


def test_rows_from_before_losses_were_counted_have_none(tmp_path: Path) -> None:
    path = tmp_path / 'store.db'
    open_file(path, list(MIGRATIONS[:12])).close()
    uow_id = uow_id_of(HOUR, 1)
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(
            "INSERT INTO job VALUES ('SiteHourly', '2026112200', '_hourly', 'state_in_progress', 1,"
            ' 1, 1, ?, 1, 0, NULL, 1, NULL)',
            (uow_id,),
        )
        file.execute(
            "INSERT INTO unit_of_work VALUES (?, 'SiteHourly', '2026112200', '_hourly',"
            " '2026112200', '2026112201', 1, 2, 'state_requested', 2, NULL, NULL, 1, NULL, NULL,"
            " NULL, NULL, 0, NULL, '{}')",
            (uow_id,),
        )

    with closing(SqliteStore.open(path, clock=SystemClock())) as store:
        unit = store.units([uow_id])[uow_id]
        assert (unit.attempt, unit.lost_count) == (2, 0)
        assert store.jobs([HOUR])[HOUR].lost_count == 0
