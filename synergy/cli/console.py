"""What commands print: tables and JSON on stdout, plain when it is not a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple, TypeVar, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from synergy.cli.streams import behind
from synergy.core.printable import printable
from synergy.core.redaction import redacted, redacted_text
from synergy.doors import in_words

D = TypeVar('D')

#: Columns that a pipe is taken to have: lines are never wrapped or cut for a program.
_PIPE_WIDTH: Final = 1000
#: Between columns.
_GAP: Final = 2
#: Cells that are longer, and have blanks, are sentences.
_PROSE_LENGTH: Final = 20
_PROSE_WIDTH_MIN: Final = 16


def console() -> Console:
    """Return stdout: colours and width of the terminal, or neither. Honours NO_COLOR.

    No text is read as markup or as the name of an emoji, whoever wrote it.
    """
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return _Plain(
        file=behind(sys.stdout),
        width=width,
        highlight=False,
        soft_wrap=True,
        markup=False,
        emoji=False,
    )


class _Plain(Console):
    """A console that leaves it to the command line what a reader that has gone away means."""

    def on_broken_pipe(self) -> None:
        """Say so, instead of ending the process with 1."""
        raise BrokenPipeError


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str | None = None
) -> None:
    """Print rows under headings; numbers to the right. empty: said instead when there are none."""
    lines = [list(row) for row in rows]
    if not lines and empty is not None:
        # Not on stdout: whoever counts lines there counts none.
        print(empty, file=sys.stderr)
        return
    cells = [[_cell(value) for value in line] for line in lines]
    fit = fitted(headings, cells, console().width)
    columns = [
        _Column(
            place,
            width,
            is_number=bool(lines) and all(isinstance(line[place], int | float) for line in lines),
        )
        for place, width in fit.items()
    ]
    _print_lines([headings], columns, 'bold')
    _print_lines(cells, columns)
    if left_out := [heading for place, heading in enumerate(headings) if place not in fit]:
        print(
            f'... too narrow for {", ".join(left_out)}; widen the terminal, or ask with --json',
            file=sys.stderr,
        )


class _Column(NamedTuple):
    """A column that is shown: which it is of a line, and how wide. is_number: to the right."""

    place: int
    width: int
    is_number: bool


def _print_lines(
    lines: Iterable[Sequence[str]], columns: Sequence[_Column], style: str | None = None
) -> None:
    """Print lines of a table; the many that need no wrapping, without asking how they are wrapped.

    A table of five thousand lines takes rich four seconds, and this a few milliseconds.
    """
    out = console()
    for is_single, some in groupby(lines, partial(_is_single, columns)):
        if is_single:
            text = '\n'.join(_single(columns, line) for line in some)
            if style is None:
                out.file.write(f'{text}\n')
            else:
                out.print(Text(text, style))
            continue
        table = Table(
            box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=False, style=style or ''
        )
        for column in columns:
            justify: Literal['left', 'right'] = 'right' if column.is_number else 'left'
            table.add_column(justify=justify, overflow='ellipsis', width=column.width)
        for line in some:
            table.add_row(*(Text(line[column.place], style or '') for column in columns))
        out.print(table)


def _is_single(columns: Sequence[_Column], line: Sequence[str]) -> bool:
    """Tell whether a line of a table is one on the terminal, with a column for each character."""
    return all(line[place].isascii() and len(line[place]) <= width for place, width, _ in columns)


def _single(columns: Sequence[_Column], line: Sequence[str]) -> str:
    cells = (
        line[place].rjust(width) if is_number else line[place].ljust(width)
        for place, width, is_number in columns
    )
    return (' ' * _GAP).join(cells)


def fitted(
    headings: Sequence[str], lines: Sequence[Sequence[str]], width: int
) -> Mapping[int, int]:
    """Return the columns that are shown, by place, and how wide each is.

    No word is broken: columns of sentences are wrapped between words, the others are as wide as
    what is in them; when that is too much, columns are left out, the last ones first. A word that
    is longer than its column can be is shortened.
    """
    columns = [
        [heading, *(line[place] for line in lines)] for place, heading in enumerate(headings)
    ]
    natural = [max(map(len, column)) for column in columns]
    least = [
        min(_least(column, whole), max(width * 3 // 4, 1))
        for column, whole in zip(columns, natural, strict=True)
    ]
    kept = list(range(len(headings)))
    while len(kept) > 1 and sum(least[place] + _GAP for place in kept) > width + _GAP:
        kept.pop()
    room = width + _GAP - sum(least[place] + _GAP for place in kept)
    found = {}
    for place in kept:
        more = min(natural[place] - least[place], max(room, 0))
        found[place] = least[place] + more
        room -= more
    return found


def _least(column: Sequence[str], whole: int) -> int:
    """Return how narrow a column may be: sentences as a long word, all else not at all."""
    if not any(len(cell) > _PROSE_LENGTH and ' ' in cell for cell in column):
        return whole
    return min(whole, _PROSE_WIDTH_MIN)


def print_json(value: Any, *, has_secret_names: bool = True) -> None:
    """Print one JSON document, without secrets.

    has_secret_names: whether a name of a secret means that the value is one; not so in lists of
    tokens.
    """
    print(json.dumps(redacted(value) if has_secret_names else value, indent=2))


def shown(document: D) -> D:
    """Return a document with every text in it as one line without secrets, fit to be printed."""
    return cast('D', _shown(document))


def _shown(value: object) -> object:
    # As deep as documents of our own are: what others nest is a text within them.
    match value:
        case str():
            return printable(redacted_text(value))
        case Mapping():
            return {key: _shown(item) for key, item in value.items()}
        case list() | tuple():
            return [_shown(item) for item in value]
        case _:
            return value


def _cell(value: object) -> str:
    return '' if value is None else in_words(printable(redacted_text(str(value))))
