"""One message must not end a process: what nobody can read is put aside, the next one comes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from synergy.ports.broker import Broker, Consumer, Delivery, Message
from tests.contract.conftest import Doorbell
from tests.rabbit import ROUTE

HOSTILE = {
    'depth': b'[' * 100_000,
    'deep object': b'{"uow":' * 50_000,
    'closed depth': b'[' * 900 + b']' * 900,
    'megabytes': json.dumps({'uow': 'x' * 4_000_000}).encode(),
    'a long id': json.dumps({'uow': 'x' * 201}).encode(),
    'an empty id': b'{"uow": ""}',
    'many fields': json.dumps({f'f{number}': 'x' for number in range(40)}).encode(),
    'a long name': json.dumps({'n' * 300: 'x'}).encode(),
    'nothing': b'',
    'blank': b'   ',
    'a list': b'["uow", "51f3"]',
    'a text': b'"uow"',
    'null': b'null',
    'an id that is a number': b'{"uow": 5}',
    'an id that is a list': b'{"uow": ["51f3"]}',
    'an id that is null': b'{"uow": null}',
    'a wide number': b'{"uow": ' + b'9' * 4000 + b'}',
    'beyond floats': b'1e999999',
    'NaN': b'{"uow": NaN}',
    'a name twice': b'{"uow": "a", "uow": "b"}',
    'half a pair': b'{"uow": "\\ud800"}',
    'NUL': b'{"uow": "\\u0000"}',
    'a raw NUL': b'{"uow": "a\x00"}',
    'not UTF-8': b'{"uow": "\xff\xfe"}',
    'gzip': b'\x1f\x8b\x08\x00\x00\x00\x00\x00',
    'UTF-16': '{"uow": "a"}'.encode('utf-16'),
    'half': b'{"uow": "51',
}


def taken(consumer: Consumer, count: int = 1) -> list[Delivery]:
    found: list[Delivery] = []
    until = time.monotonic() + 10
    while len(found) < count and time.monotonic() < until:
        found += consumer.take(50)
        if len(found) < count:
            consumer.wait(0.2)
    return found


@pytest.mark.parametrize('body', HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_read_is_put_aside_and_costs_nothing_else(
    doorbell: Doorbell, open_broker: Callable[[], Broker], body: bytes
) -> None:
    broker = open_broker()
    broker.declare([ROUTE])
    broker.publish([Message(ROUTE, {'uow': 'before'})])
    doorbell.put(ROUTE.queue, body)
    broker.publish([Message(ROUTE, {'uow': 'after'})])
    consumer = broker.consumer(ROUTE)

    found = taken(consumer, 2)

    assert [dict(delivery.body) for delivery in found] == [{'uow': 'before'}, {'uow': 'after'}]
    consumer.ack(found)
    assert broker.depth_by_queue()[ROUTE.queue] == 0
    admin = doorbell.open()
    [letter] = admin.dead_letters(ROUTE.queue, 10)
    admin.close()
    assert letter.reason
    assert len(letter.reason) <= 200
    assert len(letter.text) <= 8100


def test_what_lies_behind_many_of_them_is_not_kept_waiting(
    doorbell: Doorbell, open_broker: Callable[[], Broker]
) -> None:
    # A worker takes one at a time, and sleeps for seconds when there is none.
    broker = open_broker()
    broker.declare([ROUTE])
    for _ in range(20):
        doorbell.put(ROUTE.queue, HOSTILE['depth'])
    broker.publish([Message(ROUTE, {'uow': 'after'})])
    consumer = broker.consumer(ROUTE)
    waits = 0
    began = time.monotonic()

    while not (found := consumer.take(1)):
        waits += 1
        assert consumer.wait(5.0), f'nothing came in {waits} waits'

    assert dict(found[0].body) == {'uow': 'after'}
    assert time.monotonic() - began < 5 * 20 / 2


def test_fields_of_a_later_version_are_ignored(doorbell: Doorbell, broker: Broker) -> None:
    broker.declare([ROUTE])
    doorbell.put(ROUTE.queue, b'{"uow": "a", "hint": "b"}')

    [delivery] = taken(broker.consumer(ROUTE))

    assert delivery.body['uow'] == 'a'


def test_what_cannot_be_handled_is_put_aside_by_its_taker(
    doorbell: Doorbell, broker: Broker
) -> None:
    consumer = broker.consumer(ROUTE)
    broker.publish([Message(ROUTE, {'uow': name}) for name in ('a', 'b')])
    first, second = taken(consumer, 2)

    consumer.put_aside(first, 'nobody could handle it: \ud800 ' + 'x' * 1000)
    consumer.put_aside(first, 'again')
    consumer.ack([second])

    admin = doorbell.open()
    [letter] = admin.dead_letters(ROUTE.queue, 10)
    admin.close()
    assert json.loads(letter.text) == {'uow': 'a'}
    assert (letter.reason or '').startswith('nobody could handle it')
    assert broker.depth_by_queue()[ROUTE.queue] == 0
