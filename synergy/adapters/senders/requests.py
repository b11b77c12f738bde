"""One request over HTTP, bounded in all that the other side can do.

The whole of an attempt is bounded in time, the answer in length; redirects are not followed, for
they would lead a signed message, or us, elsewhere. Nothing of an answer but its status is kept: an
address within the own network tells nobody more.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Timer
from typing import Final, NamedTuple
from urllib.parse import urlsplit

#: Longer answers are not read to their end.
_ANSWER_BYTES_MAX: Final = 4_096
_LATE: Final = 'it did not answer in time'


class Answer(NamedTuple):
    """What came back. after: what it says of when to come again."""

    status: int
    after: str | None


class NoAnswer(Exception):
    """Nothing came back; the message says why, without anything of an address."""


def ask(
    method: str,
    url: str,
    seconds_max: float,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request, and return its answer within `seconds_max`; raise NoAnswer.

    Looking a host up may take longer than that: whoever cannot wait asks from a thread.
    """
    connection = _connection(url, seconds_max)
    # Each read has a bound of its own; one that sends a byte a second never reaches that.
    is_cut = Event()
    clock = Timer(seconds_max, _cut, [connection, is_cut])
    clock.name, clock.daemon = 'http clock', True
    clock.start()
    try:
        parts = urlsplit(url)
        target = (parts.path or '/') + (f'?{parts.query}' if parts.query else '')
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        found = Answer(answer.status, answer.getheader('Retry-After'))
        answer.read(_ANSWER_BYTES_MAX)
    except (OSError, HTTPException, ValueError) as error:
        raise NoAnswer(_LATE if is_cut.is_set() else _told(error)) from None
    finally:
        clock.cancel()
        connection.close()
    # What was cut may look whole: headers end where a connection does.
    if is_cut.is_set():
        raise NoAnswer(_LATE)
    return found


def _connection(url: str, seconds_max: float) -> HTTPConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or '', parts.port
    if parts.scheme == 'https':
        context = ssl.create_default_context()
        return HTTPSConnection(host, port, timeout=seconds_max, context=context)
    return HTTPConnection(host, port, timeout=seconds_max)


def _cut(connection: HTTPConnection, is_cut: Event) -> None:
    """End what takes too long, from another thread."""
    is_cut.set()
    if (link := connection.sock) is not None:
        with suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)


def _told(error: Exception) -> str:
    """Return what went wrong without what a receiver has sent, or an address."""
    match error:
        case TimeoutError():
            return _LATE
        case ssl.SSLError():
            return f'its certificate or its TLS is refused ({error.reason or "unknown"})'
        case socket.gaierror():
            return 'its host is not known'
        case ConnectionRefusedError():
            return 'nothing listens there'
        case OSError() if error.strerror:
            return error.strerror
        case _:
            return f'what it answered is not HTTP, or broke off ({type(error).__name__})'
