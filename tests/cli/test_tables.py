"""Tables on a terminal: no word is broken, what does not fit is left out and said."""

from __future__ import annotations

import io
import random
import re
import sys

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from synergy.cli import console
from synergy.cli.console import fitted, print_table
from tests.cli.test_whole_lists import COUNT, Launch
from tests.cli.test_whole_lists import ask as ask
from tests.cli.test_whole_lists import filled as filled
from tests.cli.test_whole_lists import history as history
from tests.cli.test_whole_lists import pages as pages
from tests.cli.test_whole_lists import remote as remote
from tests.mx.dashboard_harness import DashboardHarness

HEADINGS = ('id', 'process', 'state', 'changed', 'reason')
ID = '42f2a9e372fa72f7df1a68c4'
REASON = 'ConnectionError: no route to host db-17 of the third floor'
ROW = (ID, 'SiteHourly', 'failed', '2026-11-29 10:00', REASON)


class Terminal(io.StringIO):
    """A terminal of some width."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize('width', [30, 40, 60, 80, 100, 120, 200])
def test_no_word_is_broken_however_narrow(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, 'stdout', terminal)
    monkeypatch.setenv('COLUMNS', str(width))

    print_table(HEADINGS, [ROW, ROW])

    known = {*HEADINGS, *(word for cell in ROW for word in cell.split())}
    lines = re.sub(r'\x1b\[\d*m', '', terminal.getvalue()).splitlines()
    words = {word for line in lines for word in line.split()}
    shortened = {word for word in words if word.endswith('…')}
    assert all(len(line) <= width for line in lines)
    assert words - shortened <= known
    assert ID in words or width < 32
    said = capsys.readouterr().err
    assert all((heading in words) is (heading not in said) for heading in HEADINGS[1:])


def test_a_pipe_gets_every_column_whole() -> None:
    widths = fitted(HEADINGS, [ROW], console._PIPE_WIDTH)

    assert list(widths.values()) == [len(cell) for cell in ROW]


@pytest.mark.parametrize(
    ('words', 'code', 'text'),
    [
        (('requests', 'listed3'), 0, 'listed3'),
        (('requests', 'listed'), 3, 'listed6, listed5'),
        (('completion', 'bash', '--names-for', 'why'), 0, 'SiteHourly'),
        (('completion', 'bash', '--names-for', 'freerun'), 0, 'Shell::sweep'),
        (('completion', 'bash', '--names-for', 'dead'), 0, f'dead{COUNT - 1:020}'),
        (('requests', 'li'), 3, 'there is no request'),
        (('dead', 'drop', f'dead{COUNT - 1:020}', '--reason', 'r'), 0, ''),
        (('dead', 'drop', 'dead000', '--reason', 'r'), 3, 'is the beginning of 7 ids'),
    ],
    ids=lambda item: ' '.join(item) if isinstance(item, tuple) else '',
)
def test_a_beginning_that_is_unique_is_enough(
    ask: Launch, filled: DashboardHarness, words: tuple[str, ...], code: int, text: str
) -> None:
    del filled
    said = ask(*words)

    assert said.code == code, said.err
    assert text in said.out + said.err


def by_rich(rows: list[tuple[str, ...]], widths: dict[int, int], numbers: set[int]) -> str:
    """Return a table as rich alone writes it."""
    stream = io.StringIO()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for place, width in widths.items():
        table.add_column(
            justify='right' if place in numbers else 'left', overflow='ellipsis', width=width
        )
    for row in rows:
        table.add_row(*(Text(row[place]) for place in widths))
    Console(file=stream, width=console.console().width, soft_wrap=True).print(table)
    return stream.getvalue()


@pytest.mark.parametrize('width', [40, 80, 200])
def test_lines_that_fit_look_as_those_that_are_wrapped(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, 'stdout', terminal)
    monkeypatch.setenv('COLUMNS', str(width))
    monkeypatch.setenv('TERM', 'xterm')
    chosen = random.Random(14)
    words = ['', 'a', 'failed', '時間', 'naïve', REASON, f'{REASON} and {REASON}', 'x' * 90]
    rows = [
        (f'P{number}', str(chosen.randrange(10**6)), chosen.choice(words), chosen.choice(words))
        for number in range(200)
    ]

    headings = ('process', 'jobs', 'state', 'reason')
    print_table(headings, [(name, int(count), *rest) for name, count, *rest in rows])

    widths = dict(fitted(headings, rows, width))
    said = re.sub(r'\x1b\[\d*m', '', terminal.getvalue())
    assert said == by_rich([headings, *rows], widths, {1})


def test_only_lines_that_have_to_be_wrapped_are_left_to_rich(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[Text, ...]] = []
    monkeypatch.setattr(Table, 'add_row', lambda _, *cells: asked.append(cells))

    print_table(('process', 'jobs'), [(f'P{number}', number) for number in range(5_000)])

    assert asked == []
    assert len(capsys.readouterr().out.splitlines()) == 5_001
