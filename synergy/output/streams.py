"""`sys.stdout` and `sys.stderr` as text streams with all that belongs to one.

They lead straight to the log of the process, without a detour through a descriptor, so that a line
is written down when `print` returns; their descriptors are those that child processes inherit.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Final, TextIO, cast

STDOUT: Final = 1
STDERR: Final = 2
_NAME: Final = {STDOUT: '<stdout>', STDERR: '<stderr>'}
_ENCODING: Final = 'utf-8'
#: What cannot be encoded is escaped: printing the name of a file never fails a run.
_ERRORS: Final = 'backslashreplace'


class Raw(io.RawIOBase):
    """The binary stream beneath: unbuffered, and never closed, for it outlives every run."""

    def __init__(self, descriptor: int, take: Callable[[int, bytes], None]) -> None:
        """Hand what is written to `take`, with the number of the descriptor."""
        super().__init__()
        self._descriptor = descriptor
        self._take = take
        self.name = _NAME[descriptor]
        self.mode = 'wb'

    @property
    def raw(self) -> Raw:
        """Return itself: what asks for the stream beneath a buffer finds this one."""
        return self

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Take all of `data`."""
        taken = bytes(data)
        self._take(self._descriptor, taken)
        return len(taken)

    def close(self) -> None:
        """Stay open: the next run prints, too."""


def text_stream(raw: Raw) -> TextIO:
    """Return a new text stream on `raw`, as Python itself makes them, but for the errors."""
    stream = io.TextIOWrapper(
        cast('BinaryIO', raw),
        encoding=_ENCODING,
        errors=_ERRORS,
        newline='\n',
        line_buffering=True,
    )
    stream.mode = 'w'  # type: ignore[misc]  # As Python itself sets it.
    return stream


def is_fresh(stream: TextIO) -> bool:
    """Tell whether a stream is as `text_stream` made it: not detached, not reconfigured."""
    try:
        return (
            stream.encoding == _ENCODING
            and stream.errors == _ERRORS
            and bool(stream.line_buffering)
            and not stream.closed
        )
    except (ValueError, AttributeError):
        return False


def open_stdin() -> TextIO:
    """Return a text stream on descriptor 0, which is not closed with it."""
    return open(0, encoding=_ENCODING, errors='replace', closefd=False)


class StandardStreams:
    """The three streams of `sys` as user code finds them at the start of each run."""

    def __init__(self, take: Callable[[int, bytes], None]) -> None:
        """Make them; `take` gets what is written, with the number of the descriptor."""
        self._raws = (Raw(STDOUT, take), Raw(STDERR, take))
        self._own = [text_stream(raw) for raw in self._raws]
        self._replaced: tuple[TextIO, TextIO] | None = None

    def install(self) -> None:
        """Make them the streams of this process."""
        sys.stdout, sys.stderr = self._own
        # Final for users: they are put back to what Python began with, and that is ours.
        sys.__stdout__, sys.__stderr__ = self._own  # type: ignore[misc, assignment]

    def settle(self) -> None:
        """Keep what `setup` has put in their place."""
        is_own = sys.stdout is self._own[0] and sys.stderr is self._own[1]
        self._replaced = None if is_own else (sys.stdout, sys.stderr)

    def restore(self) -> None:
        """Put the streams back, as they were made."""
        first, second = self._own
        if not (is_fresh(first) and is_fresh(second)):
            self._own = [text_stream(raw) for raw in self._raws]
        if self._replaced is None or any(_is_closed(stream) for stream in self._replaced):
            self._replaced = None
            if sys.stdout is not self._own[0] or sys.stderr is not self._own[1]:
                self.install()
        else:
            sys.stdout, sys.stderr = self._replaced
        if sys.stdin is None or _is_closed(sys.stdin):
            sys.stdin = open_stdin()

    def flush(self) -> None:
        """Hand on what user code has left in buffers, in whatever it has put in their place."""
        if sys.stdout is not self._own[0]:
            _flush(sys.stdout)
        if sys.stderr is not self._own[1]:
            _flush(sys.stderr)
        for stream in self._own:
            _flush(stream)


def write_all(descriptor: int, data: bytes) -> None:
    """Write to a descriptor itself."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _flush(stream: Any) -> None:
    try:
        stream.flush()
    except Exception:  # noqa: BLE001 - user code: anything may be in the place of a stream
        return


def _is_closed(stream: Any) -> bool:
    try:
        return bool(stream.closed)
    except Exception:  # noqa: BLE001 - as above
        return True
