"""`launch.py why P T`: why a job stands where it stands, down to the root."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from synergy.cli.arguments import add_timeperiod
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import shown
from synergy.cli.opening import opened
from synergy.cli.past import add_at, as_of, print_found
from synergy.core.freerun_record import is_freerun
from synergy.view.documents import CauseDocument

_INDENT_MAX = 10


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('process', metavar='P', help='name of the process, or of a free run')
    add_timeperiod(parser, is_optional=True)
    add_at(parser)
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    if not options.timeperiod and not is_freerun(options.process):
        raise CommandError(
            f'give a timeperiod of {options.process}, too: ./launch.py why P T; of a free run, '
            'Process::entry, none is needed',
            ExitCode.USAGE,
        )
    with opened(options) as ask:
        reading = as_of(options, ask)
        causes = reading.why(options.process, options.timeperiod)
        if not print_found(options, reading, causes):
            print_causes(causes)
        return ExitCode.OK


def print_causes(causes: Sequence[CauseDocument]) -> None:
    """Print an answer for people, each cause with what helps."""
    for cause in shown(causes):
        # Beyond that, lines would begin where no terminal shows them.
        indent = '    ' * min(cause['depth'], _INDENT_MAX)
        print(f'{indent}{cause["process"]}@{cause["timeperiod"]}: {cause["text"]}')
        if action := cause.get('action'):
            print(f'{indent}  -> {action["label"]}: {action["command"]}')


COMMAND = CliCommand(
    name='why',
    summary='Tell why a job waits, and why what it waits for waits, down to the root, and the '
    'command that helps; of a free run, why its runs stand where they stand or none starts.',
    example='why FlightMonthly 201301',
    add_arguments=_add_arguments,
    run=_run,
)
