"""`launch.py verify`: check the invariants over the whole store."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import islice

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json
from synergy.cli.reading import reading
from synergy.core.commands import CommandState
from synergy.core.invariants import check
from synergy.core.printable import printable
from synergy.core.records import CommandId, Job
from synergy.ports.store import JobFilter, Store

_SHOWN_MAX = 1000
_PAGE = 5000


def all_jobs(store: Store) -> Iterator[Job]:
    """Yield every job row, by process and timeperiod."""
    page = store.find_jobs(JobFilter(), _PAGE)
    while page:
        yield from page
        page = store.find_jobs(JobFilter(), _PAGE, page[-1].key)


def applying(store: Store) -> set[CommandId]:
    """Return the requests that may be half applied."""
    states = (CommandState.REQUESTED, CommandState.APPLYING)
    return {command.id for command in store.commands(states, _PAGE)}


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with reading() as source:
        violations = list(
            islice(
                check(
                    source.context.hierarchy,
                    all_jobs(source.store),
                    source.store.all_units(),
                    source.now,
                    applying(source.store),
                ),
                _SHOWN_MAX,
            )
        )
    if options.json:
        print_json(
            [
                {
                    'invariant': item.invariant,
                    'process': item.key.process,
                    'timeperiod': str(item.key.timeperiod),
                    'text': item.text,
                }
                for item in violations
            ]
        )
    elif violations:
        print('\n'.join(printable(str(item)) for item in violations))
        print(f'{len(violations)} violations; stop the Scheduler and report this with the store')
    else:
        print('no violation')
    return ExitCode.FOUND if violations else ExitCode.OK


COMMAND = CliCommand(
    name='verify',
    summary='Check the invariants over the whole store; exit 1 with a list if any is broken.',
    example='verify --json',
    add_arguments=_add_arguments,
    run=_run,
)
