"""What the Scheduler has said last of what is live and what is left out; read now and then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from synergy.core.led_context import LedContext
from synergy.core.records import ProcessName
from synergy.ports.store import Reader

#: For so long it is not read again, unless it may be new.
LED_KEPT_SECONDS: Final = 15.0


class LedWatch:
    """The context that was led, as of the last look."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.led: LedContext | None = None
        self._read_at = float('-inf')

    def read(self, store: Reader, seconds: float, *, is_new: bool) -> LedContext | None:
        """Return what the store has, or had a moment ago.

        seconds: by a clock that only goes on. is_new: read it now, and again at the next look: it
        may be about to be saved.
        """
        if not is_new and seconds - self._read_at < LED_KEPT_SECONDS:
            return self.led
        self._read_at = float('-inf') if is_new else seconds
        return store.led_context()


def left_out_by_process(led: LedContext | None) -> Mapping[ProcessName, datetime | None]:
    """Return before when intervals are left out, of the processes of which any are."""
    starts = {} if led is None else led.lanes
    return {name: start.left_out_before for name, start in starts.items() if start.left_out_before}
