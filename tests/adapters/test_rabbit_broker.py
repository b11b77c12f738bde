"""What is particular to RabbitMQ: servers that die, close, block and refuse; messages that are odd.

The server of these tests is one of their own, as they kill it.
"""

from __future__ import annotations

import logging
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import pytest

from bench.servers.rabbitmq import RabbitServer
from synergy.adapters.rabbit.broker import RabbitBroker
from synergy.adapters.rabbit.consumer import RabbitConsumer
from synergy.core.records import Route
from synergy.ports.broker import Delivery, Message
from synergy.ports.errors import BrokerUnavailable, BrokerUnusable
from synergy.view.broker import broker_warnings
from tests.rabbit import ROUTE, clean

PATIENCE_SECONDS = 30.0


@pytest.fixture
def open_broker(rabbit: RabbitServer) -> Iterator[Callable[..., RabbitBroker]]:
    """Return a function that opens one more connection."""
    opened: list[RabbitBroker] = []

    def open_one(uri: str = rabbit.uri, *, are_queues_quorum: bool = False) -> RabbitBroker:
        opened.append(RabbitBroker(uri, title='test', are_queues_quorum=are_queues_quorum))
        return opened[-1]

    yield open_one
    rabbit.start()
    clean(open_one())
    for broker in opened:
        broker.close()


@pytest.fixture
def broker(open_broker: Callable[..., RabbitBroker]) -> RabbitBroker:
    return open_broker()


def ring(broker: RabbitBroker, *ids: str, route: Route = ROUTE) -> None:
    """Publish, again and again until the server takes it."""
    insist(lambda: broker.publish([Message(route, {'uow': text}) for text in ids]))


