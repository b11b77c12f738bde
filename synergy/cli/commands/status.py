"""`launch.py status`: how the system stands."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.commands.mq import routes_of
from synergy.cli.console import print_json
from synergy.cli.reading import reading
from synergy.cli.tables import print_status
from synergy.view.broker import broker_warnings
from synergy.view.encode import encode_status
from synergy.view.status import status


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with reading() as source:
        found = status(source.index(), source.store, None, source.now, source.settings.box_vanished)
        of_broker = broker_warnings(source.runtime.open_broker, routes_of(source.context))
    found = replace(found, warnings=[*found.warnings, *of_broker])
    document = encode_status(found)
    if options.json:
        print_json(document)
    else:
        print_status(document)
    return ExitCode.OK if found.is_led else ExitCode.FOUND


COMMAND = CliCommand(
    name='status',
    summary='Show who leads and who stands by, what each process has done and has before it, and '
    'what runs on which box; '
    'exit 1 when no Scheduler leads.',
    example='status --json',
    add_arguments=_add_arguments,
    run=_run,
)
