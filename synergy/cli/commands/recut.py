"""`launch.py recut P T`: let a process whose level, zone or week start has changed begin anew."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from contextlib import redirect_stdout

from synergy.cli.arguments import add_job
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import confirm, is_person
from synergy.cli.console import print_json
from synergy.cli.interface import RecutWanted
from synergy.cli.opening import opened
from synergy.cli.tell import tell
from synergy.core.structs import replace
from synergy.view.recut import RecutDocument


def _add_arguments(parser: ArgumentParser) -> None:
    add_job(parser)
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
        if options.dry_run:
            return _show(ask.preview_recut(wanted), is_json=options.json)
        if not options.yes:
            shown = ask.preview_recut(wanted)
            # JSON is alone on stdout.
            with redirect_stdout(sys.stderr if options.json else sys.stdout):
                _show(shown, is_json=False)
            if not is_person():
                raise CommandError(
                    'nobody is there to ask, and a recut cannot be taken back; give --yes',
                    ExitCode.USAGE,
                )
            confirm(f'\nrecut {wanted.process} from {shown["start"]}?')
            wanted = replace(wanted, plan_hash=shown['plan_hash'])
        return tell(ask.recut(wanted), is_json=options.json)


def _show(shown: RecutDocument, *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(shown)
    else:
        print(*shown['says'], sep='\n')
    return ExitCode.OK


COMMAND = CliCommand(
    name='recut',
    summary='Let a process whose level, time zone or week start has changed in context.py keep its '
    'name: its history is archived as it is, and intervals by the new definition begin at T. Shows '
    'all of that first.',
    example='recut FlightDaily 20130201 --reason "days of Berlin from February on" --dry-run',
    add_arguments=_add_arguments,
    run=_run,
)
