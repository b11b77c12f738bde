"""Alerts as Watch looks after them: what was due is delivered at least once, whoever dies when."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Generic, TypeVar

import pytest

from synergy.adapters.mongo import alerts as mongo_alerts
from synergy.adapters.mongo.bulks import repeated
from synergy.adapters.mongo.store import MongoStore
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.alert_outbox import Delivery, DeliveryState, Refused
from synergy.core.alert_records import Alerts, Fact
from synergy.core.alert_requests import (
    AlertRequest,
    AlertRequestKind,
    AlertRequestState,
    group_of_test,
)
from synergy.core.alert_rules import AlertRule, Receiver
from synergy.core.alerts import Seen
from synergy.core.structs import replace
from synergy.core.watching import AlertMemory, AlertOutcome, WatchLease
from synergy.ports.errors import StoreUnavailable
from synergy.ports.store import Store
from synergy.view.alert_outgoing import Site
from synergy.watch.alert_follower import AlertFollower
from synergy.watch.couriers import Came
from synergy.watch.outbox import Outbox
from synergy.watch.sources import Look
from tests.contract.conftest import NOW
from tests.core.test_alerts import held, rule
from tests.depth import deep

ONE, TWO = Receiver('hook://a.example/x'), Receiver('hook://b.example/x')
SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=10)


StoreT = TypeVar('StoreT', bound=Store)


class Death(BaseException):
    """The process was killed."""


class World(Generic[StoreT]):
    """What is so, and what lasts when Watch dies: receivers, and the store."""

    def __init__(self, open_store: Callable[[SimulatedClock], StoreT]) -> None:
        self.clock = SimulatedClock(NOW)
        self.store = open_store(self.clock)
        self.rules: tuple[AlertRule, ...] = (replace(rule(), to=(ONE, TWO)),)
        self.facts: tuple[Fact, ...] = ()
        self.lines = 0
        self.down: set[str] = set()
        self.got: list[tuple[str, str]] = []
        #: Calls until the process dies; None: it lives.
        self.left: int | None = None
        self.begin()

    def begin(self) -> None:
        """Start a process that watches."""
        self.follower = AlertFollower(
            rules=self.rules,
            sources=self,  # type: ignore[arg-type]
            outbox=Outbox(Carriers(self)),  # type: ignore[arg-type]
            site=lambda _: Site(),
            clock=self.clock,
            retention=lambda now: now - timedelta(days=30),
        )

    def read(self, store: Store, *, is_first: bool) -> Look:
        del store, is_first
        self.point()
        return Look(seen=Seen(facts=self.facts), cursor=self.lines, is_more=False)

    def saved(self, facts: Sequence[Fact]) -> None:
        del facts

    def point(self) -> None:
        """Die here, if it is time to."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Death

    def look(self, seconds: float = 1, owner: str = 'one') -> None:
        self.clock.advance(seconds * SECOND)
        lease = self.store.watch(owner, LEASE)
        if lease is not None:
            self.follower.look(Mortal(self.store, self), lease)

    def keys(self, receiver: Receiver) -> list[str]:
        return [key for to, key in self.got if to == receiver.id]


class Mortal:
    """The store, whose every call may be the last of its process: before it, or after it."""

    def __init__(self, store: Store, world: World[Any]) -> None:
        self._store, self._world = store, world

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*given: Any, **named: Any) -> Any:
            self._world.point()
            found = method(*given, **named)
            self._world.point()
            return found

        return call


class Carriers:
    """Couriers that are as quick as the world wants."""

    def __init__(self, world: World[Any]) -> None:
        self._world = world
        self._came: list[Came] = []
        self.is_busy = False

    def hangs(self, receiver: str) -> bool:
        del receiver
        return False

    def may_take(self, receiver: str) -> bool:
        return all(item.delivery.receiver != receiver for item in self._came)

    def take(self, delivery: Delivery) -> None:
        self._world.point()
        if delivery.receiver in self._world.down:
            self._came.append(Came(delivery, Refused(error='it answered 500')))
            return
        self._world.got.append((delivery.receiver, delivery.key))
        self._world.point()
        self._came.append(Came(delivery, None))

    def came(self) -> Sequence[Came]:
        found, self._came = self._came, []
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World[SqliteStore]]:
    found = World(lambda clock: SqliteStore.open(tmp_path / 'store.db', clock=clock))
    yield found
    found.store.close()


