"""`launch.py verify`: check the invariants over the whole store."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import Final

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json
from synergy.cli.reading import reading
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import Violation
from synergy.core.printable import printable
from synergy.ports.rows import IllegalRow
from synergy.view.verification import ADVICE, Verdict, advice, verified

_REPAIR: Final = (
    'somebody has edited them; repair or remove each, then verify again: what waits for them waits '
    'until then'
)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with reading() as source:
        hierarchy = source.context.hierarchy
        verdict = verified(hierarchy, source.store, source.runtime.clock)
    if options.json:
        # The notes are for people; an answer in JSON is the list of what is broken.
        print_json([*map(_row_json, verdict.unreadable), *map(_violation_json, verdict.violations)])
    else:
        _print(verdict.unreadable, verdict.violations)
        for note in _notes(hierarchy, verdict):
            print(f'note: {note}')
    return ExitCode.FOUND if verdict.violations or verdict.unreadable else ExitCode.OK


def _notes(hierarchy: Hierarchy, verdict: Verdict) -> Iterator[str]:
    for (process, qualifier), count in sorted(verdict.other_levels.items()):
        yield (
            f'{count} rows of {process} are {qualifier.word}, but it is '
            f'{hierarchy.nodes[process].process.qualifier.word} in context.py: they are not judged'
        )
    if verdict.violations and not verdict.is_led_so:
        yield (
            'the store was last led with another context: a Scheduler that starts with this one '
            'runs again what is finished above something new'
        )


def _row_json(row: IllegalRow) -> dict[str, str | None]:
    return {
        'invariant': 'readable',
        'process': None,
        'timeperiod': None,
        'table': row.table,
        'row': row.row,
        'text': row.problem,
        'advice': _REPAIR,
    }


def _violation_json(item: Violation) -> dict[str, str | None]:
    return {
        'invariant': item.invariant,
        'process': item.key.process,
        'timeperiod': str(item.key.timeperiod),
        'text': item.text,
        'advice': ADVICE[item.invariant],
    }


def _print(unreadable: Sequence[IllegalRow], violations: Sequence[Violation]) -> None:
    for row in unreadable:
        print(printable(f'row {row.row} of {row.table} cannot be read: {row.problem}'))
    for item in violations:
        print(printable(str(item)))
    if unreadable:
        print(f'{len(unreadable)} rows cannot be read: {_REPAIR}')
    if unreadable and violations:
        # What was decided beside a row that cannot be read is judged as if there were no such row.
        print(f'{len(violations)} violations, which may vanish once all rows can be read')
    elif violations:
        print(f'{len(violations)} violations')
    for kind, count, text in advice(violations):
        print(f'{kind}, {count} of them: {text}')
    if not unreadable and not violations:
        print('no violation')


COMMAND = CliCommand(
    name='verify',
    summary='Check the invariants and every row of the store, also beside a running system; exit '
    '1 with a list, and what to do, if any is broken.',
    example='verify --json',
    add_arguments=_add_arguments,
    run=_run,
)
