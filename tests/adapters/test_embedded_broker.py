"""What is particular to the embedded broker: garbage, leftovers, idle cost."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.os.clocks import SystemClock
from synergy.core.records import Route
from synergy.ports.broker import Message
from synergy.ports.errors import BrokerUnusable

ROUTE = Route(exchange='ex', routing='r', queue='q')


def test_a_message_that_is_no_json_is_put_aside_and_the_next_one_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = EmbeddedBroker.open(tmp_path, clock=SystemClock())
    consumer = broker.consumer(ROUTE)
    broker._file.write("INSERT INTO message (queue, id, body) VALUES ('q', 1, '{nope')")
    broker._file.write("INSERT INTO message (queue, id, body) VALUES ('q', 2, '[1]')")
    broker.publish([Message(ROUTE, {'uow': 'a'})])

    with caplog.at_level(logging.WARNING):
        found = consumer.take(10)

    assert [item.body['uow'] for item in found] == ['a']
    assert broker.depth_by_queue() == {'q': 1, 'q.dead': 2}
    assert 'moved to q.dead' in caplog.text
    broker.close()


def test_leftovers_of_dead_consumers_are_removed(tmp_path: Path) -> None:
    broker = EmbeddedBroker.open(tmp_path, clock=SystemClock())
    consumer = broker.consumer(ROUTE)
    bells = tmp_path / 'bells' / 'q'
    os.mkfifo(bells / 'dead')
    (bells / 'dead.lock').touch()

    broker.publish([Message(ROUTE, {'uow': 'a'})])

    assert sorted(path.name for path in bells.iterdir()) == sorted(
        [consumer._id, f'{consumer._id}.lock']
    )
    broker.close()
    assert list(bells.iterdir()) == []


def test_an_idle_consumer_uses_no_processor_time(tmp_path: Path) -> None:
    broker = EmbeddedBroker.open(tmp_path, clock=SystemClock())
    consumer = broker.consumer(ROUTE)

    before = time.process_time()
    consumer.wait(0.5)

    assert time.process_time() - before < 0.1
    broker.close()


def test_a_file_that_is_no_broker_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / 'broker.db').write_text('this is a text, and long enough to be looked at' * 50)

    with pytest.raises(BrokerUnusable, match=r'broker\.db'):
        EmbeddedBroker.open(tmp_path, clock=SystemClock())
