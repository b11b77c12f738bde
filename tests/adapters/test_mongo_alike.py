"""Many rows in one statement of MongoDB: each is counted, a lost answer loses nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from synergy.adapters.mongo.names import JOB_COLLECTION, UNITS
from synergy.adapters.mongo.store import MongoStore
from synergy.core.effects import InsertUnit, Save, SaveJob
from synergy.core.records import Outcome, Unit, UnitEnd, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.ports.errors import CommitRefused
from tests.builders import key
from tests.contract.rows import LEASE, job_of, leader, unit_of
from tests.mongo_line import MongoLine, mongo_line

_HOURS = [key(f'SiteHourly@20261122{hour:02}') for hour in range(6)]


@pytest.fixture
def line(empty_mongo_uri: str) -> Iterator[tuple[MongoLine, MongoStore]]:
    """Yield a store behind a line that may lose answers."""
    MongoStore.open(empty_mongo_uri).close()
    with mongo_line(empty_mongo_uri) as (between, uri):
        store = MongoStore.open(uri)
        yield between, store
        store.close()


@pytest.fixture
def store(empty_mongo_uri: str) -> Iterator[MongoStore]:
    opened = MongoStore.open(empty_mongo_uri)
    yield opened
    opened.close()


@pytest.fixture
def database(empty_mongo_uri: str) -> Iterator[Database[Any]]:
    with pymongo.MongoClient[dict[str, Any]](empty_mongo_uri, tz_aware=True) as client:
        yield client.get_default_database()


def test_units_are_claimed_once_though_the_answer_is_lost(
    line: tuple[MongoLine, MongoStore],
) -> None:
    between, store = line
    units = _started(store)
    between.losing += ['update']
    between.seen.clear()

    claimed = store.claim([unit.id for unit in units], 'w', LEASE)

    assert between.seen.count('update') == 2
    assert [(unit.id, unit.fence, unit.attempt) for unit in claimed] == [
        (unit.id, 1, 1) for unit in units
    ]
    assert store.claim([unit.id for unit in units], 'v', LEASE) == []


def test_ends_count_once_though_the_answer_is_lost(line: tuple[MongoLine, MongoStore]) -> None:
    between, store = line
    units = store.claim([unit.id for unit in _started(store)], 'w', LEASE)
    between.losing += ['update']

    assert store.finish([_end(unit, Outcome.processed(7)) for unit in units]) == []

    assert not between.losing
    found = store.units([unit.id for unit in units]).values()
    assert {(unit.state, unit.processed_count) for unit in found} == {(UnitState.PROCESSED, 7)}


def test_jobs_are_written_once_though_the_answer_is_lost(
    line: tuple[MongoLine, MongoStore],
) -> None:
    between, store = line
    _started(store)
    leadership = leader(store)
    between.losing += ['update']

    store.commit(leadership, [_ended(each) for each in _HOURS])

    assert not between.losing
    assert {job.state for job in store.jobs(_HOURS).values()} == {JobState.PROCESSED}
    assert {job.uow_id for job in store.jobs(_HOURS).values()} == {
        uow_id_of(each, 1) for each in _HOURS
    }
    for each in _HOURS:
        assert [event.text for event in store.events(each, 9)] == ['run 1 processed 0', 'started']


def test_jobs_that_change_alike_are_one_statement(line: tuple[MongoLine, MongoStore]) -> None:
    between, store = line
    _started(store)
    leadership = leader(store)
    between.seen.clear()

    store.commit(leadership, [_ended(each) for each in _HOURS])

    assert between.seen.count('update') == 1
    assert between.seen.count('find') == 1, 'of the leadership'


def test_of_many_alike_exactly_the_refused_is_named(store: MongoStore) -> None:
    _started(store)
    leadership = leader(store)
    store.commit(leadership, [SaveJob(job_of(_HOURS[2], rev=2), 'by somebody else')])

    with pytest.raises(CommitRefused) as refused:
        store.commit(leadership, [_ended(each) for each in _HOURS[:4]])

    assert [item.save for item in refused.value.refused] == [_ended(_HOURS[2])]
    assert store.jobs([_HOURS[2]])[_HOURS[2]].state is JobState.IN_PROGRESS
    assert store.jobs([_HOURS[1]])[_HOURS[1]].state is JobState.PROCESSED


def test_a_job_that_lost_its_unit_in_the_store_is_written_with_the_others(
    store: MongoStore, database: Database[Any]
) -> None:
    _started(store)
    database[JOB_COLLECTION[Qualifier.HOURLY]].update_one(
        {'timeperiod': str(_HOURS[3].timeperiod)}, {'$set': {'related_unit_of_work': None}}
    )

    store.commit(leader(store), [_ended(each) for each in _HOURS])

    assert {(job.state, job.uow_id) for job in store.jobs(_HOURS).values()} == {
        (JobState.PROCESSED, uow_id_of(each, 1)) for each in _HOURS
    }


def test_what_becomes_of_a_job_twice_is_written_in_that_order(store: MongoStore) -> None:
    _started(store)
    again = SaveJob(job_of(_HOURS[0], rev=3, state=JobState.EMBRYO, uow_id=None), 'reset')

    store.commit(leader(store), [_ended(_HOURS[0]), _ended(_HOURS[1]), again])

    assert store.jobs(_HOURS)[_HOURS[0]].state is JobState.EMBRYO
    assert [event.text for event in store.events(_HOURS[0], 9)] == [
        'reset',
        'run 1 processed 0',
        'started',
    ]


def test_of_ends_alike_exactly_the_refused_are_returned(
    store: MongoStore, database: Database[Any]
) -> None:
    units = store.claim([unit.id for unit in _started(store)], 'w', LEASE)
    outcomes = [Outcome.processed(3), Outcome.processed(3), Outcome.failed('$x'), Outcome.noop()]
    ends = [_end(*item) for item in zip(units, outcomes, strict=False)]
    database[UNITS].update_one(
        {'process_name': units[1].process, 'run': 1, 'timeperiod': str(units[1].timeperiod)},
        {'$inc': {'fence': 1}},
    )

    assert store.finish(ends) == [units[1].id]
    assert store.finish(ends) == [units[1].id], 'and repeated, too'

    found = store.units([unit.id for unit in units])
    assert [(found[unit.id].state, found[unit.id].error) for unit in units[:4]] == [
        (UnitState.PROCESSED, None),
        (UnitState.IN_PROGRESS, None),
        (UnitState.INVALID, '$x'),
        (UnitState.NOOP, None),
    ]
    assert all(
        abs(found[unit.id].finished_at - store.store_now()).total_seconds() < 60  # type: ignore[operator]
        for unit in (units[0], units[2])
    )


@pytest.mark.parametrize('seed', range(6))
def test_any_commit_of_jobs_does_what_its_saves_would_one_by_one(
    store: MongoStore, seed: int
) -> None:
    draw = random.Random(seed)
    leadership = leader(store)
    stored = {each: draw.choice((0, 1, 1, 2)) for each in _HOURS}
    for rev in (1, 2):
        store.commit(
            leadership,
            [SaveJob(job_of(each, rev=rev), 'begun') for each in _HOURS if stored[each] >= rev],
        )
    saves = []
    for each in draw.sample(_HOURS, draw.randint(2, 6)):
        rev = stored[each] + draw.choice((1, 1, 1, 1, 2))
        state = draw.choice((JobState.PROCESSED, JobState.PROCESSED, JobState.IN_PROGRESS))
        saves.append(SaveJob(job_of(each, rev=rev, state=state), draw.choice(('a', 'b'))))
    # A first save over nothing that claims to be the second is refused, and leaves a row.
    wrong = [save for save in saves if save.job.rev != stored[save.job.key] + 1]

    try:
        store.commit(leadership, saves)
        refused: Sequence[Save] = []
    except CommitRefused as error:
        refused = [item.save for item in error.refused]

    assert bool(refused) == bool(wrong)
    assert set(map(_key_of, refused)) <= set(map(_key_of, wrong))
    found = store.jobs(_HOURS)
    for save in saves:
        job = found.get(save.job.key)
        if not wrong:
            assert job == save.job
        elif save not in wrong and job is not None:
            assert job.rev in (stored[save.job.key], save.job.rev)
        elif job is not None and stored[save.job.key]:
            assert job.rev == stored[save.job.key]


def _key_of(save: Save) -> JobKey:
    assert isinstance(save, SaveJob)
    return save.job.key


def _started(store: MongoStore) -> Sequence[Unit]:
    units = [unit_of(each) for each in _HOURS]
    saves: list[Save] = [InsertUnit(unit) for unit in units]
    saves += [SaveJob(job_of(each), 'started') for each in _HOURS]
    store.commit(leader(store), saves)
    return units


def _ended(job_key: JobKey) -> SaveJob:
    return SaveJob(job_of(job_key, rev=2, state=JobState.PROCESSED), 'run 1 processed 0')


def _end(unit: Unit, outcome: Outcome) -> UnitEnd:
    return UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=outcome)
