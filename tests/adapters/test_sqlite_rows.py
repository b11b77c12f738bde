"""Rows of SQLite: what an interval takes on disk, what old files become, how units are found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.events import event_of_line, form_of, lines_of
from synergy.adapters.sqlite.schema import MIGRATIONS
from synergy.adapters.sqlite.states import (
    JOB_STATE_BY_NUMBER,
    QUALIFIER_BY_NUMBER,
    UNIT_STATE_BY_NUMBER,
)
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import EndLetters, InsertUnit, SaveJob
from synergy.core.records import Outcome, ProcessName, Unit, UnitEnd, uow_id_of, uow_ids_of
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, parse
from synergy.ports.errors import StoreUnavailable
from tests.adapters.test_sqlite_file import open_file
from tests.builders import index_rows, key
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, LEASE, job_of, leader, unit_of

BYTES_PER_INTERVAL_MAX = 300
NAME = ProcessName('SiteHourly')
FREERUN = ProcessName('Cleaner::a')


def hour(number: int, process: ProcessName = NAME) -> JobKey:
    return JobKey(process, Timeperiod(Qualifier.HOURLY, 400_000 + number))


def test_an_interval_that_ran_once_takes_little_room(tmp_path: Path) -> None:
    count, batch = 2_000, 100
    clock = SimulatedClock(NOW)
    with closing(SqliteStore.open(tmp_path / 'store.db', clock=clock)) as store:
        empty = size_of(tmp_path / 'store.db')
        for first in range(0, count, batch):
            keys = [hour(number) for number in range(first, first + batch)]
            run_once(store, keys, clock)
        took = size_of(tmp_path / 'store.db') - empty

    assert took / count <= BYTES_PER_INTERVAL_MAX


def run_once(store: SqliteStore, keys: list[JobKey], clock: SimulatedClock) -> None:
    """Let intervals begin, be claimed and done by a worker, and end, as the Scheduler writes it."""
    leadership = leader(store)
    units = [unit_of(each, arguments={}, created_at=clock.now()) for each in keys]
    jobs = [job_of(each, changed_at=clock.now()) for each in keys]
    starts = [SaveJob(job, f'run 1 requested, uow {job.uow_id}') for job in jobs]
    store.commit(leadership, [*map(InsertUnit, units), *starts])
    clock.advance(timedelta(milliseconds=3))
    claimed = store.claim([unit.id for unit in units], 'dev:SiteHourly:0:22961', LEASE)
    clock.advance(timedelta(milliseconds=3))
    done = Outcome.processed(17)
    ends = [UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=done) for unit in claimed]
    assert store.finish(ends) == []
    ended = [replace(job, state=JobState.PROCESSED, rev=2, changed_at=clock.now()) for job in jobs]
    store.commit(leadership, [SaveJob(job, 'run 1 processed 17') for job in ended])


def size_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute('SELECT sum(pgsize) FROM dbstat').fetchone()[0])


TEXTS = some.one_of(
    some.text(),
    some.sampled_from([0, 1, 2, 17]).map(lambda run: f'run {run} processed 5'),
    some.sampled_from(['run 1 processed 05', 'run 1 processed ', 'run 1 processed -1', '+1', '="']),
    some.sampled_from([1, 2, 70_000]).map(
        lambda run: f'run {run} requested, uow {uow_id_of(HOUR, run)}'
    ),
    some.just(f'run 1 requested, uow {uow_ids_of(HOUR, 1)[1]}'),
    some.just('run 1 processed \u0665'),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(some.lists(some.tuples(some.integers(0, 2**51), TEXTS), min_size=1, max_size=5))
def test_every_event_is_read_as_it_was_written(events: list[tuple[int, str]]) -> None:
    forms = [(at, form_of(text, 1, uow_id_of(HOUR, 1))) for at, text in events]
    history = ''.join(f'{at:x} {form}\n' for at, form in forms[:-1]) or None

    lines = list(lines_of((*forms[-1], history)))

    read = [event_of_line(HOUR, line) for line in lines]
    assert [(to_micros(event.at), event.text) for event in read] == events[::-1]


def test_the_events_of_nearly_all_jobs_are_short() -> None:
    assert form_of(f'run 1 requested, uow {uow_id_of(HOUR, 1)}', 1, uow_id_of(HOUR, 1)) == '+1'
    assert form_of('run 2 processed 5', 2, uow_id_of(HOUR, 2)) == '=2 5'


@pytest.fixture
def earlier(tmp_path: Path) -> Iterator[tuple[SqliteStore, sqlite3.Connection]]:
    """Yield a store of schema version 18 once migrated, and the rows as they were."""
    open_file(tmp_path / 'store.db', list(MIGRATIONS[:18])).close()
    with closing(sqlite3.connect(tmp_path / 'store.db')) as file, file:
        write_earlier(file)
    before = sqlite3.connect(tmp_path / 'before.db')
    with closing(sqlite3.connect(tmp_path / 'store.db')) as file:
        file.backup(before)
    store = SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOW))
    yield store, before
    store.close()
    before.close()


#: Those that there were before schema version 19, in the order of their numbers.
EARLIER_LEVELS = (
    Qualifier.YEARLY, Qualifier.MONTHLY, Qualifier.DAILY, Qualifier.HOURLY, Qualifier.REAL_TIME,
)  # fmt: skip


def write_earlier(file: sqlite3.Connection) -> None:
    """Write jobs and units in every state and of every level."""
    for number, state in enumerate(JobState):
        name = str(hour(number).timeperiod)
        uow_id = uow_ids_of(hour(number), 1)[number % 2]
        values = (NAME, name, '_hourly', state.value, number + 1, 1, 1, uow_id, 0, 0, None, number)
        file.execute(f'INSERT INTO job VALUES ({", ".join("?" * 12)}, NULL, 0, NULL)', values)
        for rev in range(1, number + 2):
            event = (NAME, name, rev, number, f'event {rev}')
            file.execute('INSERT INTO job_event VALUES (?, ?, ?, ?, ?)', event)
    for number, unit_state in enumerate(UnitState):
        write_unit(file, hour(number), 1 + number % 2, unit_state)
    for qualifier in EARLIER_LEVELS:
        write_unit(file, JobKey(ProcessName('Other'), Timeperiod(qualifier, 9)), 1)
    for run in (1, 2, 3):
        write_unit(file, JobKey(FREERUN, parse(Qualifier.REAL_TIME, '20261122000000')), run)


def write_unit(
    file: sqlite3.Connection, job: JobKey, run: int, state: UnitState = UnitState.PROCESSED
) -> None:
    first, end = str(job.timeperiod), str(job.timeperiod.shift(1))
    uow_id, earlier = uow_ids_of(job, run)
    arguments = '{}' if run == 1 else '{"depth": 3}'
    values = (
        *(earlier if run == 1 else uow_id, job.process, first, job.timeperiod.qualifier.value),
        *(first, end, run, 1, state.value, 1, 'w', None, 5, 6, None, 7, 8, 9, None, arguments, 0),
    )
    file.execute(f'INSERT INTO unit_of_work VALUES ({", ".join("?" * len(values))})', values)


def test_what_an_earlier_version_wrote_is_read_as_it_was(
    earlier: tuple[SqliteStore, sqlite3.Connection],
) -> None:
    store, before = earlier

    jobs = before.execute(
        'SELECT process_name, timeperiod, state, rev, related_unit_of_work FROM job ORDER BY 1, 2'
    )
    keys = [hour(number) for number in range(len(JobState))]
    assert [
        (job.process, str(job.timeperiod), job.state.value, job.rev, job.uow_id)
        for job in store.jobs(keys).values()
    ] == jobs.fetchall()
    shown = 'id, process_name, timeperiod, time_qualifier, end_timeperiod, run, state, arguments'
    units = before.execute(f'SELECT {shown} FROM unit_of_work').fetchall()
    assert sorted(map(shown_of, store.all_units())) == sorted(units)
    assert {len(store.units([row[0]])) for row in units} == {1}
    assert len(store.live_units()) == 3
    assert [event.text for event in store.events(hour(2), 9)] == ['event 3', 'event 2', 'event 1']
    assert store.illegal_rows() == []


def shown_of(unit: Unit) -> tuple[Any, ...]:
    arguments = '{"depth": 3}' if unit.arguments else '{}'
    of_time = (str(unit.timeperiod), unit.timeperiod.qualifier.value, str(unit.end))
    return (unit.id, unit.process, *of_time, unit.run, unit.state.value, arguments)


def test_units_of_an_earlier_version_are_found_beside_new_ones(
    earlier: tuple[SqliteStore, sqlite3.Connection],
) -> None:
    store, _ = earlier
    leadership = leader(store)

    store.commit(
        leadership, [InsertUnit(unit_of(hour(0), 2)), InsertUnit(unit_of(hour(0), 70_000))]
    )

    assert [unit.run for unit in store.runs(hour(0))] == [1, 2, 70_000]
    assert [unit.run for unit in store.freerun_units(FREERUN, 2)] == [3, 2]
    newest = unit_of(
        hour(1), 3, state=UnitState.PROCESSED, started_at=NOW, finished_at=NOW, fence=1
    )
    store.commit(leadership, [InsertUnit(newest)])
    runs = [(run.key, run.run) for run in store.ended_runs(NAME, 3, hour(4).timeperiod)]
    assert runs == [(hour(3), 2), (hour(2), 1), (hour(1), 3)]


def test_events_of_an_earlier_version_come_behind_new_ones(
    earlier: tuple[SqliteStore, sqlite3.Connection],
) -> None:
    store, _ = earlier
    leadership = leader(store)
    job = store.jobs([hour(2)])[hour(2)]

    for rev in (4, 5, 6):
        store.commit(leadership, [SaveJob(replace(job, rev=rev), f'event {rev}')])

    events = [event.text for event in store.events(hour(2), 5)]
    assert events == ['event 6', 'event 5', 'event 4', 'event 3', 'event 2']


def test_letters_of_an_earlier_version_end(
    earlier: tuple[SqliteStore, sqlite3.Connection],
) -> None:
    store, _ = earlier
    [letter] = store.dead_units(9)

    store.commit(leader(store), [EndLetters(letter.key, 'settled', None)])

    assert store.dead_units(9) == []


def test_a_row_that_somebody_wrote_for_the_same_interval_makes_room(tmp_path: Path) -> None:
    open_file(tmp_path / 'store.db', list(MIGRATIONS[:18])).close()
    with closing(sqlite3.connect(tmp_path / 'store.db')) as file, file:
        for name, state in ((' 2026112200', 'state_noop'), ('2026112200', 'state_processed')):
            values = (NAME, name, '_hourly', state, 1, 1, 1, None, 0, 0, None, 1)
            file.execute(f'INSERT INTO job VALUES ({", ".join("?" * 12)}, NULL, 0, NULL)', values)

    with closing(SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOW))) as store:
        assert store.jobs([key('SiteHourly@2026112200')])[HOUR].state is JobState.PROCESSED


def test_each_state_and_level_has_one_number() -> None:
    assert set(JOB_STATE_BY_NUMBER.values()) == set(JobState)
    assert set(UNIT_STATE_BY_NUMBER.values()) == set(UnitState)
    assert set(QUALIFIER_BY_NUMBER.values()) == set(Qualifier)
    assert [number for number, state in JOB_STATE_BY_NUMBER.items() if not state.is_final] == [
        0, 1, 2
    ]  # fmt: skip
    assert [number for number, state in UNIT_STATE_BY_NUMBER.items() if state.is_live] == [0, 1, 2]
    for number, qualifier in enumerate(EARLIER_LEVELS, 1):
        assert QUALIFIER_BY_NUMBER[number] is qualifier
        assert uow_id_of(JobKey(NAME, Timeperiod(qualifier, 1)), 1)[11] == str(number)


def test_reading_of_one_process_or_of_what_has_changed_sorts_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    with closing(SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOW))) as store:
        store._file._connection.set_trace_callback(said.append)
        store.ended_runs(NAME, 5, hour(1).timeperiod)
        store.freerun_units(FREERUN, 5)
        store.changed_jobs(NOW, 5)
        index_rows(store, NOW)
        store.runs(HOUR)
        store._file._connection.set_trace_callback(None)
        plans = [row[3] for sql in said for row in store._file.read(f'EXPLAIN QUERY PLAN {sql}')]

    assert len(said) == 6
    harmless = ('(subquery-', 'CONSTANT ROW')
    scanned = [
        step
        for step in plans
        if step.startswith('SCAN') and not any(part in step for part in harmless)
    ]
    assert scanned == []
    assert any('job_ended' in step for step in plans)
    assert any('job_open' in step for step in plans)
    assert any('unit_of_work_by_key' in step for step in plans)


def test_a_store_by_which_an_earlier_version_leads_is_left_alone(tmp_path: Path) -> None:
    path, clock = tmp_path / 'store.db', SimulatedClock(NOW)
    open_file(path, list(MIGRATIONS[:18])).close()
    until = to_micros(NOW + LEASE)
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("INSERT INTO leadership VALUES (1, 'box:4711', 1, ?, NULL)", (until,))

    with pytest.raises(StoreUnavailable, match='version 18, and box:4711 of an earlier version'):
        SqliteStore.open(path, clock=clock)

    with closing(sqlite3.connect(path)) as file:
        assert file.execute('PRAGMA user_version').fetchone() == (18,)
    clock.advance(LEASE)
    SqliteStore.open(path, clock=clock).close()


def test_an_earlier_version_that_still_runs_can_write_nothing(tmp_path: Path) -> None:
    SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOW)).close()

    with closing(sqlite3.connect(tmp_path / 'store.db')) as file:
        for sql in (
            "UPDATE job SET related_unit_of_work = NULL, state = 'state_processed'",
            'INSERT INTO unit_of_work (id, number_of_processed_documents) VALUES (1, 2)',
        ):
            with pytest.raises(sqlite3.OperationalError, match=r'no column|no such column'):
                file.execute(sql)
