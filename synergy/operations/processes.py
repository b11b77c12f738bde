"""Managed processes at run time: on, off, another trigger, catching up, a look
right now, workers anew."""

from __future__ import annotations

from typing import Final

from synergy.core.commands import Command, CommandKind
from synergy.core.lanes import CatchUp
from synergy.core.node import Node
from synergy.core.overrides import OverrideRefused, override_of
from synergy.core.records import Json
from synergy.operations.boxes import restart_everywhere
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.submission import asked_before, command_for, submit

#: What to give instead of a trigger to follow context.py again.
DEFAULT: Final = 'default'
#: How history may be caught up, as it is asked for.
CATCH_UPS: Final = ', '.join([*CatchUp, DEFAULT])
ACTIONS: Final = ('on', 'off', 'trigger', 'catch-up', 'default', 'run', 'restart')


def change_process(caller: Caller, node: Node, action: str, value: str | None = None) -> Command:
    """Ask for a change of a process, or a look at it; refuse what the Scheduler would refuse.

    action: of ACTIONS. value: the trigger, or how to catch up; DEFAULT: as in context.py.
    """
    process = node.process
    if action == 'restart':
        # Its workers, on all boxes: what the Supervisors do, not the Scheduler.
        return restart_everywhere(caller, process.name)
    kind, details = _meant(action, value)
    command = command_for(caller, kind, process.name, details)
    if (known := asked_before(caller, command)) is not None:
        return known
    if kind is CommandKind.PROCESS_SAVE:
        try:
            override_of(node, details, process.override, caller.actor, caller.now)
        except OverrideRefused as error:
            raise malformed(str(error), 'correct it; nothing was changed', str(error)) from error
    return submit(caller, command)


def _meant(action: str, value: str | None) -> tuple[CommandKind, dict[str, Json]]:
    match action:
        case 'on' | 'off':
            return CommandKind.PROCESS_SAVE, {'is_on': action == 'on'}
        case 'trigger':
            if value is None:
                raise malformed(
                    'trigger is missing',
                    'give it',
                    f'give the trigger, as in "every 15 min", or {DEFAULT}',
                )
            return CommandKind.PROCESS_SAVE, {'trigger': None if value == DEFAULT else value}
        case 'catch-up':
            if value is None:
                raise malformed('catch_up is missing', 'give it', f'give one of {CATCH_UPS}')
            return CommandKind.PROCESS_SAVE, {'catch_up': None if value == DEFAULT else value}
        case 'default':
            return CommandKind.PROCESS_SAVE, {'is_on': None, 'trigger': None, 'catch_up': None}
        case 'run':
            return CommandKind.PROCESS_RUN, {}
        case _:
            raise OperationRefused(
                RefusalKind.UNKNOWN,
                f'{action!r:.40} cannot be done to a process',
                f'one of {", ".join(ACTIONS)}',
            )
