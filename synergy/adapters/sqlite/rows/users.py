"""Rows of users and tokens."""

from __future__ import annotations

from typing import Any, Final

from synergy.adapters.sqlite.rows.columns import Columns, instant_of, instant_or_none
from synergy.core.users import ApiToken, Role, User
from synergy.ports import rows as fields

USER_COLUMNS: Final = 'name, role, password_hash, serial, created_at'
TOKEN_COLUMNS: Final = 'id, user_name, role, digest, label, created_at, expires_at'
_USER: Final = Columns(USER_COLUMNS, 'tttii')
_TOKEN: Final = Columns(TOKEN_COLUMNS, 'ttttTiI')


def user_of(row: tuple[Any, ...]) -> User:
    """Return the user of a row of USER_COLUMNS.

    One that is illegal still counts as a user, who may look at most and cannot log in: were it
    left out, a dashboard whose only user it is would be open to everybody.
    """
    _USER.check(row)
    name, role, password_hash, serial, created = row
    return User(
        name=fields.text('name', name),
        role=fields.word('role', Role, role),
        password_hash=fields.text('password_hash', password_hash),
        serial=fields.count('serial', serial),
        created_at=instant_of('created_at', created),
    )


def token_of(row: tuple[Any, ...]) -> ApiToken:
    """Return the token of a row of TOKEN_COLUMNS."""
    _TOKEN.check(row)
    token_id, user, role, digest, label, created, expires = row
    return ApiToken(
        id=fields.text('id', token_id),
        user=fields.text('user_name', user),
        role=fields.word('role', Role, role),
        digest=fields.text('digest', digest),
        label=fields.said('label', label),
        created_at=instant_of('created_at', created),
        expires_at=instant_or_none('expires_at', expires),
    )
