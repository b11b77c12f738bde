"""One connection to RabbitMQ on an I/O thread of its own, and calls into it from its owner.

pika's connection belongs to the thread that runs its loop. That thread serves heartbeats while the
owner runs user code for hours; the owner posts steps to it and, when it wants an answer, waits for
a Future, never longer than its patience. A session lives once: when the connection ends, for
whatever reason, `lost` says why, everything that waits fails with it, and `RabbitLink` makes the
next one.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Final, TypeVar

from pika import URLParameters
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosed, ConnectionWrongStateError, StreamLostError

from synergy.adapters.rabbit import refusals
from synergy.core.uri import without_password
from synergy.ports.errors import BrokerError, BrokerUnavailable

T = TypeVar('T')

#: How long an answer may take before the connection is given up for dead.
ANSWER_SECONDS: Final = 4.0
#: How long the owner waits for a connection; the attempt goes on without it.
_CONNECT_SECONDS: Final = 2.0
_CLOSE_SECONDS: Final = 1.0
#: Pauses between attempts to connect, doubled after each failure, and up to twice as long by
#: chance, so that many processes do not knock together.
_PAUSE_SECONDS_MIN: Final = 0.1
_PAUSE_SECONDS_MAX: Final = 1.0


class RabbitSession:
    """One connection, from the attempt to make it to its end."""

    def __init__(self, uri: str, parameters: URLParameters, name: str) -> None:
        """Begin to connect."""
        self._uri = uri
        self._parameters = parameters
        self._loop = IOLoop()
        self._connection: SelectConnection | None = None
        self._lock = threading.Lock()
        self._waiting: set[Future[object]] = set()
        self._lost: BrokerError | None = None
        self._opened = threading.Event()
        self.blocked: str | None = None
        #: Called on the I/O thread when the session ends or is blocked.
        self.on_trouble: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def lost(self) -> BrokerError | None:
        """Return why the connection ended; None while it lives or is being made."""
        return self._lost

    def wait_open(self, seconds: float) -> None:
        """Wait until it is open; raise why it is not."""
        if not self._opened.wait(seconds) and self._lost is None:
            raise BrokerUnavailable(
                f'RabbitMQ at {without_password(self._uri)} has not answered yet; '
                'still trying to connect'
            )
        if self._lost is not None:
            raise self._lost

    def call(
        self,
        step: Callable[[SelectConnection, Future[T]], None],
        seconds: float = ANSWER_SECONDS,
    ) -> T:
        """Run a step that answers through its Future, and wait for the answer.

        Raises BrokerUnavailable when the connection ends or stays silent, and whatever the step
        gave to the Future.
        """
        return self.answer(self.post(step), seconds)

    def post(self, step: Callable[[SelectConnection, Future[T]], None]) -> Future[T]:
        """Run a step on the I/O thread, some time soon."""
        future: Future[T] = Future()

        def run() -> None:
            assert self._connection is not None
            try:
                step(self._connection, future)
            except AMQPError as error:  # The connection or channel is ending just now.
                fail(future, self.explained(error))
            except Exception as error:  # noqa: BLE001 - raised again where its answer is awaited
                fail(future, error)

        with self._lock:
            if self._lost is not None:
                raise self._lost
            self._waiting.add(future)  # type: ignore[arg-type]  # Only ever failed through it.
            self._loop.add_callback_threadsafe(run)
        future.add_done_callback(self._waiting.discard)
        return future

    def answer(
        self,
        future: Future[T],
        seconds: float = ANSWER_SECONDS,
        progress: Callable[[], int] = lambda: 0,
    ) -> T:
        """Wait for the answer to a step; a silent connection is given up.

        progress: changes with each part of an answer of many, which may take as long as it changes.
        """
        seen = -1
        while (count := progress()) != seen:
            seen = count
            with suppress(TimeoutError):
                return future.result(seconds)
        error = BrokerUnavailable(
            f'RabbitMQ at {without_password(self._uri)} gave no answer within {seconds:g} s; '
            'connecting again'
        )
        self.abandon(error)
        raise error

    def close(self) -> None:
        """Say goodbye, and end; safe to call twice."""
        with self._lock:
            is_over = self._lost is not None
            if not is_over:
                self._loop.add_callback_threadsafe(self._say_goodbye)
        self._thread.join(_CLOSE_SECONDS)
        self.abandon(BrokerUnavailable('the broker was closed'))
        self._thread.join(_CLOSE_SECONDS)

    def abandon(self, error: BrokerError) -> None:
        """End without waiting for the other side, which may be gone."""
        with self._lock:
            is_over = self._lost is not None
            if not is_over:
                self._loop.add_callback_threadsafe(self._hang_up)
        self._lose(error)

    def _run(self) -> None:
        try:
            self._connection = SelectConnection(
                self._parameters,
                on_open_callback=self._on_open,
                on_open_error_callback=lambda _, error: self._on_end(error),
                on_close_callback=lambda _, error: self._on_end(error),
                custom_ioloop=self._loop,
            )
            self._loop.start()
        finally:
            self._lose(BrokerUnavailable('the I/O thread of the broker ended; connecting again'))
            self._loop.close()

    def _on_open(self, _: object) -> None:
        assert self._connection is not None
        self._connection.add_on_connection_blocked_callback(
            lambda _, frame: self._on_blocked(frame.method.reason)
        )
        self._connection.add_on_connection_unblocked_callback(lambda *_: self._on_blocked(None))
        self._opened.set()

    def _on_end(self, error: BaseException) -> None:
        self._lose(refusals.of_connection(error, self._uri))
        self._loop.stop()

    def _on_blocked(self, reason: str | None) -> None:
        self.blocked = reason
        for notice in list(self.on_trouble):
            notice()

    def _say_goodbye(self) -> None:
        assert self._connection is not None
        with suppress(ConnectionWrongStateError):
            self._connection.close()

    def _hang_up(self) -> None:
        assert self._connection is not None
        # pika has no public way to end a connection without the consent of the other side.
        if getattr(self._connection, '_transport', None) is not None:
            self._connection._terminate_stream(StreamLostError('given up'))  # type: ignore[attr-defined]  # noqa: SLF001
        else:
            self._say_goodbye()
        # Whatever pika still wanted to do: this session is over.
        self._loop.call_later(_CLOSE_SECONDS / 2, self._loop.stop)

    def explained(self, error: BaseException) -> BaseException:
        """Return what the end of a channel means: that of its connection, or a refusal."""
        if isinstance(error, ChannelClosed | BrokerError):
            return error
        return refusals.of_connection(error, self._uri)

    def _lose(self, error: BrokerError) -> None:
        with self._lock:
            if self._lost is not None:
                return
            self._lost = error
            waiting = list(self._waiting)
        self._opened.set()
        for future in waiting:
            fail(future, error)
        for notice in list(self.on_trouble):
            notice()


class RabbitChannel:
    """One channel of a session; whoever waits on it learns of its end."""

    def __init__(self, session: RabbitSession) -> None:
        """Open it; raises BrokerError."""
        self._session = session
        self._waiting: set[Future[object]] = set()
        self.closed: BaseException | None = None
        #: Called on the I/O thread when the channel ends.
        self.on_end: Callable[[], None] | None = None
        self._channel: Channel = session.call(self._open)

    @property
    def is_open(self) -> bool:
        """Tell whether it can be used, as far as is known."""
        return self.closed is None and self._session.lost is None

    def call(
        self, step: Callable[[Channel, Future[T]], None], seconds: float = ANSWER_SECONDS
    ) -> T:
        """Run a step and wait for its answer.

        Raises BrokerUnavailable, or pika's ChannelClosed when the server refused.
        """
        return self.answer(self.post(step), seconds)

    def post(self, step: Callable[[Channel, Future[T]], None]) -> Future[T]:
        """Run a step on the I/O thread, some time soon."""

        def run(_: SelectConnection, future: Future[T]) -> None:
            if self.closed is not None:
                fail(future, self.closed)
                return
            self._waiting.add(future)  # type: ignore[arg-type]  # Only ever failed through it.
            future.add_done_callback(self._waiting.discard)
            step(self._channel, future)

        return self._session.post(run)

    def answer(self, future: Future[T], seconds: float = ANSWER_SECONDS) -> T:
        """Wait for the answer to a step."""
        return self._session.answer(future, seconds)

    def tell(self, step: Callable[[Channel], None]) -> None:
        """Run a step that has no answer; does nothing when the channel has ended."""

        def run(channel: Channel, future: Future[None]) -> None:
            with suppress(AMQPError):  # It is ending; what it held goes to others.
                step(channel)
            succeed(future, None)

        with suppress(BrokerError):
            self.post(run)

    def close(self) -> None:
        """Close it and wait until the server knows; safe to call twice."""
        if not self.is_open:
            return

        def run(channel: Channel, future: Future[None]) -> None:
            self._waiting.discard(future)
            channel.add_on_close_callback(lambda *_: succeed(future, None))
            if not channel.is_closing:
                channel.close()

        with suppress(BrokerError, AMQPError):
            self.call(run, _CLOSE_SECONDS)

    def _open(self, connection: SelectConnection, future: Future[Channel]) -> None:
        def opened(channel: Channel) -> None:
            channel.add_on_close_callback(self._on_close)
            succeed(future, channel)

        connection.channel(on_open_callback=opened)

    def _on_close(self, _: Channel, error: BaseException) -> None:
        self.closed = self._session.explained(error)
        for future in list(self._waiting):
            fail(future, self.closed)
        if self.on_end is not None:
            self.on_end()


class RabbitLink:
    """The way to one connection at a time: makes it when it is needed, again after it was lost."""

    def __init__(self, uri: str, parameters: URLParameters, name: str) -> None:
        """Name the server; nothing is connected yet."""
        self.uri = uri
        self._parameters = parameters
        self._name = name
        self._session: RabbitSession | None = None
        self._failure_count = 0
        self._try_at = 0.0
        self._is_closed = False

    def session(self) -> RabbitSession:
        """Return an open session; raise BrokerError, soon, when there is none to be had."""
        if self._is_closed:
            raise BrokerUnavailable('the broker was closed')
        session, seconds = self._session, 0.0
        if session is None or session.lost is not None:
            if session is not None and session.lost is not None and time.monotonic() < self._try_at:
                raise session.lost
            session, seconds = self._begin(), _CONNECT_SECONDS
        try:
            session.wait_open(seconds)
        except BrokerError:
            if session.lost is not None:
                self._failure_count += 1
            raise
        self._failure_count = 0
        return session

    def close(self) -> None:
        """End the connection; safe to call twice."""
        self._is_closed = True
        if self._session is not None:
            self._session.close()

    def _begin(self) -> RabbitSession:
        pause = min(_PAUSE_SECONDS_MIN * 2**self._failure_count, _PAUSE_SECONDS_MAX)
        self._try_at = time.monotonic() + pause * random.uniform(1, 2)
        self._session = RabbitSession(self.uri, self._parameters, self._name)
        return self._session


def succeed(future: Future[T], value: T) -> None:
    """Answer, unless somebody has."""
    with suppress(InvalidStateError):
        future.set_result(value)


def fail(future: Future[T], error: BaseException) -> None:
    """Answer with an error, unless somebody has answered."""
    with suppress(InvalidStateError):
        future.set_exception(error)
