"""A broker in memory that loses, doubles, delays and reorders messages as told.

Without faults it keeps the contract of the real ones, which its tests run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from synergy.core.records import Route
from synergy.ports.broker import Confirmation, Delivery, Message
from synergy.ports.clock import Clock
from synergy.ports.errors import BrokerUnavailable
from synergy.ports.message import dead_queue_of
from synergy.simulation.faults import Faults

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    """A message in a queue. holder: the consumer that has it; None: nobody."""

    tag: int
    body: Mapping[str, str]
    visible_at: float
    holder: SimulatedConsumer | None = None
    is_redelivered: bool = False


class Exchange:
    """The broker itself: what outlives its connections."""

    def __init__(self, clock: Clock, random: Random, faults: Faults) -> None:
        """Start without queues."""
        self.clock = clock
        self.faults = faults
        self.queues: dict[str, list[_Held]] = {}
        self.bells: dict[str, list[Callable[[float], None]]] = {}
        self._random = random
        self._tag = 0
        #: Queues as they were when the block of a process began; None: there is none.
        self._before: dict[str, list[tuple[_Held, SimulatedConsumer | None, bool]]] | None = None
        self._silenced: list[tuple[str, float]] = []

    def begin(self) -> None:
        """Let what is done from here on be undone together, or stand together."""
        self._before = {}

    def stand(self) -> None:
        """Let what was done in the block stand, and ring."""
        self._before = None
        silenced, self._silenced = self._silenced, []
        for queue, delay in silenced:
            self._ring(queue, delay)

    def undo(self) -> None:
        """Undo what was done in the block; nobody was rung."""
        for name, held in (self._before or {}).items():
            self.queues[name] = [item for item, _, _ in held]
            for item, holder, is_redelivered in held:
                item.holder, item.is_redelivered = holder, is_redelivered
        self._before = None
        self._silenced = []

    def touch(self, queue: str) -> None:
        """Remember how a queue stands, for it is about to change."""
        if self._before is not None and queue not in self._before:
            held = self.queues.get(queue, [])
            self._before[queue] = [(item, item.holder, item.is_redelivered) for item in held]

    def _ring(self, queue: str, delay: float) -> None:
        if self._before is not None:
            self._silenced.append((queue, delay))
            return
        for bell in self.bells.get(queue, ()):
            bell(delay)

    def put(self, message: Message) -> None:
        """Take a message over, as the faults have it."""
        random, faults = self._random, self.faults
        self.touch(message.route.queue)
        queue = self.queues.setdefault(message.route.queue, [])
        if random.random() < faults.message_lost:
            return
        copies = 2 if random.random() < faults.message_doubled else 1
        for _ in range(copies):
            delay = random.uniform(0, 3) if random.random() < faults.message_late else 0.0
            self._tag += 1
            body = json.loads(json.dumps(dict(message.body)))
            queue.append(_Held(self._tag, body, self.clock.monotonic() + delay))
            self._ring(message.route.queue, delay)

    def is_down(self) -> bool:
        """Tell whether this call meets a broker that does not answer; one in a block is there."""
        if self._before is not None:
            return False
        return self.faults.broker_down > 0 and self._random.random() < self.faults.broker_down


class SimulatedBroker:
    """One process's connection. pause: rests for seconds of simulated time, or until woken."""

    def __init__(
        self,
        exchange: Exchange,
        pause: Callable[[float], None],
        wake: Callable[[float], None],
    ) -> None:
        """Connect. wake: resumes this process after a delay in seconds."""
        self._exchange = exchange
        self._pause = pause
        self._wake = wake
        self._consumers: list[SimulatedConsumer] = []

    def declare(self, routes: Collection[Route]) -> None:
        """Make sure that the queues exist."""
        for route in routes:
            self._exchange.queues.setdefault(route.queue, [])

    def publish(self, messages: Sequence[Message]) -> None:
        """Hand messages over."""
        if self._exchange.is_down():
            raise BrokerUnavailable('simulated: the broker does not answer')
        for message in messages:
            self._exchange.put(message)

    def begin(self, messages: Sequence[Message]) -> Confirmation:
        """Hand messages over; that the broker did not answer is learnt when it is waited for."""
        try:
            self.publish(messages)
        except BrokerUnavailable as error:
            return partial(_fail, error)
        return partial(_fail, None)

    def consumer(self, route: Route) -> SimulatedConsumer:
        """Start reading a queue."""
        self.declare([route])
        consumer = SimulatedConsumer(self._exchange, route.queue, self._pause, self._wake)
        self._consumers.append(consumer)
        return consumer

    def depth_by_queue(self) -> Mapping[str, int]:
        """Return the number of messages in each queue."""
        return {name: len(held) for name, held in self._exchange.queues.items()}

    def purge(self, queue: str) -> int:
        """Drop all messages of a queue that nobody holds."""
        held = self._exchange.queues.get(queue, [])
        left = [item for item in held if item.holder is not None]
        self._exchange.queues[queue] = left
        return len(held) - len(left)

    def close(self) -> None:
        """Close all consumers."""
        for consumer in self._consumers:
            consumer.close()


