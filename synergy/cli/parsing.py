"""What follows the name of a sub-command on the command line, and what its `--help` says."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final, NoReturn

from synergy import doors
from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.registry import CommandRecord

#: As the help of every command tells them.
EXIT_CODES: Final = 'exit codes: ' + '; '.join(
    f'{code.value} {code.brief}' for code in ExitCode if code.brief is not None
)


def parser_of(record: CommandRecord, command: CliCommand | None = None) -> argparse.ArgumentParser:
    """Return the parser of what follows the name of a sub-command. command: as loaded."""
    command = command or record.load()
    parser = _Parser(
        prog=f'{doors.COMMAND} {command.name}',
        description=command.summary,
        epilog=f'example: ./launch.py {command.example}\n\n{EXIT_CODES}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    if record.works_over_http:
        _add_server(parser)
    return parser


class _Parser(argparse.ArgumentParser):
    """Says where the right usage is shown, instead of a part of it."""

    def error(self, message: str) -> NoReturn:
        print(f'{self.prog}: {message}; {self.prog} --help shows how', file=sys.stderr)
        raise SystemExit(ExitCode.USAGE)


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--server',
        metavar='URL',
        default=os.environ.get('SYNERGY_SERVER'),
        help='speak to this dashboard instead of the store; default: SYNERGY_SERVER',
    )
    parser.add_argument(
        '--token', metavar='T', help='of the API of that dashboard; default: SYNERGY_TOKEN'
    )
