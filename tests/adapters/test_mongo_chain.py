"""A commit on MongoDB waits for the majority once, and says nothing that may be rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pymongo
import pytest
from pymongo.database import Database
from pymongo.errors import WTimeoutError
from pymongo.monitoring import CommandStartedEvent
from pymongo.write_concern import WriteConcern

from bench.servers.mongodb import MongoServers
from synergy.adapters.mongo import unit_saves
from synergy.adapters.mongo.chain import Chain, WriteTerms
from synergy.adapters.mongo.store import MongoStore
from synergy.core.effects import InsertUnit, Save, SaveJob
from synergy.core.records import uow_id_of
from synergy.core.states import JobState
from synergy.ports.errors import CommitRefused, StoreUnavailable
from tests.builders import key
from tests.contract.rows import job_of, leader, unit_of

_DAY = key('SiteDaily@2026112200')
_HOURS = [key(f'SiteHourly@20261122{hour:02}') for hour in range(3)]
_WRITES = ('insert', 'update', 'delete')


@pytest.fixture
def store(empty_mongo_uri: str) -> Iterator[MongoStore]:
    """Yield a store that has met its servers."""
    with_them = MongoStore.open(empty_mongo_uri)
    with_them.commit(leader(with_them), _started(_HOURS[0]))
    yield with_them
    with_them.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """Return what is sent from now on: commands, and for how many members writes wait."""
    found: list[tuple[str, object]] = []

    def started(_: WriteTerms, event: CommandStartedEvent) -> None:
        concern = event.command.get('writeConcern') or {}
        waits_for = concern.get('w', 1) if event.command_name in _WRITES else None
        found.append((event.command_name, waits_for))

    monkeypatch.setattr(WriteTerms, 'started', started)
    return found


def test_a_commit_waits_for_the_majority_once(
    store: MongoStore, sent: list[tuple[str, object]]
) -> None:
    store.commit(leader(store), [_ended(_HOURS[0]), *_started(_HOURS[1]), *_started(_DAY)])

    writes = [item for item in sent if item[0] in _WRITES]
    assert writes == [('insert', 1), ('update', 1), ('insert', 1), ('insert', 'majority')]
    assert store.jobs([_HOURS[0]])[_HOURS[0]].state is JobState.PROCESSED


def test_what_leads_to_several_sets_is_waited_for_at_each_statement(
    store: MongoStore, sent: list[tuple[str, object]]
) -> None:
    store._connection.chain.is_router = True

    store.commit(leader(store), [*_started(_HOURS[1]), *_started(_DAY)])

    assert {waits_for for name, waits_for in sent if name in _WRITES} == {'majority'}


def test_answers_without_a_term_make_each_statement_wait(
    store: MongoStore, sent: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WriteTerms, 'succeeded', lambda self, _: self.seen.add(None))
    with pytest.raises(StoreUnavailable, match='the primary has changed'):
        store.commit(leader(store), [*_started(_HOURS[1]), *_started(_DAY)])
    sent.clear()

    store.commit(leader(store), [*_started(_HOURS[2])])

    assert {waits_for for name, waits_for in sent if name in _WRITES} == {'majority'}


def test_what_a_refused_commit_left_is_confirmed_before_anything_is_read(
    store: MongoStore, sent: list[tuple[str, object]]
) -> None:
    leadership = leader(store)
    with pytest.raises(CommitRefused):
        store.commit(leadership, [InsertUnit(unit_of(_HOURS[1])), SaveJob(job_of(_HOURS[0]), 'a')])
    sent.clear()

    found = store.units([uow_id_of(_HOURS[1], 1)])

    assert len(found) == 1
    assert sent == [('update', 'majority'), ('find', None)]
    sent.clear()
    store.units([uow_id_of(_HOURS[1], 1)])
    assert sent == [('find', None)], 'once'


def test_of_many_alike_the_missing_are_looked_for_where_all_is_confirmed(
    store: MongoStore, sent: list[tuple[str, object]]
) -> None:
    leadership = leader(store)
    store.commit(leadership, _started(_HOURS[1]))
    saves = [_ended(_HOURS[0]), SaveJob(job_of(_HOURS[1], rev=3), 'of a rev that is not there')]
    sent.clear()

    with pytest.raises(CommitRefused) as refused:
        store.commit(leadership, [*saves, *_started(_DAY)])

    assert [item.save for item in refused.value.refused] == saves[1:]
    assert store.jobs([_HOURS[0]])[_HOURS[0]].rev == 2
    looked = sent.index(('find', None), 1)
    assert sent[looked - 1] == ('update', 'majority')


def test_what_changes_nothing_waits_for_what_was_written_before(own_mongo: MongoServers) -> None:
    with pymongo.MongoClient[dict[str, Any]](own_mongo.uri_of('nothing')) as client:
        database = client.get_default_database()
        _chain(database, wtimeout=30_000).confirmed()

        with own_mongo.patient(), _alone(own_mongo):
            database.with_options(write_concern=WriteConcern(1))['schema'].insert_one({})
            with pytest.raises(WTimeoutError):
                _chain(database, wtimeout=100).confirmed()

        _chain(database, wtimeout=30_000).confirmed()


def test_what_only_a_dead_primary_had_is_not_called_saved(
    own_mongo: MongoServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit was written by a primary that dies before anybody copies it."""
    store = MongoStore.open(own_mongo.uri_of('deposed'), busy_seconds_max=30)
    leadership = leader(store)
    store.commit(leadership, _started(_HOURS[0]))
    deposed = own_mongo.primary()
    others = own_mongo.secondaries()

    def by_itself(insert: Callable[..., None], *arguments: Any, **named: Any) -> None:
        for member in others:
            own_mongo.kill(member)
        insert(*arguments, **named)
        own_mongo.kill(deposed)
        for member in others:
            own_mongo.restart(member)

    with monkeypatch.context() as patched:
        insert_units = unit_saves._insert_units
        patched.setattr(unit_saves, '_insert_units', partial(by_itself, insert_units))
        with pytest.raises(StoreUnavailable, match='the primary has changed'):
            store.commit(leadership, _started(_HOURS[1]))

    assert store.units([uow_id_of(_HOURS[1], 1)]) == {}, 'rolled back'
    assert _HOURS[1] in store.jobs([_HOURS[1]]), 'and yet the last statement was confirmed'
    own_mongo.restart(deposed)
    own_mongo.wait_healthy()
    store.commit(leadership, [InsertUnit(unit_of(_HOURS[1])), _ended(_HOURS[0])])
    assert len(store.units([uow_id_of(_HOURS[1], 1)])) == 1
    store.close()


def _chain(database: Database[dict[str, Any]], wtimeout: int) -> Chain:
    concern = WriteConcern('majority', wtimeout=wtimeout, j=True)
    return Chain(database.with_options(write_concern=concern), WriteTerms())


def _started(job_key: Any) -> Sequence[Save]:
    return [InsertUnit(unit_of(job_key)), SaveJob(job_of(job_key), 'started')]


def _ended(job_key: Any) -> SaveJob:
    return SaveJob(job_of(job_key, rev=2, state=JobState.PROCESSED), 'run 1 processed 0')


@contextmanager
def _alone(servers: MongoServers) -> Iterator[None]:
    """Let the primary hear nothing of the others."""
    others = servers.secondaries()
    for member in others:
        servers.pause(member)
    try:
        yield
    finally:
        for member in others:
            servers.resume(member)
