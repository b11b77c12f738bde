"""What pause, resume and abandon do to another command: both rows, old in, new out."""

from __future__ import annotations

from collections.abc import Callable
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
    command: Command,
    target: Command | None,
    shorten: Callable[[Command], Command],
    now: datetime,
) -> tuple[Command, Command | None]:
    """Return `command` as it ends, and its target as it leaves it; None: unchanged.

    shorten: leaves of a request only what it has begun, see `synergy.core.closure.shortened`.
    """
    if target is None or target.kind not in JOB_KINDS:
        return _ended(command, now, f'there is no request {command.target!r}', is_done=False), None
    if target.state not in OPEN_COMMAND_STATES:
        return _ended(command, now, f'it is {target.state.value} already', is_done=False), None
    match command.kind:
        case CommandKind.PAUSE:
            changed = replace(target, is_paused=True)
        case CommandKind.RESUME:
            changed = replace(target, is_paused=False)
        case _ if target.state is CommandState.RUNNING:
            why = 'all its jobs are reset already and will run; pause it, or skip them'
            return _ended(command, now, why, is_done=False), None
        case _ if target.state is CommandState.REQUESTED:
            changed = replace(
                target, state=CommandState.CANCELLED, finished_at=now, outcome=command.by
            )
        case _:
            changed = shorten(target)
            outcome = f'{changed.planned_count} jobs instead of {target.planned_count}'
            return _ended(command, now, outcome, is_done=True), changed
    return _ended(command, now, str(target.id), is_done=True), changed


def _ended(command: Command, now: datetime, outcome: str, *, is_done: bool) -> Command:
    state = CommandState.DONE if is_done else CommandState.REFUSED
    return replace(command, state=state, finished_at=now, outcome=outcome)
