"""Reading one queue of RabbitMQ, holding no more than was asked for.

A subscription is open only while its owner listens, that is from a `take` or `wait` that finds
nothing until a `take` that comes back full. Its prefetch is the limit of that take, so what is
held never exceeds it. A worker takes one message: with that the subscription is cancelled, before
the message is acknowledged, and the server pushes no second one to a worker that is busy for
hours. Such a turn costs one round trip, as a `basic.get` would, and an idle consumer is woken by
the server's push. The Scheduler takes many and rarely gets as many: its subscription stays open.

Delivery: the I/O thread appends to a buffer and writes a byte into the bell, a pipe; `wait` sleeps
in select(2). A channel or connection that ends rings, too. What came over it is forgotten then:
the server gives it to others or to the next subscription, and acknowledging it does nothing.
"""

from __future__ import annotations

import itertools
import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pika import BasicProperties
from pika.channel import Channel
from pika.exceptions import ChannelClosed
from pika.spec import Basic

from synergy.adapters.rabbit import refusals
from synergy.adapters.rabbit.message import NotUnderstood, decoded
from synergy.adapters.rabbit.session import RabbitChannel, RabbitLink, RabbitSession
from synergy.core.records import Route
from synergy.core.structs import Struct
from synergy.ports.broker import Delivery
from synergy.ports.errors import BrokerError, BrokerUnavailable

logger = logging.getLogger(__name__)

#: A prefetch is 16 bits wide.
_PREFETCH_MAX: Final = 65_535


class Received(Struct, frozen=True):
    """A message as it came. tag: the channel's number for it."""

    tag: int
    body: bytes
    headers: Mapping[str, Any]
    is_redelivered: bool


@dataclass(slots=True)
class _Subscription:
    """A consumer at the server. is_live turns False on the I/O thread when the server ends it."""

    tag: str
    prefetch: int
    is_live: bool = True


