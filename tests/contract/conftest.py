"""Adapters under contract: every test of this folder runs once for each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pika
import pytest

from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.mongo.store import MongoStore
from synergy.adapters.os.clocks import SimulatedClock, SystemClock
from synergy.adapters.rabbit.broker import RabbitBroker
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.structs import Struct
from synergy.ports.broker import Broker, BrokerAdmin
from synergy.ports.store import Store
from tests.builders import instant

NOW = instant('2026112312')


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture(params=['sqlite', 'mongodb'])
def open_store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: SimulatedClock
) -> Iterator[Callable[[], Store]]:
    """Return a function that opens one more connection to the same store."""
    if request.param == 'mongodb':
        uri = request.getfixturevalue('empty_mongo_uri')
    opened: list[Store] = []

    def open_one() -> Store:
        if request.param == 'mongodb':
            opened.append(MongoStore.open(uri, clock=clock))
        else:
            opened.append(SqliteStore.open(tmp_path / 'store.db', clock=clock))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def open_at() -> Iterator[Callable[[str], Store]]:
    """Return a function that opens a store at a path or a URI, by the clock of this machine."""
    opened: list[Store] = []

    def open_one(place: str) -> Store:
        if place.startswith('mongodb'):
            opened.append(MongoStore.open(place))
        else:
            opened.append(SqliteStore.open(Path(place), clock=SystemClock()))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()


class Doorbell(Struct, frozen=True):
    """A broker to test. code: an expression that opens it in another process.

    put: puts bytes into a queue past all of our code, as an operator or an attacker would.
    """

    open: Callable[[], BrokerAdmin]
    code: str
    put: Callable[[str, bytes], None]


@pytest.fixture(params=['embedded', 'in the store', 'rabbitmq'])
def doorbell(request: pytest.FixtureRequest, tmp_path: Path) -> Doorbell:
    if request.param == 'embedded':
        folder = tmp_path / 'broker'
        return Doorbell(
            lambda: EmbeddedBroker.open(folder, clock=SystemClock()),
            f'EmbeddedBroker.open(Path({str(folder)!r}), clock=SystemClock())',
            partial(_put_into_file, folder / 'broker.db'),
        )
    if request.param == 'in the store':
        folder, path = tmp_path / 'broker', tmp_path / 'store.db'
        return Doorbell(
            lambda: EmbeddedBroker.open(folder, clock=SystemClock(), store=path),
            f'EmbeddedBroker.open(Path({str(folder)!r}), clock=SystemClock(), '
            f'store=Path({str(path)!r}))',
            partial(_put_into_file, path),
        )
    uri: str = request.getfixturevalue('amqp_uri')
    return Doorbell(
        lambda: RabbitBroker(uri, title='test'),
        f'RabbitBroker({uri!r}, title="test")',
        partial(_publish, uri),
    )


def _put_into_file(path: Path, queue: str, body: bytes) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            'INSERT INTO message (queue, id, body) VALUES (?1, '
            '(SELECT coalesce(max(id), 0) + 1 FROM message WHERE queue = ?1), CAST(?2 AS TEXT))',
            (queue, body),
        )


def _publish(uri: str, queue: str, body: bytes) -> None:
    with closing(pika.BlockingConnection(pika.URLParameters(uri))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish('', queue, body, mandatory=True)


@pytest.fixture
def open_broker(doorbell: Doorbell) -> Iterator[Callable[[], Broker]]:
    """Return a function that opens one more connection to the same broker."""
    opened: list[Broker] = []

    def open_one() -> Broker:
        opened.append(doorbell.open())
        return opened[-1]

    yield open_one
    for broker in opened:
        broker.close()


@pytest.fixture
def broker(open_broker: Callable[[], Broker]) -> Broker:
    return open_broker()
