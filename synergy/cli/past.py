"""`--at T`: what a command shows as everything stood at a past instant."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from synergy.cli.command import CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.interface import Reading, Showing
from synergy.core.freerun_record import is_freerun
from synergy.core.records import ProcessName
from synergy.operations.past import OF_TODAY


def check_is_told(process: str) -> None:
    """Refuse a free run: how they stood is not written down."""
    if is_freerun(ProcessName(process)):
        raise CommandError(
            f'how {process} stood is not written down; ./launch.py journal --process {process} '
            'tells what happened to it',
            ExitCode.UNKNOWN,
        )


def add_at(parser: ArgumentParser) -> None:
    """Let whoever asks look at the past."""
    parser.add_argument(
        '--at',
        metavar='T',
        help='as everything stood at a past instant, in UTC: "2026-11-27 07:10", yesterday; JSON '
        'has it as at',
    )


def as_of(options: Namespace, ask: Reading) -> Showing:
    """Return what answers: of now, or of the instant that is asked for."""
    return ask if options.at is None else ask.past(options.at)


def print_found(options: Namespace, ask: Showing, found: Any) -> bool:
    """Print JSON if that is asked for, a list of then with its instant; tell whether it was.

    Else say which instant is looked at.
    """
    at = None if options.at is None or not hasattr(ask, 'at') else ask.at
    if not options.json:
        if at is not None:
            print(f'As of {at[:19].replace("T", " ")} UTC. {OF_TODAY}\n')
        return False
    if at is None:
        print_json(found)
    elif isinstance(found, dict):
        print_json({**found, 'at': at})
    else:
        print_json({'at': at, 'items': list(found)})
    return True
