"""Which requests runs belong to, and which of those are over: what a follower has yet to tell.

A request has no line of its own in the journal. It is known by what it has reset, and looked at
until it is over. Nothing of it is stored: whoever begins again finds those that are open, and those
that have ended since the last line that was dealt with; these may then be told twice, alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.commands import (
    OPEN_COMMAND_STATES,
    RESETTING_KINDS,
    Command,
    CommandId,
    CommandState,
)
from synergy.ports.store import CommandReader
from synergy.view.runs_told import RunTold

#: A request ends after the last of its jobs; clocks differ.
_SLACK: Final = timedelta(seconds=60)
#: A request that was over so long before a line that names it is over for good: else a clock was
#: set back.
_LONG_BEFORE: Final = timedelta(days=1)
#: Of requests that are looked for when a follower begins, and of those remembered as told.
_RECENT_MAX: Final = 1_000
_KNOWN_MAX: Final = 10_000
_ENDED: Final = [state for state in CommandState if state not in OPEN_COMMAND_STATES]


class RequestsTold:
    """The requests that are open, or whose end has not been told."""

    def __init__(self) -> None:
        """Know of none."""
        self._open: dict[CommandId, Command] = {}
        self._begun: set[CommandId] = set()
        self._known: dict[CommandId, Command | None] = {}

    def begin(self, store: CommandReader, since: datetime | None) -> None:
        """Look for those whose end may not have been told. since: of the last line dealt with."""
        found = [
            command
            for command in store.open_commands(_RECENT_MAX)
            if command.state is not CommandState.REQUESTED
        ]
        if since is not None:
            found += [
                command
                for command in store.commands(_ENDED, _RECENT_MAX, RESETTING_KINDS)
                if command.finished_at is not None
                and command.finished_at >= since - _SLACK
                and command.state is not CommandState.REFUSED
            ]
        self._open = {item.id: item for item in found if item.kind in RESETTING_KINDS}

    def named(self, store: CommandReader, name: str, at: datetime) -> Command | None:
        """Return the request that a line of that instant names, and look at it until it is over."""
        request = CommandId(name)
        if request in self._open:
            return self._open[request]
        if request not in self._known:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            command = self._known[request] = store.command(request)
            if command is not None and _is_since(command, at):
                self._open[request] = command
        return self._known[request]

    def of(self, store: CommandReader, told: RunTold) -> Command | None:
        """Return the request that a run was made for."""
        return None if told.request is None else self.named(store, told.request, told.line.at)

    def begun(self, found: Iterable[Command | None]) -> Sequence[Command]:
        """Return those among `found` whose begin has not been told, each once."""
        new = {
            item.id: item
            for item in found
            if item is not None and item.id in self._open and item.id not in self._begun
        }
        return [*new.values()]

    def ended(self, store: CommandReader, until: datetime | None = None) -> Sequence[Command]:
        """Return those that are over now. Each is returned until `note` is told of it.

        until: only those that were over by then, for later lines are yet to be dealt with. None:
        there are none.
        """
        found = []
        for request in self._open:
            command = store.command(request) or self._open[request]
            at = command.finished_at
            if at is not None and (until is None or at <= until):
                found.append(command)
        return found

    def note(self, begun: Iterable[Command], ended: Iterable[Command]) -> None:
        """Take note of whose begin and whose end have been told."""
        self._begun.update(command.id for command in begun)
        for command in ended:
            self._open.pop(command.id, None)
            self._begun.discard(command.id)
            self._known[command.id] = command


def _is_since(command: Command, at: datetime) -> bool:
    """Tell whether a request was not over long before a line that names it.

    A live interval that a request has reset goes on for long after it, in its trace.
    """
    return command.finished_at is None or command.finished_at >= at - _LONG_BEFORE