class SimulatedConsumer:
    """One reader of one queue."""

    def __init__(
        self,
        exchange: Exchange,
        queue: str,
        pause: Callable[[float], None],
        wake: Callable[[float], None],
    ) -> None:
        """Register with the queue's bells."""
        self._exchange = exchange
        self._queue = queue
        self._pause = pause
        self._wake = wake
        self._is_woken = False
        self._is_closed = False
        exchange.bells.setdefault(queue, []).append(wake)

    def take(self, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` messages, oldest first."""
        if self._exchange.is_down():
            raise BrokerUnavailable('simulated: the broker does not answer')
        now = self._exchange.clock.monotonic()
        found = [
            item
            for item in self._exchange.queues[self._queue]
            if item.holder is None and item.visible_at <= now
        ][:limit]
        if found:
            self._exchange.touch(self._queue)
        for item in found:
            item.holder = self
        return [Delivery(item.tag, item.body, item.is_redelivered) for item in found]

    def wait(self, seconds: float) -> bool:
        """Rest until something may be there, at most `seconds`."""
        if not self._is_woken and not self._has_messages():
            self._pause(seconds)
        self._is_woken = False
        return self._has_messages()

    def wake(self) -> None:
        """Make a `wait` return."""
        self._is_woken = True
        self._wake(0.0)

    def ack(self, deliveries: Collection[Delivery]) -> None:
        """Forget messages for good."""
        tags = {delivery.tag for delivery in deliveries}
        self._exchange.touch(self._queue)
        queue = self._exchange.queues[self._queue]
        queue[:] = [item for item in queue if item.tag not in tags or item.holder is not self]

    def put_aside(self, delivery: Delivery, reason: str) -> None:
        """Move a message to the dead queue."""
        self._exchange.touch(self._queue)
        self._exchange.touch(dead_queue_of(self._queue))
        queue = self._exchange.queues[self._queue]
        found = [item for item in queue if item.tag == delivery.tag and item.holder is self]
        queue[:] = [item for item in queue if item not in found]
        self._exchange.queues.setdefault(dead_queue_of(self._queue), []).extend(found)
        logger.warning('put aside: %s', reason)

    def close(self) -> None:
        """Give back what is held."""
        if self._is_closed:
            return
        self._is_closed = True
        self._exchange.bells[self._queue].remove(self._wake)
        for item in self._exchange.queues[self._queue]:
            if item.holder is self:
                item.holder = None
                item.is_redelivered = True
        for bell in self._exchange.bells[self._queue]:
            bell(0.0)

    def _has_messages(self) -> bool:
        now = self._exchange.clock.monotonic()
        queue: list[Any] = self._exchange.queues[self._queue]
        return any(item.holder is None and item.visible_at <= now for item in queue)


def _fail(error: BrokerUnavailable | None) -> None:
    if error is not None:
        raise error
