"""What pause, resume and abandon do to another command: both rows, old in, new out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from synergy.core.commands import (
    JOB_KINDS,
    OPEN_COMMAND_STATES,
    Command,
    CommandKind,
    CommandState,
)


def control(
    command: Command, target: Command | None, now: datetime
) -> tuple[Command, Command | None]:
    """Return `command` as it ends, and its target as it leaves it; None: unchanged."""
    if target is None or target.kind not in JOB_KINDS:
        return _ended(command, now, f'there is no request {command.target!r}', is_done=False), None
    if target.state not in OPEN_COMMAND_STATES:
        return _ended(command, now, f'it is {target.state.value} already', is_done=False), None
    match command.kind:
        case CommandKind.PAUSE:
            changed = replace(target, is_paused=True)
        case CommandKind.RESUME:
            changed = replace(target, is_paused=False)
        case _:
            changed = replace(
                target,
                state=CommandState.CANCELLED,
                is_paused=False,
                finished_at=now,
                outcome=f'{command.by}: {target.applied_count} of {target.planned_count} jobs were '
                'reset and still run',
            )
    return _ended(command, now, str(target.id), is_done=True), changed


def _ended(command: Command, now: datetime, outcome: str, *, is_done: bool) -> Command:
    state = CommandState.DONE if is_done else CommandState.REFUSED
    return replace(command, state=state, finished_at=now, outcome=outcome)
