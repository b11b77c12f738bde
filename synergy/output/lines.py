"""From what is written to a stream to lines of bounded length, at a linear cost.

A line ends with `\\n`, `\\r\\n` or `\\r`. What ends with `\\r` alone is meant to be overwritten, as
progress bars do: of a quick series some are kept, and always the newest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: A longer line is cut, in stores and in files: one line must not fill either.
LINE_CHARACTERS_MAX: Final = 8_000
#: This many bytes hold as many characters, whichever they are.
_LINE_BYTES_MAX: Final = 4 * LINE_CHARACTERS_MAX
#: How many overwritten lines are kept in a burst, and then one in how many seconds.
_UPDATES_MAX: Final = 20
_UPDATE_SECONDS: Final = 5.0


def cut(text: str) -> str:
    """Return a line as it is kept: whole, or its beginning and how long it was."""
    if len(text) <= LINE_CHARACTERS_MAX:
        return text
    return _marked(text, f'{len(text)} characters')


def gap_text(count: int, elsewhere: str | None = None) -> str:
    """Return what stands where `count` lines are left out. elsewhere: what has them."""
    noun = 'line' if count == 1 else 'lines'
    hint = '' if elsewhere is None else f' (see {elsewhere})'
    return f'... {count:,} {noun} left out{hint} ...'


def storable(text: object) -> str:
    """Return what user code gave for a text as a text that any store takes, of a line at most.

    A file name that is not UTF-8 reaches us with halves of surrogate pairs, which no store keeps.
    """
    line = cut(str(text))
    if line.isascii():
        return line
    return cut(line.encode(errors='backslashreplace').decode())


class Lines:
    """The lines of one stream. Not safe for threads: whoever feeds it holds a lock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin with nothing written."""
        self._monotonic = monotonic
        self._partial = bytearray()
        self._partial_count = 0
        self._is_after_return = False
        self._overwritten: str | None = None
        self._updates_left = float(_UPDATES_MAX)
        self._updated_at = monotonic()

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that `data` ends; an empty line is none."""
        if not self._is_after_return and self._overwritten is None and b'\r' not in data:
            return self._fed(data)
        found: list[str] = []
        if self._is_after_return and data:
            self._is_after_return = False
            if data.startswith(b'\n'):
                # `\r\n`, torn apart: what ended was a line of its own after all.
                self._pass_overwritten(found)
        for piece in data.splitlines(keepends=True):
            last = piece[-1]
            if last not in b'\r\n':
                self._keep(piece)
            elif text := self._ended(piece):
                if last == 13 and not piece.endswith(b'\r\n'):
                    self._overwrite(text, found)
                else:
                    self._pass_overwritten(found)
                    found.append(text)
        self._is_after_return = data.endswith(b'\r')
        return found

    def _fed(self, data: bytes) -> list[str]:
        """Do as `feed` where nothing is overwritten: most of it for all lines at once."""
        whole, newline, piece = data.rpartition(b'\n')
        found: list[str] = []
        if newline and self._partial_count:
            first, _, whole = whole.partition(b'\n')
            if text := self._ended(first + newline):
                found.append(text)
        lines = whole.decode(errors='backslashreplace').split('\n') if newline else []
        if lines and max(map(len, lines)) > LINE_CHARACTERS_MAX:
            lines = [self._ended(line + newline) for line in whole.split(b'\n')]
        found += filter(None, lines)
        if piece:
            self._keep(piece)
        return found

    def rest(self) -> list[str]:
        """Return what was written without an end of line, and begin again."""
        self._is_after_return = False
        if not self._partial_count and self._overwritten is None:
            return []
        found: list[str] = []
        self._pass_overwritten(found)
        if text := self._ended(b''):
            found.append(text)
        return found

    def _keep(self, piece: bytes) -> None:
        self._partial_count += len(piece)
        room = _LINE_BYTES_MAX - len(self._partial)
        if room > 0:
            self._partial += piece[:room]

    def _ended(self, piece: bytes) -> str:
        if not self._partial_count:
            line, count = piece.rstrip(b'\r\n'), len(piece)
        else:
            self._keep(piece)
            line, count = bytes(self._partial).rstrip(b'\r\n'), self._partial_count
            self._partial.clear()
            self._partial_count = 0
        text = line[:_LINE_BYTES_MAX].decode(errors='backslashreplace')
        if count > _LINE_BYTES_MAX or len(text) > LINE_CHARACTERS_MAX:
            return _marked(text, f'{count} bytes')
        return text

    def _overwrite(self, text: str, found: list[str]) -> None:
        now = self._monotonic()
        gained = (now - self._updated_at) / _UPDATE_SECONDS
        self._updates_left = min(self._updates_left + gained, float(_UPDATES_MAX))
        self._updated_at = now
        if self._updates_left >= 1:
            self._updates_left -= 1
            self._overwritten = None
            found.append(text)
        else:
            self._overwritten = text

    def _pass_overwritten(self, found: list[str]) -> None:
        if self._overwritten is not None:
            found.append(self._overwritten)
            self._overwritten = None


def _marked(text: str, length: str) -> str:
    mark = f'... ({length}, cut)'
    return text[: LINE_CHARACTERS_MAX - len(mark)] + mark
