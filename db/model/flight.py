"""Flights of one airport in one interval, counted."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FlightCount:
    """delay_minutes: of all departures, early ones negative. late: 15 minutes late or more."""

    origin: str
    timeperiod: str
    flights: int
    cancelled: int
    delay_minutes: int
    late: int

    @property
    def late_share(self) -> float:
        """Return the share of departures that were late, 0..1; 0 when nothing departed."""
        departed = self.flights - self.cancelled
        return self.late / departed if departed else 0.0

    def row(self) -> tuple[Any, ...]:
        """Return the values in the order of the table's columns."""
        return astuple(self)
