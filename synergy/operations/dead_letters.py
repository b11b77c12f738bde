"""Dead letters: try one again, or take it off the list.

The letter of a retry stays until the Scheduler has begun with that, in the same commit: what is
refused, here or there, leaves it where it is.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from synergy.core.commands import Command
from synergy.core.dead_letters import LETTER, LetterAction, is_settled_by, kind_of, settling
from synergy.core.freerun_record import base_of, is_freerun
from synergy.core.records import ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.operations.caller import Caller
from synergy.operations.named import NAMED_AMONG_MAX, meant_by
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.operations.submission import asked_before, submit
from synergy.ports.store import UnitReader
from synergy.view.whole import all_dead_units

ACTIONS: Final = tuple(item.value for item in LetterAction)


def known_letter(store: UnitReader, uow_id: str) -> Unit:
    """Return a dead letter by its id, or by a beginning that no other has.

    Raises OperationRefused when there is none, or when there are several.
    """
    unit = _unit(store, uow_id)
    if unit is None or unit.state is not UnitState.DEAD:
        raise _unknown(uow_id)
    return unit


def settle_letter(caller: Caller, uow_id: str, action: LetterAction) -> Command:
    """Ask for the retry of a dead letter, or for its removal from the list."""
    unit = _unit(caller.store, uow_id)
    if unit is None:
        raise _unknown(uow_id)
    command = settling(
        unit,
        action,
        command_id=caller.id_of(kind_of(unit, action), unit.id),
        actor=caller.actor,
        reason=caller.reason,
        now=caller.now,
    )
    if (known := asked_before(caller, command)) is not None:
        return known
    if unit.state is not UnitState.DEAD:
        raise _unknown(uow_id)
    if action is LetterAction.RETRY:
        check_retry(caller, unit)
    return submit(caller, command)


def check_retry(caller: Caller, unit: Unit) -> None:
    """Refuse to retry a dead letter whose process has left the context."""
    check_process(caller, unit.process, f'{unit.key}')


def check_process(caller: Caller, process: ProcessName, thing: str | None = None) -> None:
    """Refuse to retry dead letters of a process, or free run, that has left the context."""
    context = caller.context
    is_there = process in context.hierarchy.nodes
    if is_freerun(process):
        is_there = base_of(process) in {entry.name for entry in context.freeruns.values()}
    if not is_there:
        raise OperationRefused(
            RefusalKind.CONFLICT,
            f'{base_of(process)} has left the context, so {thing or process} cannot run again',
            'register it in context.py again, or drop the dead letter; it stays on the list',
            title='Its process is gone',
        )


def naming_letter(caller: Caller, command: Command, uow_id: str | None) -> Command:
    """Return a command with the dead letter that it was asked for because of, if it settles it."""
    unit = None if uow_id is None else _unit(caller.store, uow_id)
    if unit is None or not is_settled_by(command, unit):
        return command
    return replace(command, details={**command.details, LETTER: unit.id})


def _unit(store: UnitReader, uow_id: str) -> Unit | None:
    """Return a unit by its id, or a dead letter by a beginning that no other has."""
    found = store.units([UowId(uow_id)]).get(UowId(uow_id))
    if found is not None:
        return found
    letters = islice(all_dead_units(store), NAMED_AMONG_MAX)
    return meant_by(uow_id, letters, lambda unit: unit.id, 'dead letter')


def _unknown(uow_id: str) -> OperationRefused:
    return OperationRefused(
        RefusalKind.UNKNOWN,
        f'there is no dead letter {uow_id!r:.60}',
        'it was dealt with; see the list',
        in_terminal=f'there is no dead letter {uow_id!r}; ./launch.py dead ls lists them',
        listed_at='/dead',
    )
