"""A broker in memory that loses, doubles, delays and reorders messages as told.

Without faults it keeps the contract of the real ones, which its tests run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from synergy.core.records import Route
from synergy.ports.broker import Delivery, Message
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

    def put(self, message: Message) -> None:
        """Take a message over, as the faults have it."""
        random, faults = self._random, self.faults
        queue = self.queues.setdefault(message.route.queue, [])
        if random.random() < faults.message_lost:
            return
        copies = 2 if random.random() < faults.message_doubled else 1
        for _ in range(copies):
            delay = random.uniform(0, 3) if random.random() < faults.message_late else 0.0
            self._tag += 1
            body = json.loads(json.dumps(dict(message.body)))
            queue.append(_Held(self._tag, body, self.clock.monotonic() + delay))
            for bell in self.bells.get(message.route.queue, ()):
                bell(delay)

    def is_down(self) -> bool:
        """Tell whether this call meets a broker that does not answer."""
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
        queue = self._exchange.queues[self._queue]
        queue[:] = [item for item in queue if item.tag not in tags or item.holder is not self]

    def put_aside(self, delivery: Delivery, reason: str) -> None:
        """Move a message to the dead queue."""
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
