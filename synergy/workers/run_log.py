"""The log of a run: the log records of user code, kept with its unit.

What user code prints is among them: `synergy.logs` turns printed lines into log records.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from synergy.core.records import LogLine
from synergy.ports.clock import Clock

#: A longer line is cut: one line must not fill the store.
LINE_CHARACTERS_MAX: Final = 8_000


class RunLog:
    """Lines of one attempt that are not in the store yet; bounded over the whole attempt.

    Written by any thread of user code, drained by the heartbeat and at the end of the run.
    """

    def __init__(self, attempt: int, clock: Clock, lines_max: int) -> None:
        """Begin empty."""
        self._attempt = attempt
        self._clock = clock
        self._room = lines_max
        self._dropped_count = 0
        self._lines: deque[LogLine] = deque()

    def add(self, level: str, text: str) -> None:
        """Keep a line, or count it as dropped when there are too many."""
        if self._room <= 0:
            self._dropped_count += 1
            return
        self._room -= 1
        self._lines.append(self._line(level, storable(text)))

    def drain(self) -> list[LogLine]:
        """Return the lines that were not drained yet."""
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        return lines

    def finish(self) -> list[LogLine]:
        """Return what is left, and say how much was dropped."""
        lines = self.drain()
        if self._dropped_count:
            text = f'{self._dropped_count} more lines were dropped (run_log_lines_max)'
            lines.append(self._line('WARNING', text))
        return lines

    def _line(self, level: str, text: str) -> LogLine:
        return LogLine(attempt=self._attempt, at=self._clock.now(), level=level, text=text)


def storable(text: object) -> str:
    """Return what user code gave for a text as a text that any store takes, of a line at most.

    A file name that is no UTF-8 reaches us with halves of surrogate pairs, which no store keeps.
    """
    return str(text)[:LINE_CHARACTERS_MAX].encode(errors='backslashreplace').decode()


class Capture(logging.Handler):
    """Sends what is logged while a run is under way to that run's log."""

    def __init__(self) -> None:
        """Capture nothing until `begin`."""
        super().__init__()
        self._current: RunLog | None = None

    def begin(self, log: RunLog) -> None:
        """Send everything to `log` from now on."""
        self._current = log

    def end(self) -> None:
        """Send nothing anywhere."""
        self._current = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log record; a multi-line text becomes several lines."""
        log = self._current
        if log is not None:
            for line in self.format(record).splitlines():
                log.add(record.levelname, line)
