"""`launch.py verify`: check the invariants over the whole store."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from itertools import islice

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json
from synergy.cli.illegal import illegal_rows
from synergy.cli.reading import reading
from synergy.core.commands import CommandState
from synergy.core.invariants import Violation, check
from synergy.core.printable import printable
from synergy.core.records import CommandId, Job
from synergy.ports.rows import IllegalRow
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
        unreadable = illegal_rows(source.store)
    if options.json:
        print_json([*map(_row_json, unreadable), *map(_violation_json, violations)])
    else:
        _print(unreadable, violations)
    return ExitCode.FOUND if violations or unreadable else ExitCode.OK


def _row_json(row: IllegalRow) -> dict[str, str | None]:
    return {
        'invariant': 'readable',
        'process': None,
        'timeperiod': None,
        'table': row.table,
        'row': row.row,
        'text': row.problem,
    }


def _violation_json(item: Violation) -> dict[str, str | None]:
    return {
        'invariant': item.invariant,
        'process': item.key.process,
        'timeperiod': str(item.key.timeperiod),
        'text': item.text,
    }


def _print(unreadable: Sequence[IllegalRow], violations: Sequence[Violation]) -> None:
    for row in unreadable:
        print(printable(f'row {row.row} of {row.table} cannot be read: {row.problem}'))
    for item in violations:
        print(printable(str(item)))
    if unreadable:
        print(
            f'{len(unreadable)} rows cannot be read: somebody has edited them; repair or remove '
            'each, then verify again: what waits for them waits until then'
        )
    if violations:
        # What was decided beside a row that cannot be read is judged as if there were no such row.
        remedy = (
            'those that are left once all rows can be read are to be reported with the store'
            if unreadable
            else 'stop the Scheduler and report this with the store'
        )
        print(f'{len(violations)} violations; {remedy}')
    if not unreadable and not violations:
        print('no violation')


COMMAND = CliCommand(
    name='verify',
    summary='Check the invariants and every row of the store; exit 1 with a list if any is broken.',
    example='verify --json',
    add_arguments=_add_arguments,
    run=_run,
)
