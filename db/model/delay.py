"""A day on which departures were far later, or far more punctual, than a week before."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DelayDay:
    """late_share, late_share_before: of all departures of the day, and of the day a week before.

    Weather of the day beside it: mean temperature in degrees Fahrenheit, greatest wind in miles
    per hour, precipitation in inches, least visibility in miles; None where it was not measured.
    """

    timeperiod: str
    late_share: float
    late_share_before: float
    is_flagged: bool
    temperature_mean: float | None
    wind_max: float | None
    precipitation: float | None
    visibility_min: float | None

    def row(self) -> tuple[Any, ...]:
        """Return the values in the order of the table's columns."""
        return astuple(self)