def insist(act: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except BrokerUnavailable:
            assert time.monotonic() < until
            time.sleep(0.05)


def take(consumer: RabbitConsumer, limit: int = 1) -> list[Delivery]:
    """Take once something is there, whatever happens to the server meanwhile."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            if found := consumer.take(limit):
                return list(found)
            consumer.wait(0.2)
        except BrokerUnavailable:
            time.sleep(0.05)
    return []


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.body['uow'] for delivery in deliveries]


def publish_raw(rabbit: RabbitServer, body: bytes, headers: dict[str, Any] | None = None) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbit.uri))
    connection.channel().basic_publish(
        ROUTE.exchange, ROUTE.routing, body, pika.BasicProperties(headers=headers)
    )
    connection.close()


def test_a_message_held_while_the_server_dies_comes_again_and_its_first_ack_is_ignored(
    rabbit: RabbitServer, broker: RabbitBroker
) -> None:
    consumer = broker.consumer(ROUTE)
    ring(broker, 'a', 'b')
    held = take(consumer)
    assert ids(held) == ['a']

    rabbit.restart()

    consumer.ack(held)
    again = take(consumer)
    consumer.ack(held)
    assert ids(again) == ['a']
    consumer.ack(again)
    assert ids(take(consumer)) == ['b']


def test_what_was_confirmed_outlives_a_kill_during_publishing(
    rabbit: RabbitServer, broker: RabbitBroker
) -> None:
    broker.declare([ROUTE])
    confirmed: list[str] = []
    failures: list[BrokerUnavailable] = []
    killer = threading.Timer(0.3, rabbit.kill)
    killer.start()
    until = time.monotonic() + PATIENCE_SECONDS
    while not failures and time.monotonic() < until:
        batch = [f'{len(confirmed) + number}' for number in range(50)]
        try:
            broker.publish([Message(ROUTE, {'uow': text}) for text in batch])
        except BrokerUnavailable as error:
            failures.append(error)
        else:
            confirmed += batch
    killer.join()

    rabbit.start()

    assert confirmed
    assert failures
    ring(broker, 'end')
    consumer = broker.consumer(ROUTE)
    seen: set[str] = set()
    while 'end' not in seen:
        found = take(consumer, 256)
        assert found
        consumer.ack(found)
        seen.update(ids(found))
    assert set(confirmed) <= seen


def test_an_idle_consumer_reads_on_after_an_operator_closed_its_connection(
    rabbit: RabbitServer, broker: RabbitBroker
) -> None:
    consumer = broker.consumer(ROUTE)
    assert consumer.take(1) == []

    rabbit.close_connections()

    began = time.monotonic()
    assert consumer.wait(60)
    assert time.monotonic() - began < 50
    ring(broker, 'a')
    assert ids(take(consumer)) == ['a']


def test_an_alarm_refuses_publishing_at_once_but_not_reading_and_ends(
    rabbit: RabbitServer, broker: RabbitBroker
) -> None:
    consumer = broker.consumer(ROUTE)
    ring(broker, 'a', 'b')
    rabbit.memory_alarm(is_on=True)
    try:
        with pytest.raises(BrokerUnavailable, match='takes no messages now'):
            broker.publish([Message(ROUTE, {'uow': 'late'})])
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable, match='memory'):
            broker.publish([Message(ROUTE, {'uow': 'later'})])
        assert time.monotonic() - began < 2  # That of one who waits for an answer is more.
        first = take(consumer)
        consumer.ack(first)
        assert ids(first + take(consumer)) == ['a', 'b']
    finally:
        rabbit.memory_alarm(is_on=False)

    ring(broker, 'c')


@pytest.mark.parametrize(
    ('body', 'headers', 'reason'),
    [
        (b'{nope', None, 'it is not JSON'),
        (b'\xff\xfe', None, 'it is not UTF-8'),
        (b'[1]', None, 'it is not a JSON object of texts'),
        (b'{"data": {"record_db_id": 1}}', None, 'it is not a JSON object of texts'),
        (b'{"uow": "x"}', {'synergy-version': 2}, 'it is of version 2, newer than 1'),
        (b'{"uow": "x"}', {'synergy-version': -5}, 'its version is -5, not a number'),
        (b'{"uow": "x"}', {'synergy-version': True}, 'its version is True, not a number'),
        (b'{"uow": "x"}', {'synergy-version': 'v' * 30000}, "its version is 'vvv"),
        (b'{"uow": "x"}', {'synergy-version': {'a': {'b': [1]}}}, 'its version is dict of 1 items'),
        (b'[1]', {'long': 'x' * 90_000, 'n': -(2**31)}, 'it is not a JSON object of texts'),
    ],
)
def test_a_message_that_cannot_be_understood_is_put_aside_with_the_reason(
    rabbit: RabbitServer,
    broker: RabbitBroker,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    headers: dict[str, Any] | None,
    reason: str,
) -> None:
    consumer = broker.consumer(ROUTE)
    publish_raw(rabbit, body, headers)
    ring(broker, 'good')

    with caplog.at_level(logging.WARNING):
        assert ids(take(consumer)) == ['good']

    [letter] = broker.dead_letters(ROUTE.queue, 10)
    assert letter.reason is not None
    assert letter.reason.startswith(reason)
    assert letter.text == body.decode(errors='backslashreplace')
    assert len(broker.dead_letters(ROUTE.queue, 10)) == 1
    assert f'moved to {ROUTE.queue}.dead' in caplog.text
    assert broker.depth_by_queue() == {ROUTE.queue: 0, f'{ROUTE.queue}.dead': 1}


class RawProperties(pika.BasicProperties):
    """Properties whose headers are bytes that pika itself would not write."""

    def __init__(self, table: bytes) -> None:
        super().__init__()
        self.table = table

    def encode(self) -> list[bytes]:
        flags = struct.pack('>H', self.FLAG_HEADERS)
        return [flags, struct.pack('>I', len(self.table)) + self.table]


def nested_table(depth: int) -> bytes:
    table = b''
    for _ in range(depth):
        table = b'\x01tF' + struct.pack('>I', len(table)) + table
    return table


@pytest.mark.parametrize(
    'table',
    [b'\x02atT' + struct.pack('>Q', 2**62), nested_table(2000)],
    ids=['the year 146 billion', 'two thousand levels'],
)
def test_headers_that_cannot_be_decoded_cost_their_message_alone(
    rabbit: RabbitServer, broker: RabbitBroker, table: bytes
) -> None:
    consumer = broker.consumer(ROUTE)
    connection = pika.BlockingConnection(pika.URLParameters(rabbit.uri))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish('', ROUTE.queue, b'{"uow": "x"}', RawProperties(table), mandatory=True)
    connection.close()
    ring(broker, 'good')

    assert ids(take(consumer)) == ['good']

    [letter] = broker.dead_letters(ROUTE.queue, 10)
    assert (letter.reason or '').startswith('its headers cannot be read')


def test_a_queue_declared_differently_is_refused_with_what_mends_it(
    rabbit: RabbitServer, broker: RabbitBroker
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbit.uri))
    connection.channel().queue_declare(ROUTE.queue, durable=False)
    connection.close()

    with pytest.raises(BrokerUnusable, match=f'mq purge --delete {ROUTE.queue}'):
        broker.consumer(ROUTE)

    broker.delete(ROUTE.queue)
    ring(broker, 'a')
    assert ids(take(broker.consumer(ROUTE))) == ['a']


def test_a_quorum_queue_works_and_is_not_taken_for_a_classic_one(
    open_broker: Callable[..., RabbitBroker],
) -> None:
    broker = open_broker(are_queues_quorum=True)
    consumer = broker.consumer(ROUTE)
    ring(broker, 'a', 'b')
    for text in ('a', 'b'):
        found = take(consumer)
        assert ids(found) == [text]
        consumer.ack(found)

    with pytest.raises(BrokerUnusable, match='or set broker_quorum_queues to what the queue is'):
        open_broker().declare([ROUTE])


def test_a_wrong_password_and_a_missing_virtual_host_will_not_heal(
    rabbit: RabbitServer, open_broker: Callable[..., RabbitBroker]
) -> None:
    with pytest.raises(BrokerUnusable, match="refused user 'guest'") as refused:
        open_broker(rabbit.uri_of('/', password='secret')).declare([ROUTE])
    assert 'secret' not in str(refused.value)
    with pytest.raises(BrokerUnusable, match='rabbitmqctl add_vhost'):
        open_broker(rabbit.uri_of('nowhere')).declare([ROUTE])


def test_a_user_without_rights_is_told_so(
    rabbit: RabbitServer, open_broker: Callable[..., RabbitBroker]
) -> None:
    uri = rabbit.add_user('reader', 'reader', may='^none$')

    with pytest.raises(BrokerUnusable, match='rabbitmqctl set_permissions'):
        open_broker(uri).declare([ROUTE])


def test_a_virtual_host_is_a_world_of_its_own(
    rabbit: RabbitServer, broker: RabbitBroker, open_broker: Callable[..., RabbitBroker]
) -> None:
    other = open_broker(rabbit.add_vhost('another one'))
    ring(other, 'a')
    ring(broker, 'b')

    assert ids(take(other.consumer(ROUTE))) == ['a']


def test_what_no_queue_takes_is_declared_and_published_again(broker: RabbitBroker) -> None:
    ring(broker, 'exchange missing')
    broker.delete(ROUTE.queue)
    ring(broker, 'queue missing')

    assert ids(take(broker.consumer(ROUTE))) == ['queue missing']


def test_a_queue_removed_under_its_consumer_is_declared_again(
    broker: RabbitBroker, open_broker: Callable[..., RabbitBroker]
) -> None:
    consumer = broker.consumer(ROUTE)
    assert consumer.take(1) == []
    open_broker().delete(ROUTE.queue)

    assert consumer.wait(5)
    ring(broker, 'a')

    assert ids(take(consumer)) == ['a']


def test_a_worker_that_works_long_holds_no_message(
    rabbit: RabbitServer, broker: RabbitBroker
) -> None:
    consumer = broker.consumer(ROUTE)
    ring(broker, 'a', 'b', 'c')
    consumer.ack(take(consumer))

    def is_idle() -> bool:
        shown = rabbit.control('list_queues', 'name', 'messages_unacknowledged', 'consumers')
        return f'{ROUTE.queue}\t0\t0' in shown

    until = time.monotonic() + 10
    while not is_idle():
        assert time.monotonic() < until
    assert broker.depth_by_queue()[ROUTE.queue] == 2


def test_a_server_that_is_away_is_said_at_once_and_found_again(rabbit: RabbitServer) -> None:
    rabbit.kill()
    broker = RabbitBroker(rabbit.uri, title='test')
    try:
        began = time.monotonic()
        consumer = broker.consumer(ROUTE)
        with pytest.raises(BrokerUnavailable, match='cannot be reached'):
            broker.publish([Message(ROUTE, {'uow': 'a'})])
        with pytest.raises(BrokerUnavailable, match='cannot be reached'):
            consumer.wait(60)
        assert time.monotonic() - began < 50
    finally:
        rabbit.start()

    ring(broker, 'a')
    assert ids(take(consumer)) == ['a']
    clean(broker)
    broker.close()


def freeze(pid: int) -> None:
    """Stop a process, and wait until all of its threads have noticed."""
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + 10
    states = {'R'}
    while states - {'T'}:
        assert time.monotonic() < until
        threads = Path(f'/proc/{pid}/task').iterdir()
        states = {(item / 'stat').read_text().rpartition(')')[2].split()[0] for item in threads}


def test_a_server_that_hangs_is_given_up_within_seconds(
    rabbit: RabbitServer, broker: RabbitBroker
) -> None:
    ring(broker, 'a')
    assert rabbit.pid is not None
    freeze(rabbit.pid)
    try:
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable, match='no answer within'):
            broker.publish([Message(ROUTE, {'uow': 'b'})])
        with pytest.raises(BrokerUnavailable):
            broker.publish([Message(ROUTE, {'uow': 'b'})])
        with pytest.raises(BrokerUnavailable):
            broker.publish([Message(ROUTE, {'uow': 'b'})])
        with pytest.raises(BrokerUnavailable, match='no answer within 4 s'):
            broker.queue_states([ROUTE])
        assert time.monotonic() - began < 12
    finally:
        os.kill(rabbit.pid, signal.SIGCONT)

    ring(broker, 'c')
    assert [state.queue for state in insist(lambda: broker.queue_states([ROUTE]))] == [
        ROUTE.queue,
        ROUTE.queue + '.dead',
    ]
    consumer = broker.consumer(ROUTE)
    assert {'a', 'c'} <= {*ids(take(consumer)), *ids(take(consumer)), *ids(take(consumer))}


def test_a_connection_that_is_closed_ends_questions_about_thousands_of_queues_at_once(
    rabbit: RabbitServer, broker: RabbitBroker
) -> None:
    routes = [Route(exchange='', routing='', queue=f'away_{number}') for number in range(20_000)]
    broker.declare([ROUTE])
    refused: list[BrokerUnavailable] = []

    def ask() -> None:
        try:
            broker.queue_states(routes)
        except BrokerUnavailable as error:
            refused.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    rabbit.close_connections()
    asking.join(10)

    assert not asking.is_alive()
    assert len(refused) == 1
    assert 'closed by an operator' in str(refused[0])
    names = [state.queue for state in insist(lambda: broker.queue_states([ROUTE, *routes[:40]]))]
    assert names == [ROUTE.queue, ROUTE.queue + '.dead']


def test_where_few_channels_are_granted_queues_are_asked_about_over_those(
    rabbit: RabbitServer, open_broker: Callable[..., RabbitBroker]
) -> None:
    broker = open_broker(f'{rabbit.uri}?channel_max=2')
    routes = [Route(exchange='', routing='', queue=f'few_{number}') for number in range(30)]
    broker.declare(routes[::3])

    names = [state.queue for state in broker.queue_states(routes)]

    assert names[::2] == [route.queue for route in routes[::3]]
    for name in names:
        broker.delete(name)
    assert broker.queue_states(routes) == []


def test_heartbeats_are_served_while_user_code_keeps_the_processor_busy(
    rabbit: RabbitServer, open_broker: Callable[..., RabbitBroker]
) -> None:
    broker = open_broker(f'{rabbit.uri}?heartbeat=1')
    consumer = broker.consumer(ROUTE)
    ring(broker, 'a')
    held = take(consumer)

    until = time.monotonic() + 4
    while time.monotonic() < until:
        sum(range(10_000))

    # A connection that was lost meanwhile would ignore this, and the message would come again.
    consumer.ack(held)
    ring(broker, 'b')
    assert ids(take(consumer)) == ['b']


def test_people_are_told_of_messages_nobody_understands_and_of_a_queue_declared_differently(
    rabbit: RabbitServer, open_broker: Callable[..., RabbitBroker]
) -> None:
    broker = open_broker()
    consumer = broker.consumer(ROUTE)
    assert broker_warnings(open_broker, [ROUTE]) == []
    publish_raw(rabbit, b'garbage')
    consumer.wait(5)
    assert consumer.take(1) == []

    (of_garbage,) = broker_warnings(open_broker, [ROUTE])
    (of_kind,) = broker_warnings(lambda: open_broker(are_queues_quorum=True), [ROUTE])

    assert f'1 message in {ROUTE.queue}.dead could not be understood' in of_garbage
    assert f'mq purge --delete {ROUTE.queue}' in of_kind
