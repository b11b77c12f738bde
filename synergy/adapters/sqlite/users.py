"""The part of the SQLite ledger that keeps users, tokens and the secret of the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.columns import name_of
from synergy.adapters.sqlite.rows.users import TOKEN_COLUMNS, USER_COLUMNS, token_of, user_of
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.users import ApiToken, Role, User, UserOutcome, alike, nobody, outcome_of

_ADD_USER: Final = (
    'INSERT INTO mx_user (name, role, password_hash, serial, created_at) VALUES (?, ?, ?, ?, ?)'
)
_REMEMBER: Final = 'INSERT OR IGNORE INTO mx_login (id) VALUES (1)'
_SAVE_TOKEN: Final = (
    f'INSERT INTO mx_token ({TOKEN_COLUMNS}) SELECT ?, ?, ?, ?, ?, ?, ? '
    'WHERE EXISTS (SELECT 1 FROM mx_user WHERE name = ?) ON CONFLICT (id) DO NOTHING'
)


class SqliteUsers:
    """The role `UserStore`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file

    def users(self) -> Sequence[User]:
        """Return every user, by name."""
        found = self._file.read(f'SELECT {USER_COLUMNS} FROM mx_user ORDER BY name')
        return list(self._tables.decoded('mx_user', self._user_of, found))

    def _user_of(self, row: tuple[Any, ...]) -> User:
        try:
            return user_of(row)
        except ValueError as error:
            self._tables.rows.report('mx_user', name_of('mx_user', row), error)
            return nobody(name_of('mx_user', row))

    def had_users(self) -> bool:
        """Tell whether there is a user, or ever was one."""
        sql = 'SELECT EXISTS (SELECT 1 FROM mx_user) OR EXISTS (SELECT 1 FROM mx_login)'
        return bool(self._file.read(sql)[0][0])

    def add_user(self, user: User) -> bool:
        """Insert a user, unless there is one whose name is alike."""
        with self._file.transaction() as connection:
            if any(alike(user.name) == alike(known.name) for known in self.users()):
                return False
            created = to_micros(user.created_at)
            values = (user.name, user.role.value, user.password_hash, user.serial, created)
            connection.execute(_ADD_USER, values)
            connection.execute(_REMEMBER)
        return True

    def set_role(self, name: str, role: Role, *, keeps_admin: bool = True) -> UserOutcome:
        """Change the role of a user and raise its serial."""
        with self._file.transaction() as connection:
            outcome = outcome_of(self.users(), name, role, keeps_admin=keeps_admin)
            if outcome is UserOutcome.DONE:
                connection.execute(
                    'UPDATE mx_user SET role = ?, serial = serial + 1 WHERE name = ?',
                    (role.value, name),
                )
        return outcome

    def set_password(self, name: str, password_hash: str) -> bool:
        """Change the password of a user and raise its serial."""
        sql = 'UPDATE mx_user SET password_hash = ?, serial = serial + 1 WHERE name = ?'
        return self._file.write(sql, (password_hash, name)) == 1

    def end_sessions(self, name: str) -> None:
        """Raise the serial of a user, if there is one."""
        self._file.write('UPDATE mx_user SET serial = serial + 1 WHERE name = ?', (name,))

    def remove_user(self, name: str, *, keeps_admin: bool = True) -> UserOutcome:
        """Delete a user and all tokens of that name."""
        with self._file.transaction() as connection:
            outcome = outcome_of(self.users(), name, None, keeps_admin=keeps_admin)
            if outcome is UserOutcome.DONE:
                connection.execute(_REMEMBER)
                connection.execute('DELETE FROM mx_token WHERE user_name = ?', (name,))
                connection.execute('DELETE FROM mx_user WHERE name = ?', (name,))
        return outcome

    def tokens(self) -> Sequence[ApiToken]:
        """Return every token, newest first."""
        sql = f'SELECT {TOKEN_COLUMNS} FROM mx_token ORDER BY created_at DESC, id'
        return list(self._tables.decoded('mx_token', token_of, self._file.read(sql)))

    def save_token(self, token: ApiToken) -> bool:
        """Insert a token if its user is there and no token has its id."""
        values = (
            token.id,
            token.user,
            token.role.value,
            token.digest,
            token.label,
            to_micros(token.created_at),
            to_micros(token.expires_at),
        )
        return self._file.write(_SAVE_TOKEN, (*values, token.user)) == 1

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
