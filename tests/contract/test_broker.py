"""The contract of the broker: durable, acknowledged, redelivered, prompt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from synergy.core.records import Route
from synergy.ports.broker import Broker, Consumer, Delivery, Message
from tests.contract.conftest import Doorbell
from tests.rabbit import OTHER, ROUTE


def ring(broker: Broker, *ids: str, route: Route = ROUTE) -> None:
    broker.publish([Message(route, {'uow': text}) for text in ids])


def take(
    consumer: Consumer, limit: int = 10, seconds: float = 5.0, count: int = 1
) -> list[Delivery]:
    """Take until there are `count`."""
    until = time.monotonic() + seconds
    found: list[Delivery] = []
    while time.monotonic() < until and len(found) < count:
        found += consumer.take(limit)
        if len(found) < count:
            consumer.wait(0.2)
    return found


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.body['uow'] for delivery in deliveries]


def test_messages_outlive_their_publisher_and_come_in_order(
    open_broker: Callable[[], Broker],
) -> None:
    publisher = open_broker()
    publisher.declare([ROUTE])
    ring(publisher, 'a', 'b', 'c')
    publisher.close()

    consumer = open_broker().consumer(ROUTE)

    assert ids(take(consumer, count=3)) == ['a', 'b', 'c']


def test_a_message_published_before_anybody_reads_waits(broker: Broker) -> None:
    broker.declare([ROUTE])
    ring(broker, 'a')

    assert ids(take(broker.consumer(ROUTE))) == ['a']


def test_what_is_begun_is_waited_for_once_or_by_what_is_published_next(broker: Broker) -> None:
    broker.declare([ROUTE])
    first = broker.begin([Message(ROUTE, {'uow': 'a'})])
    second = broker.begin([Message(ROUTE, {'uow': 'b'})])
    ring(broker, 'c')

    for confirmation in (first, second, second, broker.begin([])):
        confirmation()

    assert ids(take(broker.consumer(ROUTE), count=3)) == ['a', 'b', 'c']


def test_queues_are_separate(broker: Broker) -> None:
    broker.declare([ROUTE, OTHER])
    ring(broker, 'a')
    ring(broker, 'b', route=OTHER)

    assert ids(take(broker.consumer(OTHER))) == ['b']
    assert broker.depth_by_queue()[ROUTE.queue] == 1


def test_a_held_message_goes_to_nobody_else_and_an_acked_one_is_gone(
    open_broker: Callable[[], Broker],
) -> None:
    first, second = open_broker(), open_broker()
    one, two = first.consumer(ROUTE), second.consumer(ROUTE)
    ring(first, 'a', 'b')

    mine = take(one, limit=1)
    yours = take(two)

    assert len(mine) == len(yours) == 1
    assert set(ids(mine) + ids(yours)) == {'a', 'b'}
    one.ack(mine)
    two.ack(yours)
    one.close()
    two.close()
    assert take(open_broker().consumer(ROUTE), seconds=1.5) == []


def test_a_closed_consumer_gives_back_what_it_held(open_broker: Callable[[], Broker]) -> None:
    first, second = open_broker(), open_broker()
    holder = first.consumer(ROUTE)
    ring(first, 'a')
    assert ids(take(holder)) == ['a']

    holder.close()
    holder.close()

    again = take(second.consumer(ROUTE))
    assert ids(again) == ['a']
    assert again[0].is_redelivered


def test_a_killed_consumer_gives_back_what_it_held(
    open_broker: Callable[[], Broker], doorbell: Doorbell
) -> None:
    program = f"""
import time
from pathlib import Path
from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.rabbit.broker import RabbitBroker
from synergy.core.records import Route
broker = {doorbell.code}
consumer = broker.consumer({ROUTE!r})
while not consumer.take(1):
    consumer.wait(1)
