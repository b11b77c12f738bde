"""What is asked for about a dead letter, whoever asks; and when it goes off the list.

To retry one is one command: it runs the job, or the free run, again and names the letter. The
Scheduler takes the letter off the list in the commit in which it begins to carry that out. What is
refused leaves the letter where it is.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from synergy.core.commands import JOB_KINDS, Command, CommandId, CommandKind
from synergy.core.effects import MoveUnit
from synergy.core.freerun_record import is_freerun
from synergy.core.records import Unit, UowId
from synergy.core.states import UnitState

#: Of a command that runs something again: the dead letter that it was asked for because of.
LETTER: Final = 'dead'


class LetterAction(StrEnum):
    """What can be done with a dead letter."""

    RETRY = 'retry'
    DROP = 'drop'


def kind_of(unit: Unit, action: LetterAction) -> CommandKind:
    """Return the kind of command that settles a dead letter."""
    if action is LetterAction.DROP:
        return CommandKind.DROP
    return CommandKind.FREERUN_RUN if is_freerun(unit.process) else CommandKind.REPROCESS


def settling(
    unit: Unit, action: LetterAction, *, command_id: CommandId, actor: str, reason: str | None,
    now: datetime,
) -> Command:  # fmt: skip
    """Return the command that settles a dead letter."""
    kind = kind_of(unit, action)
    return Command(
        id=command_id,
        kind=kind,
        process=unit.process,
        start=unit.timeperiod,
        end=unit.timeperiod.shift(1),
        details={'uow' if kind is CommandKind.DROP else LETTER: unit.id},
        actor=actor,
        reason=reason or f'{action.value} of dead letter {unit.id}',
        created_at=now,
    )


def letter_of(command: Command) -> UowId | None:
    """Return the dead letter that is settled once a command is carried out."""
    found = command.details.get(LETTER)
    is_run = command.kind in (CommandKind.REPROCESS, CommandKind.FREERUN_RUN)
    return UowId(found) if is_run and isinstance(found, str) else None


def is_settled_by(command: Command, unit: Unit) -> bool:
    """Tell whether a unit is a dead letter, and of what a command runs again."""
    is_within = command.kind not in JOB_KINDS or command.start <= unit.timeperiod < command.end
    return unit.state is UnitState.DEAD and unit.process == command.process and is_within


def settled(command: Command, letter: Unit | None, now: datetime) -> list[MoveUnit]:
    """Return what takes the letter off the list because of which a command was asked for."""
    if letter is None or not is_settled_by(command, letter):
        return []
    return [dropped(letter, command, now)]


def dropped(unit: Unit, command: Command, now: datetime) -> MoveUnit:
    """Return what takes a dead letter off the list."""
    return MoveUnit(
        uow_id=unit.id,
        from_state=UnitState.DEAD,
        from_fence=unit.fence,
        to_state=UnitState.CANCELED,
        at=now,
        error=f'{unit.error}; {command.by}',
    )


def undropped(error: str | None) -> str | None:
    """Return the error of a unit without who has dropped its letter, as `dropped` writes that."""
    before, mark, _ = (error or '').rpartition(f'; {CommandKind.DROP.words} by ')
    return before if mark else error
