"""All rows of a store as whoever judges them needs them: narrow where they are plainly right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from synergy.core.invariants import EndedJob
from synergy.core.records import Job, Unit


class RowScan(Protocol):
    """One pass over jobs, one over units, in little memory.

    Each row is looked at in every field; one that is illegal is left out and reported, as by all
    other readers. Rows that are plainly right, as those of long history are, cost a tenth of
    others.
    """

    def scanned_jobs(self) -> Iterable[Job | EndedJob]:
        """Yield every job row, one level after the other or all together, in order of key."""
        ...

    def scanned_units(self) -> Iterable[Unit]:
        """Yield, in any order, every unit but those that have ended and are plainly right.

        Those have begun if they were processed, and have lost no more attempts than there were.
        """
        ...
