"""How commands move on and end, and what pause, resume and abandon do to another one.

Every command that the Scheduler ends, whoever decides it, ends by `ended`, so that each end is
saved with its outcome and said in the log.
"""

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
from synergy.core.effects import Effects, Note, SaveCommand


def moved(
    command: Command, state: CommandState, now: datetime, outcome: str | None = None
) -> Effects:
    """Return what saves a command in `state`, and says so if that is a new one."""
    is_open = state in OPEN_COMMAND_STATES
    changed = replace(command, state=state, outcome=outcome, finished_at=None if is_open else now)
    effects = Effects([SaveCommand(changed)])
    if state is not command.state:
        text = f'{command.kind.value} {command.id} {state.value}'
        effects.notes.append(Note('command_moved', f'{text}: {outcome}' if outcome else text))
    return effects


def ended(command: Command, now: datetime, outcome: str, *, is_done: bool) -> Effects:
    """Return what ends a command: done, or refused because of `outcome`."""
    state = CommandState.DONE if is_done else CommandState.REFUSED
    return moved(command, state, now, outcome)


def control(
    command: Command,
    target: Command | None,
    shorten: Callable[[Command], Command],
    now: datetime,
) -> Effects:
    """Return what changes the target of `command`, and ends the command.

    shorten: leaves of a request only what it has begun, see `synergy.core.closure.shortened`.
    """
    if target is None or target.kind not in JOB_KINDS:
        return ended(command, now, f'there is no request {command.target!r}', is_done=False)
    if target.state not in OPEN_COMMAND_STATES:
        return ended(command, now, f'it is {target.state.value} already', is_done=False)
    outcome = str(target.id)
    match command.kind:
        case CommandKind.PAUSE:
            effects = Effects([SaveCommand(replace(target, is_paused=True))])
        case CommandKind.RESUME:
            effects = Effects([SaveCommand(replace(target, is_paused=False))])
        case _ if target.state is CommandState.RUNNING:
            why = 'all its jobs are reset already and will run; pause it, or skip them'
            return ended(command, now, why, is_done=False)
        case _ if target.state is CommandState.REQUESTED:
            effects = moved(target, CommandState.CANCELLED, now, command.by)
        case _:
            changed = shorten(target)
            effects = Effects([SaveCommand(changed)])
            outcome = f'{changed.planned_count} jobs instead of {target.planned_count}'
    effects.add(ended(command, now, outcome, is_done=True))
    return effects
