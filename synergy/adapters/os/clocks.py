"""Clocks: the system's, and one that stands still until told."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

_SCHEDULING: Final = Path('/proc/thread-self/schedstat')


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds on a scale that never steps back."""
        return time.monotonic()

    def stalled(self) -> float:
        """Return for how many seconds this thread has waited for a processor.

        Source: Linux, Documentation/scheduler/sched-stats.rst, second field.
        """
        try:
            return int(_SCHEDULING.read_bytes().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        time.sleep(seconds)


class SimulatedClock:
    """A clock for tests and simulation: it moves only when told, or when somebody sleeps."""

    def __init__(self, start: datetime) -> None:
        """Stand at `start`, an aware instant."""
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the present instant."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds since this clock was made; never steps back."""
        return self._monotonic

    def stalled(self) -> float:
        """Return no second: nothing stalls that does not run."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> None:
        """Let `by`, not negative, pass."""
        self._now += by
        self._monotonic += by.total_seconds()

    def step(self, to: datetime) -> None:
        """Set the wall clock, forward or back, without time passing."""
        self._now = to
