"""Commands: what operators asked for, which is the audit log, too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from synergy.core.commands import Command, CommandId, CommandKind, CommandState


class CommandReader(Protocol):
    """Commands as rows."""

    def command(self, command_id: CommandId) -> Command | None:
        """Return one command."""
        ...

    def open_commands(self, limit: int) -> Sequence[Command]:
        """Return commands that have not ended, oldest first."""
        ...

    def commands(
        self,
        states: Collection[CommandState],
        limit: int,
        kinds: Collection[CommandKind] | None = None,
        after: Command | None = None,
    ) -> Sequence[Command]:
        """Return at most `limit` commands in `states`, newest first, that come after `after`.

        kinds: only of these. The order is (created_at falling, id).
        """
        ...


class CommandStore(CommandReader, Protocol):
    """What web and CLI may write."""

    def insert_command(self, command: Command) -> None:
        """Insert a command; inserting the same id again is a no-op."""
        ...
