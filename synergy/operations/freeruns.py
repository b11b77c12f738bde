"""Free runs: define, switch, run, cancel and remove cron-like entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from synergy.core.commands import Command, CommandKind
from synergy.core.freerun_definition import FreerunRefused, freerun_of
from synergy.core.freerun_record import Freerun, base_of
from synergy.core.nearest import nearest
from synergy.core.records import Json, ProcessName
from synergy.operations.caller import Caller
from synergy.operations.code_arguments import allowed
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.secrets import refuse_secrets
from synergy.operations.submission import asked_before, command_for, submit
from synergy.view.freeruns import FreerunView, freeruns

ACTIONS: Final = ('on', 'off', 'run', 'cancel', 'remove')


def known_freerun(caller: Caller, name: str) -> FreerunView:
    """Return an entry; raise OperationRefused when there is none of that name."""
    found = {view.freerun.name: view for view in _views(caller)}
    view = found.get(ProcessName(name))
    if view is None:
        hint = nearest(name, found)
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'there is no free run {name!r:.80}{hint}',
            'choose one from the list of free runs',
            in_terminal=f'there is no free run {name!r}{hint}; ./launch.py freerun ls shows all',
            listed_at='/freeruns',
        )
    return view


def defined(caller: Caller, name: str, details: Mapping[str, Any]) -> Freerun:
    """Return what an entry would be; raise OperationRefused for what the Scheduler would refuse.

    details: as of `synergy.core.freerun_definition.freerun_of`. IS_NEW: it must not exist yet.
    """
    before = {view.freerun.name: view.freerun for view in _views(caller)}.get(ProcessName(name))
    try:
        return freerun_of(ProcessName(name), details, processes_of(caller), before, caller.now)
    except FreerunRefused as error:
        raise malformed(
            str(error), 'correct the definition; nothing was changed', str(error)
        ) from error


def processes_of(caller: Caller) -> Sequence[ProcessName]:
    """Return the processes that can have free runs."""
    return list(dict.fromkeys(entry.name for entry in caller.context.freeruns.values()))


def refuse_existing(caller: Caller, name: str) -> None:
    """Refuse to make an entry of a name that is taken."""
    if any(view.freerun.name == name for view in _views(caller)):
        raise OperationRefused(
            RefusalKind.CONFLICT,
            f'{name} exists already',
            'edit it, or choose a name',
            in_terminal=f'{name} exists already; change it with freerun edit',
        )


def save_freerun(caller: Caller, name: str, details: Mapping[str, Json]) -> Command:
    """Ask for an entry as `details` say; what they do not say stays. IS_NEW: make, not change."""
    command = command_for(caller, CommandKind.FREERUN_SAVE, name, details)
    if (known := asked_before(caller, command)) is not None:
        return known
    defined(caller, name, details)
    refuse_secrets(caller, base_of(ProcessName(name)), details.get('arguments'))
    return submit(caller, allowed(caller, command))


def switch_freerun(caller: Caller, name: str, action: str, uow_id: str | None = None) -> Command:
    """Switch an entry on or off, run it now, cancel what runs of it, or remove it.

    action: of ACTIONS. uow_id: cancel this run alone.
    """
    kind, details = _meant(action, uow_id)
    command = command_for(caller, kind, name, details)
    if (known := asked_before(caller, command)) is not None:
        return known
    # Only now: what was asked for before may have removed it.
    known_freerun(caller, name)
    return submit(caller, command)


def _meant(action: str, uow_id: str | None) -> tuple[CommandKind, dict[str, Json]]:
    match action:
        case 'on' | 'off':
            return CommandKind.FREERUN_SAVE, {'is_on': action == 'on'}
        case 'run':
            return CommandKind.FREERUN_RUN, {}
        case 'cancel':
            return CommandKind.FREERUN_CANCEL, {} if uow_id is None else {'uow': uow_id}
        case 'remove':
            return CommandKind.FREERUN_REMOVE, {}
        case _:
            raise OperationRefused(
                RefusalKind.UNKNOWN,
                f'{action!r:.40} cannot be done to a free run',
                f'one of {", ".join(ACTIONS)}',
            )


def _views(caller: Caller) -> Sequence[FreerunView]:
    return freeruns(caller.context, caller.store, caller.now)
