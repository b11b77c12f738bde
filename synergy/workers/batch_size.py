"""How many units a worker claims together: as many as run within a moment.

On a machine that is busy a worker stands still between two instructions for longer than a hundred
short runs take. That says nothing of its runs: were they taken for long ones, it would claim few at
a time, and the machine would be busier still. So what the machine kept a run waiting is no part of
how long it took.
"""

from __future__ import annotations

from typing import Final

from synergy.ports.clock import Clock

#: Units claimed together, at most.
BATCH_MAX: Final = 64
#: What runs of one batch may take together: so long the end of the first may wait for the last.
BATCH_SECONDS: Final = 0.01
#: Of runs that took no longer nobody asks why.
_SHORT_SECONDS: Final = 0.001


class BatchSize:
    """Grows while runs are short, and shrinks when they are not. count: units to be claimed."""

    def __init__(self, clock: Clock, seconds_max: float) -> None:
        """Begin with one. seconds_max: what runs of one batch may take together."""
        self.count = 1
        self._clock = clock
        self._seconds_max = seconds_max
        self._stalled = 0.0

    def begin(self) -> None:
        """Begin to look at runs, with a batch or after something else was done between them."""
        self._stalled = self._clock.stalled()

    def took(self, since: float) -> float:
        """Return how many seconds a run took that began at `since` and has just ended."""
        seconds = self._clock.monotonic() - since
        if seconds <= _SHORT_SECONDS:
            return seconds
        before, self._stalled = self._stalled, self._clock.stalled()
        return max(seconds - (self._stalled - before), _SHORT_SECONDS)

    def adapt(self, count: int, seconds: float) -> None:
        """Take more at a time while runs are short, and fewer when they are not."""
        if seconds > self._seconds_max:
            self.count = max(int(count * self._seconds_max / seconds), 1)
        elif count == self.count:
            self.count = min(count * 2, BATCH_MAX)
