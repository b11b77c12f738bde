"""Which of the commands that have not ended are looked at next, so that none waits for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from synergy.core.commands import (
    JOB_KINDS,
    REQUEST_KINDS,
    RESETTING_KINDS,
    Command,
    CommandId,
    CommandState,
)
from synergy.core.request_options import RequestOptions, options_by_request
from synergy.ports.store import CommandReader

COMMANDS_PER_SWEEP_MAX: Final = 100
#: Commands that are not done, most of them requests whose jobs run; more wait unread.
OPEN_COMMANDS_MAX: Final = 10_000


class OpenCommands:
    """The commands that have not ended, as the store has them now."""

    def __init__(self, store: CommandReader) -> None:
        """Read nothing yet."""
        self._store = store
        self._followed_count = 0

    def worth_a_look(self, *, is_sweeping: bool) -> Sequence[Command]:
        """Return the commands to go on with, so many at a time; resting ones keep none waiting."""
        waiting, followed = [], []
        for command in self._store.open_commands(OPEN_COMMANDS_MAX):
            if command.state is CommandState.RUNNING:
                followed.append(command)
            elif command.kind not in JOB_KINDS or not command.is_paused:
                waiting.append(command)
        # What is about a request first: else one that was cancelled before it was seen is done.
        waiting.sort(key=lambda command: command.kind not in REQUEST_KINDS)
        waiting = waiting[:COMMANDS_PER_SWEEP_MAX]
        if is_sweeping and followed:
            # Counting its jobs is not worth while more often. Each has its turn.
            start = self._followed_count % len(followed)
            turn = (followed[start:] + followed[:start])[:COMMANDS_PER_SWEEP_MAX]
            self._followed_count = start + len(turn)
            waiting += turn
        return waiting

    def paused(
        self, *, are_whole: bool = False
    ) -> tuple[Sequence[CommandId], Mapping[CommandId, RequestOptions]]:
        """Return the requests of which nothing may start, for they are paused; and, with theirs,
        those that have options of their own.

        are_whole: and those that have not reset all of their jobs yet.
        """
        commands = self._store.open_commands(OPEN_COMMANDS_MAX)
        paused = [
            command.id
            for command in commands
            if command.is_paused
            or (
                are_whole
                and command.kind in RESETTING_KINDS
                and command.state is not CommandState.RUNNING
            )
        ]
        return paused, options_by_request(commands)
