"""What a command asks for, as a sentence without its subject: `start LiveHourly on dev`.

One table for the audit, the page of a request and what a page says after a change. What a sentence
leaves out of a command's details is told by `unsaid`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.core.commands import JOB_KINDS, Command, CommandKind, Only
from synergy.core.freezes import EVERYTHING
from synergy.core.letter_groups import error_of
from synergy.core.records import Json
from synergy.core.redaction import redacted_text
from synergy.core.request_options import OPTIONS

#: What kinds are called where one is chosen.
KIND_NAMES: Final[Mapping[CommandKind, str]] = {
    CommandKind.REPROCESS: 'reprocess',
    CommandKind.SKIP: 'skip',
    CommandKind.CANCEL: 'cancel runs',
    CommandKind.MARK_DONE: 'mark as done',
    CommandKind.PAUSE: 'pause a request',
    CommandKind.RESUME: 'resume a request',
    CommandKind.ABANDON: 'cancel a request',
    CommandKind.DROP: 'drop a dead letter',
    CommandKind.FREERUN_SAVE: 'save a free run',
    CommandKind.FREERUN_REMOVE: 'remove a free run',
    CommandKind.FREERUN_RUN: 'run a free run now',
    CommandKind.FREERUN_CANCEL: 'cancel a free run',
    CommandKind.PROCESS_SAVE: 'change a process',
    CommandKind.PROCESS_RUN: 'run a process now',
    CommandKind.POOL_SAVE: 'change a pool',
    CommandKind.RECUT: 'recut a process',
    CommandKind.BOX: 'boxes and workers',
    CommandKind.USER: 'users and tokens',
    CommandKind.CONTEXT: 'changed context',
    CommandKind.FREEZE: 'freeze',
    CommandKind.THAW: 'thaw',
    CommandKind.ALERT: 'alerts',
}

_SENTENCES: Final[Mapping[CommandKind, str]] = {
    CommandKind.PAUSE: 'pause request {target} about {process}',
    CommandKind.RESUME: 'resume request {target} about {process}',
    CommandKind.ABANDON: 'cancel request {target} about {process}',
    CommandKind.DROP: 'drop the dead letter of {process} {start}',
    CommandKind.FREERUN_REMOVE: 'remove {process}',
    CommandKind.FREERUN_RUN: 'run {process} now',
    CommandKind.FREERUN_CANCEL: 'cancel what runs of {process}',
    CommandKind.PROCESS_RUN: 'look at {process} now',
    CommandKind.POOL_SAVE: 'change the size of pool {process}',
    CommandKind.RECUT: 'recut {process}: archive its history, begin at {start}',
    CommandKind.CONTEXT: 'go by a changed context.py, which concerns {process} from {start} on',
}
#: By the action of `synergy.operations.users`; passwd and rm are in rows of earlier versions.
_OF_USERS: Final = {
    'add': 'add user {name} as {role}',
    'role': 'make user {name} {role}',
    'password': 'change the password of user {name}',
    'passwd': 'change the password of user {name}',
    'remove': 'remove user {name}',
    'rm': 'remove user {name}',
    'token': 'make a token for user {name}',
    'revoke': 'revoke token {name}',
}
#: By the action of `synergy.operations.alerts`.
_OF_ALERTS: Final = {
    'ack': 'acknowledge {name}',
    'mute': 'mute alert {name} until {until} UTC',
    'unmute': 'unmute alert {name}',
    'test': 'test alert {name}',
}


def sentence(command: Command) -> str:
    """Return what a command asks for; secrets in it are not masked."""
    if command.kind in JOB_KINDS:
        which = '' if command.only is Only.ALL else f', only {command.only.value}'
        nested = ' with children' if command.with_children else ''
        anyway = ' anyway' if command.is_anyway else ''
        what = f'{command.kind.value} {command.process} {command.said}{which}{nested}{anyway}'
        return f'{what}{of_kind(command)}'
    match command.kind:
        case CommandKind.BOX:
            return _of_box(command)
        case CommandKind.USER:
            return _of_user(command.details)
        case CommandKind.FREEZE:
            return _of_freeze(command)
        case CommandKind.THAW:
            return f'thaw {_frozen(command.process)}'
        case CommandKind.ALERT:
            return _of_alert(command)
        case CommandKind.DROP if error_of(command) is not None:
            return f'drop the dead letters of {command.process} {command.said}{of_kind(command)}'
        case CommandKind.FREERUN_CANCEL if 'uow' in command.details:
            return f'cancel one run of {command.process}'
        case kind if kind in _SENTENCES:
            return _SENTENCES[kind].format(
                target=(command.target or 'unknown')[:6],
                process=command.process,
                start=command.start,
            )
        case _:
            return _of_save(command)


def of_kind(command: Command) -> str:
    """Return which error a command is about, if it is about one."""
    error = error_of(command)
    return '' if error is None else f' that failed with {redacted_text(error) or "no error"!r:.120}'


def unsaid(command: Command) -> Mapping[str, Json]:
    """Return the details of a command that its sentence leaves out."""
    is_save = command.kind in (CommandKind.FREERUN_SAVE, CommandKind.PROCESS_SAVE)
    is_whole = is_save and _of_save(command) == f'save {command.process}'
    is_whole |= command.kind is CommandKind.POOL_SAVE
    return {
        name: value
        for name, value in command.details.items()
        if is_whole or name in ('uow', 'label', 'days', *OPTIONS)
    }


def _of_box(command: Command) -> str:
    action, box = str(command.details.get('action')), str(command.details.get('box'))
    if command.process != box:
        return f'{action} {command.process} on {box}'
    return f'let {box} take work again' if action == 'undrain' else f'{action} {box}'


def _of_alert(command: Command) -> str:
    action = str(command.details.get('action'))
    text = _OF_ALERTS.get(action, f'{action} alert {{name}}')
    until = str(command.details.get('until'))[:16].replace('T', ' ')
    return text.format(name=command.process, until=until)


def _of_freeze(command: Command) -> str:
    until = str(command.details.get('until'))[:16].replace('T', ' ')
    return f'freeze {_frozen(command.process)} until {until} UTC'


def _frozen(name: str) -> str:
    return 'everything' if name == EVERYTHING else name


def _of_user(details: Mapping[str, Json]) -> str:
    if 'revoked' in details:
        # A row of an earlier version.
        return f'revoke token {details["revoked"]}'
    text = _OF_USERS.get(str(details.get('action')), 'change user {name}')
    return text.format(name=details.get('name'), role=details.get('role') or 'viewer')


def _of_save(command: Command) -> str:
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
