"""Descriptors 0, 1 and 2 of a worker: nothing to read, and pipes that lead into its log."""

from __future__ import annotations

import ctypes
import os
import select
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from synergy.output.lines import Lines
from synergy.output.streams import STDERR, STDOUT

#: What is read in one go: as much as a pipe holds.
READ_BYTES: Final = 65_536
#: Source: prctl(2).
_PR_SET_CHILD_SUBREAPER: Final = 36


class Channel:
    """A pipe for each of standard output and standard error, and the lines that come of them."""

    def __init__(self, monotonic: Callable[[], float], *, has_pipes: bool = True) -> None:
        """Open the pipes. has_pipes: False: lines of `sys.stdout` and `sys.stderr` alone."""
        self.lines = {number: Lines(monotonic) for number in (STDOUT, STDERR)}
        self.is_open = has_pipes
        self.reading: dict[int, int] = {}
        self._writing: list[int] = []
        self._led: list[tuple[int, int]] = []
        self._poll = select.poll()
        for number in (STDOUT, STDERR) if has_pipes else ():
            reading, writing = os.pipe()
            os.set_blocking(reading, False)
            self._poll.register(reading, select.POLLIN)
            self.reading[reading] = number
            self._writing.append(writing)
            self._led.append((writing, number))

    def lead(self) -> None:
        """Make descriptors 1 and 2 of this process lead here, if that is still possible."""
        for writing, number in self._led:
            try:
                os.dup2(writing, number)
            except OSError:
                self.is_open = False

    def pending(self) -> Iterable[tuple[int, bytes]]:
        """Return what was written and not read yet, with the number of the descriptor; never wait.

        Bounded, for a process that writes without end must not keep a run from its end.
        """
        # Most runs print nothing: then it is one system call.
        return self._pending() if self.is_open and self._poll.poll(0) else ()

    def _pending(self) -> Iterator[tuple[int, bytes]]:
        for _ in range(32):
            if not self.is_open:
                return
            ready = self._poll.poll(0)
            if not ready:
                return
            for reading, _event in ready:
                if data := self.read(reading):
                    yield self.reading[reading], data

    def read(self, reading: int) -> bytes:
        """Return what can be read at once."""
        try:
            data = os.read(reading, READ_BYTES)
        except BlockingIOError:
            return b''
        except OSError:
            data = b''
        if not data:
            # User code has closed descriptors that are not its own.
            self.is_open = False
        return data

    def close(self) -> None:
        """Close all ends: who still writes gets SIGPIPE or EPIPE."""
        self.is_open = False
        for descriptor in (*self.reading, *self._writing):
            with suppress(OSError):
                os.close(descriptor)
        self.reading, self._writing, self._led = {}, [], []


def occupy() -> None:
    """Open descriptors 0, 1 and 2 where they are closed: nothing else must get these numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def adopt_orphans() -> None:
    """Stay the ancestor of what descendants leave behind, so that `is_alone` can tell.

    Linux only. Source: prctl(2), PR_SET_CHILD_SUBREAPER.
    """
    if sys.platform == 'linux':
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def is_alone() -> bool:
    """Tell whether this process certainly has no descendants, ended ones included."""
    if sys.platform != 'linux':
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


class NativeOutput:
    """Standard output of the C library, into which extension modules print."""

    def __init__(self) -> None:
        """Find it, where the C library has it under its usual name."""
        library = ctypes.CDLL(None)
        self._flush = library.fflush
        self._streams: list[ctypes.c_void_p] = []
        for name in ('stdout', 'stderr'):
            with suppress(ValueError):
                self._streams.append(ctypes.c_void_p.in_dll(library, name))

    def flush(self) -> None:
        """Write what it has buffered."""
        for stream in self._streams:
            self._flush(stream)
