"""`launch.py requests`: what operators have asked for, how far it is; pause, resume, cancel."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from synergy.cli import confirm
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import add_yes, confirm_many, is_person
from synergy.cli.console import print_json
from synergy.cli.interface import Operations
from synergy.cli.listing import add_limit, cut, limit_of
from synergy.cli.opening import opened
from synergy.cli.tables import print_request, print_requests
from synergy.cli.tell import exit_code_of, tell
from synergy.cli.undo_table import print_undo
from synergy.core.commands import OPEN_COMMAND_STATES, counted
from synergy.operations.requests import KIND_BY_ACTION
from synergy.view.documents import FollowedDocument
from synergy.view.undo import UndoDocument

#: In a table, the newest.
REQUESTS_SHOWN: Final = 50
OPEN_STATES: Final = tuple(state.value for state in OPEN_COMMAND_STATES)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'words',
        nargs='*',
        metavar='[pause|resume|cancel] ID',
        help='a request to show, or what to do with it; nothing lists the newest',
    )
    add_limit(parser, REQUESTS_SHOWN)
    add_yes(parser)
    parser.add_argument(
        '--dry-run', action='store_true', help='of cancel: show what it would put back'
    )
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with opened(options) as ask:
        match options.words:
            case []:
                limit = limit_of(options)
                found = cut(ask.requests(limit + 1), limit, 'requests')
                if options.json:
                    print_json(found)
                else:
                    print_requests(found)
                return ExitCode.OK
            case ['cancel', request] if options.dry_run:
                return _preview(ask.preview_cancel(request), is_json=options.json)
            case _ if options.dry_run:
                raise CommandError('--dry-run is of requests cancel ID', ExitCode.USAGE)
            case [action, request] if action in KIND_BY_ACTION:
                if action == 'cancel':
                    _confirm(ask, ask.request(request), options)
                asked = ask.control_request(request, action, options.reason)
                return tell(asked, is_json=options.json)
            case [request] if request not in KIND_BY_ACTION:
                return _show(ask.request(request), is_json=options.json)
            case _:
                raise CommandError(
                    'give nothing, an ID, or pause, resume or cancel and an ID', ExitCode.USAGE
                )


def _confirm(ask: Operations, request: FollowedDocument, options: Namespace) -> None:
    """Show a person what a cancel would put back, and ask, before many jobs are let go of."""
    count = request['planned_count']
    is_asked = count > confirm.UNASKED_MAX and not options.yes and is_person()
    if request['state'] in OPEN_STATES and is_asked:
        print_undo(ask.preview_cancel(request['id']))
        question = (
            f'cancel {request["kind"]} {request["id"]} of {request["process"]}, '
            f'{request["applied_count"]} of {counted(count)} dealt with?'
        )
        confirm_many(count, question, is_agreed=options.yes)


def _preview(undo: UndoDocument, *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(undo)
    else:
        print_undo(undo)
    return ExitCode.OK


def _show(request: FollowedDocument, *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(request)
    else:
        print_request(request, request)
    return exit_code_of(request)


COMMAND = CliCommand(
    name='requests',
    summary='List what operators have asked for and how far it is; pause, resume or cancel one. '
    'Cancelling a reprocess gives jobs that have not begun their former final state back; what has '
    'begun runs on, and what waits for that runs after it.',
    example='requests pause 3f9c0a1b2d4e',
    add_arguments=_add_arguments,
    run=_run,
)
