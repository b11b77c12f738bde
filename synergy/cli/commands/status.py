"""`launch.py status`: how the system stands."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.opening import opened
from synergy.cli.past import add_at, as_of, print_found
from synergy.cli.tables import print_status


def _add_arguments(parser: ArgumentParser) -> None:
    add_at(parser)
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with opened(options) as ask:
        reading = as_of(options, ask)
        found = reading.status()
        if not print_found(options, reading, found):
            print_status(found)
        is_led = found['leader'] is not None and found['leader']['is_leading']
        return ExitCode.OK if is_led else ExitCode.FOUND


COMMAND = CliCommand(
    name='status',
    summary='Show who leads and who stands by, what each process has done and has before it, and '
    'what runs on which box; '
    'exit 1 when no Scheduler leads.',
    example='status --json',
    add_arguments=_add_arguments,
    run=_run,
)
