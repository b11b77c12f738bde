"""Our own webhook: one POST of JSON, signed, with a key that stays the same for each attempt.

    Content-Type: application/json
    Idempotency-Key: night/12/begin
    X-Synergy-Timestamp: 1764000000
    X-Synergy-Signature: sha256=HEX    of "TIMESTAMP.BODY", with the secret of the address

Any 2xx is a success. What a receiver does is bounded: the whole of an attempt in time, its answer
in length; redirects are not followed, for they would lead a signed message, or us, elsewhere.
Nothing of an answer but its status is kept: an address within the own network tells nobody more.
"""

from __future__ import annotations

import hmac
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Timer
from typing import Final
from urllib.parse import urlsplit

from synergy.core.alert_outbox import ASKED_MAX, Refused
from synergy.core.alert_rules import Receiver
from synergy.core.alert_urls import Hook, hook_of, is_hook, url_problem
from synergy.ports.sender import Letter

#: Of a whole attempt, and of each step of it.
TIME_MAX: Final = timedelta(seconds=10)
#: Longer answers are not read to their end.
_ANSWER_BYTES_MAX: Final = 4_096
_TOO_MANY, _UNAVAILABLE = 429, 503
#: What no further attempt makes better. 401 and 403 are not among them: a secret may be changed.
_FINAL: Final = frozenset({400, 405, 410, 413, 415, 422})
_SECONDS_DIGITS: Final = 6
_LATE: Final = 'it did not answer in time'


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what a receiver compares with the header: both hold the secret."""
    told = timestamp.encode() + b'.' + body
    return f'sha256={hmac.new(secret.encode(), told, sha256).hexdigest()}'


class WebhookSender:
    """Sends to `hook://` and `hooks://`. It is a `Sender`."""

    def __init__(self, clock: Callable[[], datetime], time_max: timedelta = TIME_MAX) -> None:
        """clock: of what is signed. time_max: of one attempt."""
        self._clock = clock
        self._seconds_max = time_max.total_seconds()

    def can_send(self, receiver: Receiver) -> bool:
        """Tell whether an address is of a webhook."""
        return is_hook(receiver.url) and url_problem(receiver.url) is None

    def send(self, receiver: Receiver, letter: Letter) -> Refused | None:
        """Send once."""
        hook = hook_of(receiver.url)
        body = letter.document.encode()
        headers = self._headers(hook, letter.key, body)
        connection = self._connection(hook)
        # Each read has a bound of its own; one that sends a byte a second never reaches that.
        is_cut = Event()
        clock = Timer(self._seconds_max, _cut, [connection, is_cut])
        clock.name, clock.daemon = 'webhook clock', True
        clock.start()
        try:
            parts = urlsplit(hook.url)
            target = parts.path + (f'?{parts.query}' if parts.query else '')
            connection.request('POST', target, body, headers)
            answer = connection.getresponse()
            status, after = answer.status, answer.getheader('Retry-After')
            answer.read(_ANSWER_BYTES_MAX)
        except (OSError, HTTPException, ValueError) as error:
            return Refused(error=_LATE if is_cut.is_set() else _told(error))
        finally:
            clock.cancel()
            connection.close()
        # What was cut may look whole: headers end where a connection does.
        return Refused(error=_LATE) if is_cut.is_set() else judged(status, after)

    def _headers(self, hook: Hook, key: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            'Content-Type': 'application/json',
            'User-Agent': 'synergy-scheduler',
            'Idempotency-Key': key,
            'X-Synergy-Timestamp': timestamp,
        }
        if hook.secret is not None:
            headers['X-Synergy-Signature'] = signature(hook.secret, timestamp, body)
        return headers

    def _connection(self, hook: Hook) -> HTTPConnection:
        parts = urlsplit(hook.url)
        host, port = parts.hostname or '', parts.port
        if parts.scheme == 'https':
            context = ssl.create_default_context()
            return HTTPSConnection(host, port, timeout=self._seconds_max, context=context)
        return HTTPConnection(host, port, timeout=self._seconds_max)


def judged(status: int, retry_after: str | None) -> Refused | None:
    """Return what an answer means; None: the message has arrived."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        told = f'it answered {status}, a redirect, which is not followed; name the place itself'
        return Refused(error=told)
    after = None
    if status in (_TOO_MANY, _UNAVAILABLE) and retry_after is not None:
        seconds = retry_after.strip()
        if seconds.isascii() and seconds.isdecimal() and len(seconds) <= _SECONDS_DIGITS:
            after = min(timedelta(seconds=int(seconds)), ASKED_MAX)
    return Refused(error=f'it answered {status}', is_final=status in _FINAL, after=after)


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
