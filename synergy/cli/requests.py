"""`launch.py requests`: what operators have asked for, how far it is; pause, resume, cancel."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from synergy.cli.asking import Asking, actor, asking, new_id, tell
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.core.commands import JOB_KINDS, Command, CommandId, CommandKind, CommandState
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
    commands = ask.store.commands(tuple(CommandState), _LIMIT)
    if is_json:
        print_json([encode_command(command) for command in commands])
        return ExitCode.OK
    print_table(
        ('id', 'what', 'process', 'from', 'to', 'by', 'state', 'dealt with', 'of', 'outcome'),
        [
            (
                command.id,
                command.kind.value,
                command.process,
                str(command.start) if command.kind in JOB_KINDS else '',
                str(command.end) if command.kind in JOB_KINDS else '',
                command.actor,
                command.state.value + (' (paused)' if command.is_paused else ''),
                command.applied_count,
                command.planned_count,
                command.outcome,
            )
            for command in commands
        ],
        empty='nothing was asked for yet; ./launch.py reprocess, skip and cancel do',
    )
    return ExitCode.OK


def _show(ask: Asking, command: Command, *, is_json: bool) -> ExitCode:
    progress = ask.store.request_progress(command.id)
    if is_json:
        print_json({**encode_command(command), **encode_progress(progress)})
        return ExitCode.OK
    code = tell(replace(command), is_json=False)
    print(f'asked for by {command.actor} at {command.created_at:%Y-%m-%d %H:%M:%S} UTC')
    if command.reason:
        print(f'because: {command.reason}')
    if command.is_paused:
        print(f'paused; go on with ./launch.py requests resume {command.id}')
    for state, count in progress.items():
        print(f'    {count:>8} {state.value}')
    return code


COMMAND = CliCommand(
    name='requests',
    summary='List what operators have asked for and how far it is; pause, resume or cancel one. '
    'Cancelling one drops what it has not begun; what depends on the rest still runs again.',
    example='requests pause 3f9c0a1b2d4e',
    add_arguments=_add_arguments,
    run=_run,
)
