"""Our own webhook: one POST of JSON, signed, with a key that stays the same for each attempt.

    Content-Type: application/json
    Idempotency-Key: night/12/begin
    X-Synergy-Timestamp: 1764000000
    X-Synergy-Signature: sha256=HEX    of "TIMESTAMP.BODY", with the secret of the address

Any 2xx is a success. What a receiver can do is bounded (`synergy.adapters.senders.requests`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from synergy.adapters.senders.requests import NoAnswer, ask
from synergy.core.alert_outbox import ASKED_MAX, Refused
from synergy.core.alert_rules import Receiver
from synergy.core.alert_urls import Hook, hook_of, is_hook, url_problem
from synergy.ports.sender import Letter

#: Of a whole attempt, and of each step of it.
TIME_MAX: Final = timedelta(seconds=10)
_TOO_MANY, _UNAVAILABLE = 429, 503
#: What no further attempt makes better. 401 and 403 are not among them: a secret may be changed.
_FINAL: Final = frozenset({400, 405, 410, 413, 415, 422})
_SECONDS_DIGITS: Final = 6


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
        try:
            answer = ask('POST', hook.url, self._seconds_max, body, headers)
        except NoAnswer as error:
            return Refused(error=str(error))
        return judged(answer.status, answer.after)

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
