"""The doorbell on RabbitMQ, for many boxes.

As in Synergy 2.x: direct, durable exchanges; for each process a durable queue bound by its routing
key. Beside each queue lies `<queue>.dead` for what cannot be understood. Two connections, each
with an I/O thread: one publishes (`rabbit_publisher`), the other declares and reads
(`rabbit_consumer`). Both are made when they are needed and made again when they are lost
(`rabbit_session`). What the server refuses is explained in `rabbit_refusals`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from pika import URLParameters
from pika.channel import Channel
from pika.exceptions import ChannelClosed
from pika.spec import Basic

from synergy.adapters.rabbit import refusals
from synergy.adapters.rabbit.census import Census
from synergy.adapters.rabbit.consumer import RabbitConsumer, Received
from synergy.adapters.rabbit.message import (
    QUEUE_HEADER,
    REASON_HEADER,
    VERSION,
    VERSION_HEADER,
    Outgoing,
    encoded,
    kept_headers,
    tolerate_properties,
)
from synergy.adapters.rabbit.publisher import RabbitPublisher
from synergy.adapters.rabbit.session import ANSWER_SECONDS, RabbitChannel, RabbitLink, succeed
from synergy.core.records import Route
from synergy.core.uri import without_password, without_secrets_of
from synergy.ports.broker import Confirmation, DeadLetter, Message, QueueState
from synergy.ports.errors import BrokerUnavailable, BrokerUnusable
from synergy.ports.message import dead_queue_of, shown_body, storable_reason

logger = logging.getLogger(__name__)

_HEARTBEAT_SECONDS: Final = 30
#: A peer that vanished without a word is noticed after about this long.
_TCP_OPTIONS: Final = {
    'TCP_KEEPIDLE': 5,
    'TCP_KEEPINTVL': 3,
    'TCP_KEEPCNT': 3,
    'TCP_USER_TIMEOUT': 15_000,  # Milliseconds.
}
#: A quorum queue is elected while it is declared.
_QUORUM_SECONDS: Final = 0.5
#: Of thousands each may take a while.
_DECLARE_SECONDS: Final = 0.02
#: Routes that are declared in one round trip: of a server that hangs people hear within seconds.
_DECLARED_MAX: Final = 50


class RabbitBroker:
    """Publisher and maker of consumers; connects when first used."""

    def __init__(self, uri: str, *, title: str, are_queues_quorum: bool = False) -> None:
        """Name the server. title: how RabbitMQ's own pages show the connections.

        Raises BrokerUnusable when the URI makes no sense.
        """
        # What pika logs is said by our errors, once.
        logging.getLogger('pika').setLevel(logging.CRITICAL)
        tolerate_properties()
        self._uri = uri
        self._arguments = {'x-queue-type': 'quorum'} if are_queues_quorum else {}
        self._reading = RabbitLink(uri, _parameters(uri, f'{title} reads'), 'rabbit reading')
        self._publisher = RabbitPublisher(
            publishing := RabbitLink(uri, _parameters(uri, f'{title} rings'), 'rabbit publishing'),
            self._declare_for,
        )
        self._publishing = publishing
        self._control: RabbitChannel | None = None
        self._consumers: list[RabbitConsumer] = []
        self._routes: dict[str, Route] = {}

    def declare(self, routes: Collection[Route]) -> None:
        """Make sure of exchanges, queues, bindings and dead queues, many in one round trip."""
        chosen = list(routes)
        self._routes.update({route.queue: route for route in chosen})
        for start in range(0, len(chosen), _DECLARED_MAX):
            self._declare(chosen[start : start + _DECLARED_MAX])

    def _declare(self, routes: Sequence[Route]) -> None:
        def step(raw: Channel, future: Future[None]) -> None:
            # Without a callback pika asks for no answer: a refusal closes the channel.
            for exchange in {route.exchange for route in routes} - {''}:
                raw.exchange_declare(exchange, 'direct', durable=True)
            for route in routes:
                self._declare_queue(raw, route.queue)
                self._declare_queue(raw, dead_queue_of(route.queue))
                if route.exchange:
                    raw.queue_bind(route.queue, route.exchange, route.routing)
            raw.basic_qos(prefetch_count=1, callback=lambda _: succeed(future, None))

        each = _QUORUM_SECONDS if self._arguments else _DECLARE_SECONDS
        try:
            self._channel().call(step, ANSWER_SECONDS + each * len(routes))
        except ChannelClosed as error:
            names = ', '.join(route.queue for route in routes)
            raise refusals.of_channel(error, self._uri, f'declare {names}') from error

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish a batch and wait for all its confirmations."""
        self.begin(messages)()

    def begin(self, messages: Sequence[Message]) -> Confirmation:
        """Write a batch; return what waits for all its confirmations."""
        for message in messages:
            self._routes.setdefault(message.route.queue, message.route)
        return self._publisher.begin(
            [
                Outgoing(
                    message.route.exchange,
                    message.route.routing if message.route.exchange else message.route.queue,
                    encoded(message.body),
                    {VERSION_HEADER: VERSION, QUEUE_HEADER: message.route.queue},
                )
                for message in messages
            ]
        )

    def consumer(self, route: Route) -> RabbitConsumer:
        """Start reading a queue, at the latest when the server can be reached.

        Raises BrokerUnusable when it never will.
        """
        try:
            self.declare([route])
        except BrokerUnavailable as error:
            logger.warning('%s', error, extra={'event': 'broker_down'})
        consumer = RabbitConsumer(self._reading, route, self.declare, self._put_aside)
        self._consumers.append(consumer)
        return consumer

    def depth_by_queue(self) -> Mapping[str, int]:
        """Return the number of messages that wait in each queue; AMQP does not tell held ones."""
        return {
            state.queue: state.depth for state in self.queue_states(list(self._routes.values()))
        }

    def queue_states(self, routes: Collection[Route]) -> Sequence[QueueState]:
        """Return how the queues of routes stand, those of their dead letters included."""
        names = [name for route in routes for name in (route.queue, dead_queue_of(route.queue))]
        census = Census(self._reading.session(), list(dict.fromkeys(names)))
        try:
            found = census.take()
        except ChannelClosed as error:
            raise refusals.of_channel(error, self._uri, f'look at {census.refused}') from error
        return [found[name] for name in names if name in found]

    def purge(self, queue: str) -> int:
        """Drop the messages of a queue that nobody holds."""

        def step(raw: Channel, future: Future[int]) -> None:
            raw.queue_purge(queue, callback=lambda frame: _count(frame, future))

        return self._ask(step, f'purge {queue}') or 0

    def delete(self, queue: str) -> int:
        """Remove a queue and what is in it."""

        def step(raw: Channel, future: Future[int]) -> None:
            raw.queue_delete(queue, callback=lambda frame: _count(frame, future))

        self._routes.pop(queue, None)
        return self._ask(step, f'remove {queue}') or 0

    def dead_letters(self, queue: str, limit: int) -> Sequence[DeadLetter]:
        """Return messages of `queue` that could not be understood; they stay where they are."""
        found: list[DeadLetter] = []
        channel = RabbitChannel(self._reading.session())
        try:
            while len(found) < limit:
                letter = self._next_dead(channel, dead_queue_of(queue))
                if letter is None:
                    break
                found.append(letter)
        finally:
            # Closing the channel gives back what was read.
            channel.close()
        return found

    def close(self) -> None:
        """Close consumers and connections; safe to call twice."""
        for consumer in self._consumers:
            consumer.close()
        self._consumers.clear()
        self._publishing.close()
        self._reading.close()

    def _channel(self) -> RabbitChannel:
        """Return the channel that declares and asks; a refusal costs it its life."""
        if self._control is None or not self._control.is_open:
            self._control = RabbitChannel(self._reading.session())
        return self._control

    def _ask(self, step: Any, what: str) -> int | None:
        """Return the answer to a question about a queue; None when there is no such queue."""
        try:
            answer: int = self._channel().call(step)
        except ChannelClosed as error:
            if error.reply_code == refusals.NOT_FOUND:
                return None
            raise refusals.of_channel(error, self._uri, what) from error
        return answer

    def _declare_queue(self, raw: Channel, queue: str) -> None:
        raw.queue_declare(queue, durable=True, arguments=dict(self._arguments))

    def _declare_for(self, messages: Iterable[Outgoing]) -> None:
        """Declare the queues for which messages are meant that came back."""
        queues = {message.headers[QUEUE_HEADER] for message in messages}
        self.declare([self._routes[queue] for queue in queues])

    def _put_aside(self, route: Route, received: Received, reason: str) -> None:
        """Copy a message into the dead queue; it is there when this returns."""
        headers = {
            **kept_headers(received.headers),
            REASON_HEADER: storable_reason(reason),
            QUEUE_HEADER: route.queue,
        }
        self._routes.setdefault(route.queue, route)
        self._publisher.publish([Outgoing('', dead_queue_of(route.queue), received.body, headers)])
        logger.warning(
            'a message of %s cannot be handled: %s; it was moved to %s: %.200r',
            route.queue,
            reason,
            dead_queue_of(route.queue),
            received.body[:200],
            extra={'event': 'message_put_aside'},
        )

    def _next_dead(self, channel: RabbitChannel, queue: str) -> DeadLetter | None:
        def step(raw: Channel, future: Future[DeadLetter | None]) -> None:
            def got(_: Channel, __: Any, properties: Any, body: bytes) -> None:
                reason = (properties.headers or {}).get(REASON_HEADER)
                said = None if reason is None else storable_reason(str(reason))
                succeed(future, DeadLetter(shown_body(body), said))

            # pika answers an empty queue only through this way.
            raw.add_callback(lambda _: succeed(future, None), [Basic.GetEmpty])
            raw.basic_get(queue, got)

        try:
            return channel.call(step)
        except ChannelClosed as error:
            if error.reply_code == refusals.NOT_FOUND:
                return None
            raise refusals.of_channel(error, self._uri, f'read {queue}') from error


def _count(frame: Any, future: Future[int]) -> None:
    count: int = frame.method.message_count
    succeed(future, count)


def _parameters(uri: str, name: str) -> URLParameters:
    try:
        parameters = URLParameters(uri)
    except (ValueError, TypeError, LookupError) as error:
        raise BrokerUnusable(
            f'broker_uri {without_password(uri)} cannot be understood '
            f'({without_secrets_of(str(error), uri)}); '
            'it is amqp://USER:PASSWORD@HOST:PORT/VIRTUAL_HOST, with %2F for the default one'
        ) from error
    if 'heartbeat' not in parse_qs(urlsplit(uri).query):
        parameters.heartbeat = _HEARTBEAT_SECONDS
    parameters.connection_attempts = 1  # We try again ourselves.
    parameters.socket_timeout = 5
    parameters.stack_timeout = 10
    parameters.tcp_options = dict(_TCP_OPTIONS)
    parameters.client_properties = {'connection_name': name}
    return parameters
