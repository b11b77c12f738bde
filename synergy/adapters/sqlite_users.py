"""The part of the SQLite ledger that keeps users, tokens and the secret of the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from synergy.adapters import sqlite_rows as rows
from synergy.adapters.sqlite_connection import to_micros
from synergy.adapters.sqlite_tables import SqliteTables
from synergy.core.users import ApiToken, User, nobody

_SAVE_USER: Final = (
    'INSERT INTO mx_user (name, role, password_hash, serial, created_at) VALUES (?, ?, ?, ?, ?) '
    'ON CONFLICT (name) DO UPDATE SET role = excluded.role, '
    'password_hash = excluded.password_hash, serial = excluded.serial'
)


class SqliteUsers(SqliteTables):
    """Users and tokens on one file."""

    def users(self) -> Sequence[User]:
        """Return every user, by name."""
        found = self._file.read(f'SELECT {rows.USER_COLUMNS} FROM mx_user ORDER BY name')
        return list(self._decoded('mx_user', self._user_of, found))

    def _user_of(self, row: tuple[Any, ...]) -> User:
        try:
            return rows.user_of(row)
        except ValueError as error:
            self._rows.report('mx_user', rows.name_of('mx_user', row), error)
            return nobody(rows.name_of('mx_user', row))

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
        sql = f'SELECT {rows.TOKEN_COLUMNS} FROM mx_token ORDER BY created_at DESC, id'
        return list(self._decoded('mx_token', rows.token_of, self._file.read(sql)))

    def save_token(self, token: ApiToken) -> None:
        """Insert a token."""
        self._file.write(
            f'INSERT INTO mx_token ({rows.TOKEN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)',
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
