"""How commands move on and end, and what pause, resume and abandon do to another one.

Every command that the Scheduler ends, whoever decides it, ends by `ended`, so that each end is
saved with its outcome and said in the log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from synergy.core.commands import (
    JOB_KINDS,
    OPEN_COMMAND_STATES,
    RESETTING_KINDS,
    Command,
    CommandKind,
    CommandState,
    counted,
)
from synergy.core.context_commands import ACTOR
from synergy.core.effects import Effects, InsertCommand, Note, SaveCommand
from synergy.core.journal import Cause, CauseKind
from synergy.core.structs import replace


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


def asked_by_itself(command: Command) -> Effects:
    """Return what saves a command that the Scheduler asks for itself, and says so."""
    text = f'{command.process}: {command.kind.words} {command.id} by {command.who}'
    return Effects([InsertCommand(command)], notes=[Note('command_own', text, is_warning=True)])


def ended(command: Command, now: datetime, outcome: str, *, is_done: bool) -> Effects:
    """Return what ends a command: done, or refused because of `outcome`."""
    state = CommandState.DONE if is_done else CommandState.REFUSED
    return moved(command, state, now, outcome)


def applied(command: Command, count: int, now: datetime, *, is_last: bool) -> Effects:
    """Return what is saved of a command about jobs after a batch of `count` of them."""
    command = replace(command, applied_count=command.applied_count + count)
    if not is_last:
        return moved(command, CommandState.APPLYING, now)
    if command.kind in RESETTING_KINDS:
        return moved(command, CommandState.RUNNING, now)
    return ended(command, now, counted(command.applied_count), is_done=True)


def control(
    command: Command,
    target: Command | None,
    shorten: Callable[[Command], Command],
    now: datetime,
) -> Effects:
    """Return what changes the target of `command`, and ends the command.

    shorten: leaves of a request only what it has begun, see `synergy.core.closure.shortened`.
    """
    if (why := why_uncontrolled(command, target)) is not None:
        return ended(command, now, why, is_done=False)
    assert target is not None, 'asked for above'
    outcome = str(target.id)
    match command.kind:
        case CommandKind.PAUSE:
            effects = Effects([SaveCommand(replace(target, is_paused=True))])
        case CommandKind.RESUME:
            effects = Effects([SaveCommand(replace(target, is_paused=False))])
        case _ if target.state is CommandState.REQUESTED:
            effects = moved(target, CommandState.CANCELLED, now, command.by)
        case _:
            changed = shorten(target)
            effects = Effects([SaveCommand(changed)])
            outcome = f'{changed.planned_count} jobs instead of {target.planned_count}'
    effects.add(ended(command, now, outcome, is_done=True))
    return effects


def why_uncontrolled(command: Command, target: Command | None) -> str | None:
    """Return why nothing can be done to the target of a command; None: something can."""
    if target is None or target.kind not in JOB_KINDS:
        return f'there is no request {command.target!r}'
    if target.state not in OPEN_COMMAND_STATES:
        return f'it is {target.state.value} already'
    return None


def undone(command: Command, left: Command, now: datetime) -> Effects:
    """Return what ends a command that has taken a request back, as far as that could be.

    left: what is left of the request; without any job it is cancelled.
    """
    told = f'puts back {counted(command.applied_count)}, lets {left.applied_count:,} run'
    if left.planned_count:
        more = left.planned_count - left.applied_count
        told += f', and resets {more:,} more that wait for them' if more else ''
        effects = Effects([SaveCommand(replace(left, is_paused=False))])
    else:
        effects = moved(
            replace(left, is_paused=False),
            CommandState.CANCELLED,
            now,
            f'{command.by}; puts back {counted(command.applied_count)}',
        )
    effects.add(ended(command, now, told, is_done=True))
    return effects


def cause_of(command: Command) -> Cause:
    """Return what the journal names as the cause of what a command does to jobs."""
    is_own = command.actor == ACTOR and command.kind is CommandKind.REPROCESS
    return Cause(CauseKind.CONTEXT if is_own else CauseKind.COMMAND, command.id)
