"""Passwords, sessions, form tokens and API tokens.

A session is a signed cookie that names a user and the serial which the user had at the login. A
change of password or role raises that, and so does logging out: it ends all sessions of the user,
also those of whoever has copied a cookie. The form token belongs to the session (or, where nobody
has to log in, to the visit) and is needed for every change. Tokens of the API are `id.secret`; only
a hash of the secret is kept. Its 256 random bits need no slow hash.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.security import check_password_hash, generate_password_hash

from synergy.core.users import ApiToken, Role, User

PASSWORD_LENGTH_MIN: Final = 10
PASSWORD_LENGTH_MAX: Final = 1000
_METHOD: Final = 'scrypt'
_SERIAL_BITS: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
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
        """Return the token that forms of this session carry."""
        return hmac.new(self._key, f'form {session.nonce}'.encode(), sha256).hexdigest()

    def is_form_token(self, session: Session, given: str | None) -> bool:
        """Tell whether a form came from a page of this session."""
        return bool(given) and hmac.compare_digest(self.form_token(session), str(given))


def user_of(name: str, role: Role, password_hash: str, now: datetime) -> User:
    """Return a new user."""
    # Not 1 for all: sessions of an earlier user of that name must not come back to life.
    serial = secrets.randbits(_SERIAL_BITS)
    return User(name=name, role=role, password_hash=password_hash, serial=serial, created_at=now)


def hashed(password: str) -> str:
    """Return the hash under which a password is kept; raise ValueError when it is too short."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise ValueError(f'a password needs at least {PASSWORD_LENGTH_MIN} characters')
    return generate_password_hash(password, method=_METHOD)


#: Checked when the name is unknown, so that this takes as long as a wrong password.
_NOBODY: Final = 'scrypt:32768:8:1$nobody$' + '0' * 128


def is_password(user: User | None, password: str) -> bool:
    """Tell whether `password` is the user's; takes equally long for a user who does not exist."""
    is_right = check_password_hash(_NOBODY if user is None else user.password_hash, password)
    return is_right and user is not None


def new_token(
    user: str, role: Role, label: str | None, now: datetime, lifetime: timedelta | None
) -> tuple[ApiToken, str]:
    """Return a token as it is kept, and the text that is shown once."""
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = ApiToken(
        id=token_id,
        user=user,
        role=role,
        digest=_digest(secret),
        label=label,
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
    )
    return token, f'{token_id}.{secret}'


def is_token(token: ApiToken, text: str, now: datetime) -> bool:
    """Tell whether `text` is this token and still holds."""
    secret = text.partition('.')[2]
    is_right = hmac.compare_digest(token.digest, _digest(secret))
    return is_right and (token.expires_at is None or now < token.expires_at)


def fresh_secret() -> str:
    """Return a secret to sign cookies with."""
    return secrets.token_urlsafe(48)


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
