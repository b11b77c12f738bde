"""Jobs and units of every level: both stores keep them, find them again, and tell them apart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymongo
import pytest

from synergy.adapters.mongo.administration import MongoAdministration
from synergy.adapters.mongo.names import JOB_COLLECTION
from synergy.adapters.mongo.store import MongoStore
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.administration import SqliteAdministration
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import EndLetters, InsertUnit, Save, SaveJob
from synergy.core.hierarchy import build
from synergy.core.index_pages import IndexCopy, IndexPage
from synergy.core.invariants import EndedJob, check
from synergy.core.records import CommandId, Outcome, Process, ProcessName, Tree, Unit
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import LEVELS, JobKey, Qualifier, containing_utc
from synergy.core.zones import UTC_CALENDAR, UTC_ZONE, calendar_named
from synergy.ports.administration import Administration
from synergy.ports.errors import CommitRefused
from synergy.ports.store import JobFilter, Store
from synergy.view.whole import all_jobs
from tests.builders import index_rows, instant
from tests.contract.conftest import NOW
from tests.contract.rows import claim, finish, job_of, leader, unit_of
from tests.core.invariants_one_by_one import check_one_by_one

BEGAN = NOW - timedelta(days=30)


def name_of(level: Qualifier) -> ProcessName:
    return ProcessName(f'Site{level.value}')


BERLIN = calendar_named('Europe/Berlin')
#: Just before its clocks go on, and back: in the first of two intervals.
CHANGES = {'Spring': instant('2026032900'), 'Autumn': instant('2026102500')}
FIRSTS = {
    **{name_of(level): containing_utc(level, BEGAN) for level in LEVELS},
    **{
        ProcessName(f'{season}{level.value}'): BERLIN.containing(level, at)
        for season, at in CHANGES.items()
        for level in (Qualifier.MINUTELY_30, Qualifier.HOURLY, Qualifier.DAILY, Qualifier.WEEKLY)
    },
}
#: Two intervals of each level, and on the clock of a zone on both days on which it is changed.
KEYS = [JobKey(name, first.shift(number)) for name, first in FIRSTS.items() for number in range(2)]
HIERARCHY = build(
    [Process(name=name, qualifier=first.qualifier) for name, first in FIRSTS.items()],
    [
        Tree(
            name=f'of {name}',
            levels=(name,),
            start=CHANGES.get(name.partition('_')[0], BEGAN),
            zone='Europe/Berlin' if name.startswith((*CHANGES,)) else UTC_ZONE,
        )
        for name in FIRSTS
    ],
    {UTC_ZONE: UTC_CALENDAR, 'Europe/Berlin': BERLIN},
)
#: What names no interval of any level, and what names one of some.
TEXTS = [
    '20261123', '202611230960', '202611232400', '202611310900', '2026112324', '202602290000',
    '202802290000', '2028022900', '196912310000', '300001010000', '2026112300', '2026112400',
    '2026112500', '2026112600', '2026112700', '2026112800', '2026112900', '2026112309',
    '202611230907', '202611230930', '202611230910', '1969122900', '', '2026112300 ',
]  # fmt: skip

#: Levels for which all texts are tried.
SHOWN = (Qualifier.WEEKLY, Qualifier.WEEKLY_SUN, Qualifier.MINUTELY_15, Qualifier.MINUTELY_1)


class Opened:
    """A store with two ended jobs of each level, and ways into it beside its own."""

    def __init__(self, store: Store, administration: Administration) -> None:
        self.store = store
        self.administration = administration
        lead = leader(store)
        units = [
            ended_unit(unit_of(where, arguments={}, owner='w', announced_at=NOW)) for where in KEYS
        ]
        jobs = [
            job_of(where, state=JobState.PROCESSED, request_id=CommandId('r1')) for where in KEYS
        ]
        store.commit(
            lead, [*map(InsertUnit, units), *(SaveJob(job, 'run 1 processed') for job in jobs)]
        )

    def rename(self, where: JobKey, name: str, text: str) -> None:
        """Call the interval `name` of a job and of its unit otherwise, past all of our code."""
        raise NotImplementedError


class OpenedSqlite(Opened):
    def __init__(self, path: Path, clock: SimulatedClock) -> None:
        self.path = path
        super().__init__(
            SqliteStore.open(path, clock=clock),
            SqliteAdministration(path, clock=clock, busy_seconds_max=9),
        )

    def rename(self, where: JobKey, name: str, text: str) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            for table in ('job', 'unit_of_work'):
                said = (
                    f'UPDATE {table} SET timeperiod = ? WHERE process_name = ? AND timeperiod = ?'
                )
                assert connection.execute(said, (text, where.process, name)).rowcount == 1


class OpenedMongo(Opened):
    def __init__(self, uri: str, clock: SimulatedClock) -> None:
        self.uri = uri
        super().__init__(
            MongoStore.open(uri, clock=clock),
            MongoAdministration(uri, busy_seconds_max=9, log_retention=timedelta(days=30)),
        )

    def rename(self, where: JobKey, name: str, text: str) -> None:
        with pymongo.MongoClient[dict[str, Any]](self.uri) as client:
            database = client.get_default_database()
            for collection in (JOB_COLLECTION[where.timeperiod.qualifier], 'unit_of_work'):
                row = {'process_name': where.process, 'timeperiod': name}
                change = {'$set': {'timeperiod': text}}
                assert database[collection].update_one(row, change).matched_count == 1


def ended_unit(unit: Unit) -> Unit:
    times = {'started_at': NOW, 'finished_at': NOW}
    return replace(unit, state=UnitState.PROCESSED, fence=1, **times)  # type: ignore[arg-type]


@pytest.fixture(params=['sqlite', 'mongodb'])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, clock: SimulatedClock
) -> Iterator[Opened]:
    if request.param == 'mongodb':
        made: Opened = OpenedMongo(request.getfixturevalue('empty_mongo_uri'), clock)
    else:
        made = OpenedSqlite(tmp_path / 'store.db', clock)
    yield made
    made.store.close()
    made.administration.close()


def test_jobs_and_units_of_all_levels_are_found_as_they_were_saved(opened: Opened) -> None:
    store = opened.store

    jobs = store.jobs(KEYS)
    assert set(jobs) == set(KEYS)
    assert all(jobs[where].uow_id == unit_of(where).id for where in KEYS)
    found = store.units([unit_of(where).id for where in KEYS])
    assert {unit.key for unit in found.values()} == set(KEYS)
    assert all(unit.end == unit.timeperiod.shift(1) for unit in found.values())
    for where in KEYS:
        assert [unit.key for unit in store.runs(where)] == [where]
        assert [event.text for event in store.events(where, 9)] == ['run 1 processed']
        assert len(store.ended_runs(where.process, 9)) == 2
        first = FIRSTS[where.process]
        assert [
            run.key.timeperiod for run in store.ended_runs(where.process, 9, first.shift(1))
        ] == [first]


def test_lists_have_all_levels_in_their_order_page_by_page(opened: Opened) -> None:
    store = opened.store
    by_name = sorted(KEYS, key=lambda where: (where.process, str(where.timeperiod)))

    paged: list[JobKey] = []
    while page := store.find_jobs(JobFilter(), 9, paged[-1] if paged else None):
        paged += [job.key for job in page]
    assert paged == by_name
    followed = store.changed_jobs(NOW, 9)
    while page_of_changes := store.changed_jobs(NOW, 9, followed[-1]):
        followed = [*followed, *page_of_changes]
    assert [change.key for change in followed] == by_name
    assert sorted((row[0], row[1]) for row in index_rows(store)) == sorted(KEYS)
    assert {unit.key for unit in store.all_units()} == set(KEYS)
    assert set(store.count_jobs().values()) == {2}
    assert store.request_progress(CommandId('r1')) == {JobState.PROCESSED: len(KEYS)}
    assert opened.administration.rows_by_level() == {
        name: {first.qualifier: 2} for name, first in FIRSTS.items()
    }


def test_jobs_of_all_levels_go_on_and_are_refused_at_another_rev(opened: Opened) -> None:
    store, lead = opened.store, leader(opened.store)
    again = [job_of(where, rev=2, state=JobState.IN_PROGRESS, run=2) for where in KEYS]
    units = [unit_of(where, run=2) for where in KEYS]
    saves: list[Save] = [*map(InsertUnit, units)]
    saves += [SaveJob(job, 'run 2 requested') for job in again]

    store.commit(lead, saves)

    assert {job.key for job in store.open_jobs()} == set(KEYS)
    assert {unit.key for unit in store.live_units()} == set(KEYS)
    for unit in units:
        claimed = claim(store, unit.id, 'w')
        assert claimed is not None
        assert finish(store, unit.id, claimed.fence, Outcome.failed('boom'))
    for where in KEYS:
        with pytest.raises(CommitRefused, match=f'{where} at rev 3'):
            store.commit(lead, [SaveJob(job_of(where, rev=4), 'late')])


def test_dead_letters_of_all_levels_are_listed_and_end(opened: Opened) -> None:
    store, lead = opened.store, leader(opened.store)
    dead = [unit_of(where, run=2, state=UnitState.DEAD, finished_at=NOW) for where in KEYS]
    store.commit(lead, [*map(InsertUnit, dead)])

    assert {unit.key for unit in store.dead_units(99)} == set(KEYS)
    assert {JobKey(letter.process, letter.timeperiod) for letter in store.dead_letters()} == set(
        KEYS
    )
    store.commit(lead, [EndLetters(where, 'run again', but=3) for where in KEYS[::2]])
    assert {unit.key for unit in store.dead_units(99)} == set(KEYS[1::2])


def test_the_copy_of_the_index_has_all_levels(opened: Opened) -> None:
    pages = tuple(
        IndexPage(process=name, qualifier=first.qualifier, first=first.ordinal, codes=b'\3\3')
        for name, first in FIRSTS.items()
    )
    opened.store.save_index_copy(leader(opened.store), IndexCopy(as_of=NOW, pages=pages))

    copy = opened.store.index_copy()
    assert copy is not None
    assert sorted(copy.pages, key=lambda page: page.process) == sorted(
        pages, key=lambda page: page.process
    )


def test_what_is_plainly_right_is_told_of_in_brief_at_all_levels(opened: Opened) -> None:
    told = list(opened.store.scanned_jobs())

    assert {(job.process, job.timeperiod) for job in told} == set(KEYS)
    brief = {job.timeperiod.qualifier for job in told if isinstance(job, EndedJob)}
    units = {unit.timeperiod.qualifier for unit in opened.store.scanned_units()}
    minutes = {level for level in LEVELS if level.minutes}
    assert minutes <= brief
    assert not minutes & units
    assert opened.store.illegal_rows() == []


def test_names_that_no_interval_of_the_level_has_are_illegal_in_brief_as_in_full(
    opened: Opened,
) -> None:
    store = opened.store
    for where in KEYS[: 2 * len(LEVELS) : 2]:
        legal = set()
        for text in TEXTS[: None if where.timeperiod.qualifier in SHOWN else 3]:
            opened.rename(where, str(where.timeperiod), text)
            told = in_brief(store)
            assert told == in_full(store), (where, text)
            legal.add(not told[1])
            opened.rename(where, text, str(where.timeperiod))
        assert False in legal
        assert True in legal or where.timeperiod.qualifier not in SHOWN


def in_full(store: Store) -> tuple[list[str], list[str]]:
    store.forget_illegal_rows()
    found = check_one_by_one(HIERARCHY, all_jobs(store), store.all_units(), NOW)
    return sorted(map(str, found)), sorted(map(str, store.illegal_rows()))


def in_brief(store: Store) -> tuple[list[str], list[str]]:
    store.forget_illegal_rows()
    found = check(HIERARCHY, store.scanned_jobs(), store.scanned_units(), NOW)
    return sorted(map(str, found)), sorted(map(str, store.illegal_rows()))
