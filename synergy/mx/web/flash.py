"""What a reader has just asked for, said on the page that the change led to."""

from __future__ import annotations

from synergy.core.alert_requests import AlertRequestState
from synergy.core.commands import JOB_KINDS, Command, CommandId, CommandKind, CommandState
from synergy.core.structs import Struct
from synergy.core.users import Role
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.sentences import sentence


class Flash(Struct, frozen=True):
    """A sentence about a command, and how far it is. css: of a mark."""

    command: Command
    text: str
    css: str


def flash_of(request: RequestContext) -> Flash | None:
    """Return what the address says was asked for; None when it names no command."""
    name = request.http.args.get('asked')
    command = None if not name else request.store.command(CommandId(name[:40]))
    if command is None or command.kind in JOB_KINDS:
        return None
    verb = sentence(command)
    if command.kind is CommandKind.USER:
        return Flash(command, f'Done: {verb}.', 'ok') if request.visitor.may(Role.ADMIN) else None
    if command.kind is CommandKind.BOX:
        # The record is what is desired; whether it is so already is in the list.
        desired = f'{command.details.get("box")} is to {_desired(command)}'
        return Flash(command, f'{desired}; the page Boxes shows how far that is.', 'due')
    if command.kind is CommandKind.ALERT:
        return _of_alert(request, command, verb)
    match command.state:
        case CommandState.REFUSED:
            return Flash(command, f'Refused to {verb}: {command.outcome}', 'fail')
        case CommandState.DONE:
            return Flash(command, f'Done: {verb}.{_outcome(command)}', 'ok')
        case _:
            return Flash(command, f'Asked to {verb}; it shows here once it is done.', 'due')


def _of_alert(request: RequestContext, command: Command, verb: str) -> Flash:
    """Return how far Watch is; the record says only that it was asked."""
    asked = request.store.alert_request(command.id)
    state = AlertRequestState.DONE if asked is None else asked.state
    outcome = '' if asked is None or not asked.outcome else f' {asked.outcome}.'
    match state:
        case AlertRequestState.WAITING:
            return Flash(command, f'Asked to {verb}; it shows here once Watch has done it.', 'due')
        case AlertRequestState.REFUSED:
            return Flash(command, f'Refused to {verb}:{outcome}', 'fail')
        case AlertRequestState.DONE:
            return Flash(command, f'Done: {verb}.{outcome}', 'ok')


def _desired(command: Command) -> str:
    action = str(command.details.get('action'))
    words = {'drain': 'take no more work', 'undrain': 'take work again'}
    return words.get(action, f'{action} {command.process}')


def _outcome(command: Command) -> str:
    text = command.outcome or ''
    return f' {text}' if text and text != command.process else ''
