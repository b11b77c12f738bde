"""Pause, resume and cancel what operators have asked for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from synergy.core.commands import (
    JOB_KINDS,
    OPEN_COMMAND_STATES,
    Command,
    CommandId,
    CommandKind,
    CommandState,
)
from synergy.core.timetable import Timetable
from synergy.operations.caller import Caller
from synergy.operations.named import NAMED_AMONG_MAX, meant_by
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.operations.submission import command_for, submit
from synergy.ports.store import CommandReader, Store
from synergy.view.undo import UndoPreview, undo_preview
from synergy.view.whole import all_commands

KIND_BY_ACTION: Final[Mapping[str, CommandKind]] = {
    'pause': CommandKind.PAUSE,
    'resume': CommandKind.RESUME,
    'cancel': CommandKind.ABANDON,
}


def known_request(store: CommandReader, request_id: str) -> Command:
    """Return a command by its id, or by a beginning that no other has.

    Raises OperationRefused when there is none, or when there are several.
    """
    command = store.command(CommandId(request_id))
    if command is None:
        everything = islice(all_commands(store, tuple(CommandState)), NAMED_AMONG_MAX)
        command = meant_by(request_id, everything, lambda item: item.id, 'request')
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


def preview_cancel(store: Store, timetable: Timetable, request_id: str) -> UndoPreview:
    """Return what cancelling a request would do; raise OperationRefused when nothing could be."""
    target = known_request(store, request_id)
    if target.kind not in JOB_KINDS or target.state not in OPEN_COMMAND_STATES:
        what = 'is not about jobs' if target.kind not in JOB_KINDS else 'has ended'
        raise OperationRefused(
            RefusalKind.CONFLICT,
            f'request {target.id} {what} ({target.kind.value}, {target.state.value})',
            'there is nothing to cancel; nothing was changed',
        )
    return undo_preview(timetable, target)


def control_request(caller: Caller, request_id: str, action: str) -> Command:
    """Pause, resume or cancel a request. action: of KIND_BY_ACTION."""
    target = known_request(caller.store, request_id)
    kind = KIND_BY_ACTION[action]
    return submit(caller, command_for(caller, kind, target.process, target=target.id))
