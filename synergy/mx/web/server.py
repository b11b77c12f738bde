"""Waitress, with bounds on what one address can hold without asking for anything.

A connection that has sent no whole request costs no thread but a place, of which there are so many
only. Each has so long for its head and for its body, and a new one always finds a place: where
there is none, the connection that has waited longest is closed, of the address that holds most. So
neither many half-open connections nor slow ones shut out others, nor their own address.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

#: How long a connection may take for the head of a request, and for all of it.
HEAD_SECONDS_MAX: Final = 15.0
BODY_SECONDS_MAX: Final = 60.0
#: How long one is kept that has been answered, and is silent.
IDLE_SECONDS_MAX: Final = 75
#: How often that is looked at.
LOOK_SECONDS: Final = 2
#: Share of all connections that one address may hold: it may be that of a whole office.
_ADDRESS_SHARE: Final = 2


class Parser(HTTPRequestParser):
    """One request as it arrives, which knows since when it does."""

    #: What waitress names in its log, also where there never was one.
    path = ''

    def __init__(self, adj: Adjustments) -> None:
        """Begin now."""
        super().__init__(adj)
        self.began_at = time.monotonic()

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request, and refuse one that waitress itself does not foresee.

        Such as the address `http://[/` or a length of 5,000 digits: they would end the connection
        without an answer, with a traceback in the log.
        """
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # Python reads not more than 4,300 digits, and a host in brackets only if it is one.
            raise ParsingError('address or Content-Length is invalid') from error


class Channel(HTTPChannel):
    """A connection that knows since when it waits for a whole request."""

    parser_class = Parser

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Wait for the first request."""
        self.silent_since = time.monotonic()
        self.has_asked = False
        super().__init__(*arguments, **named)

    @property
    def is_waiting(self) -> bool:
        """Tell whether nothing is being done for it; an answer may still be on its way."""
        return not (self.requests or self.will_close)

    @property
    def waits_since(self) -> float:
        """Return when the request that is awaited began to arrive, or when the last thing ended."""
        request = self.request
        return request.began_at if isinstance(request, Parser) else self.silent_since

    def is_late(self, now: float) -> bool:
        """Tell whether it has waited for longer than a request may take."""
        request = self.request
        if not self.is_waiting or (request is None and self.has_asked):
            return False
        is_body = request is not None and request.headers_finished
        return bool(now - self.waits_since > (BODY_SECONDS_MAX if is_body else HEAD_SECONDS_MAX))

    def service(self) -> None:
        """Answer a request; what comes after it has time again."""
        self.has_asked = True
        super().service()
        self.silent_since = time.monotonic()


class Server(TcpWSGIServer):
    """A server whose places no address can take from the others."""

    channel_class = Channel

    def maintenance(self, now: int) -> None:
        """Close connections that are silent, or too slow."""
        super().maintenance(now)
        at = time.monotonic()
        for channel in self._channels():
            if channel.is_late(at):
                channel.will_close = True

    def handle_accept(self) -> None:
        """Take a connection, and make room for the next."""
        super().handle_accept()
        self._make_room()

    def _channels(self) -> list[Channel]:
        channels: Any = self.active_channels  # Its types take the map for a channel.
        return [*channels.values()]

    def _make_room(self) -> None:
        """Close what waits longest, of whoever holds most, while there are too many."""
        # Less than the number at which waitress stops accepting: no connection waits outside.
        limit = self.adj.connection_limit - 16
        count = Counter(channel.addr[0] for channel in self._channels())
        for address, held in count.items():
            if address != self.adj.trusted_proxy and held > limit // _ADDRESS_SHARE:
                self._close_oldest(held - limit // _ADDRESS_SHARE, [address])
        over = count.total() - limit
        if over > 0:
            self._close_oldest(over, [address for address, _ in count.most_common()])

    def _close_oldest(self, number: int, addresses: Iterable[str]) -> None:
        for address in addresses:
            held = [channel for channel in self._channels() if channel.addr[0] == address]
            waiting = sorted(
                (channel for channel in held if channel.is_waiting),
                key=lambda channel: channel.waits_since,
            )
            # The newest stays: it may be about to ask.
            for channel in waiting[: min(number, len(held) - 1)]:
                channel.handle_close()
                number -= 1
            if number <= 0:
                return


def create(application: Any, listening: Any, **adjustments: Any) -> Server:
    """Return a server on a socket that listens, with the adjustments of waitress."""
    adj = Adjustments(
        sockets=[listening],
        channel_timeout=IDLE_SECONDS_MAX,
        cleanup_interval=LOOK_SECONDS,
        **adjustments,
    )
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(adj.threads)
    return Server(
        application,
        {},
        _sock=listening,
        dispatcher=dispatcher,
        adj=adj,
        sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
        bind_socket=False,
    )
