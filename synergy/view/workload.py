"""Work under way, process by process: what runs, what is queued, what rests, what is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timetable import Timetable
from synergy.view.conditions import (
    ALL,
    FINAL_RUN,
    HELD,
    PAUSED,
    QUEUED,
    REPORTED,
    RESTING,
    RETRYING,
    RUNNING,
    Condition,
    Runs,
    condition_under_way,
)


class Tallies(Struct, frozen=True):
    """How many jobs, or runs of a free run, are in each condition, of one process or of many."""

    by_condition: Mapping[Condition, int]

    def __getitem__(self, condition: Condition) -> int:
        """Return how many are in a condition."""
        return self.by_condition.get(condition, 0)

    @property
    def running(self) -> int:
        """Return how many a worker runs, last runs of live intervals among them."""
        return self[RUNNING] + self[FINAL_RUN]

    @property
    def queued(self) -> int:
        """Return how many wait for a worker."""
        return self[QUEUED]

    @property
    def retrying(self) -> int:
        """Return how many wait for their next attempt."""
        return self[RETRYING]

    @property
    def shown(self) -> Sequence[tuple[Condition, int]]:
        """Return the conditions that occur, in the order of lists."""
        return [(item, self.by_condition[item]) for item in ALL if self[item]]

    @property
    def by_name(self) -> dict[str, int]:
        """Return them for programs, by the names of the conditions that occur."""
        return {condition.name: count for condition, count in self.shown}


NOTHING: Final = Tallies({})


class Workload(Struct, frozen=True):
    """Work under way by process, free runs among them; what has none is left out."""

    by_process: Mapping[ProcessName, Tallies]

    def of(self, process: ProcessName) -> Tallies:
        """Return that of one process."""
        return self.by_process.get(process, NOTHING)

    @property
    def whole(self) -> Tallies:
        """Return that of all of them together."""
        total: Counter[Condition] = Counter()
        for tallies in self.by_process.values():
            total.update(tallies.by_condition)
        return Tallies(total)


def workload_of(timetable: Timetable, runs: Runs) -> Workload:
    """Return what is under way, held or paused. Cost: the units under way and the open jobs."""
    found: dict[ProcessName, Counter[Condition]] = {}
    for uow_id, seen in runs.items():
        condition: Condition | None = seen.condition
        if seen.key.process in timetable.hierarchy.nodes:
            job = timetable.open_job(seen.key)
            is_its_own = job is not None and job.uow_id == uow_id and job.has_live_unit
            condition = condition_under_way(runs, job) if job and is_its_own else None
        if condition is not None:
            found.setdefault(seen.key.process, Counter())[condition] += 1
    for name in timetable.hierarchy.nodes:
        counts = found.get(name, Counter())
        running, resting = timetable.running_count(name), timetable.resting(name)
        jobs, paused = timetable.open_jobs_of(name), timetable.paused_count(name)
        if not (counts or running or resting or jobs or paused):
            # Most of thousands.
            continue
        counts[REPORTED] += running - counts.total()
        counts[RESTING] += len(resting)
        counts[HELD] += sum(job.is_held for job in jobs)
        counts[PAUSED] += paused
        if positive := +counts:
            found[name] = positive
    return Workload({name: Tallies(counts) for name, counts in found.items()})
