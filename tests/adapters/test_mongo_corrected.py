"""A migration that is done again: corrected documents, earlier ones, a single mongod, notes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from bench.servers.mongodb import MongoServers, mongod_path
from synergy import bootstrap
from synergy.adapters.mongo.store import MongoStore
from synergy.cli.moving import differences
from synergy.conf.model import Context
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.invariants import check
from synergy.core.records import UowId
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.ports.errors import StoreError, StoreUnusable
from synergy.view.whole import all_jobs
from tests.adapters.test_mongo_migration import (
    administer,
    checked,
    content,
    fill,
    job,
    old,
    unit,
    updated,
)
from tests.builders import key
from tests.contract.rows import claim, job_of, leader, unit_of

__all__ = ['old']  # A fixture.


def context_of() -> Context:
    """Return a context with the processes that 2.x ran."""
    return bootstrap.load(
        {
            'SYNERGY_START_TIMEPERIOD': '2026112200',
            'SYNERGY_CONTEXT_MODULE': 'tests.pipelines.pages',
        }
    )[1]


def violations(uri: str) -> list[str]:
    store = MongoStore.open(uri)
    try:
        now = datetime(2026, 11, 22, 6, tzinfo=UTC)
        found = check(context_of().hierarchy, all_jobs(store), store.all_units(), now)
        return [str(item) for item in found]
    finally:
        store.close()


def test_a_store_keeps_its_promises_once_it_is_taken_over(
    mongo_uri: str, old: Database[Any]
) -> None:
    old['job_hourly'].delete_many({})
    old['job_daily'].delete_many({})
    old['unit_of_work'].delete_many({})
    for hour in range(6):
        text = f'20261122{hour:02}'
        done = unit('SiteHourly', text, 'state_processed', 0, number_of_retries=hour)
        old['unit_of_work'].insert_one(done)
        old['job_hourly'].insert_one(job('SiteHourly', text, 'state_processed', done))
    # Its unit is gone; and one that 2.x made when somebody looked at it.
    old['job_hourly'].delete_many({'timeperiod': '2026112205'})
    old['unit_of_work'].delete_many({'timeperiod': '2026112205'})
    old['job_hourly'].insert_one(job('SiteHourly', '2026112205', 'state_processed'))
    old['job_hourly'].insert_one(job('SiteHourly', '2031010105', 'state_embryo'))

    updated(mongo_uri)

    assert violations(mongo_uri) == []
    assert [item['fence'] for item in old['unit_of_work'].find().sort('timeperiod')] == [
        1, 2, 3, 4, 5,
    ]  # fmt: skip


def test_an_earlier_migration_is_corrected(mongo_uri: str, old: Database[Any]) -> None:
    updated(mongo_uri)
    old['unit_of_work'].update_many({'state': 'state_processed'}, {'$set': {'fence': 0}})
    assert any('never claimed' in text for text in violations(mongo_uri))

    assert any('get the fence' in text for text in checked(mongo_uri).changes)
    updated(mongo_uri)

    assert not any('never claimed' in text for text in violations(mongo_uri))
    assert checked(mongo_uri).changes == []


def test_what_is_corrected_after_an_update_is_taken_over(
    mongo_uri: str, old: Database[Any]
) -> None:
    assert len(updated(mongo_uri).problems) == 1
    assert len(checked(mongo_uri).problems) == 1

    old['job_hourly'].update_one(
        {'timeperiod': '2026112203'}, {'$set': {'state': 'state_processed'}}
    )
    findings = updated(mongo_uri)

    assert findings.problems == []
    assert findings.changes == ['1 finished jobs are kept']
    store = MongoStore.open(mongo_uri)
    found = store.jobs([key('SiteHourly@2026112203')])[key('SiteHourly@2026112203')]
    assert (found.state, found.rev) == (JobState.PROCESSED, 1)
    store.close()


def test_a_unit_that_is_corrected_finds_its_number_free(mongo_uri: str, old: Database[Any]) -> None:
    where = {'process_name': 'SiteHourly', 'timeperiod': '2026112200', 'start_obj_id': 0}
    old['unit_of_work'].update_one(where, {'$set': {'state': 'state_odd'}})
    updated(mongo_uri)

    old['unit_of_work'].update_one(where, {'$set': {'state': 'state_processed'}})
    updated(mongo_uri)

    store = MongoStore.open(mongo_uri)
    assert [item.run for item in store.runs(key('SiteHourly@2026112200'))] == [1, 2]
    assert store.jobs([key('SiteHourly@2026112200')])[key('SiteHourly@2026112200')].run == 2
    store.close()


@pytest.mark.parametrize('is_running', [False, True])
def test_what_has_run_since_is_not_touched(
    mongo_uri: str, old: Database[Any], is_running: bool
) -> None:
    hour = key('SiteHourly@2026112201')
    where = {'process_name': 'SiteHourly', 'timeperiod': '2026112201', 'fence': {'$exists': False}}
    updated(mongo_uri)
    store = MongoStore.open(mongo_uri)
    by = leader(store)
    store.commit(by, [InsertUnit(unit_of(hour, 2)), SaveJob(job_of(hour, rev=2, run=2), 'start')])
    assert claim(store, UowId(unit_of(hour, 2).id), 'w') is not None
    if not is_running:
        ended = replace(job_of(hour, rev=3, run=2), state=JobState.PROCESSED)
        store.commit(by, [SaveJob(ended, 'done')])
    late = unit('SiteHourly', '2026112201', 'state_processed', 7)
    old['unit_of_work'].insert_one({**late, 'created_at': '2026-11-21 00:00:00'})
    before = content(old)

    findings = updated(mongo_uri)

    after = content(old)
    assert after['job_daily'] == before['job_daily']
    if is_running:
        assert any('its job runs again by now' in text for text in findings.problems)
        assert after == before
    else:
        assert not any('its job runs again' in text for text in findings.problems)
        assert old['unit_of_work'].count_documents(where) == 0
        # The next run does not meet it.
        found = store.jobs([hour])[hour]
        assert (found.run, found.rev, found.state) == (3, 3, JobState.PROCESSED)
        assert [item.run for item in store.runs(hour)] == [1, 2, 3]
    store.close()


@pytest.fixture(scope='module')
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServers]:
    """Return a mongod that is not a replica set."""
    servers = MongoServers(member_count=1, folder=tmp_path_factory.mktemp('single'))
    try:
        servers.start_alone()
        yield servers
    finally:
        servers.stop()


@pytest.mark.parametrize('options', ['', '?replicaSet=rs7'])
def test_a_single_mongod_is_refused_before_anything_is_changed(
    single: MongoServers, options: str
) -> None:
    member = single.members[0]
    uri = f'mongodb://{member.name}/taken{options}'
    with pymongo.MongoClient[dict[str, Any]](f'mongodb://{member.name}') as client:
        client.drop_database('taken')
        database = client['taken']
        fill(database)
        before = content(database)
        indexes = database['unit_of_work'].index_information()
        administration = administer(uri)

        for act in (administration.update, administration.reset):
            with pytest.raises(StoreError, match='but a single mongod') as refused:
                act()

        assert content(database) == before
        assert database['unit_of_work'].index_information() == indexes
        assert 'schema' not in database.list_collection_names()
        administration.close()
    text = str(refused.value)
    name = 'rs7' if options else 'rs0'
    assert f'--replSet {name}' in text
    assert f'rs.initiate({{_id: "{name}", members: [{{_id: 0, host: "{member.name}"}}]}})' in text
    assert f'mongodb://{member.name}/taken?replicaSet={name}' in text


def test_the_steps_make_it_a_replica_set_with_its_data(tmp_path: Path) -> None:
    servers = MongoServers(member_count=1, folder=tmp_path)
    member = servers.members[0]
    try:
        servers.start_alone()
        with pymongo.MongoClient[dict[str, Any]](f'mongodb://{member.name}') as client:
            fill(client['taken'])
        servers.kill(member)
        servers._spawn(member, mongod_path(), replica_set='rs0')
        servers._wait_reachable(member)
        with pytest.raises(StoreError, match=r'never made; once: mongosh .*rs\.initiate'):
            updated(f'mongodb://{member.name}/taken')
        with pymongo.MongoClient[dict[str, Any]](
            f'mongodb://{member.name}/?directConnection=true'
        ) as client:
            client.admin.command(
                'replSetInitiate', {'_id': 'rs0', 'members': [{'_id': 0, 'host': member.name}]}
            )

        uri = f'mongodb://{member.name}/taken?replicaSet=rs0'

        assert updated(uri).changes
        store = MongoStore.open(uri)
        assert store.live_units() == []
        store.close()
    finally:
        servers.stop()


def test_a_check_says_of_a_single_mongod_what_to_do(single: MongoServers) -> None:
    uri = f'mongodb://{single.members[0].name}/empty'

    assert 'but a single mongod' in checked(uri).problems[0]
    with pytest.raises(StoreUnusable, match='but a single mongod'):
        MongoStore.open(uri)


def test_what_would_start_or_differ_is_named(mongo_uri: str, old: Database[Any]) -> None:
    old['managed_process'].delete_many({})
    common = {
        'state_machine_name': 'discrete', 'blocking_type': 'blocking_normal', 'time_grouping': 1,
        'trigger_frequency': 'every 60',
    }  # fmt: skip
    rows = [
        {'process_name': 'SiteHourly', 'time_qualifier': '_hourly', 'is_on': False, **common},
        {'process_name': 'SiteDaily', 'time_qualifier': '_hourly', 'is_on': True, **common,
         'trigger_frequency': 'every 30'},
        {'process_name': 'Gone', 'time_qualifier': '_hourly', 'is_on': True, **common},
    ]  # fmt: skip
    old['managed_process'].insert_many(rows)
    administration = administer(mongo_uri)

    notes = '\n'.join(differences(administration.former(), context_of()))

    assert 'SiteHourly was switched off in Synergy 2.x and would start' in notes
    assert 'SiteDaily was _hourly and is _daily in context.py' in notes
    assert "SiteDaily: trigger_frequency was 'every 30'" in notes
    assert 'Gone is not in context.py' in notes
    assert 'Cleaner::nightly rests' in notes
    updated(mongo_uri)
    assert [item.name for item in administration.former()] == [
        'Cleaner::nightly', 'Gone', 'SiteDaily', 'SiteHourly',
    ]  # fmt: skip
    store = MongoStore.open(mongo_uri)
    leader(store)
    store.close()
    # What it then does is what it does.
    assert administration.former() == ()
    administration.close()


def test_cancelled_units_are_legal(mongo_uri: str, old: Database[Any]) -> None:
    updated(mongo_uri)

    for item in old['unit_of_work'].find():
        assert item['fence'] >= 1
    store = MongoStore.open(mongo_uri)
    assert {unit.state for unit in store.all_units()} <= {UnitState.PROCESSED, UnitState.CANCELED}
    store.close()
