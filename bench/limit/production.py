"""The limit on a MongoDB replica set and RabbitMQ: bulk writes, confirmed messages in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias, cast

import pika
import pymongo
from pika.adapters.blocking_connection import BlockingChannel
from pymongo import InsertOne, WriteConcern
from pymongo.database import Database

from bench.limit import SCHEDULER_BATCH, WINDOW, WORKER_BATCH, Limit, workers
from bench.spent import own_seconds, seconds_of_all

_Store: TypeAlias = Database[dict[str, Any]]

_DATABASE: Final = 'limit'
_WORK: Final = 'limit.work'
_REPORTS: Final = 'limit.reports'
_LOOK_SECONDS: Final = 0.005


def measure(
    mongo_uri: str, amqp_uri: str, count: int, worker_count: int, server_pids: Sequence[int]
) -> Limit:
    """Do `count` jobs in a database of this name, emptied first, and queues of their own."""
    store = _store(mongo_uri)
    store.client.drop_database(_DATABASE)
    store.unit.create_index([('process', 1), ('timeperiod', 1), ('run', 1)], unique=True)
    store.job.create_index([('process', 1), ('timeperiod', 1)], unique=True)
    channel = _channel(amqp_uri)
    for queue in (_WORK, _REPORTS):
        channel.queue_delete(queue)
        channel.queue_declare(queue, durable=True)
    with workers(_work, (mongo_uri, amqp_uri), worker_count) as spent:
        servers, own, began = seconds_of_all(server_pids), own_seconds(), time.perf_counter()
        _schedule(store, channel, _Publisher(amqp_uri), count)
        seconds, own = time.perf_counter() - began, own_seconds() - own
        servers = seconds_of_all(server_pids) - servers
    channel.connection.close()
    store.client.close()
    return Limit(
        jobs=count,
        seconds=seconds,
        spent={'Scheduler': own, 'workers': sum(spent), 'servers': servers},
    )


def _store(uri: str) -> _Store:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri)
    return client.get_database(_DATABASE, write_concern=WriteConcern(w='majority', j=True))


def _channel(uri: str) -> BlockingChannel:
    return pika.BlockingConnection(pika.URLParameters(uri)).channel()


class _Publisher:
    """Persistent messages, of which a whole batch is confirmed at a time."""

    def __init__(self, uri: str) -> None:
        self._channel = _channel(uri)
        self._connection = self._channel.connection
        # Its own `basic_publish` waits for each message.
        self._below = cast('Any', self._channel)._impl  # noqa: SLF001
        self._unconfirmed: set[int] = set()
        self._sent = 0
        confirming: list[object] = []
        self._below.confirm_delivery(self._on_confirmed, callback=confirming.append)
        while not confirming:
            self._connection.process_data_events(0.1)

    def publish(self, queue: str, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._sent += 1
            self._unconfirmed.add(self._sent)
            self._below.basic_publish(
                '', queue, str(number).encode(), pika.BasicProperties(delivery_mode=2)
            )
        while self._unconfirmed:
            self._connection.process_data_events(_LOOK_SECONDS)

    def close(self) -> None:
        self._connection.close()

    def _on_confirmed(self, frame: Any) -> None:
        tag = frame.method.delivery_tag
        if frame.method.multiple:
            self._unconfirmed = {each for each in self._unconfirmed if each > tag}
        else:
            self._unconfirmed.discard(tag)


class _Consumer:
    """Messages of one queue, taken in batches."""

    def __init__(self, channel: BlockingChannel, queue: str, batch: int) -> None:
        self._channel = channel
        self._waiting: list[tuple[int, int]] = []
        channel.basic_qos(prefetch_count=2 * batch)
        channel.basic_consume(queue, self._on_message)

    def take(self, batch: int, wait_seconds: float) -> tuple[int, list[int]]:
        """Return the tag of the newest, and the number in each, of up to `batch`."""
        self._channel.connection.process_data_events(0 if self._waiting else wait_seconds)
        taken, self._waiting = self._waiting[:batch], self._waiting[batch:]
        return (taken[-1][0] if taken else 0), [number for _, number in taken]

    def ack(self, tag: int) -> None:
        self._channel.basic_ack(tag, multiple=True)

    def _on_message(self, _channel: object, method: Any, _properties: object, body: bytes) -> None:
        self._waiting.append((method.delivery_tag, int(body)))


def _schedule(store: _Store, channel: BlockingChannel, publisher: _Publisher, count: int) -> None:
    reports = _Consumer(channel, _REPORTS, SCHEDULER_BATCH)
    begun = done = 0
    while done < count:
        while begun < count and begun - done < WINDOW:
            batch = range(begun, min(begun + SCHEDULER_BATCH, count))
            store.unit.bulk_write(
                [
                    InsertOne(
                        {
                            '_id': number,
                            'process': 'hourly',
                            'timeperiod': number,
                            'run': 1,
                            'state': 'requested',
                            'fence': 0,
                        }
                    )
                    for number in batch
                ],
                ordered=False,
            )
            store.job.bulk_write(
                [
                    InsertOne(
                        {
                            '_id': number,
                            'process': 'hourly',
                            'timeperiod': number,
                            'state': 'in_progress',
                            'unit': number,
                        }
                    )
                    for number in batch
                ],
                ordered=False,
            )
            publisher.publish(_WORK, batch)
            begun = batch.stop
        tag, ended = reports.take(WINDOW, _LOOK_SECONDS)
        if ended:
            changed = store.job.update_many(
                {'_id': {'$in': ended}, 'state': 'in_progress'}, {'$set': {'state': 'processed'}}
            )
            reports.ack(tag)
            done += changed.modified_count
    publisher.close()


def _work(
    number: int,
    where: tuple[str, str],
    tell_ready: Callable[[], None],
    has_to_stop: Callable[[], bool],
) -> None:
    mongo_uri, amqp_uri = where
    store, channel, publisher = _store(mongo_uri), _channel(amqp_uri), _Publisher(amqp_uri)
    consumer = _Consumer(channel, _WORK, WORKER_BATCH)
    store.unit.find_one()
    tell_ready()
    while not has_to_stop():
        tag, taken = consumer.take(WORKER_BATCH, _LOOK_SECONDS)
        if not taken:
            continue
        claim = f'{number}-{tag}'
        store.unit.update_many(
            {'_id': {'$in': taken}, 'state': 'requested'},
            {'$set': {'state': 'in_progress', 'owner': claim}, '$inc': {'fence': 1}},
        )
        mine = {'_id': {'$in': taken}, 'owner': claim}
        claimed = [row['_id'] for row in store.unit.find(mine, {'_id': 1})]
        channel.basic_ack(tag, multiple=True)
        store.unit.update_many(
            {'_id': {'$in': claimed}, 'fence': 1, 'state': 'in_progress'},
            {'$set': {'state': 'processed'}},
        )
        publisher.publish(_REPORTS, claimed)
    for connection in (publisher, channel.connection, store.client):
        connection.close()
