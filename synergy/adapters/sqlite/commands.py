"""Commands in SQLite."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.commands import COMMAND_COLUMNS, command_of, command_values
from synergy.adapters.sqlite.saves import INSERT_COMMAND
from synergy.adapters.sqlite.states import OPEN_COMMANDS
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.commands import Command, CommandId, CommandKind, CommandState


class SqliteCommands:
    """The role `CommandStore`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file

    def insert_command(self, command: Command) -> None:
        """Insert a command; the same id again is a no-op."""
        self._file.write(INSERT_COMMAND, command_values(command))

    def command(self, command_id: CommandId) -> Command | None:
        """Return one command."""
        sql = f'SELECT {COMMAND_COLUMNS} FROM command WHERE id = ?'
        found = self._file.read(sql, (command_id,))
        return next(self._tables.decoded('command', command_of, found), None)

    def open_commands(self, limit: int) -> Sequence[Command]:
        """Return commands that have not ended, oldest first."""
        sql = (
            f'SELECT {COMMAND_COLUMNS} FROM command WHERE state IN {OPEN_COMMANDS} '
            'ORDER BY created_at, id'
        )
        return self._tables.page('command', command_of, sql, (), limit)

    def commands(
        self,
        states: Collection[CommandState],
        limit: int,
        kinds: Collection[CommandKind] | None = None,
        after: Command | None = None,
    ) -> Sequence[Command]:
        """Return commands in `states`, newest first."""
        where = f'state IN ({", ".join("?" * len(states))})'
        values: list[Any] = [state.value for state in states]
        if kinds is not None:
            where += f' AND kind IN ({", ".join("?" * len(kinds))})'
            values += [kind.value for kind in kinds]
        if after is not None:
            where += ' AND (created_at < ? OR (created_at = ? AND id > ?))'
            values += [to_micros(after.created_at), to_micros(after.created_at), after.id]
        sql = f'SELECT {COMMAND_COLUMNS} FROM command WHERE {where} ORDER BY created_at DESC, id'
        return self._tables.page('command', command_of, sql, values, limit)
