"""`launch.py dead`: units without an attempt left: list them, try them again, drop them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from synergy.cli.asking import Asking, actor, asking, new_id, tell
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.tables import print_dead
from synergy.core.dead_letters import LetterAction, settling
from synergy.core.records import Unit
from synergy.view.encode import encode_dead

_LIMIT = 1000


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'action',
        nargs='?',
        choices=['ls', *(action.value for action in LetterAction)],
        default='ls',
    )
    parser.add_argument('id', nargs='?', metavar='ID', help='of the unit, as ls shows it')
    parser.add_argument('--all', action='store_true', help='all dead letters')
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with asking() as ask:
        dead = ask.store.dead_units(_LIMIT)
        if options.action == 'ls':
            return _list(dead, is_json=options.json)
        chosen = dead if options.all else [unit for unit in dead if unit.id == options.id]
        if not chosen:
            raise CommandError(
                f'there is no dead letter {options.id!r}; ./launch.py dead ls lists them'
                if options.id
                else 'give the ID of a dead letter, or --all',
                ExitCode.UNKNOWN if options.id else ExitCode.USAGE,
            )
        codes = [_settle(ask, unit, options) for unit in chosen]
    return ExitCode.FOUND if ExitCode.FOUND in codes else ExitCode.OK


def _list(dead: Sequence[Unit], *, is_json: bool) -> ExitCode:
    found = [encode_dead(unit) for unit in dead]
    if is_json:
        print_json(found)
        return ExitCode.OK
    print_dead(found)
    return ExitCode.OK


def _settle(ask: Asking, unit: Unit, options: Namespace) -> ExitCode:
    command = settling(
        unit,
        LetterAction(options.action),
        command_id=new_id(),
        actor=actor(),
        reason=options.reason,
        now=ask.runtime.clock.now(),
    )
    return tell(ask.ask(command), is_json=options.json)


COMMAND = CliCommand(
    name='dead',
    summary='List units without an attempt left; retry runs their jobs again, with everything that '
    'depends on them; drop takes them off the list.',
    example='dead retry 42f2a9e372fa72f7df1a68c4',
    add_arguments=_add_arguments,
    run=_run,
)