print('taken', flush=True)
time.sleep(60)
"""
    broker = open_broker()
    broker.declare([ROUTE])
    ring(broker, 'a')
    with subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b'taken\n'
        os.kill(child.pid, signal.SIGKILL)

    again = take(broker.consumer(ROUTE))

    assert ids(again) == ['a']
    assert again[0].is_redelivered


def test_a_waiting_consumer_wakes_promptly(open_broker: Callable[[], Broker]) -> None:
    consumer = open_broker().consumer(ROUTE)
    publisher = open_broker()
    lateness = []
    for number in range(20):
        published: list[float] = []

        def publish(number: int = number, published: list[float] = published) -> None:
            ring(publisher, str(number))
            published.append(time.monotonic())

        thread = threading.Timer(0.02, publish)
        thread.start()
        assert consumer.wait(5)
        woken = time.monotonic()
        consumer.ack(take(consumer))
        thread.join()
        lateness.append(woken - published[0])

    assert sorted(lateness)[len(lateness) // 2] < 0.01


def test_a_publish_between_take_and_wait_is_not_missed(broker: Broker) -> None:
    consumer = broker.consumer(ROUTE)
    assert consumer.take(1) == []
    ring(broker, 'a')

    began = time.monotonic()
    consumer.wait(60)

    assert time.monotonic() - began < 50
    assert ids(take(consumer)) == ['a']


def test_wake_ends_a_wait_from_another_thread(broker: Broker) -> None:
    consumer = broker.consumer(ROUTE)
    threading.Timer(0.05, consumer.wake).start()

    began = time.monotonic()
    consumer.wait(60)

    assert time.monotonic() - began < 50


def test_purge_drops_what_nobody_holds(broker: Broker) -> None:
    consumer = broker.consumer(ROUTE)
    ring(broker, 'a', 'b', 'c')
    held = take(consumer, limit=1)

    assert broker.purge(ROUTE.queue) == 2
    consumer.ack(held)
    assert broker.depth_by_queue()[ROUTE.queue] == 0


def test_one_message_among_many_consumers_is_taken_once(
    open_broker: Callable[[], Broker],
) -> None:
    consumers = [open_broker().consumer(ROUTE) for _ in range(4)]
    publisher = open_broker()
    ring(publisher, *map(str, range(100)))
    taken: list[str] = []
    while len(taken) < 100:
        for consumer in consumers:
            found = list(consumer.take(7))
            taken += ids(found)
            consumer.ack(found)

    assert sorted(taken, key=int) == [str(number) for number in range(100)]


def test_a_consumer_that_is_busy_keeps_nothing_from_others(
    open_broker: Callable[[], Broker],
) -> None:
    busy, idle = open_broker().consumer(ROUTE), open_broker().consumer(ROUTE)
    publisher = open_broker()
    ring(publisher, 'a')
    mine = take(busy, limit=1)
    busy.ack(mine)

    ring(publisher, *map(str, range(20)))

    assert ids(take(idle, limit=20, count=20)) == [str(number) for number in range(20)]


def test_what_is_acknowledged_twice_or_after_a_close_is_ignored(
    open_broker: Callable[[], Broker],
) -> None:
    one, two = open_broker().consumer(ROUTE), open_broker().consumer(ROUTE)
    ring(open_broker(), 'a')
    stale = take(one)
    one.close()
    again = take(two)

    one.ack(stale)
    two.ack(again)
    two.ack(again)
    ring(open_broker(), 'b')

    assert ids(take(two)) == ['b']


def test_of_many_routes_the_queues_that_there_are_are_told_in_order(doorbell: Doorbell) -> None:
    broker = doorbell.open()
    routes = [Route(exchange='', routing='', queue=f'many_{number:03d}') for number in range(60)]
    there = [route for number, route in enumerate(routes) if number % 3 == 1]
    broker.declare(there)

    seen = [state.queue for state in broker.queue_states(routes)]

    assert [queue for queue in seen if not queue.endswith('.dead')] == [
        route.queue for route in there
    ]
    assert broker.queue_states([]) == []
    for route in there:
        broker.delete(route.queue)
    assert all(state.queue.endswith('.dead') for state in broker.queue_states(routes))
    broker.close()


def test_an_operator_sees_queues_and_removes_one(doorbell: Doorbell) -> None:
    broker = doorbell.open()
    broker.declare([ROUTE, OTHER])
    ring(broker, 'a', 'b')

    depths = {state.queue: state.depth for state in broker.queue_states([ROUTE, OTHER])}
    assert (depths[ROUTE.queue], depths[OTHER.queue]) == (2, 0)
    assert broker.delete(ROUTE.queue) == 2
    assert ROUTE.queue not in [state.queue for state in broker.queue_states([ROUTE, OTHER])]
    ring(broker, 'c')
    assert ids(take(broker.consumer(ROUTE))) == ['c']
    assert broker.dead_letters(ROUTE.queue, 10) == []
    broker.close()
