"""What a reader has just asked for, said on the page that the change led to."""

from __future__ import annotations

from dataclasses import dataclass

from synergy.core.commands import JOB_KINDS, Command, CommandId, CommandKind, CommandState
from synergy.core.users import Role
from synergy.mx.ask import Ask

_VERBS = {
    CommandKind.PAUSE: 'pause the request about {}',
    CommandKind.RESUME: 'resume the request about {}',
    CommandKind.ABANDON: 'cancel the rest of the request about {}',
    CommandKind.DROP: 'drop the dead letter of {}',
    CommandKind.FREERUN_REMOVE: 'remove {}',
    CommandKind.FREERUN_RUN: 'run {} now',
    CommandKind.FREERUN_CANCEL: 'cancel what runs of {}',
    CommandKind.PROCESS_RUN: 'look at {} now',
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A sentence about a command, and how far it is. css: of a mark."""

    command: Command
    text: str
    css: str


def asked_of(ask: Ask) -> Asked | None:
    """Return what the address says was asked for; None when it names no command."""
    name = ask.request.args.get('asked')
    command = None if not name else ask.store.command(CommandId(name[:40]))
    if command is None or command.kind in JOB_KINDS:
        return None
    if command.kind is CommandKind.USER:
        is_theirs = ask.visitor.may(Role.ADMIN)
        return Asked(command, f'Done: {_said_of_user(command)}.', 'ok') if is_theirs else None
    verb = _verb(command)
    if command.kind is CommandKind.BOX:
        # The record is the wish; whether it has come true is in the list.
        text = f'{command.details["box"]} is to {verb}; the page Boxes shows how far that is.'
        return Asked(command, text, 'due')
    match command.state:
        case CommandState.REFUSED:
            return Asked(command, f'Refused to {verb}: {command.outcome}', 'fail')
        case CommandState.DONE:
            return Asked(command, f'Done: {verb}.{_outcome(command)}', 'ok')
        case _:
            return Asked(command, f'Asked to {verb}; it shows here once it is done.', 'due')


def _verb(command: Command) -> str:
    if command.kind is CommandKind.FREERUN_CANCEL and 'uow' in command.details:
        return f'cancel one run of {command.process}'
    if command.kind in _VERBS:
        return _VERBS[command.kind].format(command.process)
    if command.kind is CommandKind.BOX:
        action = str(command.details['action'])
        alone = action in ('drain', 'undrain')
        words = {'drain': 'take no more work', 'undrain': 'take work again'}
        return words[action] if alone else f'{action} {command.process}'
    match dict(command.details):
        case {'is_on': True, **rest} if not rest:
            return f'switch {command.process} on'
        case {'is_on': False, **rest} if not rest:
            return f'switch {command.process} off'
        case {'is_on': None}:
            return f'let {command.process} go by context.py'
        case {'trigger': trigger, **rest} if not rest:
            return f'change the trigger of {command.process} to {trigger or "that of context.py"}'
        case _:
            return f'save {command.process}'


def _said_of_user(command: Command) -> str:
    match dict(command.details):
        case {'revoked': token}:
            return f'the token {token} is revoked'
        case {'action': 'add', 'name': name}:
            return f'{name} may log in'
        case {'action': 'remove', 'name': name}:
            return f'{name} is removed'
        case {'action': action, 'name': name}:
            return f'the {action} of {name} is another one'
        case _:
            return 'users and tokens are changed'


def _outcome(command: Command) -> str:
    text = command.outcome or ''
    return f' {text}' if text and text != command.process else ''