def request(kind: AlertRequestKind, named: str = 'night', **fields: Any) -> AlertRequest:
    return AlertRequest(id=kind.value, kind=kind, named=named, by='anna', at=NOW, **fields)


def test_what_is_so_is_told_once_and_its_end_too(world: World[SqliteStore]) -> None:
    world.look()
    world.facts = (held('A@1'),)
    for _ in range(5):
        world.look()
    assert world.keys(ONE) == world.keys(TWO) == ['night/1/begin']
    world.facts = ()
    for _ in range(3):
        world.look()

    assert world.keys(ONE) == world.keys(TWO) == ['night/1/begin', 'night/1/end']
    assert {item.state for item in world.store.deliveries(9)} == {DeliveryState.ARRIVED}
    assert world.store.count_waiting_deliveries() == {}


def test_where_nothing_happens_nothing_is_written(world: World[SqliteStore]) -> None:
    world.facts = (held('A@1'),)
    for _ in range(3):
        world.look()
    rev = world.store.alert_memory().rev

    for number in range(20):
        world.facts = (held('A@1', why=f'for {number} s'),)
        world.look()

    assert world.store.alert_memory().rev == rev
    for number in range(60):
        world.facts = (held('A@1', why=f'for {number} min'),)
        world.look()
    assert world.store.alert_memory().rev == rev + 1


def test_the_place_in_the_journal_is_saved_with_what_was_made_of_it(
    world: World[SqliteStore],
) -> None:
    world.lines = 7
    world.look()
    assert world.store.journal_cursor('alerts') == 7
    world.lines = 9
    world.look()
    assert world.store.journal_cursor('alerts') == 9


def test_one_that_is_down_gets_it_later_and_holds_up_nobody(world: World[SqliteStore]) -> None:
    world.down.add(ONE.id)
    world.facts = (held('A@1'),)
    for _ in range(10):
        world.look()
    assert world.keys(TWO) == ['night/1/begin']
    (waiting,) = world.store.waiting_deliveries()
    assert waiting.attempts >= 2
    assert waiting.error == 'it answered 500'

    world.facts = ()
    for _ in range(100):
        world.look(seconds=864)
    assert world.keys(ONE) == []
    world.down.clear()
    for _ in range(4):
        world.look(seconds=900)
    assert world.keys(ONE) == ['night/1/begin', 'night/1/end']


def test_requests_are_carried_out_and_answered(world: World[SqliteStore]) -> None:
    world.facts = (held('A@1'),)
    world.look()
    asked = [
        request(AlertRequestKind.ACK),
        request(AlertRequestKind.MUTE, until=NOW + timedelta(hours=1)),
        request(AlertRequestKind.TEST),
        request(AlertRequestKind.UNMUTE, 'nobody'),
    ]
    for item in asked:
        world.store.insert_alert_request(item)
    world.look()
    world.look()

    found = [world.store.alert_request(item.id) for item in asked]
    assert [item and item.state for item in found] == [
        AlertRequestState.DONE,
        AlertRequestState.DONE,
        AlertRequestState.DONE,
        AlertRequestState.REFUSED,
    ]
    memory = world.store.alert_memory().alerts
    assert memory.open[0].acknowledged_by == 'anna'
    assert [mute.rule for mute in memory.mutes] == ['night']
    tests = world.store.deliveries(9, group=group_of_test('test'))
    assert {item.state for item in tests} == {DeliveryState.ARRIVED}
    assert {item.receiver for item in tests} == {ONE.id, TWO.id}


def test_one_that_no_longer_watches_saves_nothing_and_begins_anew(
    world: World[SqliteStore],
) -> None:
    world.look()
    old = world.store.watching()
    assert old is not None
    world.clock.advance(LEASE)
    other = world.store.watch('two', LEASE)
    assert other is not None
    world.store.save_alerts(other, 1, AlertOutcome(alerts=Alerts(last=5)))

    world.facts = (held('A@1'),)
    world.clock.advance(SECOND)
    world.follower.look(world.store, old)
    assert world.store.deliveries(9) == []

    world.store.stop_watching(other)
    world.look()
    world.look()
    assert world.keys(ONE) == ['night/6/begin']


