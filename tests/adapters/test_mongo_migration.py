"""A database as Synergy 2.3 writes it is checked, migrated, and goes on from there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
import pytest
from bson import ObjectId
from pymongo.database import Database

from synergy.adapters.mongo.administration import MongoAdministration
from synergy.adapters.mongo.store import MongoStore
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.freerun_record import is_freerun
from synergy.core.records import ProcessName, UowId
from synergy.core.states import JobState, UnitState
from synergy.ports.administration import Findings
from synergy.ports.errors import StoreUnusable
from tests.builders import key
from tests.contract.rows import claim, job_of, leader, unit_of

DATE = '2026-11-22 01:02:03'
INSTANT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)


def unit(process: str, timeperiod: str, state: str, start_id: object, **fields: Any) -> Any:
    """Return a unit of work with the fields that Synergy 2.3 gives it."""
    return {
        '_id': ObjectId(),
        'process_name': process,
        'timeperiod': timeperiod,
        'start_timeperiod': timeperiod,
        'end_timeperiod': timeperiod,
        'start_obj_id': start_id,
        'end_obj_id': start_id,
        'source': 'raw_data',
        'sink': 'site_hourly',
        'arguments': {'depth': 2},
        'state': state,
        'created_at': DATE,
        'submitted_at': DATE,
        'started_at': DATE,
        'finished_at': DATE if state == 'state_processed' else None,
        'number_of_aggregated_documents': 4,
        'number_of_processed_documents': 40,
        'number_of_retries': 1,
        'unit_of_work_type': 'type_managed',
        **fields,
    }


def job(process: str, timeperiod: str, state: str, uow: Any = None, **fields: Any) -> Any:
    """Return a job with the fields that Synergy 2.3 gives it; the newest event comes first."""
    return {
        'process_name': process,
        'timeperiod': timeperiod,
        'state': state,
        'related_unit_of_work': None if uow is None else str(uow['_id']),
        'event_log': [[DATE, 'second'], ['2026-11-22 01:00:00', 'first']],
        'number_of_failures': 1,
        **fields,
    }


@pytest.fixture
def old(mongo_uri: str) -> Iterator[Database[Any]]:
    """Return a database that Synergy 2.3 left behind while something ran."""
    with pymongo.MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        database = client.get_default_database()
        fill(database)
        yield database


def fill(database: Database[Any]) -> None:
    units = database['unit_of_work']
    units.create_index(
        [(name, 1) for name in ('process_name', 'timeperiod', 'start_obj_id', 'end_obj_id')],
        unique=True,
    )
    for name in ('job_hourly', 'job_daily', 'job_monthly', 'job_yearly'):
        database[name].create_index([('process_name', 1), ('timeperiod', 1)], unique=True)
    database['log_recording'].create_index('parent_object_id', unique=True)
    database['log_recording'].create_index('created_at', expireAfterSeconds=86_400 * 30)
    first = unit('SiteHourly', '2026112200', 'state_processed', 0)
    second = unit(
        'SiteHourly', '2026112200', 'state_processed', 1, created_at='2026-11-22 02:00:00'
    )
    running = unit('SiteHourly', '2026112201', 'state_in_progress', 0)
    failed = unit('SiteDaily', '2026112200', 'state_invalid', 0)
    fired = unit(
        'Cleaner', '20261122010203', 'state_requested', 0, unit_of_work_type='type_freerun'
    )
    # Inserted out of order: runs are counted by created_at.
    units.insert_many([second, first, running, failed, fired])
    database['job_hourly'].insert_many(
        [
            job('SiteHourly', '2026112200', 'state_processed', second),
            job('SiteHourly', '2026112201', 'state_in_progress', running),
            job('SiteHourly', '2026112202', 'state_embryo', event_log=[], number_of_failures=0),
            job('SiteHourly', '2026112203', 'state_mistaken'),
        ]
    )
    database['job_daily'].insert_one(job('SiteDaily', '2026112200', 'state_final_run', failed))
    database['job_monthly'].insert_one(job('SiteMonthly', '2026100000', 'state_skipped'))
    database['managed_process'].insert_one(
        {'process_name': 'SiteHourly', 'time_qualifier': '_hourly', 'is_on': True}
    )
    database['freerun_process'].insert_one(
        {
            'process_name': 'Cleaner',
            'entry_name': 'nightly',
            'trigger_frequency': 'at 02:30',
            'is_on': False,
            'arguments': {'depth': 1},
            'description': '',
            'event_log': [[DATE, 'fired']],
            'related_unit_of_work': str(fired['_id']),
        }
    )
    database['log_recording'].insert_one(
        {
            'parent_object_id': str(first['_id']),
            'log': ['one line', 'another'],
            'details': None,
            'created_at': DATE,
        }
    )
    database['box_configuration'].insert_one(
        {'box_id': 'dev', 'process_name': 'SiteHourly', 'is_on': True, 'pid': 4711}
    )


def administer(uri: str) -> MongoAdministration:
    return MongoAdministration(uri, busy_seconds_max=10, log_retention=timedelta(days=90))


def checked(uri: str) -> Findings:
    administration = administer(uri)
    try:
        return administration.check()
    finally:
        administration.close()


def updated(uri: str) -> Findings:
    administration = administer(uri)
    try:
        return administration.update()
    finally:
        administration.close()


def content(database: Database[Any]) -> dict[str, list[Any]]:
    return {
        name: sorted(database[name].find(), key=str)
        for name in database.list_collection_names()
        if name != 'schema'
    }


def test_it_is_not_opened_before_it_is_taken_over(mongo_uri: str, old: Database[Any]) -> None:
    before = content(old)

    with pytest.raises(StoreUnusable, match=r'Synergy 2\.x.*db --check.*db --update'):
        MongoStore.open(mongo_uri)

    assert content(old) == before


def test_a_check_says_what_would_change_and_changes_nothing(
    mongo_uri: str, old: Database[Any]
) -> None:
    before = content(old)

    findings = checked(mongo_uri)

    assert content(old) == before
    assert 'was written by Synergy 2.x' in findings.found[0]
    changes = '\n'.join(findings.changes)
    assert '2 finished jobs are kept' in changes
    assert '2 jobs under way are reset and run again' in changes
    assert '3 units under way are cancelled' in changes
    assert 'unique index of unit_of_work on process_name, timeperiod, run is created' in changes
    assert len(findings.problems) == 1
    assert "job_hourly (SiteHourly 2026112203): field 'state'" in findings.problems[0]


@pytest.mark.usefixtures('old')
def test_what_has_ended_is_kept_and_what_ran_runs_again(mongo_uri: str) -> None:
    assert updated(mongo_uri).changes[:-1]

    store = MongoStore.open(mongo_uri)
    done = store.jobs([key('SiteHourly@2026112200')])[key('SiteHourly@2026112200')]
    assert (done.state, done.rev, done.run) == (JobState.PROCESSED, 1, 2)
    assert (done.failure_count, done.changed_at) == (1, INSTANT)
    assert [event.text for event in store.events(done.key, 9)] == ['second', 'first']
    runs = store.runs(done.key)
    assert [unit.run for unit in runs] == [1, 2]
    assert done.uow_id == runs[1].id
    first = runs[0]
    assert (first.attempt, first.processed_count, first.created_at) == (2, 40, INSTANT)
    assert [line.text for line in store.log(first.id)] == ['one line', 'another']
    for name in ('SiteHourly@2026112201', 'SiteDaily@2026112200'):
        reset = store.jobs([key(name)])[key(name)]
        assert (reset.state, reset.run, reset.uow_id) == (JobState.EMBRYO, 1, None)
        assert reset.reason == 'taken over from Synergy 2.x'
        cancelled = store.runs(key(name))[0]
        assert (cancelled.state, cancelled.fence) == (UnitState.CANCELED, 1)
    assert store.live_units() == []
    store.close()


@pytest.mark.usefixtures('old')
def test_free_runs_and_boxes_are_taken_over(mongo_uri: str) -> None:
    updated(mongo_uri)

    store = MongoStore.open(mongo_uri)
    freerun = store.freeruns()[0]
    assert (freerun.name, freerun.is_on, freerun.last_run) == ('Cleaner::nightly', False, 1)
    assert (str(freerun.trigger), freerun.live) == ('at 02:30', ())
    assert [event.text for event in store.freerun_events(freerun.name, 9)] == ['fired']
    fired = store.freerun_units(freerun.name, 9)
    assert [unit.state for unit in fired] == [UnitState.CANCELED]
    assert is_freerun(fired[0].process)
    row = store.box_processes('dev')[0]
    assert (row.process, row.is_on, row.pids) == ('SiteHourly', True, ())
    store.close()


@pytest.mark.usefixtures('old')
def test_it_goes_on_with_new_runs_of_old_jobs(mongo_uri: str) -> None:
    updated(mongo_uri)
    store = MongoStore.open(mongo_uri)
    reset = key('SiteHourly@2026112201')

    store.commit(
        leader(store),
        [InsertUnit(unit_of(reset, 2)), SaveJob(job_of(reset, rev=2, run=2), 'started')],
    )

    assert [unit.run for unit in store.runs(reset)] == [1, 2]
    assert claim(store, UowId(unit_of(reset, 2).id), 'w') is not None
    store.close()


def test_an_update_may_be_repeated_and_resumed(mongo_uri: str, old: Database[Any]) -> None:
    updated(mongo_uri)
    once = content(old)
    # As if it had broken off before the version was written, and with one job still to be done.
    old['schema'].delete_many({})
    old['job_daily'].update_one({}, {'$unset': {'rev': 1}, '$set': {'state': 'state_noop'}})

    updated(mongo_uri)

    again = content(old)
    assert {name: rows for name, rows in again.items() if name != 'job_daily'} == {
        name: rows for name, rows in once.items() if name != 'job_daily'
    }
    assert again['job_daily'][0]['run'] == 1
    assert checked(mongo_uri).changes == []


def test_malformed_dates_do_not_stop_it(mongo_uri: str, old: Database[Any]) -> None:
    old['unit_of_work'].update_one(
        {'process_name': 'SiteDaily'}, {'$set': {'created_at': 'yesterday', 'finished_at': 5}}
    )

    updated(mongo_uri)

    store = MongoStore.open(mongo_uri)
    found = store.runs(key('SiteDaily@2026112200'))[0]
    assert abs(found.created_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert found.process == ProcessName('SiteDaily')
    store.close()
