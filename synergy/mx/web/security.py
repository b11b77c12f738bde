"""Sessions and form tokens; passwords and API tokens are `synergy.operations.credentials`.

A session is a signed cookie that names a user and the serial which the user had at the login. A
change of password or role raises that, and so does logging out: it ends all sessions of the user,
also those of whoever has copied a cookie. The form token belongs to the session (or, where nobody
has to log in, to the visit) and is needed for every change.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer

from synergy.core.structs import Struct


class Session(Struct, frozen=True, kw_only=True):
    """What a cookie says. name: None for a visit where nobody has to log in."""

    name: str | None
    serial: int
    nonce: str


class Sessions:
    """Signs and reads the cookies of one installation."""

    def __init__(self, secret: str, lifetime: timedelta) -> None:
        """Sign with `secret`; cookies older than `lifetime` are worth nothing."""
        self._key = secret.encode()
        self._serializer = URLSafeTimedSerializer(secret, salt='session')
        self.lifetime = lifetime

    def write(self, name: str | None, serial: int = 0) -> tuple[Session, str]:
        """Return a new session and its cookie."""
        session = Session(name=name, serial=serial, nonce=secrets.token_urlsafe(16))
        value = self._serializer.dumps([session.name, session.serial, session.nonce])
        return session, str(value)

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None when it is missing, forged or too old."""
        if not cookie:
            return None
        try:
            values: Any = self._serializer.loads(cookie, max_age=int(self.lifetime.total_seconds()))
            name, serial, nonce = values
        except (BadSignature, TypeError, ValueError):
            return None
        return Session(name=name, serial=serial, nonce=nonce)

    def form_token(self, session: Session) -> str:
        """Return the token that forms of this session carry, spelled otherwise each time.

        Compressed answers of the same session have no secret in common: how long they are tells
        nothing of it, whatever else somebody makes them say.
        """
        token = self._token_of(session)
        pad = secrets.token_bytes(len(token))
        return (pad + _mixed(pad, token)).hex()

    def _token_of(self, session: Session) -> bytes:
        return hmac.new(self._key, f'form {session.nonce}'.encode(), sha256).digest()

    def is_form_token(self, session: Session, given: str | None) -> bool:
        """Tell whether a form came from a page of this session."""
        try:
            sent = bytes.fromhex(given or '')
        except ValueError:
            return False
        token = self._token_of(session)
        pad, mixed = sent[: len(token)], sent[len(token) :]
        return len(sent) == 2 * len(token) and hmac.compare_digest(_mixed(pad, mixed), token)


def _mixed(pad: bytes, content: bytes) -> bytes:
    """Return content under a pad, or what is under it; both of one length."""
    return bytes(one ^ other for one, other in zip(pad, content, strict=True))


def fresh_secret() -> str:
    """Return a secret to sign cookies with."""
    return secrets.token_urlsafe(48)