def test_an_answer_that_was_lost_is_not_taken_for_one_that_was_not_saved(
    world: World[SqliteStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.facts = (held('A@1'),)
    save = SqliteStore.open(world.store.file.path, clock=world.clock).save_alerts

    def lost(lease: WatchLease, rev: int, outcome: AlertOutcome) -> bool:
        save(lease, rev, outcome)
        raise StoreUnavailable('the answer was lost')

    with monkeypatch.context() as patched:
        patched.setattr(world.store, 'save_alerts', lost)
        with pytest.raises(StoreUnavailable):
            world.look()
    world.look()
    world.look()

    assert world.keys(ONE) == ['night/1/begin']


def test_what_cannot_be_read_is_told_once_more_under_keys_that_were_never_used(
    world: World[SqliteStore],
) -> None:
    world.facts = (held('A@1'),)
    world.look()
    world.look()
    with world.store.file.transaction() as connection:
        connection.execute("UPDATE alert_memory SET text = '['")
    world.begin()
    for _ in range(3):
        world.look()

    first, second = world.keys(ONE)
    assert first == 'night/1/begin'
    assert second == f'night/{int(NOW.timestamp()) + 3 + 1}/begin'
    assert world.store.alert_memory() != AlertMemory()
    assert world.store.alert_memory().problem is None


@pytest.mark.parametrize('seed', range(deep(12)))
def test_what_was_due_is_delivered_at_least_once_whoever_dies_when(
    tmp_path: Path, seed: int
) -> None:
    """I11: facts come and go, processes die at any call, receivers are away for long."""
    world = World(lambda clock: SqliteStore.open(tmp_path / 'store.db', clock=clock))
    play(world, Random(seed))
    world.store.close()


def test_what_a_commit_of_mongodb_has_left_out_is_delivered_too(
    empty_mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(lambda clock: MongoStore.open(empty_mongo_uri, clock=clock))

    def dying(of: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            world.point()
            found = of(*given)
            world.point()
            return found

        return call

    # Between the one document and what belongs into other collections.
    monkeypatch.setattr(mongo_alerts, 'repeated', dying(repeated))
    save_cursor = mongo_alerts.MongoAlerts._save_cursor
    monkeypatch.setattr(mongo_alerts.MongoAlerts, '_save_cursor', dying(save_cursor))
    play(world, Random(1))
    world.store.close()


def play(world: World[Any], random: Random) -> None:
    """Let much happen, and processes die, then check what has arrived."""
    due: list[str] = []
    deaths = 0
    for _ in range(40):
        if random.random() < 0.4:
            names = random.sample(['A@1', 'B@1', 'C@1'], random.randrange(3))
            world.facts = tuple(held(name) for name in names)
        world.lines += random.randrange(3)
        if random.random() < 0.2:
            world.down ^= {random.choice([ONE.id, TWO.id])}
        world.left = random.randrange(40) if random.random() < 0.5 else None
        try:
            world.look(seconds=random.choice([1, 1, 1, 60, 400]))
        except Death:
            deaths += 1
            world.left = None
            world.begin()
    world.left = None
    world.down.clear()
    for _ in range(12):
        world.look(seconds=901)

    made = world.store.deliveries(10_000)
    assert deaths
    assert made
    # Nothing that was made waits, and each of it has arrived at least once, in order of its group.
    assert {item.state for item in made} == {DeliveryState.ARRIVED}
    for receiver in (ONE, TWO):
        got = world.keys(receiver)
        due = [item.key for item in reversed(made) if item.receiver == receiver.id]
        assert len(due) == len(set(due))
        assert set(got) == set(due)
        firsts = list(dict.fromkeys(got))
        for group in {key.rpartition('/')[0] for key in due}:
            assert [key for key in firsts if key.startswith(f'{group}/')] == [
                key for key in due if key.startswith(f'{group}/')
            ]
    # What is so was told, and what is over was told as over.
    memory = world.store.alert_memory().alerts
    assert {alert.fact.subject for alert in memory.open} == {fact.subject for fact in world.facts}
    assert all(alert.group is not None for alert in memory.open)
    begun = {key.rpartition('/')[0] for key in due if key.endswith('/begin')}
    ended = {key.rpartition('/')[0] for key in due if key.endswith('/end')}
    assert begun - ended == {alert.group for alert in memory.open}
    assert all(json.loads(item.document)['key'] == item.key for item in made)
