"""Commands in MongoDB."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from synergy.adapters.mongo.collections import MongoCollections, later
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.commands import command_document, command_of
from synergy.adapters.mongo.names import COMMANDS, OPEN_COMMANDS
from synergy.core.commands import Command, CommandId, CommandKind, CommandState


class MongoCommands:
    """The role `CommandStore`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def insert_command(self, command: Command) -> None:
        """Insert a command; the same id again is a no-op."""
        document = command_document(command)
        with self._connection.reaching():
            try:
                self._connection.database[COMMANDS].insert_one(document)
            except DuplicateKeyError:
                return

    def command(self, command_id: CommandId) -> Command | None:
        """Return one command."""
        found = self._commands({'_id': command_id}, [('_id', ASCENDING)], 1)
        return found[0] if found else None

    def open_commands(self, limit: int) -> Sequence[Command]:
        """Return commands that have not ended, oldest first."""
        order = [('created_at', ASCENDING), ('_id', ASCENDING)]
        return self._commands({'state': {'$in': OPEN_COMMANDS}}, order, limit)

    def commands(
        self,
        states: Collection[CommandState],
        limit: int,
        kinds: Collection[CommandKind] | None = None,
        after: Command | None = None,
    ) -> Sequence[Command]:
        """Return commands in `states`, newest first."""
        order = [('created_at', DESCENDING), ('_id', ASCENDING)]
        where: Document = {'state': {'$in': [state.value for state in states]}}
        if kinds is not None:
            where['kind'] = {'$in': [kind.value for kind in kinds]}
        if after is not None:
            where |= later('created_at', after.created_at, after.id)
        return self._commands(where, order, limit)

    def _commands(
        self, where: Document, order: Sequence[tuple[str, int]], limit: int
    ) -> list[Command]:
        with self._connection.reaching():
            return self._collections.page(COMMANDS, command_of, where, order=order, limit=limit)
