"""`launch.py reprocess | skip | cancel | mark-done P T`: show all of it, ask, then do it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from contextlib import redirect_stdout
from functools import partial

from synergy.cli.arguments import add_job
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import UNASKED_MAX, add_yes, confirm, is_person
from synergy.cli.console import print_json
from synergy.cli.interface import ChangeWanted, Operations
from synergy.cli.opening import opened
from synergy.cli.switching import add_switch_on, settle_switch
from synergy.cli.tables import print_preview
from synergy.cli.tell import tell
from synergy.core.bounded import ARGUMENTS as ARGUMENTS_BOUNDS
from synergy.core.bounded import OutOfBounds, loads
from synergy.core.commands import RESETTING_KINDS, CommandKind, Only, counted
from synergy.core.request_options import ARGUMENTS, OPTIONS, ORDERS
from synergy.core.structs import replace
from synergy.operations.refusal import OperationRefused
from synergy.view.documents import PreviewDocument


def _add_arguments(kind: CommandKind, parser: ArgumentParser) -> None:
    add_job(parser)
    parser.add_argument(
        '--to',
        metavar='T2',
        help='end of the range, exclusive. Both may be longer then, and mean their beginning: '
        '2013-01 --to 2013-02 is January, of hours, too',
    )
    parser.add_argument(
        '--only',
        choices=[item.value for item in Only],
        default=Only.ALL.value,
        help='which jobs of the range: failed are held, or skipped after their last attempt',
    )
    parser.add_argument(
        '--error',
        metavar='TEXT',
        help='only those that failed with this error, or the one that this is a part of; jobs '
        '--by-error shows them',
    )
    if kind is CommandKind.REPROCESS:
        parser.add_argument(
            '--with-children', action='store_true', help='reprocess what is nested below, too'
        )
        parser.add_argument(
            '--anyway',
            action='store_true',
            help='run what its calendar or catch_up leaves out, too',
        )
        add_switch_on(parser)
    if kind in RESETTING_KINDS:
        _add_options(parser)
    parser.add_argument('--dry-run', action='store_true', help='show what would be done')
    add_yes(parser)
    parser.add_argument(
        '--reason',
        metavar='R',
        required=kind is CommandKind.MARK_DONE,
        help='why, for the audit and the history',
    )
    parser.add_argument('--name', metavar='ID', help='asking again by the same name does nothing')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        '--max-running', metavar='N', type=int, help='at most so many of its jobs at the same time'
    )
    parser.add_argument('--order', choices=ORDERS, help='which of them first')
    parser.add_argument(
        '--arguments',
        metavar='JSON',
        help='over those of the process, for these runs alone; kept in the audit',
    )
    parser.add_argument(
        '--even-if-off',
        action='store_true',
        help='run them although a process of them is switched off',
    )


def _options(options: Namespace) -> dict[str, object]:
    """Return how the jobs are to run, as it is said."""
    given = {name: getattr(options, name, None) for name in OPTIONS}
    if (text := given[ARGUMENTS]) is not None:
        try:
            given[ARGUMENTS] = loads(text, ARGUMENTS_BOUNDS)
        except OutOfBounds as error:
            raise CommandError(
                f'--arguments cannot be taken: {error}; give an object, as in \'{{"depth": 3}}\'',
                ExitCode.USAGE,
            ) from error
    return given


def _run(kind: CommandKind, options: Namespace) -> ExitCode:
    if options.error is not None and options.only == Only.SKIPPED.value:
        raise CommandError('--error is about failed jobs: leave --only out', ExitCode.USAGE)
    wanted = ChangeWanted(
        kind=kind,
        process=options.process,
        timeperiod=options.timeperiod,
        to=options.to,
        only=options.only if options.error is None else Only.FAILED.value,
        error=options.error,
        with_children=getattr(options, 'with_children', False),
        is_anyway=getattr(options, 'anyway', False),
        options=_options(options),
        reason=options.reason,
        name=options.name,
    )
    with opened(options) as ask:
        if options.dry_run:
            return _show(ask.preview(wanted), is_json=options.json)
        if is_person() and not options.yes:
            wanted = _agreed(ask, wanted, is_json=options.json)
        code = tell(ask.change_jobs(wanted), is_json=options.json)
        if kind is CommandKind.REPROCESS and code is ExitCode.OK:
            settle_switch(ask, [options.process], options)
        return code


def _show(shown: PreviewDocument, *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(shown)
    else:
        print_preview(shown)
    return ExitCode.OK


def _agreed(ask: Operations, wanted: ChangeWanted, *, is_json: bool) -> ChangeWanted:
    """Return a change as it was agreed to: what was shown, or little, or nothing at all."""
    try:
        shown = ask.preview(wanted)
    except OperationRefused:
        # It is refused in a moment, or was asked for by its name before.
        return wanted
    doomed = len(shown['doomed'])
    if shown['count'] + doomed <= UNASKED_MAX:
        return wanted
    # JSON is alone on stdout.
    with redirect_stdout(sys.stderr if is_json else sys.stdout):
        print_preview(shown)
    more = f', and {doomed} in consequence' if doomed else ''
    confirm(f'\n{wanted.kind.words} {counted(shown["count"])}{more}?')
    return replace(wanted, plan_hash=shown['plan_hash'])


def _made(kind: CommandKind, summary: str, example: str) -> CliCommand:
    return CliCommand(
        name=kind.value.replace('_', '-'),
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
    'Stop what runs now; the jobs are skipped. To stop a run and run it again at once, reprocess '
    'it.',
    'cancel FlightHourly 2013010107',
)
MARK_DONE = _made(
    CommandKind.MARK_DONE,
    'End jobs as processed whose data were repaired by hand; what has run on their former results '
    'runs again. Only jobs that are over, and of which all inputs have ended.',
    'mark-done FlightHourly 2013010107 --reason "loaded from the backup"',
)
