"""When to give up on work: not after a fixed time, but once nothing has moved for a while.

How long work takes says more about the machine, and what else it does, than about the work.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

#: Of the time without a change: work that goes in circles moves for ever, and ends here.
CIRCLES: Final = 60


class Patience:
    """Runs out once nothing has changed for `seconds`, or has changed for 60 times as long."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        """Begin to wait. monotonic: returns the seconds of a clock that nobody sets."""
        self.seconds = seconds
        self._monotonic = monotonic
        self._began = self._moved_at = monotonic()
        self._progress: Hashable = None

    def has_run_out(self, progress: Hashable) -> bool:
        """Tell whether to give up. progress: how far the work is; any difference is a move."""
        now = self._monotonic()
        if progress != self._progress:
            self._progress, self._moved_at = progress, now
        return now - self._moved_at > self.seconds or now - self._began > CIRCLES * self.seconds
