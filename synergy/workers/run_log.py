"""The log of a run: what user code logs and prints, kept with its unit.

What it prints arrives as lines from `synergy.output`, log records as well in the process of a
worker; where several workers share a process, as in simulations, `Capture` takes the log records.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from threading import RLock
from typing import Final, NamedTuple, Protocol

from synergy.core.records import LogLine, LogPlace
from synergy.output.concealed import Concealed
from synergy.output.lines import LINE_CHARACTERS_MAX, gap_text, storable
from synergy.output.outlet import Sink
from synergy.ports.clock import Clock

__all__ = ['LINE_CHARACTERS_MAX', 'Capture', 'Leaving', 'Recorder', 'RunLog', 'storable']

#: What one attempt keeps at most, however long its lines are.
LOG_CHARACTERS_MAX: Final = 10_000_000
#: The first lines are one in so many of those that are kept.
HEAD_PART: Final = 5
#: Lines of the end that are shown while a run with a long log is under way.
LIVE_LINES: Final = 200


class Leaving(Protocol):
    """What is told that user code has returned."""

    @property
    def concealed(self) -> Concealed:
        """Return what is hidden of all output."""
        ...

    def leave(self) -> None:
        """User code has returned: what it has left behind is taken and undone."""
        ...


class Recorder(Leaving, Protocol):
    """What brings output to the log of the run under way; see `synergy.output.capture`."""

    def settle(self) -> None:
        """User code is imported and set up."""
        ...

    def begin(self, sink: Sink) -> None:
        """A run begins: all output goes to `sink` from now on."""
        ...

    def end(self, *, are_kept: bool = False) -> None:
        """The run has ended: nothing more goes to its log.

        are_kept: processes that still run are meant to, and may print for later runs.
        """
        ...


class _Kept(NamedTuple):
    at: datetime
    level: str
    text: str


class RunLog:
    """Lines of one attempt that are not in the store yet; bounded over the whole attempt.

    Of a long log the beginning and the end are kept, and how much was left out between them: a
    traceback comes last. While the run is under way, the store has the beginning and a short end of
    what there is so far. Written by any thread of user code, drained by the heartbeat and at the
    end of the run.
    """

    def __init__(
        self, attempt: int, clock: Clock, lines_max: int, about: str | None = None
    ) -> None:
        """Begin empty. lines_max: a fifth of them are the first ones, the others the last ones.

        about: see `synergy.output.outlet.Sink`.
        """
        self.about = about
        self._attempt = attempt
        self._clock = clock
        self._head_room = lines_max // HEAD_PART
        self._head_characters = LOG_CHARACTERS_MAX // HEAD_PART
        self._tail_max = max(lines_max - self._head_room, 1)
        self._tail_characters_max = LOG_CHARACTERS_MAX - self._head_characters
        # Reentrant: a signal handler may print while its thread does.
        self._lock = RLock()
        self._head: list[_Kept] = []
        self._tail: deque[_Kept] = deque()
        self._tail_characters = 0
        self._tail_count = 0
        self._drained_count = 0
        self._flush: Callable[[], None] | None = None

    def follow(self, flush: Callable[[], None] | None) -> None:
        """Call `flush` before looking for lines: by it, whoever writes hands over what it holds."""
        self._flush = flush

    def add(self, level: str, text: str) -> None:
        """Keep a line, for as long as it is among the first or the last ones."""
        self.extend(level, (text,))

    def extend(self, level: str, texts: Sequence[str]) -> None:
        """Keep lines, for as long as they are among the first or the last ones."""
        now = self._clock.now()
        with self._lock:
            for number, text in enumerate(texts):
                if self.is_long:
                    self._to_tail(now, level, texts[number:])
                    return
                self._head.append(_Kept(now, level, text))
                self._head_room -= 1
                self._head_characters -= len(text)

    @property
    def is_long(self) -> bool:
        """Tell whether the beginning is complete: only the last of what comes now are kept."""
        return self._head_room <= 0 or self._head_characters <= 0

    def drain(self) -> list[LogLine]:
        """Return the lines that were not drained yet; of a long log, a short end instead."""
        if self._flush is not None:
            self._flush()
        with self._lock:
            lines = self._drained_head()
            if self._left_out_count and self._drained_count != self._tail_count:
                self._drained_count = self._tail_count
                lines += self._end(min(len(self._tail), LIVE_LINES))
            return lines + self._undrained()

    def finish(self) -> list[LogLine]:
        """Return what is left; of a long log its whole end, instead of the short ones before."""
        with self._lock:
            if not self._head and not self._tail_count:
                return []  # As of most runs.
            lines = self._drained_head()
            if self._left_out_count:
                return lines + self._end(len(self._tail))
            return lines + self._undrained()

    @property
    def _left_out_count(self) -> int:
        return self._tail_count - len(self._tail)

    def _to_tail(self, now: datetime, level: str, texts: Sequence[str]) -> None:
        self._tail_count += len(texts)
        if len(texts) >= self._tail_max:
            texts = texts[-self._tail_max :]
            self._tail.clear()
            self._tail_characters = 0
        self._tail.extend([_Kept(now, level, text) for text in texts])
        self._tail_characters += sum(map(len, texts))
        while len(self._tail) > self._tail_max or (
            self._tail_characters > self._tail_characters_max and len(self._tail) > 1
        ):
            self._tail_characters -= len(self._tail.popleft().text)

    def _drained_head(self) -> list[LogLine]:
        lines = [self._line(kept, LogPlace.HEAD) for kept in self._head]
        self._head.clear()
        return lines

    def _undrained(self) -> list[LogLine]:
        """Return the lines of a tail that is kept whole so far."""
        fresh = islice(self._tail, self._drained_count - self._left_out_count, None)
        self._drained_count = self._tail_count
        return [self._line(kept, LogPlace.TAIL) for kept in fresh]

    def _end(self, count: int) -> list[LogLine]:
        """Return the last `count` lines of the tail, and before them what is left out."""
        left_out = self._tail_count - count
        shown = list(islice(self._tail, len(self._tail) - count, None))
        gap = _Kept(shown[0].at, 'WARNING', gap_text(left_out, 'the log file of the worker'))
        return [
            self._line(gap, LogPlace.GAP),
            *(self._line(kept, LogPlace.TAIL) for kept in shown),
        ]

    def _line(self, kept: _Kept, place: LogPlace) -> LogLine:
        return LogLine(
            attempt=self._attempt,
            at=kept.at,
            level=kept.level,
            text=storable(kept.text),
            place=place,
        )


class Capture(logging.Handler):
    """Sends what is logged while a run is under way to that run's log."""

    def __init__(self) -> None:
        """Capture nothing until `begin`."""
        super().__init__()
        self._current: Sink | None = None
        self.concealed = Concealed()

    def settle(self) -> None:
        """Do nothing: logging is not this handler's."""

    def begin(self, sink: Sink) -> None:
        """Send everything to `sink` from now on."""
        self._current = sink

    def leave(self) -> None:
        """Do nothing: nothing was replaced."""

    def end(self, *, are_kept: bool = False) -> None:  # noqa: ARG002 - there are no descriptors
        """Send nothing anywhere."""
        self._current = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log record; a multi-line text becomes several lines."""
        sink = self._current
        if sink is None:
            return
        try:
            lines = self.concealed.text(self.format(record)).splitlines()
        except Exception:  # noqa: BLE001 - user code: arguments that do not fit, or that raise
            self.handleError(record)
            return
        for line in lines:
            sink.add(record.levelname, line)
