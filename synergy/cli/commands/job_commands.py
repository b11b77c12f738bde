"""`launch.py reprocess | skip | cancel P T`: show the whole cascade, then ask for it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from functools import partial

from synergy.cli.arguments import add_job
from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json
from synergy.cli.interface import ChangeWanted
from synergy.cli.opening import opened
from synergy.cli.tables import print_preview
from synergy.cli.tell import tell
from synergy.core.commands import CommandKind, Only


def _add_arguments(kind: CommandKind, parser: ArgumentParser) -> None:
    add_job(parser)
    parser.add_argument(
        '--to',
        metavar='T2',
        help='end of the range, exclusive; of any length, as in 2013-02, today',
    )
    parser.add_argument(
        '--only',
        choices=[item.value for item in Only],
        default=Only.ALL.value,
        help='which jobs of the range: failed are held, or skipped after their last attempt',
    )
    if kind is CommandKind.REPROCESS:
        parser.add_argument(
            '--with-children', action='store_true', help='reprocess what is nested below, too'
        )
    parser.add_argument('--dry-run', action='store_true', help='show what would be done')
    parser.add_argument('--reason', metavar='R', help='why, for the audit and the history')
    parser.add_argument('--name', metavar='ID', help='asking again by the same name does nothing')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(kind: CommandKind, options: Namespace) -> ExitCode:
    wanted = ChangeWanted(
        kind=kind,
        process=options.process,
        timeperiod=options.timeperiod,
        to=options.to,
        only=options.only,
        with_children=getattr(options, 'with_children', False),
        reason=options.reason,
        name=options.name,
    )
    with opened(options) as ask:
        if not options.dry_run:
            return tell(ask.change_jobs(wanted), is_json=options.json)
        shown = ask.preview(wanted)
        if options.json:
            print_json(shown)
        else:
            print_preview(shown)
        return ExitCode.OK


def _made(kind: CommandKind, summary: str, example: str) -> CliCommand:
    return CliCommand(
        name=kind.value,
        summary=summary,
        example=example,
        add_arguments=partial(_add_arguments, kind),
        run=partial(_run, kind),
    )


REPROCESS = _made(
    CommandKind.REPROCESS,
    'Run jobs again, and with them their parents and everything that depends on them: each once, '
    'in order. What runs now is cancelled.',
    'reprocess FlightHourly 2013010107 --reason "late data" --dry-run',
)
SKIP = _made(
    CommandKind.SKIP,
    'End jobs, and what is nested below them and unfinished, as skipped.',
    'skip FlightDaily 20130101 --to 20130103 --reason "no data these days"',
)
CANCEL = _made(
    CommandKind.CANCEL,
    'Stop what runs now; the jobs are skipped.',
    'cancel FlightHourly 2013010107',
)
