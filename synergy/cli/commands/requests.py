"""`launch.py requests`: what operators have asked for, how far it is; pause, resume, cancel."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import add_yes, confirm_many
from synergy.cli.console import print_json
from synergy.cli.opening import opened
from synergy.cli.tables import print_request, print_requests
from synergy.cli.tell import exit_code_of, tell
from synergy.core.commands import OPEN_COMMAND_STATES, counted
from synergy.operations.requests import KIND_BY_ACTION
from synergy.view.documents import FollowedDocument

OPEN_STATES: Final = tuple(state.value for state in OPEN_COMMAND_STATES)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'words',
        nargs='*',
        metavar='[pause|resume|cancel] ID',
        help='a request to show, or what to do with it; nothing lists the newest',
    )
    add_yes(parser)
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with opened(options) as ask:
        match options.words:
            case []:
                found = ask.requests()
                if options.json:
                    print_json(found)
                else:
                    print_requests(found)
                return ExitCode.OK
            case [action, request] if action in KIND_BY_ACTION:
                if action == 'cancel':
                    _confirm(ask.request(request), options)
                asked = ask.control_request(request, action, options.reason)
                return tell(asked, is_json=options.json)
            case [request] if request not in KIND_BY_ACTION:
                return _show(ask.request(request), is_json=options.json)
            case _:
                raise CommandError(
                    'give nothing, an ID, or pause, resume or cancel and an ID', ExitCode.USAGE
                )


def _confirm(request: FollowedDocument, options: Namespace) -> None:
    """Ask a person before many jobs are let go of."""
    if request['state'] in OPEN_STATES:
        count = request['planned_count']
        question = (
            f'cancel {request["kind"]} {request["id"]} of {request["process"]}, '
            f'{request["applied_count"]} of {counted(count)} dealt with?'
        )
        confirm_many(count, question, is_agreed=options.yes)


def _show(request: FollowedDocument, *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(request)
    else:
        print_request(request, request)
    return exit_code_of(request)


COMMAND = CliCommand(
    name='requests',
    summary='List what operators have asked for and how far it is; pause, resume or cancel one. '
    'Cancelling one drops what it has not begun; what depends on the rest still runs again.',
    example='requests pause 3f9c0a1b2d4e',
    add_arguments=_add_arguments,
    run=_run,
)
