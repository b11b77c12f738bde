"""`launch.py requests`: what operators have asked for, how far it is; pause, resume, cancel."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from synergy.cli.asking import Asking, actor, asking, new_id, tell
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.tables import print_request, print_requests
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.view.encode import encode_command, encode_progress

_LIMIT = 50
_KIND_BY_ACTION = {
    'pause': CommandKind.PAUSE,
    'resume': CommandKind.RESUME,
    'cancel': CommandKind.ABANDON,
}


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'words',
        nargs='*',
        metavar='[pause|resume|cancel] ID',
        help='a request to show, or what to do with it; nothing lists the newest',
    )
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with asking() as ask:
        match options.words:
            case []:
                return _list(ask, is_json=options.json)
            case [action, request] if action in _KIND_BY_ACTION:
                target = _known(ask, request)
                return tell(ask.ask(_control(ask, target, action, options)), is_json=options.json)
            case [request] if request not in _KIND_BY_ACTION:
                return _show(ask, _known(ask, request), is_json=options.json)
            case _:
                raise CommandError(
                    'give nothing, an ID, or pause, resume or cancel and an ID', ExitCode.USAGE
                )


def _known(ask: Asking, text: str) -> Command:
    command = ask.store.command(CommandId(text))
    if command is None:
        raise CommandError(
            f'there is no request {text!r}; ./launch.py requests lists the newest', ExitCode.UNKNOWN
        )
    return command


def _control(ask: Asking, target: Command, action: str, options: Namespace) -> Command:
    return Command(
        id=new_id(),
        kind=_KIND_BY_ACTION[action],
        process=target.process,
        start=target.start,
        end=target.end,
        target=target.id,
        actor=actor(),
        reason=options.reason,
        created_at=ask.now,
    )


def _list(ask: Asking, *, is_json: bool) -> ExitCode:
    commands = [encode_command(item) for item in ask.store.commands(tuple(CommandState), _LIMIT)]
    if is_json:
        print_json(commands)
    else:
        print_requests(commands)
    return ExitCode.OK


def _show(ask: Asking, command: Command, *, is_json: bool) -> ExitCode:
    progress = ask.store.request_progress(command.id)
    code = ExitCode.FOUND if command.state is CommandState.REFUSED else ExitCode.OK
    if is_json:
        print_json({**encode_command(command), **encode_progress(progress)})
        return code
    print_request(encode_command(command), encode_progress(progress)['jobs'])
    return code


COMMAND = CliCommand(
    name='requests',
    summary='List what operators have asked for and how far it is; pause, resume or cancel one. '
    'Cancelling one drops what it has not begun; what depends on the rest still runs again.',
    example='requests pause 3f9c0a1b2d4e',
    add_arguments=_add_arguments,
    run=_run,
)
