"""People and programs that may use the dashboard: who they are and what they may do.

Passwords and tokens are known only by their hashes. A user's `serial` rises with each change of
password or role, and when the user logs out; a login made before is then worth nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Role(StrEnum):
    """What one may do: look; change jobs, free runs and processes; manage users and tokens."""

    VIEWER = 'viewer'
    OPERATOR = 'operator'
    ADMIN = 'admin'

    def may(self, needed: Role) -> bool:
        """Tell whether this role includes `needed`."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Someone who logs in with a password."""

    name: str
    role: Role
    password_hash: str
    serial: int = 1
    created_at: datetime


def nobody(name: str) -> User:
    """Return the user that an illegal row stands for: there is one, but nobody logs in as it.

    Were it left out, a dashboard whose only user it is would be open to everybody.
    """
    return User(name=name, role=Role.VIEWER, password_hash='', serial=0, created_at=_LONG_AGO)


def named(users: Iterable[User], name: str) -> User | None:
    """Return the one of `users` that goes by `name`."""
    return next((user for user in users if user.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A key for programs. digest: of the secret part, which is shown once and never kept."""

    id: str
    user: str
    role: Role
    digest: str
    label: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
