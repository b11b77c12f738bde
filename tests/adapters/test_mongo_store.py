"""MongoDB beyond the contract: the server's clock, wrong set-ups, illegal documents, fail-over."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from bench.servers.mongodb import MongoServers
from synergy.adapters.mongo import alerts
from synergy.adapters.mongo.administration import MongoAdministration
from synergy.adapters.mongo.chain import Chain, WriteTerms
from synergy.adapters.mongo.connection import MongoConnection
from synergy.adapters.mongo.names import JOB_COLLECTION
from synergy.adapters.mongo.schema import INDEXES
from synergy.adapters.mongo.store import MongoStore
from synergy.core.alert_outbox import Delivery
from synergy.core.alert_records import Alerts
from synergy.core.alert_requests import AlertRequest, AlertRequestKind
from synergy.core.effects import InsertUnit, SaveFreerun, SaveJob
from synergy.core.freerun_record import Freerun
from synergy.core.records import LogLine, Outcome, ProcessName
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.trigger import parse_trigger
from synergy.core.watching import AlertOutcome
from synergy.ports.errors import CommitRefused, LeadershipLost, StoreUnavailable, StoreUnusable
from synergy.ports.store import JobFilter
from tests.builders import index_rows, key
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, claim, finish, job_of, leader, start, unit_of


@pytest.fixture
def store(empty_mongo_uri: str) -> Iterator[MongoStore]:
    opened = MongoStore.open(empty_mongo_uri)
    yield opened
    opened.close()


@pytest.fixture
def database(empty_mongo_uri: str) -> Iterator[Database[Any]]:
    with pymongo.MongoClient[dict[str, Any]](empty_mongo_uri, tz_aware=True) as client:
        yield client.get_default_database()


def test_leases_are_judged_by_the_clock_of_the_server(store: MongoStore) -> None:
    unit = start(store)
    short = timedelta(milliseconds=200)

    claimed = next(iter(store.claim([unit.id], 'w', short)))
    now = store.store_now()

    assert claimed.lease_until is not None
    assert abs(claimed.lease_until - now - short) < timedelta(seconds=5)
    held = store.lead('other', timedelta(hours=1))
    assert held is None
    leadership = store.leadership()
    assert leadership is not None
    store.resign(leadership)
    brief = store.lead('other', short)
    assert brief is not None
    assert brief.term == leadership.term + 1
    time.sleep(0.3)
    with pytest.raises(LeadershipLost, match='other no longer leads in term'):
        store.commit(brief, [])


def test_a_unit_is_not_claimed_before_its_time_by_the_server(store: MongoStore) -> None:
    soon = store.store_now() + timedelta(hours=1)
    store.commit(leader(store), [InsertUnit(unit_of(not_before=soon))])

    assert claim(store, unit_of().id, 'w') is None


def test_documents_from_before_losses_were_counted_have_none(
    store: MongoStore, database: Database[Any]
) -> None:
    unit = start(store)
    for name in ('unit_of_work', JOB_COLLECTION[Qualifier.HOURLY]):
        database[name].update_many({}, {'$unset': {'lost_count': 1}})

    assert store.units([unit.id]) == {unit.id: unit}
    assert store.jobs([HOUR])[HOUR].lost_count == 0


def test_a_job_saved_in_a_later_term_is_not_overwritten_by_an_earlier(store: MongoStore) -> None:
    start(store)
    early = leader(store, 'one')
    store.resign(early)
    late = leader(store, 'two')
    store.commit(late, [SaveJob(job_of(rev=2), 'again')])
    store._connection.database['leadership'].update_one(
        {}, {'$set': {'owner': 'one', 'term': early.term}}
    )

    with pytest.raises(CommitRefused, match='SiteHourly@2026112200'):
        store.commit(early, [SaveJob(job_of(rev=3, state=JobState.PROCESSED), 'late')])


def test_a_refused_job_stops_those_after_it(store: MongoStore) -> None:
    start(store)
    other = key('SiteHourly@2026112201')
    saves = [SaveJob(job_of(rev=5), 'wrong'), SaveJob(job_of(other), 'right')]

    with pytest.raises(CommitRefused, match='SiteHourly@2026112200 at rev 4'):
        store.commit(leader(store), saves)

    assert store.jobs([other]) == {}


def test_documents_have_the_collections_fields_and_types_of_2_x(
    store: MongoStore, database: Database[Any]
) -> None:
    unit = start(store)

    job = database['job_hourly'].find_one({})
    row = database['unit_of_work'].find_one({})

    assert job is not None
    assert row is not None
    assert (job['process_name'], job['timeperiod']) == ('SiteHourly', '2026112200')
    assert job['related_unit_of_work'] == str(row['_id']) == unit.id
    assert [text for _, text in job['event_log']] == ['started']
    assert row['created_at'] == NOW
    assert (row['unit_of_work_type'], row['start_timeperiod']) == ('type_managed', '2026112200')


def test_arguments_that_bson_cannot_carry_are_kept(store: MongoStore) -> None:
    unit = unit_of(arguments={'big': 2**80, '$where': {'a.b': 1}})

    store.commit(leader(store), [InsertUnit(unit)])

    assert store.units([unit.id]) == {unit.id: unit}


def test_the_end_of_an_attempt_repeated_writes_its_log_once(store: MongoStore) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    log = [LogLine(attempt=1, at=NOW, level='INFO', text='only')]
    for _ in range(2):
        assert finish(store, unit.id, 1, Outcome.processed(), log)

    assert list(store.log(unit.id)) == log
    assert not finish(store, unit.id, 1, Outcome.noop(), [replace(log[0], text='zombie')])
    assert list(store.log(unit.id)) == log


@pytest.mark.parametrize(
    ('field', 'value'), [('state', 'state_lost'), ('rev', 'two'), ('run', None)]
)
def test_an_illegal_job_is_named_once_and_counts_as_running(
    store: MongoStore,
    database: Database[Any],
    caplog: pytest.LogCaptureFixture,
    field: str,
    value: object,
) -> None:
    start(store)
    start(store, key('SiteHourly@2026112201'))
    database['job_hourly'].update_one({'timeperiod': '2026112200'}, {'$set': {field: value}})

    with caplog.at_level(logging.ERROR):
        rows = [*index_rows(store), *index_rows(store)]
        jobs = store.open_jobs()

    assert rows[0] == (HOUR.process, HOUR.timeperiod, JobState.IN_PROGRESS)
    assert len(rows) == 4
    assert [str(job.timeperiod) for job in jobs] == ['2026112201']
    assert len(caplog.records) == 1
    assert 'job_hourly SiteHourly@2026112200' in caplog.text
    assert f"'{field}'" in caplog.text


def test_an_illegal_unit_is_left_out_of_what_is_read(
    store: MongoStore, database: Database[Any], caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = start(store), start(store, key('SiteHourly@2026112201'))
    database['unit_of_work'].update_one({'run': 1}, {'$set': {'created_at': 'yesterday'}})

    with caplog.at_level(logging.ERROR):
        live = store.live_units()

    assert [unit.id for unit in live] == [good.id]
    assert "'created_at' is 'yesterday'" in caplog.text
    assert claim(store, bad.id, 'w') is None
    found = database['unit_of_work'].find_one({'created_at': 'yesterday'})
    assert found is not None
    assert (found['state'], found['owner']) == ('state_requested', None)


def test_an_id_that_is_none_finds_nothing(store: MongoStore) -> None:
    for uow_id in ('', 'garbage', '5'):
        assert store.units([uow_id]) == {}  # type: ignore[list-item]  # Messages carry any text.
        assert claim(store, uow_id, 'w') is None  # type: ignore[arg-type]  # As above.
        assert not finish(store, uow_id, 1, Outcome.noop())  # type: ignore[arg-type]  # As above.


def test_many_jobs_of_all_levels_take_few_round_trips(empty_mongo_uri: str) -> None:
    class Counter(pymongo.monitoring.CommandListener):
        def __init__(self) -> None:
            self.names: list[str] = []

        def started(self, event: pymongo.monitoring.CommandStartedEvent) -> None:
            if event.command_name in ('insert', 'update', 'find', 'aggregate', 'findAndModify'):
                self.names.append(event.command_name)

        def succeeded(self, event: object) -> None:
            pass

        def failed(self, event: object) -> None:
            pass

    store = MongoStore.open(empty_mongo_uri)
    leadership = leader(store)
    keys = [
        JobKey(ProcessName(f'Site{qualifier.name}'), Timeperiod(qualifier, ordinal))
        for qualifier in JOB_COLLECTION
        for ordinal in range(40, 90)
    ]
    saves = [
        save
        for item in keys
        for save in (InsertUnit(unit_of(item)), SaveJob(job_of(item), 'started'))
    ]
    counter = Counter()
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        empty_mongo_uri, event_listeners=[counter], tz_aware=True
    )
    store._connection._client.close()
    store._connection._client = client
    store._connection.database = client.get_default_database()
    store._connection.chain = Chain(store._connection.database, WriteTerms())

    store.commit(leadership, saves)
    committed = len(counter.names)
    counter.names.clear()
    found = store.jobs(keys)
    units = store.units([item.unit.id for item in saves if isinstance(item, InsertUnit)])

    assert committed <= 8, 'one look, one bulk of units, one for each collection of jobs'
    assert len(counter.names) <= 1 + len(JOB_COLLECTION)
    assert len(found) == len(units) == 50 * len(JOB_COLLECTION)
    client.close()


def test_free_runs_of_two_entries_are_kept_apart(store: MongoStore) -> None:
    for entry in ('a', 'b'):
        freerun = Freerun(
            name=ProcessName(f'Cleaner::{entry}'),
            trigger=parse_trigger('every 5'),
            rev=1,
            changed_at=NOW,
        )
        store.commit(leader(store), [SaveFreerun(freerun, f'added {entry}')])

    assert [item.entry for item in store.freeruns()] == ['a', 'b']
    assert [item.text for item in store.freerun_events(ProcessName('Cleaner::b'), 9)] == ['added b']


def test_a_newer_schema_is_refused(mongo_uri: str) -> None:
    MongoStore.open(mongo_uri).close()
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        client.get_default_database()['schema'].update_one({}, {'$set': {'version': 99}})

    with pytest.raises(StoreUnusable, match=r'version 99.*newer'):
        MongoStore.open(mongo_uri)


def test_an_empty_database_is_made_ready_only_by_those_who_may(mongo_uri: str) -> None:
    with pytest.raises(StoreUnavailable, match=r'empty.*launch\.py up'):
        MongoStore.open(mongo_uri, create=False)

    MongoStore.open(mongo_uri).close()

    MongoStore.open(mongo_uri, create=False).close()


def test_indexes_follow_the_settings_and_come_back(mongo_uri: str) -> None:
    MongoStore.open(mongo_uri, log_retention=timedelta(days=7)).close()
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        database = client.get_default_database()
        ages = database['log_recording'].index_information()['created_at_1']
        assert ages['expireAfterSeconds'] == 7 * 86_400
        MongoStore.open(mongo_uri, log_retention=timedelta(days=8)).close()
        ages = database['log_recording'].index_information()['created_at_1']
        assert ages['expireAfterSeconds'] == 8 * 86_400
        database['job_daily'].drop_index('process_name_1_timeperiod_1')

    administration = MongoAdministration(
        mongo_uri, busy_seconds_max=10, log_retention=timedelta(days=8)
    )
    missing = administration.check().changes
    administration.update()

    assert missing == ['unique index of job_daily on process_name, timeperiod is created']
    assert administration.check().changes == []
    administration.close()
    assert len({(index.collection, index.name) for index in INDEXES}) == len(INDEXES)


def test_a_reset_leaves_an_empty_store(mongo_uri: str) -> None:
    store = MongoStore.open(mongo_uri)
    start(store)
    administration = MongoAdministration(
        mongo_uri, busy_seconds_max=10, log_retention=timedelta(days=8)
    )
    assert administration.leader() is not None

    administration.reset()

    assert index_rows(store) == []
    assert administration.leader() is None
    assert administration.check().changes == []
    administration.close()
    store.close()


def test_what_cannot_be_reached_is_named_with_what_to_do() -> None:
    with pytest.raises(StoreUnavailable, match=r'127\.0\.0\.1:1/x cannot be reached.*check'):
        MongoStore.open('mongodb://127.0.0.1:1/x', busy_seconds_max=0.3)


@pytest.mark.filterwarnings('ignore::UserWarning')
@pytest.mark.parametrize('option', ['password=hunter2', 'replicaset', 'tls=maybe', 'w=-1'])
def test_options_that_the_driver_does_not_know_are_no_crash(option: str) -> None:
    with pytest.raises((StoreUnavailable, StoreUnusable)) as caught:
        MongoStore.open(f'mongodb://127.0.0.1:1/x?{option}', busy_seconds_max=0.3)

    assert 'hunter2' not in str(caught.value)


@pytest.mark.parametrize('uri', ['mongodb://', 'mongodb://host:port/x', 'mongodb://a@b@c/x'])
def test_a_uri_that_is_none_is_refused(uri: str) -> None:
    with pytest.raises((StoreUnusable, StoreUnavailable), match=r'correct it|cannot be reached'):
        MongoStore.open(uri, busy_seconds_max=0.2)


def test_passwords_are_not_shown() -> None:
    connection = MongoConnection(
        'mongodb://anna:se%40cret@h1,h2/db?replicaSet=x&appName=y', busy_seconds_max=0.2
    )

    assert connection.place == 'store mongodb://•••@h1,h2/db?replicaSet=x&appName=•••'
    connection.close()


def test_wrong_credentials_and_missing_rights_are_said(own_mongo: MongoServers) -> None:
    uri = own_mongo.uri_of('nobody').replace('mongodb://', 'mongodb://anna:wrong@')

    with pytest.raises(StoreUnusable, match=r'•••@.*refused user name or password.*store_uri'):
        MongoStore.open(uri)


def test_a_single_server_that_is_no_replica_set_is_refused() -> None:
    servers = MongoServers(member_count=1)
    try:
        servers.start_alone()
        uri = f'mongodb://{servers.members[0].name}/x'
        with pytest.raises(StoreUnusable, match=r'is not a replica set.*--replSet'):
            MongoStore.open(uri)
    finally:
        servers.stop()


def test_nothing_is_lost_or_doubled_when_primaries_die(own_mongo: MongoServers) -> None:
    servers = own_mongo
    store = MongoStore.open(servers.uri_of('primaries'), busy_seconds_max=20)
    worker = MongoStore.open(servers.uri_of('primaries'), busy_seconds_max=20)
    keys = [JobKey(HOUR.process, HOUR.timeperiod.shift(number)) for number in range(240)]
    kills = {60, 160}
    claims = 0
    unknown = 0

    for number, item in enumerate(keys):
        if number in kills:
            victim = servers.primary()
            servers.kill(victim)
        unit = unit_of(item)
        saves = [InsertUnit(unit), SaveJob(job_of(item), 'started')]
        unknown += commit_surely(store, item, saves)
        claimed = claim_surely(worker, unit)
        claims += claimed is not None
        if number in kills:
            servers.restart(victim)
            servers.wait_healthy()

    found = store.jobs(keys)
    assert set(found) == set(keys)
    assert {job.rev for job in found.values()} == {1}
    units = list(store.all_units())
    assert len(units) == len(keys)
    assert {(unit.state, unit.fence) for unit in units} == {(UnitState.IN_PROGRESS, 1)}
    # A claim whose answer was lost counts as a rescue later, never as a second holder.
    assert len(keys) - 2 <= claims <= len(keys)
    store.close()
    worker.close()


def commit_surely(store: MongoStore, item: JobKey, saves: list[Any]) -> int:
    """Commit as the Scheduler does: after a doubtful answer, read before deciding again."""
    for doubts in range(50):
        try:
            store.commit(leader(store), saves)
        except (StoreUnavailable, CommitRefused, LeadershipLost):
            try:
                if item in store.jobs([item]):
                    return doubts + 1
            except StoreUnavailable:
                continue
        else:
            return doubts
    raise AssertionError(f'{item} was not committed')


def claim_surely(store: MongoStore, unit: Any) -> object:
    for _ in range(50):
        try:
            return next(iter(store.claim([unit.id], 'w', timedelta(minutes=10))), None)
        except StoreUnavailable:
            continue
    raise AssertionError(f'{unit} was not claimed')


def test_a_set_without_a_majority_is_said_and_heals() -> None:
    with MongoServers() as servers:
        # Making its collections may take longer than the patience that is tried below.
        MongoStore.open(servers.uri_of('x')).close()
        store = MongoStore.open(servers.uri_of('x'), busy_seconds_max=8)
        start(store)
        servers.wait_healthy()  # One that is silent for a moment is not among the secondaries.
        dead = servers.secondaries()
        assert len(dead) == 2
        for member in dead:
            servers.kill(member)

        said = complaints(store, 12)
        for member in dead:
            servers.restart(member)
        servers.wait_healthy()

        assert 'has no primary: of replica set synergy only' in said[-1]
        assert store.jobs([HOUR])[HOUR].rev == 1
        leader(store)
        store.close()


def complaints(store: MongoStore, count: int) -> list[str]:
    """Return what is said by so many attempts to lead, up to the one that finds no primary."""
    said: list[str] = []
    while len(said) < count and not (said and 'has no primary' in said[-1]):
        with pytest.raises(StoreUnavailable) as error:
            leader(store)
        said.append(str(error.value))
    return said


def test_hours_sort_before_days_when_read_together(store: MongoStore) -> None:
    for text in ('SiteDaily@2026112200', 'AlertDaily@2026112200', 'SiteHourly@2026112200'):
        start(store, key(text))

    rows = [str(job.key) for job in store.find_jobs(JobFilter(), 10)]

    assert rows == sorted(rows)
    assert Qualifier.HOURLY in JOB_COLLECTION


def test_what_a_watcher_has_saved_by_halves_is_made_whole_by_the_next(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = store.store_now().replace(microsecond=0)
    made = Delivery(
        number=1, key='k', group='g', receiver='r', document='{}', made_at=at, next_at=at
    )
    asked = AlertRequest(id='r1', kind=AlertRequestKind.ACK, named='night', by='anna', at=at)
    store.insert_alert_request(asked)
    ended = replace(asked, ended_at=at)
    outcome = AlertOutcome(alerts=Alerts(last=1), deliveries=(made,), requests=(ended,), cursor=7)
    lease = store.watch('one', timedelta(minutes=1))
    assert lease is not None

    with monkeypatch.context() as patched:
        patched.setattr(alerts, 'repeated', _broken_off)
        with pytest.raises(StoreUnavailable):
            store.save_alerts(lease, 0, outcome)
        assert store.alert_memory().rev == 1
        assert not store.save_alerts(lease, 1, AlertOutcome(alerts=Alerts()))
        with pytest.raises(StoreUnavailable):
            store.watch('one', timedelta(minutes=1))
    store.stop_watching(lease)
    newer = store.watch('two', timedelta(minutes=1))

    assert newer is not None
    assert [*store.waiting_deliveries()] == [made]
    assert store.alert_request('r1') == ended
    assert store.journal_cursor('alerts') == 7
    assert store.alert_memory().alerts == Alerts(last=1)
    assert store.save_alerts(newer, 1, AlertOutcome(cursor=8))


def _broken_off(_: object) -> None:
    raise StoreUnavailable('broken off')
