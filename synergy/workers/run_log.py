"""The log of a run: what user code logs and prints, kept with its unit.

What it prints arrives as lines from `synergy.output`, log records as well in the process of a
worker; where several workers share a process, as in simulations, `Capture` takes the log records.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Final, Protocol

from synergy.core.records import LogLine
from synergy.output.lines import LINE_CHARACTERS_MAX, storable
from synergy.output.outlet import Sink
from synergy.ports.clock import Clock

__all__ = ['LINE_CHARACTERS_MAX', 'Capture', 'Recorder', 'RunLog', 'storable']

#: What one attempt keeps at most, however long its lines are.
LOG_CHARACTERS_MAX: Final = 10_000_000


class Recorder(Protocol):
    """What brings output to the log of the run under way; see `synergy.output.capture`."""

    def settle(self) -> None:
        """User code is imported and set up."""
        ...

    def begin(self, sink: Sink) -> None:
        """A run begins: all output goes to `sink` from now on."""
        ...

    def leave(self) -> None:
        """User code has returned: what it has left behind is taken and undone."""
        ...

    def end(self, *, are_kept: bool = False) -> None:
        """The run has ended: nothing more goes to its log.

        are_kept: processes that still run are meant to, and may print for later runs.
        """
        ...


class RunLog:
    """Lines of one attempt that are not in the store yet; bounded over the whole attempt.

    Written by any thread of user code, drained by the heartbeat and at the end of the run.
    """

    def __init__(self, attempt: int, clock: Clock, lines_max: int) -> None:
        """Begin empty."""
        self._attempt = attempt
        self._clock = clock
        self._room = lines_max
        self._characters_left = LOG_CHARACTERS_MAX
        self._dropped_count = 0
        self._lines: deque[LogLine] = deque()

    def add(self, level: str, text: str) -> None:
        """Keep a line, or count it as dropped when there are too many."""
        if self.is_full:
            self._dropped_count += 1
            return
        line = storable(text)
        self._room -= 1
        self._characters_left -= len(line)
        self._lines.append(self._line(level, line))

    @property
    def is_full(self) -> bool:
        """Tell whether it keeps no more lines."""
        return self._room <= 0 or self._characters_left <= 0

    def drop(self, count: int) -> None:
        """Count lines that were not even made."""
        self._dropped_count += count

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
            text = (
                f'{self._dropped_count} more lines were dropped (a run keeps run_log_lines_max '
                f'lines and {LOG_CHARACTERS_MAX:,} characters)'
            )
            lines.append(self._line('WARNING', text))
        return lines

    def _line(self, level: str, text: str) -> LogLine:
        return LogLine(attempt=self._attempt, at=self._clock.now(), level=level, text=text)


class Capture(logging.Handler):
    """Sends what is logged while a run is under way to that run's log."""

    def __init__(self) -> None:
        """Capture nothing until `begin`."""
        super().__init__()
        self._current: Sink | None = None

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
            lines = self.format(record).splitlines()
        except Exception:  # noqa: BLE001 - user code: arguments that do not fit, or that raise
            self.handleError(record)
            return
        for line in lines:
            sink.add(record.levelname, line)
