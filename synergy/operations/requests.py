"""Pause, resume and cancel what operators have asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.operations.submission import command_for, submit
from synergy.ports.store import Store

KIND_BY_ACTION: Final[Mapping[str, CommandKind]] = {
    'pause': CommandKind.PAUSE,
    'resume': CommandKind.RESUME,
    'cancel': CommandKind.ABANDON,
}


def known_request(store: Store, request_id: str) -> Command:
    """Return a command; raise OperationRefused when there is none of that id."""
    command = store.command(CommandId(request_id))
    if command is None:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'there is no request {request_id!r:.80}',
            'choose one from the list of requests',
            in_terminal=f'there is no request {request_id!r}; ./launch.py requests lists the '
            'newest',
            listed_at='/requests',
        )
    return command


def control_request(caller: Caller, request_id: str, action: str) -> Command:
    """Pause, resume or cancel a request. action: of KIND_BY_ACTION."""
    target = known_request(caller.store, request_id)
    kind = KIND_BY_ACTION[action]
    return submit(caller, command_for(caller, kind, target.process, target=target.id))
