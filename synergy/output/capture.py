"""What this process prints, and where it goes: to its log, and to the log of the run under way.

`sys.stdout` and `sys.stderr` lead there directly. Descriptors 1 and 2, which processes inherit that
user code starts, lead into pipes; a thread reads them as long as this process lives, and whoever
prints or logs on another thread first takes what was written before, so that lines keep their
order. A run ends by taking what is left. Then no other process holds its pipes any more, and the
next run gets the same ones; or one does, or may: they are closed, and the next run gets new ones.
So what is written after a run never comes to another one. Processes that are kept from run to run,
as those of a pool that `setup` has made, print for the run under way.

What is printed while no run is under way goes to the log of the process alone.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import selectors
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from synergy.output.concealed import Concealed
from synergy.output.descriptors import Channel, NativeOutput, adopt_orphans, is_alone, occupy
from synergy.output.outlet import LoggingBaseline, Outlet, Sink
from synergy.output.streams import STDERR, STDOUT, StandardStreams, write_all

_LEVEL: Final = {STDOUT: logging.INFO, STDERR: logging.WARNING}
_NAME: Final = {STDOUT: 'stdout', STDERR: 'stderr'}


class Output:
    """The output of this process. Made, and used, on its main thread; streams on any."""

    def __init__(self, outlet: Outlet, monotonic: Callable[[], float]) -> None:
        """Take over `sys.stdout` and `sys.stderr`."""
        self._outlet = outlet
        self._monotonic = monotonic
        # Reentrant: a signal handler may print while its thread prints.
        self._lock = threading.RLock()
        self._channel = Channel(monotonic, has_pipes=False)
        #: Those before it that processes hold which `setup` has started.
        self._earlier: list[Channel] = []
        self._has_descriptors = False
        self._is_child = False
        #: Whether anything was printed since lines were ended last.
        self._has_printed = False
        self._streams = StandardStreams(self._write)
        self._standing = LoggingBaseline(outlet)
        self._streams.install()

    @property
    def concealed(self) -> Concealed:
        """Return what is hidden of all output."""
        return self._outlet.concealed

    def take_descriptors(self) -> None:
        """Let descriptors 0, 1 and 2 be those of a worker, too, until `close`."""
        self._native = NativeOutput()
        occupy()
        self._before = [os.dup(number) for number in (STDOUT, STDERR)]
        self._nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        adopt_orphans()
        # A crash is told where it is found when this process and its pipes are gone.
        faulthandler.enable(self._before[1])
        self._has_descriptors = True
        self._end_lines()
        self._channel = self._opened()
        self._lead()
        self._outlet.before = self._hand_over
        self._outlet.of_child = _log_in_child
        own = weakref.WeakMethod(self._become_child)

        def become_child() -> None:
            if (method := own()) is not None:
                method()

        os.register_at_fork(after_in_child=become_child)
        self._thread = threading.Thread(target=self._read, name='output', daemon=True)
        self._thread.start()

    def settle(self) -> None:
        """Call it when user code was imported and set up: so it stands between runs."""
        self._streams.settle()
        self._standing.settle()
        if self._has_descriptors:
            self._native.flush()
            self._lead()
            if not is_alone():
                # Processes that `setup` has started hold these for as long as they live.
                self._earlier = [self._channel]
                self._renew()

    def begin(self, sink: Sink) -> None:
        """A run begins: all that is printed or logged from now on goes to `sink`, too."""
        with self._lock:
            self._drain()
            self._end_lines()
            self._outlet.sink = sink
            sink.follow(self._hand_over)

    def leave(self) -> None:
        """User code has returned: take what it has left in buffers, undo what it has replaced."""
        self._streams.flush()
        if self._has_descriptors:
            self._native.flush()
            # At once: a number that user code has closed must not become that of something else.
            self._lead()
        self._streams.restore()
        self._standing.restore()

    def end(self, *, are_kept: bool = False) -> None:
        """The run ends: take what is left, and nothing afterwards.

        are_kept: processes that still run are meant to, and may print for later runs.
        """
        with self._lock:
            self._drain()
            self._end_lines()
            if self._outlet.sink is not None:
                self._outlet.sink.follow(None)
            self._outlet.sink = None
            is_ours = self._channel.is_open and (are_kept or is_alone())
            if self._has_descriptors and not is_ours:
                # Somebody may hold the pipes; they lead here no longer.
                self._forget(self._channel)
                self._renew()

    def close(self) -> None:
        """Give the descriptors back; what is printed later goes there."""
        with self._lock:
            self._streams.flush()
            self._drain()
            self._end_lines()
            if not self._has_descriptors:
                return
            self._has_descriptors = False
            self._outlet.before = self._outlet.of_child = None
            faulthandler.disable()
            for number, before in zip((STDOUT, STDERR), self._before, strict=True):
                os.dup2(before, number)
                os.close(before)
            for channel in (*self._earlier, self._channel):
                self._forget(channel)
            os.close(self._nothing)
            # Wakes the thread, which finds nothing left to read.
            reading, writing = os.pipe()
            self._selector.register(reading, selectors.EVENT_READ)
            os.close(writing)
        self._thread.join()
        os.close(reading)
        self._selector.close()
        self._channel = Channel(self._monotonic, has_pipes=False)

    def _write(self, number: int, data: bytes) -> None:
        """Take what is written to a stream of `sys`."""
        if self._is_child:
            write_all(number, data)
            return
        with self._lock:
            self._drain()
            for start in range(0, len(data), 65_536):
                self._feed(self._channel, number, data[start : start + 65_536])

    def _drain(self) -> None:
        """Take what is in the pipes."""
        with self._lock:
            for channel in (*self._earlier, self._channel):
                for number, data in channel.pending():
                    self._feed(channel, number, data)

    def _hand_over(self) -> None:
        """Take what is in the pipes, and let nothing wait for more."""
        with self._lock:
            self._drain()
            self._outlet.flush()

    def _feed(self, channel: Channel, number: int, data: bytes) -> None:
        self._has_printed = True
        if found := channel.lines[number].feed(data):
            self._outlet.put(_NAME[number], _LEVEL[number], found, self._outlet.sink)

    def _end_lines(self) -> None:
        if not self._has_printed:
            return
        self._has_printed = False
        for channel in (*self._earlier, self._channel):
            for number, lines in channel.lines.items():
                if found := lines.rest():
                    self._outlet.put(_NAME[number], _LEVEL[number], found, self._outlet.sink)
        self._outlet.flush()

    def _lead(self) -> None:
        """Let the descriptors lead where they belong."""
        os.dup2(self._nothing, 0)
        self._channel.lead()

    def _renew(self) -> None:
        """Take new pipes."""
        self._channel = self._opened()
        self._lead()

    def _opened(self) -> Channel:
        channel = Channel(self._monotonic)
        for reading in channel.reading:
            self._selector.register(reading, selectors.EVENT_READ, channel)
        return channel

    def _forget(self, channel: Channel) -> None:
        for reading in channel.reading:
            with suppress(KeyError, ValueError, OSError):
                self._selector.unregister(reading)
        channel.close()

    def _read(self) -> None:
        """Take what comes through the pipes; a thread of its own."""
        while True:
            ready = self._selector.select()
            with self._lock:
                if not self._has_descriptors:
                    return
                for key, _ in ready:
                    self._take(key.data, key.fd)

    def _take(self, channel: Channel, reading: int) -> None:
        # A number may lead elsewhere by now, to a newer channel.
        if channel.is_open and reading in channel.reading:
            if data := channel.read(reading):
                self._feed(channel, channel.reading[reading], data)
            if not channel.is_open:
                self._forget(channel)

    def _become_child(self) -> None:
        """Write to the descriptors from now on: this is a forked child, with a copy of all."""
        if self._has_descriptors and not self._is_child:
            self._is_child = True
            self._lock = threading.RLock()
            self._selector.close()
            for channel in (*self._earlier, self._channel):
                channel.close()


def _log_in_child(level: int, text: str) -> None:
    """Write down what a forked child logs: its lines come back through the pipe."""
    number = STDERR if level >= logging.WARNING else STDOUT
    shown = text if level in _LEVEL.values() else f'{logging.getLevelName(level)}: {text}'
    write_all(number, f'{shown}\n'.encode(errors='backslashreplace'))
