"""The one door for what commands print: it can be read on any terminal, and steers none.

Commands show what others wrote: logs, reasons, names, addresses, errors of servers. Whatever
control characters are in it, it leaves here made visible; and a terminal that cannot show a letter
gets its number instead of an error. `rich`, whose colours are control characters, gets the stream
behind the door, and cells that went through `printable` before.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Any, Final, TextIO, cast

from synergy.core.printable import printable_lines
from synergy.doors import in_words

#: In the C locale, as in cron, nothing is known of the reader; it is taken for one of today.
_UNKNOWN: Final = frozenset({'ascii', 'us-ascii', 'ansi_x3.4-1968', '646'})


@contextmanager
def spoken() -> Iterator[None]:
    """Print through the door for a block."""
    before = sys.stdout, sys.stderr
    for stream in before:
        _adapt(stream)
    sys.stdout, sys.stderr = (cast('TextIO', _Door(behind(stream))) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


@contextmanager
def unguarded() -> Iterator[None]:
    """Print past the door for a block, in which somebody works with a terminal of his own."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(behind, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def behind(stream: TextIO) -> TextIO:
    """Return the stream behind the door, for what writes sequences of its own; else the same."""
    return stream.behind if isinstance(stream, _Door) else stream


class _Door:
    """A text stream of which only `write` is different."""

    def __init__(self, stream: TextIO) -> None:
        self.behind = stream

    def write(self, text: str) -> int:
        self.behind.write(printable_lines(in_words(text)))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


def _adapt(stream: TextIO) -> None:
    """Let a stream write in the encoding of the terminal, and never fail at a letter."""
    if not isinstance(stream, TextIOWrapper):
        return
    encoding = stream.encoding
    if sys.flags.utf8_mode and 'PYTHONIOENCODING' not in os.environ:
        # Python is told to take all for UTF-8; what the terminal shows is up to its locale.
        meant = locale.getencoding()
        encoding = encoding if meant.lower() in _UNKNOWN else meant
    with suppress(LookupError, ValueError):
        stream.reconfigure(encoding=encoding, errors='backslashreplace')
