"""What a doorbell message looks like on the wire of RabbitMQ, and what may be wrong with one.

The body is a JSON object of texts, as in `{"uow": "51f3..."}`; the version travels in a header, so
that a reader can tell a message that is newer than itself from one that is broken. A message
without the header is of version 1: an operator may ring by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

VERSION: Final = 1
VERSION_HEADER: Final = 'synergy-version'
REASON_HEADER: Final = 'synergy-reason'
QUEUE_HEADER: Final = 'synergy-queue'
#: Longest text of a reason; a header is no place for a traceback.
_REASON_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish; an empty exchange is the default one, which routes by queue name."""

    exchange: str
    routing: str
    body: bytes
    headers: Mapping[str, Any]


class NotUnderstood(Exception):
    """The message is no doorbell message of a version that we know; str() is the reason."""


def encoded(body: Mapping[str, str]) -> bytes:
    """Return the bytes of a body."""
    return json.dumps(dict(body)).encode()


def decoded(body: bytes, headers: Mapping[str, Any] | None) -> Mapping[str, str]:
    """Return the body of a message; raise NotUnderstood."""
    version = (headers or {}).get(VERSION_HEADER, VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise NotUnderstood(f'it is of version {version!r}, newer than {VERSION}; upgrade this box')
    try:
        found = json.loads(body)
    except ValueError as error:
        raise NotUnderstood(f'it is no JSON: {error}'[:_REASON_LENGTH_MAX]) from error
    if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()):
        return found
    raise NotUnderstood('it is no JSON object of texts')


def dead_queue_of(queue: str) -> str:
    """Return the queue to which messages of `queue` go that cannot be understood."""
    return f'{queue}.dead'
