"""Whether somebody has set the clock of this box: deadlines made before are then void."""

from __future__ import annotations

import logging
from typing import Final

from synergy.ports.clock import Clock

logger = logging.getLogger(__name__)

#: A wall clock that moves this much further than the monotonic one within a turn has been set.
CLOCK_STEP_SECONDS: Final = 1.0


class ClockSteps:
    """Compares the wall clock with the monotonic one, turn by turn."""

    def __init__(self, clock: Clock) -> None:
        """Know nothing yet."""
        self._clock = clock
        self._offset: float | None = None

    def has_stepped(self) -> bool:
        """Tell whether the wall clock was set since the last look."""
        before = self._offset
        self._offset = self._clock.now().timestamp() - self._clock.monotonic()
        seconds = 0.0 if before is None else self._offset - before
        if abs(seconds) < CLOCK_STEP_SECONDS:
            return False
        logger.warning(
            'the clock of this box was set by %+.1f s; reloading',
            seconds,
            extra={'event': 'clock_stepped'},
        )
        return True
