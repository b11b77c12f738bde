"""`launch.py recut P T`: let a process whose level, zone or week start has changed begin anew."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import redirect_stdout

from synergy.cli.arguments import add_job
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import confirm, is_person
from synergy.cli.console import print_json
from synergy.cli.interface import RecutWanted
from synergy.cli.opening import opened
from synergy.cli.tell import exit_code_of, tell
from synergy.core.structs import replace
from synergy.view.documents import CommandDocument
from synergy.view.recut import RecutDocument, TreeRecutDocument


def _add_arguments(parser: ArgumentParser) -> None:
    add_job(parser)
    parser.add_argument(
        '--tree',
        action='store_true',
        help='P is a tree: all of its processes that need it, each from its interval in which T '
        'begins',
    )
    parser.add_argument('--dry-run', action='store_true', help='show what would be done')
    parser.add_argument(
        '--yes', action='store_true', help='do not ask; without it, a script is refused'
    )
    parser.add_argument('--reason', metavar='R', help='why, for the audit; needed')
    parser.add_argument('--name', metavar='ID', help='asking again by the same name does nothing')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    wanted = RecutWanted(
        process=options.process,
        timeperiod=options.timeperiod,
        reason=options.reason,
        name=options.name,
    )
    if not options.dry_run and not (options.reason or '').strip():
        raise CommandError('give --reason, why its history is archived', ExitCode.USAGE)
    with opened(options) as ask:
        preview = ask.preview_tree_recut if options.tree else ask.preview_recut
        if options.dry_run:
            return _show(preview(wanted), is_json=options.json)
        if not options.yes:
            shown = preview(wanted)
            # JSON is alone on stdout.
            with redirect_stdout(sys.stderr if options.json else sys.stdout):
                _show(shown, is_json=False)
            if not is_person():
                raise CommandError(
                    'nobody is there to ask, and a recut cannot be taken back; give --yes',
                    ExitCode.USAGE,
                )
            what = 'the tree ' if options.tree else ''
            confirm(f'\nrecut {what}{wanted.process} from {wanted.timeperiod}?')
            wanted = replace(wanted, plan_hash=shown['plan_hash'])
        if not options.tree:
            return tell(ask.recut(wanted), is_json=options.json)
        return _tell_all(ask.recut_tree(wanted), is_json=options.json)


def _tell_all(asked: Sequence[CommandDocument], *, is_json: bool) -> ExitCode:
    """Print how each of several requests stands; one that is refused is the news."""
    if is_json:
        print_json({'requests': list(asked)})
        return max(map(exit_code_of, asked))
    return max([tell(item, is_json=False) for item in asked])


def _show(shown: RecutDocument | TreeRecutDocument, *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(shown)
    else:
        print(*shown['says'], sep='\n')
    return ExitCode.OK


COMMAND = CliCommand(
    name='recut',
    summary='Let a process whose level, time zone or week start has changed in context.py keep its '
    'name: its history is archived as it is, and intervals by the new definition begin at T. With '
    '--tree all processes of the tree P that need it. Shows all of that first.',
    example='recut FlightDaily 20130201 --reason "days of Berlin from February on" --dry-run',
    add_arguments=_add_arguments,
    run=_run,
)
