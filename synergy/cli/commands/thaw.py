"""`launch.py thaw`: list what is frozen, or end freezes before their time."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.opening import add_chosen_name, opened
from synergy.cli.tell import tell
from synergy.view.documents import FreezeDocument


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('id', nargs='?', metavar='ID', help='the freeze, or how its id begins')
    parser.add_argument('--all', action='store_true', help='end all freezes that hold')
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    add_chosen_name(parser, 'of one freeze: ')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    if options.id is not None and options.all:
        raise CommandError('give an id or --all', ExitCode.USAGE)
    if options.id is None and options.chosen_name is not None:
        raise CommandError('--name is of one freeze; give its id', ExitCode.USAGE)
    with opened(options) as ask:
        if options.id is not None:
            return tell(ask.thaw(options.id, options.reason), is_json=options.json)
        found = ask.freezes()
        if not options.all:
            return _show(found, is_json=options.json)
        codes = [tell(ask.thaw(item['id'], options.reason), is_json=options.json) for item in found]
        if not codes and not options.json:
            print('nothing is frozen')
        return max(codes, default=ExitCode.OK)


def _show(items: Sequence[FreezeDocument], *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(items)
    elif not items:
        print('nothing is frozen')
    else:
        print_table(
            ('id', 'of what', 'since', 'until', 'by', 'reason'),
            [
                (
                    item['id'],
                    'everything' if item['scope'] == 'all' else f'{item["scope"]} {item["name"]}',
                    (item['since'] or '')[:16],
                    (item['until'] or '')[:16],
                    item['by'],
                    item['reason'] or '',
                )
                for item in items
            ],
        )
    return ExitCode.OK


COMMAND = CliCommand(
    name='thaw',
    summary='List the freezes that hold, or end one of them, or all, before their time; what is '
    'due starts then.',
    example='thaw --all --reason "the migration is done"',
    add_arguments=_add_arguments,
    run=_run,
)
