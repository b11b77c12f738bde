"""What stands out among the jobs of a process: what runs, waits for a person, has failed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.mx.live.read_model import ReadModel
from synergy.view.conditions import (
    BLOCKED,
    FAILED,
    FINAL_RUN,
    HELD,
    PAUSED,
    QUEUED,
    REPORTED,
    RETRYING,
    RUNNING,
    Condition,
    Looking,
    condition_under_way,
)


class Tally(NamedTuple):
    """How many of the jobs behind a cell stand out, each in one of these but for those late."""

    running: int = 0
    queued: int = 0
    retrying: int = 0
    held: int = 0
    failed: int = 0
    blocked: int = 0
    paused: int = 0
    late: int = 0


NOTHING: Final = Tally()
#: What a tally counts, in its order; what is said of a cell.
TALLIED: Final = (RUNNING, QUEUED, RETRYING, HELD, FAILED, BLOCKED, PAUSED)
#: Which other conditions are counted as one of these.
COUNTED_AS: Final = {FINAL_RUN: RUNNING, REPORTED: RUNNING}
#: What a cell of many shows while one of them is so, the first first.
SHOWN_FIRST: Final = (HELD, FAILED, RUNNING, QUEUED, RETRYING)


class Outstanding(Struct, frozen=True, kw_only=True):
    """Ordinals of a process's jobs that stand out, in order, by condition.

    rerunning: those in progress, or between two runs, that somebody has asked to run again. failed:
    held ones included.
    """

    by_condition: Mapping[Condition, Sequence[int]]
    rerunning: Sequence[int]
    failed: Sequence[int]

    def failed_count(self, ordinals: range) -> int:
        """Return how many of `ordinals` are held, or were skipped after their last attempt."""
        return count_in(self.failed, ordinals)

    def first_failed(self, ordinals: range) -> int | None:
        """Return the first of `ordinals` that failed; None where none did."""
        return _first_in(self.failed, ordinals)

    def of(self, condition: Condition) -> Sequence[int]:
        """Return those in a condition."""
        return self.by_condition.get(condition, ())


def outstanding_of(model: ReadModel, looking: Looking, process: ProcessName) -> Outstanding:
    """Return what stands out in a process; hold the lock. Cost: its open jobs."""
    by_condition: dict[Condition, list[int]] = {}
    rerunning = []
    for job in model.timetable.open_jobs_of(process):
        ordinal = job.timeperiod.ordinal
        if job.state.is_running:
            found = condition_under_way(looking.runs, job)
            by_condition.setdefault(COUNTED_AS.get(found, found), []).append(ordinal)
            if job.request_id is not None and not job.is_held:
                rerunning.append(ordinal)
        elif model.timetable.is_paused(job.key):
            by_condition.setdefault(PAUSED, []).append(ordinal)
    held = set(by_condition.get(HELD, ()))
    by_condition[FAILED] = [item for item in model.failed[process] if item not in held]
    return Outstanding(
        by_condition={item: sorted(ordinals) for item, ordinals in by_condition.items()},
        rerunning=sorted(rerunning),
        failed=sorted(model.failed[process]),
    )


def tally_of(condition: Condition, *, is_late: bool) -> Tally:
    """Return the tally of one job alone."""
    counted = COUNTED_AS.get(condition, condition)
    return Tally._make([*(item is counted for item in TALLIED), is_late])


def count_in(numbers: Sequence[int], ordinals: range) -> int:
    """Return how many of `numbers`, which are in order, are in a range."""
    return bisect_left(numbers, ordinals.stop) - bisect_left(numbers, ordinals.start)


def _first_in(numbers: Sequence[int], ordinals: range) -> int | None:
    at = bisect_left(numbers, ordinals.start)
    return numbers[at] if at < len(numbers) and numbers[at] < ordinals.stop else None