class Bell:
    """A byte in a pipe: rung from any thread or signal handler, waited for by one."""

    def __init__(self) -> None:
        """Make the pipe."""
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        self._lock = threading.Lock()
        self._is_closed = False

    def ring(self) -> None:
        """Ring from another thread, which may come late."""
        with self._lock:
            self.ring_at_once()

    def ring_at_once(self) -> None:
        """Ring from the owner's thread, in a signal handler, too: it takes no lock."""
        if not self._is_closed:
            with suppress(BlockingIOError):  # A full pipe has enough bytes in it.
                os.write(self._writing, b'!')

    def wait(self, seconds: float) -> bool:
        """Sleep until it rings; tell whether it did. The ring stays until `drain`."""
        ring = select.poll()  # `select` takes no descriptor above 1,023.
        ring.register(self._reading, select.POLLIN)
        return bool(ring.poll(max(seconds, 0.0) * 1000))

    def drain(self) -> None:
        """Forget rings."""
        with suppress(BlockingIOError):
            while len(os.read(self._reading, 4096)) == 4096:
                continue

    def close(self) -> None:
        """Close the pipe; a late ring does nothing."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                os.close(self._reading)
                os.close(self._writing)


class RabbitConsumer:
    """One reader of one queue."""

    def __init__(
        self,
        link: RabbitLink,
        route: Route,
        declare: Callable[[Collection[Route]], None],
        put_aside: Callable[[Route, Received, str], None],
    ) -> None:
        """Connect to nothing before the first `take` or `wait`.

        put_aside: makes sure that a message which cannot be understood is kept in the dead queue.
        """
        self._link = link
        self._route = route
        self._declare = declare
        self._put_aside = put_aside
        self._bell = Bell()
        self._session: RabbitSession | None = None
        self._channel: RabbitChannel | None = None
        self._subscription: _Subscription | None = None
        self._channel_prefetch = 0
        self._limit = 1
        self._buffer: deque[Received] = deque()
        self._garbage: list[tuple[Received, str]] = []
        self._held: dict[int, Received] = {}
        self._numbers = itertools.count(1)
        self._is_closed = False

    def take(self, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` messages without waiting for more."""
        # A message that comes from here on rings after this: draining first loses no bell.
        self._bell.drain()
        self._limit = min(limit, _PREFETCH_MAX)
        self._listen()
        deliveries: list[Delivery] = []
        while len(deliveries) < limit:
            try:
                received = self._buffer.popleft()
            except IndexError:
                break
            try:
                body = decoded(received.body, received.headers)
            except NotUnderstood as error:
                self._garbage.append((received, str(error)))
                continue
            number = next(self._numbers)
            self._held[number] = received
            deliveries.append(Delivery(number, body, received.is_redelivered))
        if len(deliveries) == limit:
            self._pause()
        self._clear_garbage()
        return deliveries

    def wait(self, seconds: float) -> bool:
        """Sleep until the bell rings, at most `seconds`."""
        self._listen()
        return bool(self._buffer) or self._bell.wait(seconds)

    def wake(self) -> None:
        """Make a `wait` return."""
        self._bell.ring_at_once()

    def ack(self, deliveries: Collection[Delivery]) -> None:
        """Forget messages for good."""
        held = (self._held.pop(delivery.tag, None) for delivery in deliveries)
        tags = [received.tag for received in held if received is not None]
        if tags:
            self._acknowledge(tags)

    def put_aside(self, delivery: Delivery, reason: str) -> None:
        """Move a message that could not be handled to the dead queue, for good."""
        received = self._held.get(delivery.tag)
        if received is not None:
            self._put_aside(self._route, received, reason)
            self.ack([delivery])

    def close(self) -> None:
        """Stop reading; with the channel goes what was held."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._channel is not None:
            self._channel.close()
        if self._session is not None:
            with suppress(ValueError):
                self._session.on_trouble.remove(self._bell.ring)
        self._bell.close()

    def _listen(self) -> None:
        """Make sure of a subscription that lets `self._limit` messages come."""
        if self._is_closed:
            raise BrokerUnavailable(f'the consumer of {self._route.queue} was closed')
        channel = self._open()
        subscription = self._subscription
        if subscription is not None and subscription.is_live:
            if subscription.prefetch >= self._limit:
                return
            self._pause()
        self._subscribe(channel)

    def _open(self) -> RabbitChannel:
        """Return the channel, a new one after the last was lost."""
        session = self._link.session()
        channel = self._channel
        if channel is not None and self._session is session and channel.is_open:
            return channel
        self._forget()
        if channel is not None:
            ended = channel.closed
            if isinstance(ended, ChannelClosed) and ended.reply_code == refusals.ACCESS_REFUSED:
                self._channel = None
                raise refusals.of_channel(ended, self._link.uri, f'read {self._route.queue}')
            logger.info('reading %s again', self._route.queue, extra={'event': 'broker_up'})
            # The queue may be what went away.
            self._declare([self._route])
        self._channel = None
        opened = RabbitChannel(session)
        opened.on_end = self._bell.ring
        opened.tell(lambda raw: raw.add_on_cancel_callback(self._on_cancelled))
        if self._session is not session:
            session.on_trouble.append(self._bell.ring)
        self._channel, self._session = opened, session
        return opened

    def _forget(self) -> None:
        """Drop what came over a channel that has ended."""
        self._buffer.clear()
        self._garbage.clear()
        self._held.clear()
        self._subscription = None
        self._channel_prefetch = 0

    def _subscribe(self, channel: RabbitChannel) -> None:
        subscription = _Subscription(f'{self._route.queue}.{next(self._numbers)}', self._limit)
        is_prefetch_new = self._channel_prefetch != self._limit
        self._subscription, self._channel_prefetch = subscription, self._limit

        def step(raw: Channel) -> None:
            if is_prefetch_new:
                raw.basic_qos(prefetch_count=subscription.prefetch)
            raw.basic_consume(self._route.queue, self._on_message, consumer_tag=subscription.tag)

        channel.tell(step)

    def _pause(self) -> None:
        """Let no more messages come, and give back those that nobody has taken."""
        subscription, channel = self._subscription, self._channel
        if subscription is None or channel is None:
            return
        self._subscription = None

        def step(raw: Channel) -> None:
            # Cancelled with an answer: without one, pika remembers the tag for ever.
            raw.basic_cancel(subscription.tag, callback=lambda _: None)
            with suppress(IndexError):
                while True:
                    raw.basic_nack(self._buffer.popleft().tag, requeue=True)

        channel.tell(step)

    def _acknowledge(self, tags: Sequence[int]) -> None:
        channel = self._channel
        if channel is None:
            return
        last = max(tags)
        others = [
            *(received.tag for received in self._held.values()),
            *(received.tag for received, _ in self._garbage),
        ]
        # Tags rise: all up to the last are ours to acknowledge if no other of them is held.
        is_multiple = len(tags) > 1 and all(tag > last for tag in others)
        chosen = [last] if is_multiple else tags

        def step(raw: Channel) -> None:
            for tag in chosen:
                raw.basic_ack(tag, multiple=is_multiple)

        channel.tell(step)

    def _clear_garbage(self) -> None:
        """Put aside what cannot be understood; what cannot be put aside now is kept and held."""
        while self._garbage:
            received, reason = self._garbage[0]
            try:
                self._put_aside(self._route, received, reason)
            except BrokerError as error:
                logger.warning('%s', error, extra={'event': 'broker_down'})
                return
            del self._garbage[0]
            self._acknowledge([received.tag])

    def _on_message(
        self, _: Channel, method: Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        assert method.delivery_tag is not None
        self._buffer.append(
            Received(method.delivery_tag, body, properties.headers or {}, bool(method.redelivered))
        )
        self._bell.ring()

    def _on_cancelled(self, _: object) -> None:
        """Note on the I/O thread that the server ended the subscription: its queue is gone."""
        if self._subscription is not None:
            self._subscription.is_live = False
        self._bell.ring()
