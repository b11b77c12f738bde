"""`launch.py dead`: units without an attempt left: list them, try them again, drop them."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import add_yes, confirm_many
from synergy.cli.console import print_json
from synergy.cli.interface import Operations
from synergy.cli.opening import opened
from synergy.cli.tables import print_dead
from synergy.cli.tell import tell
from synergy.core.dead_letters import LetterAction
from synergy.core.redaction import redacted_text
from synergy.operations.refusal import OperationRefused
from synergy.view.documents import DeadDocument


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'action',
        nargs='?',
        choices=['ls', *(action.value for action in LetterAction)],
        default='ls',
    )
    parser.add_argument('id', nargs='?', metavar='ID', help='of the unit, as ls shows it')
    parser.add_argument('--all', action='store_true', help='all dead letters')
    add_yes(parser)
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    if options.action != 'ls' and options.id is None and not options.all:
        raise CommandError('give the ID of a dead letter, or --all', ExitCode.USAGE)
    with opened(options) as ask:
        if options.action == 'ls':
            return _list(ask.dead_letters(), is_json=options.json)
        if not options.all:
            return _settle(ask, options.id, options)
        chosen = [unit['id'] for unit in ask.dead_letters()]
        question = f'{options.action} {len(chosen):,} dead letters?'
        confirm_many(len(chosen), question, is_agreed=options.yes)
        codes = [_settle_one_of(ask, uow_id, options) for uow_id in chosen]
    return ExitCode.FOUND if ExitCode.FOUND in codes else ExitCode.OK


def _list(dead: Sequence[DeadDocument], *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(dead)
    else:
        print_dead(dead)
    return ExitCode.OK


def _settle(ask: Operations, uow_id: str, options: Namespace) -> ExitCode:
    asked = ask.settle_letter(uow_id, LetterAction(options.action), options.reason)
    return tell(asked, is_json=options.json)


def _settle_one_of(ask: Operations, uow_id: str, options: Namespace) -> ExitCode:
    """Settle one of many: that it is refused, or was settled meanwhile, concerns no other."""
    try:
        return _settle(ask, uow_id, options)
    except OperationRefused as error:
        print(redacted_text(f'{uow_id}: {error}'), file=sys.stderr)
        return ExitCode.FOUND


COMMAND = CliCommand(
    name='dead',
    summary='List units without an attempt left; retry runs their jobs again, with everything that '
    'depends on them; drop takes them off the list.',
    example='dead retry 42f2a9e372fa72f7df1a68c4',
    add_arguments=_add_arguments,
    run=_run,
)
