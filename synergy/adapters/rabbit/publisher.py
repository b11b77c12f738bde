"""Publishing with one confirmation for a whole batch.

All messages of a batch are written one after another, and the batch is over when the server has
confirmed each: for a durable queue, that it is on its disk. Every message is mandatory: what no
queue takes comes back and is published once more after exchange, queue and binding were declared.
A server that is short of memory or disk stops reading from those that publish and says so; then
publishing fails at once, until it says that it is over.
Source: RabbitMQ docs, publisher confirms; alarms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from pika import BasicProperties, DeliveryMode
from pika.channel import Channel
from pika.exceptions import ChannelClosed
from pika.spec import Basic

from synergy.adapters.rabbit import refusals
from synergy.adapters.rabbit.message import Outgoing
from synergy.adapters.rabbit.session import (
    ANSWER_SECONDS,
    RabbitChannel,
    RabbitLink,
    RabbitSession,
    fail,
    succeed,
)
from synergy.core.uri import without_password
from synergy.ports.errors import BrokerError, BrokerUnavailable

_CONTENT_TYPE: Final = 'application/json'


@dataclass(slots=True)
class _Batch:
    """One batch under way; lives on the I/O thread. Tags are the server's numbers of messages."""

    number: int
    messages: Sequence[Outgoing]
    future: Future[list[Outgoing]]
    first_tag: int = 0
    unconfirmed: set[int] = field(default_factory=set)
    returned: list[Outgoing] = field(default_factory=list)

    def settle(self, tag: int, *, is_multiple: bool) -> None:
        if is_multiple:
            settled = range(self.first_tag, tag + 1)
            self.unconfirmed.difference_update(settled)
            # What is settled up to here needs no second look.
            self.first_tag = max(self.first_tag, tag + 1)
        else:
            self.unconfirmed.discard(tag)
        if not self.unconfirmed:
            succeed(self.future, self.returned)


class _Begun:
    """A batch under way: to call it is to wait for it, once; the outcome stays."""

    def __init__(self, finish: Callable[[], None]) -> None:
        self._finish: Callable[[], None] | None = finish
        self._error: BrokerError | None = None

    def __call__(self) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            try:
                finish()
            except BrokerError as error:
                self._error = error
        if self._error is not None:
            raise self._error


