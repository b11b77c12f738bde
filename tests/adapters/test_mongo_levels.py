"""Collections of several levels in MongoDB, beside those that older programs know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from synergy.adapters.mongo.names import JOB_COLLECTION, QUALIFIER_BY_COLLECTION
from synergy.adapters.mongo.store import MongoStore
from synergy.core.effects import SaveJob
from synergy.core.states import JobState
from synergy.core.timeperiod import LEVELS, JobKey, ProcessName, Qualifier, parse
from tests.builders import index_rows
from tests.contract.rows import job_of, leader

QUARTER = JobKey(ProcessName('Site'), parse(Qualifier.MINUTELY_15, '202611230930'))
FIVE = JobKey(ProcessName('Site'), parse(Qualifier.MINUTELY_5, '202611230930'))


@pytest.fixture
def store(empty_mongo_uri: str) -> Iterator[MongoStore]:
    opened = MongoStore.open(empty_mongo_uri)
    yield opened
    opened.close()


@pytest.fixture
def database(empty_mongo_uri: str) -> Iterator[Database[Any]]:
    with pymongo.MongoClient[dict[str, Any]](empty_mongo_uri, tz_aware=True) as client:
        yield client.get_default_database()


def test_collections_that_synergy_2_had_have_the_level_that_they_had() -> None:
    assert {name: JOB_COLLECTION[level] for name, level in QUALIFIER_BY_COLLECTION.items()} == {
        name: name for name in ('job_hourly', 'job_daily', 'job_monthly', 'job_yearly')
    }
    assert set(JOB_COLLECTION) == set(LEVELS)


def test_documents_of_old_collections_are_as_older_programs_know_them(
    store: MongoStore, database: Database[Any]
) -> None:
    hour = JobKey(ProcessName('Site'), parse(Qualifier.HOURLY, '2026112309'))

    store.commit(leader(store), [SaveJob(job_of(hour), 'started'), SaveJob(job_of(FIVE), 'too')])

    [old], [new] = database['job_hourly'].find(), database['job_minutely'].find()
    assert set(new) - set(old) == {'time_qualifier'}
    assert new['time_qualifier'] == '_minutely_5'


def test_intervals_of_two_levels_that_are_called_alike_are_two_jobs(store: MongoStore) -> None:
    # A process may have had another level before.
    lead = leader(store)
    store.commit(lead, [SaveJob(job_of(where), 'started') for where in (FIVE, QUARTER)])
    ended = [job_of(where, rev=2, state=JobState.PROCESSED) for where in (FIVE, QUARTER)]
    assert set(store.jobs([FIVE, QUARTER])) == {FIVE, QUARTER}

    store.commit(lead, [SaveJob(ended[0], 'run 1 processed')])

    assert store.jobs([FIVE, QUARTER])[QUARTER].state is JobState.IN_PROGRESS
    assert [len(store.events(where, 9)) for where in (FIVE, QUARTER)] == [2, 1]
    store.commit(lead, [SaveJob(job, 'again') for job in ended])
    assert {job.state for job in store.jobs([FIVE, QUARTER]).values()} == {JobState.PROCESSED}


@pytest.mark.parametrize('level', ['_hourly', '_weekly', 'soon', 15, None])
def test_a_document_whose_level_is_none_of_its_collection_costs_itself(
    store: MongoStore, database: Database[Any], level: object
) -> None:
    store.commit(leader(store), [SaveJob(job_of(where), 'started') for where in (FIVE, QUARTER)])
    chosen = {'time_qualifier': '_minutely_15'}
    database['job_minutely'].update_one(chosen, {'$set': {'time_qualifier': level}})

    assert {job.key for job in store.open_jobs()} == {FIVE}
    assert [row[1] for row in index_rows(store)] == [FIVE.timeperiod]
    assert {job.timeperiod for job in store.scanned_jobs()} == {FIVE.timeperiod}
    [illegal] = store.illegal_rows()
    assert "field 'time_qualifier'" in str(illegal)


def test_a_database_of_an_older_program_gets_the_new_collections_when_it_is_opened(
    empty_mongo_uri: str, database: Database[Any]
) -> None:
    MongoStore.open(empty_mongo_uri).close()
    indexed = database['job_minutely'].index_information()
    for name in ('job_minutely', 'job_weekly'):
        database.drop_collection(name)
    # What a program writes that does not know them.
    database['schema'].update_one({}, {'$unset': {'job_collections': 1}})

    MongoStore.open(empty_mongo_uri, create=False).close()
    assert 'job_minutely' not in database.list_collection_names()
    MongoStore.open(empty_mongo_uri).close()

    assert database['job_minutely'].index_information() == indexed
    unique = [index['key'] for index in indexed.values() if index.get('unique')]
    assert [[key for key, _ in keys] for keys in unique] == [
        ['process_name', 'timeperiod', 'time_qualifier']
    ]
    assert database['schema'].find_one({})['version'] == 1  # type: ignore[index]
