"""Followers: one process looks after them, and what goes wrong with one is its own trouble."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.secret_url import SecretUrl
from synergy.core.watching import WatchLease
from synergy.ports.errors import StoreUnavailable
from synergy.ports.store import Store
from synergy.watch.behind import JournalFollower
from synergy.watch.follower import FollowerThread, Standing
from synergy.watch.heartbeat import PERIOD_SECONDS, SILENT_SECONDS_MAX, HeartbeatFollower
from synergy.watch.main import LEASE, LeaseKeeper
from tests.contract.conftest import NOW
from tests.contract.rows import leader
from tests.contract.test_journal import add, hours

LONG = timedelta(seconds=SILENT_SECONDS_MAX + 1)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: SimulatedClock) -> Iterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / 'store.db', clock=clock)
    yield opened
    opened.close()


class Looker:
    """A follower that does as it is told."""

    def __init__(self) -> None:
        self.looked = 0
        self.stopped = 0
        self.error: Exception | None = None

    def look(self, store: Store, lease: WatchLease) -> float:
        del store, lease
        self.looked += 1
        if self.error is not None:
            raise self.error
        return 7.0

    def stop(self) -> None:
        self.stopped += 1


class Service:
    """Somebody who is asked for an address."""

    def __init__(self) -> None:
        self.asked = 0
        self.has_asked = Event()
        self.answers = Event()
        self.answers.set()
        self.problem: str | None = None

    def ping(self, url: SecretUrl) -> str | None:
        del url
        self.asked += 1
        self.has_asked.set()
        self.answers.wait(10)
        return self.problem


def keeper_of(store: Store, clock: SimulatedClock, owner: str) -> tuple[LeaseKeeper, Standing]:
    standing = Standing(clock)
    return LeaseKeeper(owner, store, clock, standing), standing


def test_one_process_watches_and_another_takes_over(
    store: SqliteStore, clock: SimulatedClock
) -> None:
    (first, own), (second, other) = (keeper_of(store, clock, owner) for owner in ('a:1', 'b:2'))

    first.step()
    second.step()
    assert own.lease is not None
    assert other.lease is None

    # One that does not come to renew it stops before another one may begin.
    clock.advance(LEASE - timedelta(seconds=0.5))
    assert own.lease is None
    second.step()
    assert other.lease is None
    clock.advance(timedelta(seconds=1))
    second.step()
    assert other.lease is not None
    first.step()
    assert own.lease is None

    second.leave()
    first.step()
    assert own.lease is not None


def test_a_follower_is_looked_after_while_its_process_watches(
    store: SqliteStore, clock: SimulatedClock
) -> None:
    keeper, standing = keeper_of(store, clock, 'a:1')
    follower = Looker()
    thread = FollowerThread('x', follower, lambda: store, standing)

    thread.step()
    assert follower.looked == 0
    keeper.step()
    assert thread.step() == 7.0
    assert thread.step() == 7.0
    assert (follower.looked, follower.stopped) == (2, 0)
    standing.hold(None, 0)
    thread.step()
    thread.step()
    assert (follower.looked, follower.stopped) == (2, 1)


@pytest.mark.parametrize('error', [StoreUnavailable('away'), ValueError('a fault')])
def test_what_goes_wrong_is_told_once_and_tried_again_ever_less_often(
    store: SqliteStore,
    clock: SimulatedClock,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    keeper, standing = keeper_of(store, clock, 'a:1')
    keeper.step()
    follower, other = Looker(), Looker()
    follower.error = error
    thread = FollowerThread('x', follower, lambda: store, standing)
    beside = FollowerThread('y', other, lambda: store, standing)

    with caplog.at_level(logging.INFO):
        pauses = [thread.step() for _ in range(9)]
        assert beside.step() == 7.0
        follower.error = None
        assert thread.step() == 7.0

    assert pauses == [2, 4, 8, 15, 15, 15, 15, 15, 15]
    events = [getattr(record, 'event', None) for record in caplog.records]
    assert events.count('follower_failed') == 1
    assert events.count('follower_works') == 1


def test_a_new_follower_begins_with_what_happens_from_now_on(store: SqliteStore) -> None:
    add(store, 1, *hours(0, 5))
    follower = JournalFollower('x')

    behind = follower.behind(store)
    assert (behind.lines, behind.cursor, behind.is_more) == ((), 5, False)
    store.save_journal_cursor('x', behind.cursor)
    add(store, 6, *hours(5, 7))
    add(store, 8, *hours(7, 8))

    first = follower.behind(store, pages_max=1)
    assert [line.number for line in first.lines] == [6, 7]
    assert (first.cursor, first.is_more) == (7, True)
    store.save_journal_cursor('x', 6)
    rest = follower.behind(store)
    assert [line.number for line in rest.lines] == [7, 8]
    assert (rest.cursor, rest.is_more) == (8, False)


def test_a_cursor_older_than_the_journal_is_told_once_and_goes_on(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    add(store, 1, *hours(0, 2))
    store.save_journal_cursor('x', 1)
    add(store, 3, *hours(2, 4), at_minutes=60)
    assert store.prune_journal(NOW + timedelta(minutes=30), 9) == 2
    follower = JournalFollower('x')

    behind = [follower.behind(store) for _ in range(3)]

    assert [[line.number for line in item.lines] for item in behind] == [[3, 4]] * 3
    assert [record.message for record in caplog.records] == [
        'lines 2 to 2 of the journal are gone before follower x has read them '
        '(journal_days); it goes on with line 3'
    ]


def test_a_page_that_somebody_has_changed_is_told_once_and_passed_over(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    add(store, 1, *hours(0, 2))
    add(store, 3, *hours(2, 4), at_minutes=1)
    store.save_journal_cursor('x', 0)
    with store.file.transaction() as connection:
        connection.execute("UPDATE journal SET body = x'01ff' WHERE first = 1")
    follower = JournalFollower('x')

    behind = [follower.behind(store) for _ in range(2)]

    assert [[line.number for line in item.lines] for item in behind] == [[3, 4]] * 2
    assert [item.cursor for item in behind] == [4, 4]
    assert len(caplog.records) == 1


def test_a_cursor_of_another_journal_begins_at_the_end(store: SqliteStore) -> None:
    add(store, 1, *hours(0, 2))
    store.save_journal_cursor('x', 9)

    assert JournalFollower('x').behind(store).cursor == 2


def beat(follower: HeartbeatFollower, store: Store, service: Service) -> float:
    service.has_asked.clear()
    seconds = follower.look(store, WatchLease(owner='a', term=1, until=NOW))
    if seconds == PERIOD_SECONDS:
        assert service.has_asked.wait(10)
    return seconds


def test_the_dead_mans_switch_is_told_only_that_all_is_well(
    store: SqliteStore, clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    service, standing = Service(), Standing(clock)
    secret = 'https://hc.example.com/0b1d-secret'
    follower = HeartbeatFollower(SecretUrl(secret), service, standing)
    standing.note_look('alerts')

    assert beat(follower, store, service) < PERIOD_SECONDS
    leader(store)
    assert beat(follower, store, service) == PERIOD_SECONDS
    clock.advance(LONG)
    leader(store)
    assert beat(follower, store, service) < PERIOD_SECONDS
    standing.note_look('alerts')
    assert beat(follower, store, service) == PERIOD_SECONDS

    assert service.asked == 2
    told = [record.message for record in caplog.records]
    assert told == [
        'https://hc.example.com/••• is not told that all is well: nobody leads',
        'https://hc.example.com/••• is not told that all is well: alerts has not been looked '
        'after for 0:02:01',
    ]


def test_a_service_that_hangs_is_not_asked_again_meanwhile(
    store: SqliteStore, clock: SimulatedClock
) -> None:
    service = Service()
    service.answers.clear()
    follower = HeartbeatFollower(SecretUrl('https://x.example/y'), service, Standing(clock))
    leader(store)

    assert beat(follower, store, service) == PERIOD_SECONDS
    assert beat(follower, store, service) < PERIOD_SECONDS
    assert service.asked == 1
    service.answers.set()
