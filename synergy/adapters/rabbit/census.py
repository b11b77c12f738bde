"""How many queues stand, asked by the I/O thread itself over several channels at a time.

A question about a queue that is not there costs its channel, with all that was asked over it
afterwards. So a channel begins with one question at a time, and asks ever more at once while each
is answered: where most queues are there, ten thousand take half a second of processor time. One by
one, each with its own wait for another thread, they took eight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from typing import Any, Final

from pika import spec
from pika.adapters.select_connection import SelectConnection
from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosed, NoFreeChannels

from synergy.adapters.rabbit import refusals
from synergy.adapters.rabbit.session import RabbitSession, fail, succeed
from synergy.ports.broker import QueueState

_CHANNELS_MAX: Final = 4
#: Questions that one channel asks at once.
_WINDOW_MAX: Final = 64


class Census:
    """Questions about queues, and what was answered. All but `take` is done on the I/O thread."""

    def __init__(self, session: RabbitSession, queues: Collection[str]) -> None:
        """Name the queues, each once."""
        self._session = session
        self._left = deque(queues)
        self._found: dict[str, QueueState] = {}
        self._future: Future[Mapping[str, QueueState]] = Future()
        self._lane_count = 0
        #: The queue about which the server refused to answer.
        self.refused = ''
        #: How many answers have come, among them that a queue is not there.
        self.answer_count = 0

    def take(self) -> Mapping[str, QueueState]:
        """Return how the queues stand that there are.

        Raises BrokerUnavailable when the connection ends or falls silent; ChannelClosed when the
        server refuses.
        """
        future = self._session.post(self._start)
        return self._session.answer(future, progress=lambda: self.answer_count)

    def _start(self, connection: SelectConnection, future: Future[Any]) -> None:
        self._future = future
        self._lane_count = min(_CHANNELS_MAX, len(self._left))
        if not self._lane_count:
            succeed(future, self._found)
        for _ in range(self._lane_count):
            self._open(connection)

    def _open(self, connection: SelectConnection) -> None:
        """Go on over a new channel; where the server grants no more, those that there are do."""
        lane = _Lane(self)

        def answered(frame: Any) -> None:
            self._guarded(channel, lambda: lane.answered(channel, frame.method))

        def closed(_: Channel, error: BaseException) -> None:
            self._guarded(channel, lambda: self._closed(connection, lane, error))

        def opened(_: Channel) -> None:
            channel.add_on_close_callback(closed)
            channel.add_callback(answered, [spec.Queue.DeclareOk], one_shot=False)
            self._guarded(channel, lambda: lane.ask(channel))

        try:
            channel = connection.channel(on_open_callback=opened)
        except NoFreeChannels:
            self._lane_count -= 1
            if not self._lane_count:
                raise

    def _closed(self, connection: SelectConnection, lane: _Lane, error: BaseException) -> None:
        """Go on after the end of a channel: because a queue is not there, or there is no more."""
        if lane.asked:
            missing = lane.asked.popleft()
            if not isinstance(error, ChannelClosed) or error.reply_code != refusals.NOT_FOUND:
                self.refused = missing
                raise error
            self.answer_count += 1
            self._left.extendleft(reversed(lane.asked))
        if self._left:
            # pika gives its number back only after this.
            connection.ioloop.call_later(
                0, lambda: self._guarded(None, lambda: self._open(connection))
            )
            return
        self._lane_count -= 1
        if not self._lane_count:
            succeed(self._future, self._found)

    def _guarded(self, channel: Channel | None, act: Callable[[], None]) -> None:
        """Do something unless it is over; what goes wrong is told to whoever waits, at once."""
        if self._future.done():
            if channel is not None and channel.is_open:
                channel.close()
            return
        try:
            act()
        except AMQPError as error:  # Refused, or the connection is ending just now.
            fail(self._future, self._session.explained(error))
        except Exception as error:  # noqa: BLE001 - raised again where its answer is awaited
            fail(self._future, error)

    def next(self) -> str | None:
        """Return the next queue to ask about."""
        return self._left.popleft() if self._left else None

    def note(self, state: QueueState) -> None:
        """Keep how one stands."""
        self.answer_count += 1
        self._found[state.queue] = state


class _Lane:
    """One channel of a census. asked: what has no answer yet; answers come in that order."""

    def __init__(self, census: Census) -> None:
        self._census = census
        self._window = 1
        self.asked: deque[str] = deque()

    def ask(self, channel: Channel) -> None:
        """Ask as much as may be asked at once; close the channel when nothing is left."""
        while len(self.asked) < self._window and (queue := self._census.next()) is not None:
            self.asked.append(queue)
            # pika's own queue_declare waits for each answer, and takes ten times as long.
            channel._send_method(spec.Queue.Declare(queue=queue, passive=True))  # type: ignore[attr-defined]  # noqa: SLF001
        if not self.asked:
            channel.close()

    def answered(self, channel: Channel, method: spec.Queue.DeclareOk) -> None:
        """Keep one answer, and ask on."""
        name = self.asked.popleft()
        self._census.note(QueueState(name, method.message_count, method.consumer_count))
        self._window = min(2 * self._window, _WINDOW_MAX)
        if not self.asked or len(self.asked) <= self._window // 2:
            self.ask(channel)
