"""A census of queues ends, whatever the server does: with the whole truth, or with an error.

The server is played: it answers over each channel in order, and between channels in any order. It
knows some queues; it may grant few channels, refuse, close the connection, or fall silent.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from pika import spec
from pika.exceptions import (
    AMQPError,
    ChannelClosed,
    ChannelClosedByBroker,
    ChannelClosedByClient,
    ConnectionClosedByBroker,
    ConnectionWrongStateError,
    NoFreeChannels,
)

from synergy.adapters.rabbit import refusals
from synergy.adapters.rabbit.census import Census
from synergy.adapters.rabbit.session import fail
from synergy.ports.errors import BrokerUnavailable
from tests.depth import deep

NAMES = [f'q{number}' for number in range(200)]


class Frame:
    def __init__(self, method: Any) -> None:
        self.method = method


class PlayedChannel:
    """As much of pika's as a census uses."""

    def __init__(self, server: PlayedServer, on_open: Callable[[Any], None]) -> None:
        self.server = server
        self.on_open = on_open
        self.on_close: list[Callable[[Any, BaseException], None]] = []
        self.on_answer: Callable[[Any], None] = lambda _: None
        self.sent: deque[str] = deque(['open'])
        self.is_open = False

    def add_on_close_callback(self, callback: Callable[[Any, BaseException], None]) -> None:
        self.on_close.append(callback)

    def add_callback(self, callback: Any, replies: Any, one_shot: bool) -> None:
        assert replies == [spec.Queue.DeclareOk]
        assert not one_shot
        self.on_answer = callback

    def _send_method(self, method: spec.Queue.Declare) -> None:
        assert self.is_open
        assert method.passive
        self.server.check()
        self.sent.append(str(method.queue))

    def close(self) -> None:
        assert self.is_open
        self.is_open = False
        self.sent.append('close')

    def end(self, error: BaseException) -> None:
        self.is_open = False
        for callback in self.on_close:
            callback(self, error)
        self.server.channels.remove(self)


class PlayedServer:
    """A connection with its loop, and who answers at the other end."""

    def __init__(self, rng: random.Random, there: set[str], channels_max: int) -> None:
        self.rng = rng
        self.there = there
        self.channels_max = channels_max
        self.channels: list[PlayedChannel] = []
        self.later: deque[Callable[[], None]] = deque()
        self.ioloop = self
        self.is_lost = False

    def check(self) -> None:
        if self.is_lost:
            raise ConnectionWrongStateError('closing')

    def call_later(self, _: float, act: Callable[[], None]) -> None:
        self.later.append(act)

    def channel(self, on_open_callback: Callable[[Any], None]) -> PlayedChannel:
        self.check()
        if len(self.channels) >= self.channels_max:
            raise NoFreeChannels
        self.channels.append(PlayedChannel(self, on_open_callback))
        return self.channels[-1]

    def step(self) -> bool:
        """Do one thing; tell whether there was one to do."""
        if self.later and self.rng.random() < 0.5:
            self.later.popleft()()
            return True
        waiting = [channel for channel in self.channels if channel.sent]
        if not waiting:
            if self.later:
                self.later.popleft()()
                return True
            return False
        channel = self.rng.choice(waiting)
        match channel.sent.popleft():
            case 'open':
                channel.is_open = True
                channel.on_open(channel)
            case 'close':
                channel.end(ChannelClosedByClient(200, 'bye'))
            case 'forbidden':
                channel.end(ChannelClosedByBroker(403, 'access refused'))
            case name if name in self.there:
                # A count that tells which answer this was.
                answer = spec.Queue.DeclareOk(name, int(name[1:]), 1)
                channel.on_answer(Frame(answer))
            case name:
                channel.end(ChannelClosedByBroker(404, f"no queue '{name}'"))
        return True

    def lose(self) -> None:
        self.is_lost = True
        for channel in list(self.channels):
            channel.end(ConnectionClosedByBroker(320, 'closed by an operator'))


class PlayedSession:
    """The session of a played connection; `steps` bounds how long the server answers."""

    def __init__(self, server: PlayedServer, lost_after: int | None = None) -> None:
        self.server = server
        self.lost_after = lost_after

    def post(self, step: Callable[[Any, Future[Any]], None]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            step(self.server, future)
        except AMQPError as error:
            fail(future, self.explained(error))
        return future

    def answer(self, future: Future[Any], progress: Callable[[], int]) -> Any:
        count = 0
        while not self.server.is_lost and self.server.step():
            count += 1
            if count == self.lost_after:
                self.server.lose()
                fail(future, BrokerUnavailable('the session tells whoever waits'))
        while self.server.later:
            self.server.later.popleft()()
        assert progress() >= 0
        return future.result(0)

    def explained(self, error: BaseException) -> BaseException:
        if isinstance(error, ChannelClosed):
            return error
        return refusals.of_connection(error, 'amqp://localhost/')


def census(session: PlayedSession, names: list[str]) -> Census:
    return Census(session, names)  # type: ignore[arg-type]


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 0.97, 1.0])
def test_it_tells_each_queue_that_there_is_over_as_many_channels_as_are_granted(
    share: float,
) -> None:
    for seed in range(deep(8)):
        rng = random.Random(seed)
        names = NAMES[: rng.randrange(len(NAMES))]
        there = {name for name in names if rng.random() < share}
        server = PlayedServer(rng, there, rng.choice([1, 2, 3, 100]))

        found = census(PlayedSession(server), names).take()

        assert found.keys() == there
        assert all(state.depth == int(name[1:]) for name, state in found.items())
        assert server.channels == [], 'each is closed again'


def test_a_connection_that_ends_on_the_way_ends_it() -> None:
    for seed in range(deep(60)):
        rng = random.Random(seed)
        there = {name for name in NAMES if rng.random() < rng.choice([0, 0.5, 1])}
        server = PlayedServer(rng, there, rng.choice([1, 100]))

        with pytest.raises(BrokerUnavailable):
            census(PlayedSession(server, lost_after=rng.randrange(1, 100)), NAMES).take()


def test_a_refusal_ends_it_names_the_queue_and_leaves_no_channel() -> None:
    for seed in range(deep(20)):
        rng = random.Random(seed)
        names = [*NAMES]
        names.insert(rng.randrange(len(names)), 'forbidden')
        server = PlayedServer(rng, set(NAMES), 100)
        asked = census(PlayedSession(server), names)

        with pytest.raises(ChannelClosedByBroker):
            asked.take()

        assert asked.refused == 'forbidden'
        assert server.channels == []


def test_no_channel_at_all_is_an_error() -> None:
    server = PlayedServer(random.Random(1), set(), 0)

    with pytest.raises(BrokerUnavailable, match='channels'):
        census(PlayedSession(server), NAMES).take()


def test_of_no_queue_nobody_is_asked() -> None:
    server = PlayedServer(random.Random(1), set(), 0)

    assert census(PlayedSession(server), []).take() == {}
