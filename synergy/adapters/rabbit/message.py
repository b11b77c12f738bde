"""What a doorbell message looks like on the wire of RabbitMQ, and what may be wrong with one.

The body is a JSON object of texts, as in `{"uow": "51f3..."}`; the version travels in a header, so
that a reader can tell a message that is newer than itself from one that is broken. A message
without the header is of version 1: an operator may ring by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from pika import BasicProperties, spec

from synergy.core.bounded import shortened
from synergy.core.structs import Struct
from synergy.ports.message import NotUnderstood as NotUnderstood  # What `decoded` raises.
from synergy.ports.message import body_of, text_of

VERSION: Final = 1
VERSION_HEADER: Final = 'synergy-version'
REASON_HEADER: Final = 'synergy-reason'
QUEUE_HEADER: Final = 'synergy-queue'
#: Stands for headers that pika cannot decode, and says why.
UNREADABLE_HEADER: Final = 'synergy-unreadable'
#: How many short headers of a message that is put aside go with it.
_KEPT_HEADERS_MAX: Final = 20
_KEPT_LENGTH_MAX: Final = 200


class Outgoing(Struct, frozen=True):
    """A message to publish; an empty exchange is the default one, which routes by queue name."""

    exchange: str
    routing: str
    body: bytes
    headers: Mapping[str, Any]


class TolerantProperties(BasicProperties):
    """Properties of a message, of which anybody may have written anything.

    pika ends the whole connection over a header that it cannot decode, such as an instant in the
    year 99999 or a table of a thousand levels; the message would come again to the next
    connection, and again. Here it comes with a header that says so, and is put aside.
    """

    def decode(self, encoded: bytes, offset: int = 0) -> TolerantProperties:
        """Take the properties of a frame, none if they make no sense."""
        try:
            super().decode(encoded, offset)
        except Exception as error:  # noqa: BLE001 - around one message: pika raises what it likes
            self.__init__(headers={UNREADABLE_HEADER: f'{type(error).__name__}: {error}'})  # type: ignore[misc]  # As new: half of it may have been set.
        return self


def tolerate_properties() -> None:
    """Let pika read messages with TolerantProperties; doing it again changes nothing."""
    spec.props[BasicProperties.INDEX] = TolerantProperties


def kept_headers(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the headers that go with a message that is put aside: few, short and plain."""
    plain = {
        name: value
        for name, value in headers.items()
        if isinstance(value, bool)
        or (isinstance(value, int) and abs(value) < 2**62)
        or (isinstance(value, str) and len(value) <= _KEPT_LENGTH_MAX)
    }
    return dict(islice(plain.items(), _KEPT_HEADERS_MAX))


def encoded(body: Mapping[str, str]) -> bytes:
    """Return the bytes of a body."""
    return text_of(body).encode()


def decoded(body: bytes, headers: Mapping[str, Any] | None) -> Mapping[str, str]:
    """Return the body of a message; raise NotUnderstood."""
    found = headers or {}
    if UNREADABLE_HEADER in found:
        raise NotUnderstood(f'its headers cannot be read ({found[UNREADABLE_HEADER]})')
    version = found.get(VERSION_HEADER, VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise NotUnderstood(f'its version is {shortened(version)}, not a number from 1 on')
    if version > VERSION:
        raise NotUnderstood(
            f'it is of version {shortened(version)}, newer than {VERSION}; upgrade this box'
        )
    return body_of(body)
