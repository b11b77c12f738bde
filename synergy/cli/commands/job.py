"""`launch.py job P T`: one job with its runs, their logs, its history and its neighbours."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from synergy.cli.arguments import add_job
from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.job_tables import print_job
from synergy.cli.opening import opened
from synergy.cli.past import add_at, as_of, print_found


def _add_arguments(parser: ArgumentParser) -> None:
    add_job(parser)
    add_at(parser)
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with opened(options) as ask:
        reading = as_of(options, ask)
        page = reading.job(options.process, options.timeperiod)
        if not print_found(options, reading, page):
            print_job(page)
        return ExitCode.OK


COMMAND = CliCommand(
    name='job',
    summary='Show one job: its runs with their logs, its history, its neighbours.',
    example='job FlightDaily 2013010100',
    add_arguments=_add_arguments,
    run=_run,
)
