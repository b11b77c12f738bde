"""Passwords of users and tokens of the API: made, kept as hashes, and checked.

Tokens of the API are `id.secret`; only a hash of the secret is kept. Its 256 random bits need no
slow hash.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from werkzeug.security import check_password_hash, generate_password_hash

from synergy.core.users import ApiToken, Role, User

PASSWORD_LENGTH_MIN: Final = 10
PASSWORD_LENGTH_MAX: Final = 1000
_METHOD: Final = 'scrypt'
_SERIAL_BITS: Final = 31


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


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
