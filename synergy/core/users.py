"""People and programs that may use the dashboard: who they are and what they may do.

Passwords and tokens are known only by their hashes. A user's `serial` rises with each change of
password or role, and when the user logs out; a login made before is then worth nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Final

from synergy.core.structs import Struct

NAME_LENGTH_MAX: Final = 64
#: Of one alphabet, so that no two names look the same. No @: the audit says NAME@ADDRESS.
_NAME: Final = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')
#: How the dashboard and the audit call those who have not logged in.
_NOT_NAMES: Final = ('anyone', 'nobody')
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


class User(Struct, frozen=True, kw_only=True):
    """Someone who logs in with a password."""

    name: str
    role: Role
    password_hash: str
    serial: int = 1
    created_at: datetime


class UserOutcome(Enum):
    """What became of a change of a user.

    LAST: refused, for nobody would be left who may manage users, or nobody at all.
    """

    DONE = 'done'
    UNKNOWN = 'unknown'
    LAST = 'last'


def alike(name: str) -> str:
    """Return what names have in common that are the same but for case or ways to write a letter."""
    return unicodedata.normalize('NFKC', unicodedata.normalize('NFKC', name).casefold())


def nobody(name: str) -> User:
    """Return the user that an illegal row stands for: there is one, but nobody logs in as it.

    Were it left out, a dashboard whose only user it is would be open to everybody.
    """
    return User(name=name, role=Role.VIEWER, password_hash='', serial=0, created_at=_LONG_AGO)


def named(users: Iterable[User], name: str) -> User | None:
    """Return the one of `users` whose name is `name`; upper and lower case are the same.

    Users made before names were compared so may differ in case alone: they are told apart by their
    exact names.
    """
    found = [user for user in users if alike(user.name) == alike(name)]
    exact = next((user for user in found if user.name == name), None)
    return exact or (found[0] if len(found) == 1 else None)


def name_problem(name: str) -> str | None:
    """Return why nobody can be called `name`; None when somebody can."""
    if len(name) > NAME_LENGTH_MAX:
        return f'it has {len(name)} characters; take at most {NAME_LENGTH_MAX}'
    if alike(name) in _NOT_NAMES:
        return 'that is how those are called who have not logged in; take another'
    if not _NAME.fullmatch(name):
        return 'take the letters A to Z in either case, digits, and . _ - after the first character'
    return None


def outcome_of(
    users: Iterable[User], name: str, role: Role | None, *, keeps_admin: bool
) -> UserOutcome:
    """Return what becomes of giving a user another role, or, with None, of removing it.

    keeps_admin: refused unless another admin remains, or, where there is none, another user. To be
    asked under the same lock or transaction in which the change is then made.
    """
    known = {user.name: user for user in users}
    leaving = known.get(name)
    if leaving is None:
        return UserOutcome.UNKNOWN
    if not keeps_admin or role is Role.ADMIN:
        return UserOutcome.DONE
    others = [user for user in known.values() if user.name != name]
    if leaving.role is Role.ADMIN:
        is_kept = any(user.role is Role.ADMIN for user in others)
    else:
        is_kept = role is not None or bool(others)
    return UserOutcome.DONE if is_kept else UserOutcome.LAST


class ApiToken(Struct, frozen=True, kw_only=True):
    """A key for programs. digest: of the secret part, which is shown once and never kept."""

    id: str
    user: str
    role: Role
    digest: str
    label: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
