"""Failures by what is wrong, and each dead letter, for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from synergy.cli.console import print_table
from synergy.cli.tables import said, with_lost
from synergy.core.commands import counted
from synergy.core.redaction import redacted_text
from synergy.view.group_documents import LetterGroupDocument
from synergy.view.letters import LetterDocument
from synergy.view.words import unmatched

_ERROR_LENGTH_MAX: Final = 100


def print_groups(groups: Sequence[LetterGroupDocument], filters: Mapping[str, object]) -> None:
    """Print groups of dead letters, the largest first. filters: that have left them."""
    _print('letters', groups, _no_letter('dead', filters))
    if groups:
        print()
        print('each with its id:      ./launch.py dead ls')
        print('run an entry again:    ./launch.py dead retry --process P --error TEXT')
        print('show first what would: the same with --dry-run')


def print_failures(groups: Sequence[LetterGroupDocument], filters: Mapping[str, object]) -> None:
    """Print failed jobs by what is wrong, the largest groups first. filters: as above."""
    none = unmatched('failed job', filters)
    advice = './launch.py jobs --by-error shows all of them'
    _print('failed', groups, 'no job has failed' if none is None else f'{none}; {advice}')
    if groups:
        print()
        print('all of an entry as one request: ./launch.py reprocess P FIRST --to T2 --error TEXT;')
        print('T2 is exclusive, and --dry-run shows first what would run again')


def _print(counted_as: str, groups: Sequence[LetterGroupDocument], empty: str) -> None:
    print_table(
        ('process', counted_as, 'intervals', 'error', 'holds up'),
        [
            (group['process'], group['count'], _span(group), _error(group), _held_up(group))
            for group in groups
        ],
        empty=empty,
    )


def _no_letter(command: str, filters: Mapping[str, object]) -> str:
    none = unmatched('dead letter', filters)
    if none is None:
        return 'no dead letters: no unit has run out of attempts'
    return f'{none}; ./launch.py {command} lists all'


def print_dead(units: Iterable[LetterDocument], filters: Mapping[str, object]) -> None:
    """Print dead letters. filters: that have left them."""
    print_table(
        ('id', 'process', 'timeperiod', 'run', 'attempts', 'died (UTC)', 'interval', 'last error'),
        [
            (
                unit['id'],
                unit['process'],
                unit['timeperiod'],
                unit['run'],
                with_lost(unit['attempt'], unit['lost_count']),
                said(unit['finished_at']),
                unit['interval'] or '',
                unit['error'],
            )
            for unit in units
        ],
        empty=_no_letter('dead ls', filters),
    )


def group_line(group: LetterGroupDocument) -> str:
    """Return a group in a line."""
    what = counted(group['count'], 'dead letter')
    return f'{group["process"]}, {what}, {_span(group)}: {_error(group)}'


def _span(group: LetterGroupDocument) -> str:
    first, last = group['first_timeperiod'], group['last_timeperiod']
    return first if first == last else f'{first} – {last}'


def _error(group: LetterGroupDocument) -> str:
    text = redacted_text(group['said'])
    return text if len(text) <= _ERROR_LENGTH_MAX else f'{text[:_ERROR_LENGTH_MAX]}...'


def _held_up(group: LetterGroupDocument) -> str:
    return ', '.join(f'{item["count"]} {item["process"]}' for item in group['holds_up'])
