"""What commands print: tables and JSON on stdout, plain when it is not a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from synergy.cli.streams import behind
from synergy.core.printable import printable
from synergy.core.redaction import redacted, redacted_text

D = TypeVar('D')

#: Columns that a pipe is taken to have: lines are never wrapped or cut for a program.
_PIPE_WIDTH: Final = 1000


def console() -> Console:
    """Return stdout: colours and width of the terminal, or neither. Honours NO_COLOR.

    No text is read as markup or as the name of an emoji, whoever wrote it.
    """
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(
        file=behind(sys.stdout),
        width=width,
        highlight=False,
        soft_wrap=True,
        markup=False,
        emoji=False,
    )


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str | None = None
) -> None:
    """Print rows under headings; numbers to the right. empty: said instead when there are none."""
    lines = [list(row) for row in rows]
    if not lines and empty is not None:
        # Not on stdout: whoever counts lines there counts none.
        print(empty, file=sys.stderr)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style='bold')
    for place, heading in enumerate(headings):
        is_number = bool(lines) and all(isinstance(line[place], int | float) for line in lines)
        table.add_column(heading, justify='right' if is_number else 'left', overflow='fold')
    for line in lines:
        table.add_row(*(_cell(value) for value in line))
    console().print(table)


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


def _cell(value: object) -> Text:
    return Text('' if value is None else printable(redacted_text(str(value))))
