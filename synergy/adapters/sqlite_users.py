"""The part of the SQLite ledger that keeps users, tokens and the secret of the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from synergy.adapters.sqlite_connection import from_micros, to_micros
from synergy.adapters.sqlite_tables import SqliteTables
from synergy.core.users import ApiToken, Role, User

_SAVE_USER: Final = (
    'INSERT INTO mx_user (name, role, password_hash, serial, created_at) VALUES (?, ?, ?, ?, ?) '
    'ON CONFLICT (name) DO UPDATE SET role = excluded.role, '
    'password_hash = excluded.password_hash, serial = excluded.serial'
)
_TOKEN_COLUMNS: Final = 'id, user_name, role, digest, label, created_at, expires_at'


class SqliteUsers(SqliteTables):
    """Users and tokens on one file."""

    def users(self) -> Sequence[User]:
        """Return every user, by name."""
        return [
            User(
                name=name,
                role=Role(role),
                password_hash=password_hash,
                serial=serial,
                created_at=_instant(created),
            )
            for name, role, password_hash, serial, created in self._file.read(
                'SELECT name, role, password_hash, serial, created_at FROM mx_user ORDER BY name'
            )
        ]

    def save_user(self, user: User) -> None:
        """Insert a user, or replace the one of that name."""
        created = to_micros(user.created_at)
        self._file.write(
            _SAVE_USER, (user.name, user.role.value, user.password_hash, user.serial, created)
        )

    def end_sessions(self, name: str) -> None:
        """Raise the serial of a user, if there is one."""
        self._file.write('UPDATE mx_user SET serial = serial + 1 WHERE name = ?', (name,))

    def remove_user(self, name: str) -> bool:
        """Delete a user and all tokens of that name."""
        with self._file.transaction() as connection:
            connection.execute('DELETE FROM mx_token WHERE user_name = ?', (name,))
            return connection.execute('DELETE FROM mx_user WHERE name = ?', (name,)).rowcount == 1

    def tokens(self) -> Sequence[ApiToken]:
        """Return every token, newest first."""
        return [
            ApiToken(
                id=token_id,
                user=user,
                role=Role(role),
                digest=digest,
                label=label,
                created_at=_instant(created),
                expires_at=from_micros(expires),
            )
            for token_id, user, role, digest, label, created, expires in self._file.read(
                f'SELECT {_TOKEN_COLUMNS} FROM mx_token ORDER BY created_at DESC, id'
            )
        ]

    def save_token(self, token: ApiToken) -> None:
        """Insert a token."""
        self._file.write(
            f'INSERT INTO mx_token ({_TOKEN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)',
            (
                token.id,
                token.user,
                token.role.value,
                token.digest,
                token.label,
                to_micros(token.created_at),
                to_micros(token.expires_at),
            ),
        )

    def remove_token(self, token_id: str) -> bool:
        """Delete a token."""
        return self._file.write('DELETE FROM mx_token WHERE id = ?', (token_id,)) == 1

    def kept_secret(self, fresh: str) -> str:
        """Return the secret kept before, else `fresh`, kept from now on."""
        found = self._file.read('SELECT text FROM mx_secret')
        if not found:
            self._file.write('INSERT OR IGNORE INTO mx_secret (id, text) VALUES (1, ?)', (fresh,))
            found = self._file.read('SELECT text FROM mx_secret')
        return str(found[0][0])


def _instant(micros: int) -> datetime:
    instant = from_micros(micros)
    assert instant is not None, 'the column is NOT NULL'
    return instant
