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
from synergy.core.invariants import JobLevel, Under, Violation, check, other_levels
from synergy.core.led_context import is_led_so
from synergy.core.printable import printable
from synergy.core.records import Job
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


def circumstances(store: Store) -> Under:
    """Return under what rows are to be judged: requests that may be half applied, what was led."""
    states = (CommandState.REQUESTED, CommandState.APPLYING)
    return Under(applying=store.commands(states, _PAGE), led=store.led_context())


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    counts: dict[JobLevel, int] = {}
    with reading() as source:
        hierarchy = source.context.hierarchy
        violations = list(
            islice(
                check(
                    hierarchy,
                    other_levels(hierarchy, all_jobs(source.store), counts),
                    source.store.all_units(),
                    source.now,
                    circumstances(source.store),
                ),
                _SHOWN_MAX,
            )
        )
        led = source.store.led_context()
        unreadable = illegal_rows(source.store)
    notes = [
        f'{count} rows of {process} are {qualifier.word}, but it is '
        f'{hierarchy.nodes[process].process.qualifier.word} in context.py: they are not judged'
        for (process, qualifier), count in sorted(counts.items())
    ]
    if violations and not is_led_so(hierarchy, led):
        notes.append(
            'the store was last led with another context: a Scheduler that starts with this one '
            'runs again what is finished above something new'
        )
    if options.json:
        # The notes are for people; an answer in JSON is the list of what is broken.
        print_json([*map(_row_json, unreadable), *map(_violation_json, violations)])
    else:
        _print(unreadable, violations)
        for note in notes:
            print(f'note: {note}')
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
