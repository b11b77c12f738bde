"""`launch.py inputs P T`: what one interval waits for, each input resolved."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from synergy.cli.arguments import add_job
from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import shown
from synergy.cli.opening import opened
from synergy.cli.past import add_at, as_of, print_found
from synergy.view.inputs import InputsDocument, which


def _add_arguments(parser: ArgumentParser) -> None:
    add_job(parser)
    add_at(parser)
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with opened(options) as ask:
        reading = as_of(options, ask)
        found = reading.inputs(options.process, options.timeperiod)
        if not print_found(options, reading, found['inputs']):
            print_inputs(found)
        return ExitCode.OK


def print_inputs(found: InputsDocument) -> None:
    """Print the inputs of one interval for people."""
    if found['left_out']:
        print(f'does not run: it is left out {found["left_out"]}')
    elif not found['inputs']:
        print('waits for nothing but the end of its interval')
    for item in shown(found['inputs']):
        print(f'{item["kind"]:<11}{which(item)}')
        if item['text']:
            print(f'{"":<11}{item["text"]}')
        print(f'{"":<11}lacks {item["lacks"]}')


COMMAND = CliCommand(
    name='inputs',
    summary='Tell what a job waits for: each input with the intervals that it means, and what it '
    'still lacks.',
    example='inputs FlightMonthly 201301',
    add_arguments=_add_arguments,
    run=_run,
)
