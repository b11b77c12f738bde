"""Port: what time it is. Time is a parameter everywhere else."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC. May step back when the machine's clock does."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a scale that never steps back; only differences mean anything."""
        ...

    def stalled(self) -> float:
        """Return for how many seconds this thread could have run so far, and had no processor.

        0.0 where that is not known.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        ...
