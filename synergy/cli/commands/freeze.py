"""`launch.py freeze`: let nothing start until an instant."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.interface import FreezeWanted
from synergy.cli.opening import add_chosen_name, opened
from synergy.cli.tell import tell
from synergy.operations.freezes import UNTIL


def _add_arguments(parser: ArgumentParser) -> None:
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument('--process', metavar='P', help='of this process or free run alone')
    scope.add_argument('--tree', metavar='T', help='of the processes of this tree alone')
    scope.add_argument('--pool', metavar='N', help='of what takes from this pool alone')
    parser.add_argument('--until', metavar='T', required=True, help=f'{UNTIL}')
    parser.add_argument('--long', action='store_true', help='it may last more than a year')
    parser.add_argument(
        '--reason', metavar='R', required=True, help='why, for whoever waits, and for the audit'
    )
    add_chosen_name(parser)
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with opened(options) as ask:
        asked = ask.freeze(
            FreezeWanted(
                process=options.process,
                tree=options.tree,
                pool=options.pool,
                until=options.until,
                reason=options.reason,
                is_long=options.long,
            )
        )
        return tell(asked, is_json=options.json)


COMMAND = CliCommand(
    name='freeze',
    summary='Let nothing start until an instant: no run, no free run, no next attempt; without a '
    'scope nothing at all. What runs may end, and what is asked for waits. It ends by itself, or '
    'by thaw.',
    example='freeze --tree Site --until "+2 hours" --reason "migration of the warehouse"',
    add_arguments=_add_arguments,
    run=_run,
)