class RabbitPublisher:
    """The publishing side of a broker, on a connection of its own.

    Of its own, because a server under alarm stops reading from it, and acknowledgements must pass.
    """

    def __init__(self, link: RabbitLink, declare: Callable[[Sequence[Outgoing]], None]) -> None:
        """Publish over `link`. declare: makes the queues where messages are to go."""
        self._link = link
        self._declare = declare
        self._channel: RabbitChannel | None = None
        self._session: RabbitSession | None = None
        self._batch: _Batch | None = None
        self._batch_count = 0
        self._sent_count = 0
        self._begun: _Begun | None = None

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish a batch and wait until all of it is confirmed; raise BrokerError."""
        self.begin(messages)()

    def begin(self, messages: Sequence[Outgoing]) -> _Begun:
        """Write a batch; what is returned waits until all of it is confirmed.

        The one before is waited for first: one at a time is under way.
        """
        if self._begun is not None:
            with suppress(BrokerError):  # Whoever began it is told.
                self._begun()
        wait: Callable[[], list[Outgoing]]
        if not messages:
            wait = list
        else:
            try:
                wait = self._write_soon(messages)
            except ChannelClosed:
                wait = partial(self._send, messages)
        self._begun = begun = _Begun(partial(self._finish, messages, wait))
        return begun

    def _finish(self, messages: Sequence[Outgoing], wait: Callable[[], list[Outgoing]]) -> None:
        """Wait until a batch is confirmed; what no queue takes is declared for and sent again."""
        self._begun = None
        try:
            unroutable = wait()
        except ChannelClosed as error:
            if error.reply_code != refusals.NOT_FOUND:
                raise refusals.of_channel(error, self._link.uri, 'publish') from error
            # Without its exchange the whole channel goes down: nothing of the rest is certain.
            unroutable = list(messages)
        if not unroutable:
            return
        self._declare(unroutable)
        try:
            still = self._send(unroutable)
        except ChannelClosed as error:
            raise refusals.of_channel(error, self._link.uri, 'publish') from error
        if still:
            raise BrokerUnavailable(
                f'no queue takes {len(still)} messages to exchange {still[0].exchange!r} with '
                f'routing key {still[0].routing!r}, though it was just declared; trying again'
            )

    def _send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Publish once; return what no queue took. Raises BrokerUnavailable or ChannelClosed."""
        return self._write_soon(messages)()

    def _write_soon(self, messages: Sequence[Outgoing]) -> Callable[[], list[Outgoing]]:
        """Let the I/O thread write; return what waits for the answer. Raises as `_send`."""
        channel = self._open()
        session = self._session
        assert session is not None
        if session.blocked is not None:
            raise self._is_blocked(session.blocked)
        self._batch_count += 1
        batch = _Batch(self._batch_count, messages, Future())

        def step(raw: Channel, future: Future[list[Outgoing]]) -> None:
            batch.future = future
            self._write(raw, batch)

        future = channel.post(step)

        def answered() -> list[Outgoing]:
            while True:
                before = len(batch.unconfirmed)
                try:
                    return future.result(ANSWER_SECONDS)
                except TimeoutError:
                    if before and len(batch.unconfirmed) < before:
                        continue  # It is slow, but going on.
                return channel.answer(future, 0.0)

        return answered

    def _write(self, channel: Channel, batch: _Batch) -> None:
        self._batch = batch
        batch.first_tag = self._sent_count + 1
        batch.unconfirmed.update(range(batch.first_tag, batch.first_tag + len(batch.messages)))
        for number, message in enumerate(batch.messages):
            self._sent_count += 1
            channel.basic_publish(
                message.exchange,
                message.routing,
                message.body,
                BasicProperties(
                    content_type=_CONTENT_TYPE,
                    delivery_mode=DeliveryMode.Persistent,
                    headers=dict(message.headers),
                    # Tells which one came back, when no queue takes it.
                    message_id=f'{batch.number}.{number}',
                ),
                mandatory=True,
            )

    def _open(self) -> RabbitChannel:
        session = self._link.session()
        if self._channel is not None and self._session is session and self._channel.is_open:
            return self._channel
        channel = RabbitChannel(session)
        self._sent_count = 0
        self._batch = None

        def step(raw: Channel, future: Future[None]) -> None:
            raw.add_on_return_callback(self._on_return)
            raw.confirm_delivery(self._on_confirm, callback=lambda _: succeed(future, None))

        channel.call(step)
        if self._session is not session:
            session.on_trouble.append(lambda: self._on_trouble(session))
        self._channel, self._session = channel, session
        return channel

    def _on_confirm(self, frame: Any) -> None:
        batch, method = self._batch, frame.method
        if batch is None or method.delivery_tag < batch.first_tag:
            return  # Of a batch that was given up.
        if isinstance(method, Basic.Nack):
            fail(
                batch.future,
                BrokerUnavailable(
                    f'RabbitMQ at {without_password(self._link.uri)} could not save a message; '
                    'its log says why; trying again'
                ),
            )
            return
        batch.settle(method.delivery_tag, is_multiple=method.multiple)

    def _on_return(
        self, _: Channel, __: Basic.Return, properties: BasicProperties, ___: bytes
    ) -> None:
        number, _dot, index = (properties.message_id or '').partition('.')
        if self._batch is not None and number == str(self._batch.number):
            self._batch.returned.append(self._batch.messages[int(index)])

    def _on_trouble(self, session: RabbitSession) -> None:
        if session.blocked is not None and self._batch is not None:
            fail(self._batch.future, self._is_blocked(session.blocked))

    def _is_blocked(self, reason: str) -> BrokerUnavailable:
        return BrokerUnavailable(
            f'RabbitMQ at {without_password(self._link.uri)} takes no messages now ({reason}); '
            'give it memory or disk space; trying again'
        )
