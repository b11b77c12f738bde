"""The journal in a store: pages one behind the other, cursors, snapshots, what is pruned."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pymongo
import pytest

from synergy.adapters.mongo.connection import DEFAULT_DATABASE
from synergy.core.effects import AddPage, SaveFreerun, SaveJob
from synergy.core.freerun_record import Freerun
from synergy.core.index_snapshot import IndexSnapshot, SnapshotMark
from synergy.core.journal import Change, Happened, JournalPage
from synergy.core.journal_pages import lines_of, page_of
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.core.trigger import Every
from synergy.ports.errors import CommitRefused, LeadershipLost
from synergy.ports.store import Store
from synergy.view.journal import Wanted, lines_behind, newest_lines
from tests.builders import key
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, job_of, leader

Edit: TypeAlias = Callable[[int, str, object], None]

DAY = key('SiteDaily@2026112200')
CHANGE = Change(Happened.STARTED, JobState.EMBRYO)


def saves(*keys: JobKey, at_minutes: int = 0) -> list[SaveJob]:
    at = NOW + timedelta(minutes=at_minutes)
    return [SaveJob(job_of(item, changed_at=at), 'run', None, CHANGE) for item in keys]


def add(store: Store, first: int, *keys: JobKey, at_minutes: int = 0) -> JournalPage:
    """Save jobs together with the page that tells of them."""
    changed = saves(*keys, at_minutes=at_minutes)
    page = page_of(changed, first, 1, NOW)
    assert page is not None
    store.commit(leader(store), [*changed, AddPage(page)])
    return page


def hours(start: int, stop: int) -> list[JobKey]:
    return [JobKey(HOUR.process, HOUR.timeperiod.shift(place)) for place in range(start, stop)]


def test_pages_follow_one_another_and_are_read_behind_a_number(store: Store) -> None:
    assert store.journal_span() == range(1, 1)

    first = add(store, 1, *hours(0, 5))
    second = add(store, 6, DAY, at_minutes=1)
    third = add(store, 7, *hours(5, 7), at_minutes=2)

    assert store.journal_span() == range(1, 9)
    assert [*store.journal_pages(0, 9)] == [first, second, third]
    assert [*store.journal_pages(4, 9)] == [first, second, third]
    assert [*store.journal_pages(5, 9)] == [second, third]
    assert [*store.journal_pages(7, 9)] == [third]
    assert [*store.journal_pages(8, 9)] == []
    assert [*store.journal_pages(0, 2)] == [first, second]
    assert [*store.journal_pages(0, 9, DAY.process)] == [second]
    assert [*store.journal_pages_before(7, 9)] == [second, first]
    assert [*store.journal_pages_before(99, 1, HOUR.process)] == [third]
    assert [line.number for line in lines_of(third)] == [7, 8]
    assert [*store.journal_pages(0, 9, ProcessName('Site'))] == []


@pytest.fixture
def edit(request: pytest.FixtureRequest, tmp_path: Path) -> Edit:
    """Return a function that writes into the row of a page, as anybody may with other tools."""

    def write(first: int, name: str, value: object) -> None:
        path = tmp_path / 'store.db'
        if path.exists():
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute(f'UPDATE journal SET {name} = ? WHERE first = ?', (value, first))
            return
        with pymongo.MongoClient[dict[str, object]](
            request.getfixturevalue('empty_mongo_uri')
        ) as mongo:
            pages = mongo.get_default_database(DEFAULT_DATABASE)['journal']
            assert pages.update_one({'_id': first}, {'$set': {name: value}}).modified_count == 1

    return write


@pytest.mark.parametrize('count', [0, -3, 'abc', 1.5, 2**40, 2**63 - 1, b'x'])
def test_a_length_that_somebody_made_up_costs_its_page_alone(
    store: Store, edit: Edit, count: object
) -> None:
    for number in (1, 3):
        add(store, number, *hours(number, number + 2))
    edit(3, 'count', count)

    assert store.journal_span() == range(1, 4)
    third = add(store, 4, *hours(5, 6), at_minutes=5)

    assert [page.first for page in store.journal_pages(0, 9)] == [1, 4]
    assert [*store.journal_pages(3, 9)] == [third]
    found = lines_behind(store, 0, 9, Wanted())
    assert [line.number for line in found.lines] == [1, 2, 4]
    assert found.unreadable == ['line 3 of the journal is not there, or cannot be read']
    assert store.journal_number_until(NOW + timedelta(minutes=1)) == 4
    assert store.prune_journal(NOW + timedelta(minutes=1), 9) == 3


@pytest.mark.parametrize(
    ('name', 'value'),
    [('body', 'text'), ('body', b'\x02zz'), ('names', b'x'), ('until', 'never'), ('term', -1),
     ('count', 99)],
)  # fmt: skip
def test_other_nonsense_costs_its_page_alone(
    store: Store, edit: Edit, name: str, value: object
) -> None:
    for number in (1, 3):
        add(store, number, *hours(number, number + 2))
    edit(1, name, value)
    add(store, 5, *hours(5, 6))

    for found in (lines_behind(store, 0, 9, Wanted()), newest_lines(store, 9, Wanted())):
        assert [line.number for line in found.lines] == [3, 4, 5]
        assert len(found.unreadable) == 1
    assert [line.number for line in lines_behind(store, 0, 9, Wanted(since=NOW)).lines] == [3, 4, 5]


def test_the_number_from_an_instant_on_is_found(store: Store) -> None:
    add(store, 1, *hours(0, 2))
    add(store, 3, DAY, at_minutes=2)

    assert store.journal_number_since(NOW - timedelta(days=1)) == 1
    assert store.journal_number_since(NOW + timedelta(minutes=1)) == 3
    assert store.journal_number_since(NOW + timedelta(minutes=3)) == 4


def test_it_is_found_where_the_clock_was_set_back_and_forward(store: Store) -> None:
    for number, minutes in enumerate((0, 9, -60, -55, 10), 1):
        add(store, number, *hours(number, number + 1), at_minutes=minutes)

    assert store.journal_number_since(NOW + timedelta(minutes=8)) == 2
    assert store.journal_number_since(NOW - timedelta(minutes=90)) == 1
    assert store.journal_number_until(NOW + timedelta(minutes=9)) == 5
    assert store.journal_number_until(NOW - timedelta(minutes=55)) == 4
    assert store.journal_number_until(NOW + timedelta(minutes=11)) == 6
    assert store.journal_number_until(NOW - timedelta(minutes=90)) == 1


@pytest.mark.parametrize('count', [1, 8])
def test_a_number_that_is_taken_or_not_due_yet_refuses_the_commit(store: Store, count: int) -> None:
    add(store, 1, *hours(0, 3))
    changed = saves(*hours(3, 3 + count))
    page = page_of(changed, 1, 1, NOW)
    assert page is not None

    with pytest.raises(CommitRefused, match='of the journal does not follow the last one'):
        store.commit(leader(store), [*changed, AddPage(page)])

    assert store.journal_span() == range(1, 4)
    if store.commits_are_whole:
        assert store.jobs(hours(3, 4)) == {}
        with pytest.raises(CommitRefused, match='does not follow'):
            store.commit(leader(store), [*changed, AddPage(replace(page, first=9))])


@pytest.mark.parametrize('count', [1, 8])
def test_a_refused_commit_leaves_no_line(store: Store, count: int) -> None:
    changed = [*saves(*hours(0, count)), SaveJob(job_of(DAY, rev=7), 'out of order', None, CHANGE)]
    page = page_of(changed, 1, 1, NOW)
    assert page is not None

    with pytest.raises(CommitRefused):
        store.commit(leader(store), [*changed, AddPage(page)])

    assert store.journal_span() == range(1, 1)


def test_a_second_leader_does_not_write_the_same_number(open_store: Callable[[], Store]) -> None:
    one, two = open_store(), open_store()
    former = leader(one)
    add(one, 1, *hours(0, 2))
    one.resign(former)
    add_two = saves(DAY)
    page = page_of(add_two, 3, 2, NOW)
    assert page is not None
    two.commit(leader(two, 'two'), [*add_two, AddPage(page)])

    with pytest.raises(LeadershipLost):
        one.commit(former, [AddPage(replace(page, first=4))])
    with pytest.raises(CommitRefused):
        two.commit(leader(two, 'two'), [AddPage(page)])

    assert two.journal_span() == range(1, 4)


def test_rows_that_changed_lately_come_with_their_histories(store: Store) -> None:
    add(store, 1, *hours(0, 2))
    later = NOW + timedelta(minutes=5)
    tick = Freerun(name=ProcessName('C::t'), trigger=Every(seconds=9), rev=1, changed_at=later)
    done = job_of(HOUR, rev=2, state=JobState.PROCESSED, changed_at=later)
    store.commit(leader(store), [SaveJob(done, 'done'), SaveFreerun(tick, 'added')])

    ((job, told),) = store.recent_jobs(later)
    ((entry, said),) = store.recent_freeruns(later)

    assert (job.key, job.rev, [event.text for event in told]) == (HOUR, 2, ['done', 'run'])
    assert (entry.name, [event.text for event in said]) == ('C::t', ['added'])
    assert len([*store.recent_jobs(NOW)]) == 2
    assert [*store.recent_freeruns(later + timedelta(seconds=1))] == []


def test_cursors_only_move_on(open_store: Callable[[], Store]) -> None:
    store = open_store()
    assert store.journal_cursor('alerts') is None

    assert store.save_journal_cursor('alerts', 5)
    assert store.save_journal_cursor('alerts', 5)
    assert not store.save_journal_cursor('alerts', 4)
    assert store.save_journal_cursor('metrics', 0)

    assert open_store().journal_cursors() == {'alerts': 5, 'metrics': 0}
    store.remove_journal_cursor('metrics')
    assert store.journal_cursor('metrics') is None


def test_old_pages_go_and_numbers_go_on(open_store: Callable[[], Store]) -> None:
    store = open_store()
    add(store, 1, *hours(0, 3))
    add(store, 4, DAY, at_minutes=10)
    assert store.prune_journal(NOW - timedelta(hours=1), 10) == 0

    assert store.prune_journal(NOW + timedelta(minutes=5), 10) == 3
    assert store.journal_span() == range(4, 5)
    assert store.prune_journal(NOW + timedelta(days=99), 10) == 0

    again = open_store()
    add(again, 5, *hours(3, 4), at_minutes=20)
    assert again.journal_span() == range(4, 6)
    assert again.journal_number_since(NOW - timedelta(days=9)) == 4


def test_pages_go_without_a_gap_where_the_clock_was_wrong(store: Store) -> None:
    day = 1440
    # Days from now: the fourth was written while the clock was a year ahead, the sixth as it had
    # fallen back by years.
    for number, days in enumerate((-9, -8, -7, 365, -6, -9999, -1, 0), 1):
        add(store, number, *hours(number, number + 1), at_minutes=days * day)

    assert store.prune_journal(NOW - timedelta(days=2), 3) == 3
    assert store.journal_span() == range(4, 9)
    assert store.prune_journal(NOW - timedelta(days=2), 9) == 3
    assert [page.first for page in store.journal_pages(0, 9)] == [7, 8]
    assert store.prune_journal(NOW - timedelta(days=2), 9) == 0


def test_snapshots_are_kept_and_go(store: Store) -> None:
    led = leader(store)
    assert store.index_snapshots() == []
    assert store.led_text() == (0, None)
    marks = [SnapshotMark(number, NOW + timedelta(days=number), 2) for number in (0, 5)]
    for mark in marks:
        store.save_index_snapshot(led, IndexSnapshot(mark, (b'one', b'two' * 9)))
    store.save_index_snapshot(led, IndexSnapshot(marks[1], (b'again',)))
    # Of another context behind the same line.
    marks.append(SnapshotMark(5, NOW + timedelta(days=6), 3))
    store.save_index_snapshot(led, IndexSnapshot(marks[2], (b'other',)))

    assert [*store.index_snapshots()] == marks
    assert store.index_snapshot(marks[0]) == IndexSnapshot(marks[0], (b'one', b'two' * 9))
    assert store.index_snapshot(marks[1]) == IndexSnapshot(marks[1], (b'again',))
    assert store.index_snapshot(marks[2]) == IndexSnapshot(marks[2], (b'other',))
    assert store.index_snapshot(SnapshotMark(3, NOW, 2)) is None
    assert store.prune_snapshots(NOW + timedelta(days=5)) == 1
    assert [*store.index_snapshots()] == marks[1:]
    assert store.prune_snapshots(NOW + timedelta(days=99)) == 1
    assert [*store.index_snapshots()] == marks[2:]
    store.resign(led)
    with pytest.raises(LeadershipLost):
        store.save_index_snapshot(led, IndexSnapshot(marks[0], (b'late',)))
