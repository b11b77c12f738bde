"""Is a run's count of processed things out of the usual of its process: robust, and never hasty."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

#: Runs that it takes to say what is usual, and that are remembered.
SAMPLES_MIN: Final = 10
SAMPLES_MAX: Final = 100
#: How many times the median it is, or a part of it, and how far beyond all but the odd one.
_OF_MEDIAN: Final = 3
_OF_EDGE: Final = 2
#: Less of a difference is none that concerns a person.
_LEAST: Final = 10
#: One in so many on each side is the odd one.
_ODD: Final = 20


class Band(NamedTuple):
    """What is usual, but for the odd one."""

    low: int
    median: int
    high: int


def usual_band(counts: Collection[int]) -> Band | None:
    """Return what is usual; None: too few runs tell."""
    if len(counts) < SAMPLES_MIN:
        return None
    ordered = sorted(counts)
    odd = len(ordered) // _ODD
    return Band(ordered[odd], ordered[len(ordered) // 2], ordered[-1 - odd])


def is_unusual(count: int, band: Band) -> bool:
    """Tell whether a count is far more or fewer than usual."""
    if abs(count - band.median) < _LEAST:
        return False
    is_more = count > band.median * _OF_MEDIAN and count > band.high * _OF_EDGE
    is_fewer = count * _OF_MEDIAN < band.median and count * _OF_EDGE < band.low
    return is_more or is_fewer
