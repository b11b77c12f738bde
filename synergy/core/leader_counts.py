"""What leading Schedulers have counted, one after the other: for `/metrics`, and for it alone.

Numbers that only rise. Each leader goes on from those that the store has of the one before, so that
whoever reads them, on whatever box, reads the same, and sees them fall only where they begin at
nothing again. What a leader has counted since it last said so is lost when it is killed.

Counting costs an addition and a search among a dozen bounds; nothing here is read again by anybody
who decides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import Final

#: The label of all processes that have none of their own.
OTHER: Final = 'other'
#: Upper bounds in seconds: of how long runs take, and of a batch of the Scheduler.
RUN_BOUNDS: Final = (0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 43200.0)
BATCH_BOUNDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
#: A run of three hundred years is the mistake of a clock.
_SECONDS_MAX: Final = 1e10


class Outcome(IntEnum):
    """How attempts end; the value is its place in a row of counts."""

    PROCESSED = 0
    NOOP = 1
    CANCELED = 2
    FAILED = 3
    LOST = 4

    @property
    def word(self) -> str:
        """Return it as people say it."""
        return 'cancelled' if self is Outcome.CANCELED else self.name.lower()


class Times:
    """A histogram of durations. counts: below each bound and beyond the last; in no sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Begin with nothing."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.millis = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.millis += seconds * 1000.0


class RunCounts:
    """What became of the attempts of one process, or of all that share a label."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.outcomes = [0] * len(Outcome)
        self.took = Times(RUN_BOUNDS)


class LeaderCounts:
    """All that is counted. runs: by label. batches: of deciding until all is acknowledged.

    commits: of saving, announcing and acknowledging. refused: commits.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.runs: dict[str, RunCounts] = {}
        self.batches = Times(BATCH_BOUNDS)
        self.commits = Times(BATCH_BOUNDS)
        self.refused = 0

    def keep(self, labels: Collection[str]) -> None:
        """Forget what is of other labels than these."""
        self.runs = {label: item for label, item in self.runs.items() if label in labels}

    def processed(self, label: str, seconds: float | None) -> None:
        """Count a run that was processed, as most are; quicker than `ended`."""
        runs = self.runs.get(label)
        if runs is None or seconds is None or not 0.0 <= seconds < _SECONDS_MAX:
            self.ended(label, Outcome.PROCESSED, seconds)
            return
        runs.outcomes[0] += 1
        took = runs.took
        took.counts[bisect_left(RUN_BOUNDS, seconds)] += 1
        took.millis += seconds * 1000.0

    def ended(self, label: str, outcome: Outcome, seconds: float | None) -> None:
        """Count the end of an attempt. seconds: how long it took; None: nobody knows."""
        runs = self.runs.get(label)
        if runs is None:
            runs = self.runs[label] = RunCounts()
        runs.outcomes[outcome] += 1
        if seconds is not None and 0.0 <= seconds < _SECONDS_MAX:
            runs.took.add(seconds)


def labels_of(names: Collection[str], most: int) -> Mapping[str, str]:
    """Return the names that are labels of their own: the first ones of a context.

    Without the others numbers of series stay bounded, whatever a context grows to.
    """
    return {name: name for name in list(names)[:most] if name != OTHER}
