"""Arguments that are code are an administrator's: the one place where every door is checked.

Who writes the arguments of a process that runs commands runs commands as the user of its workers,
and from there does whatever an administrator does. Operators switch, time and run such entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.conf.model import Context
from synergy.core.commands import Command, CommandKind
from synergy.core.freerun_record import base_of
from synergy.core.structs import replace
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.view.freeruns import freeruns

#: Arguments by these names are taken for code wherever context.py does not say otherwise.
CODE_NAMES: Final = frozenset({'command', 'shell', 'environment'})


def allowed(caller: Caller, command: Command) -> Command:
    """Return a command as its caller may give it; raise OperationRefused.

    Arguments that are sent as they are, as a form sends them, change nothing and are left out: they
    might bring back what an administrator has changed meanwhile.
    """
    if command.kind is not CommandKind.FREERUN_SAVE or 'arguments' not in command.details:
        return command
    if caller.is_admin:
        return command
    views = freeruns(caller.context, caller.store, caller.now)
    known = next((view.freerun for view in views if view.freerun.name == command.process), None)
    before = {} if known is None else dict(known.arguments)
    wanted = command.details['arguments']
    details = {name: value for name, value in command.details.items() if name != 'arguments'}
    process = base_of(command.process)
    is_code = any(why_admins_only(caller.context, process, part) for part in (before, wanted))
    if wanted == before:
        return replace(command, details=details) if is_code else command
    if is_code:
        raise OperationRefused(
            RefusalKind.FORBIDDEN,
            f'{caller.actor.rpartition("@")[0]} is not an admin; the arguments of {process} are '
            'code that its worker runs, so changing them needs the role admin',
            'ask an admin, or leave the arguments as they are; where they are plain data, say '
            'arguments_are_code=False for it in context.py. Nothing was changed',
        )
    return command


def why_admins_only(context: Context, process: str, arguments: object = None) -> str | None:
    """Return why an admin alone may write the arguments of a process; None: operators may."""
    said = [e.arguments_are_code for e in context.freeruns.values() if e.name == process]
    if not said or True in said:
        return f'{process} runs what its arguments say; only an admin may change them.'
    names = CODE_NAMES & set(arguments if isinstance(arguments, Mapping) else ())
    if names and not all(is_code is False for is_code in said):
        return f'{min(names)} may be code; only an admin may change these arguments.'
    return None
