"""Forecasts for pages and the API: one at a time, each kept for a short while.

A forecast may take seconds of a processor: whoever asks while one is made waits for that, and gets
the same one, if it is what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Final, TypeAlias

from synergy.view.forecast import ForecastDocument

#: How old a forecast may be, in seconds, and how many are kept.
KEPT_SECONDS: Final = 30.0
_KEPT_MAX: Final = 8

#: What was asked for: until when, as typed, and of which process.
Asked: TypeAlias = tuple[str | None, str | None]


class Forecasts:
    """The forecasts that were made lately."""

    def __init__(self) -> None:
        """Keep none yet."""
        self._lock = Lock()
        self._kept: dict[Asked, tuple[datetime, ForecastDocument]] = {}

    def of(
        self, asked: Asked, now: datetime, make: Callable[[], ForecastDocument]
    ) -> ForecastDocument:
        """Return what was asked for, made lately or now."""
        with self._lock:
            kept = self._kept.pop(asked, None)
            if kept is None or not 0 <= (now - kept[0]).total_seconds() < KEPT_SECONDS:
                kept = now, make()
            self._kept[asked] = kept
            while len(self._kept) > _KEPT_MAX:
                del self._kept[next(iter(self._kept))]
            return kept[1]
