"""How long work still takes: by how long runs take, who works on it, and what comes first.

A number of runs divided by nobody says little: what counts is how many run at once, which is
limited by `max_running` and by the workers that are there, and what those have to do before. Where
many runs came right after one another lately, it is known what lies between two of them, too; else
that is assumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, islice
from math import ceil
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.lanes import Lane, LaneWork
from synergy.core.node import Node
from synergy.core.pool_rates import RATE_WINDOW
from synergy.core.pool_record import PoolName
from synergy.core.readiness import blocked_runs
from synergy.core.records import ProcessName
from synergy.core.starting import lanes_of, live_first
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.store import EndedRun
from synergy.view.boxes import BoxView
from synergy.view.no_worker import is_able
from synergy.view.preview import Preview
from synergy.view.usual import Durations

#: What lies between two runs of a place among `max_running`: a report, a decision, a claim.
BETWEEN_RUNS: Final = timedelta(milliseconds=10)
#: Runs in a row that tell how long one takes in all, and the pauses that end such a row.
_ROW_MIN: Final = 20
_PAUSE: Final = timedelta(milliseconds=100)
#: Stretches that are asked whether they are blocked.
_LOOKS_MAX: Final = 300


class Estimator(Struct, frozen=True, kw_only=True):
    """What an estimate is made from. workers: instances that take work, by process
    or group.

    A process that `workers` lacks, itself or its group, is not known to have any on a box: they
    may have been started by hand. ahead: runs under way by process, which are done first.
    """

    hierarchy: Hierarchy
    durations: Callable[[ProcessName], Durations]
    workers: Mapping[str, int]
    ahead: Mapping[ProcessName, int]

    def takes(self, process: ProcessName, count: int) -> timedelta | None:
        """Return how long `count` runs take after those under way; None: nobody knows."""
        durations = self.durations(process)
        if durations.usual.p50 is None:
            return None
        node = self.hierarchy.nodes[process]
        width = node.process.max_running
        pools = [(self.hierarchy.pools.sizes[of], n) for of, n in node.process.demand.shares]
        for pool, share in pools:
            width = min(width, pool.slots // share)
        if any(source.process == process for source in node.inputs):
            width = 1  # Each waits for the one before.
        if not self.hierarchy.nodes[process].process.is_on:
            return None
        workers = self.workers.get(node.process.group or process)
        if workers is not None:
            width = min(width, workers)
        if width < 1:
            return None
        total = count + self.ahead.get(process, 0)
        one = turn_of(durations.runs, durations.usual.p50)
        limits = [pool.per_minute for pool, _ in pools if pool.per_minute is not None]
        starts = max((RATE_WINDOW * (count / most) for most in limits), default=timedelta())
        return max(one * ceil(total / width), starts)

    def pools_take(self, counts: Mapping[ProcessName, int]) -> timedelta:
        """Return how long `counts` take at least, for all that takes of one pool shares it."""
        slots: dict[PoolName, timedelta] = {}
        starts: Counter[PoolName] = Counter()
        for process, count in counts.items():
            durations = self.durations(process)
            if durations.usual.p50 is None:
                continue
            one = turn_of(durations.runs, durations.usual.p50)
            for pool, share in self.hierarchy.nodes[process].process.demand.shares:
                slots[pool] = slots.get(pool, timedelta()) + one * (count * share)
                starts[pool] += count
        sizes = self.hierarchy.pools.sizes
        limits = [(count, sizes[pool].per_minute) for pool, count in starts.items()]
        return max(
            *(took / sizes[pool].slots for pool, took in slots.items()),
            *(RATE_WINDOW * (count / most) for count, most in limits if most is not None),
            timedelta(),
            timedelta(),  # At least two, so that each is one to compare.
        )

    def whole(self, counts: Mapping[ProcessName, int]) -> timedelta | None:
        """Return when all of `counts` is done, inputs before outputs; None: nobody knows.

        While inputs end one by one, what waits for them goes on beside them, so that after the
        last one only one run of each follows. What takes of one pool shares it.
        """
        ends: dict[ProcessName, timedelta] = {}
        for node in self.hierarchy:
            name = node.process.name
            if count := counts.get(name, 0):
                own, last = self.takes(name, count), self.durations(name).usual.p50
                if own is None or last is None:
                    return None
                before = [ends[item.process] for item in node.inputs if item.process in ends]
                ends[name] = max(own, max(before) + last + BETWEEN_RUNS) if before else own
        return max(*ends.values(), self.pools_take(counts)) if ends else None


def workers_by_process(views: Iterable[BoxView]) -> Mapping[str, int]:
    """Return how many instances take work, of every process that boxes tell of."""
    found: Counter[str] = Counter()
    for view in views:
        for row in view.processes:
            found[row.process] += max(len(row.pids), 1) if is_able(view, row) else 0
    return found


def turn_of(runs: Iterable[EndedRun], p50: timedelta) -> timedelta:
    """Return how long a place among those that run is taken by one run, until the next begins.

    Of many runs the mean counts: few long ones take more than all the others. Where runs came one
    right after the other, however many at once, the longest row of them tells of pauses, too.
    """
    runs = list(runs)
    mean = sum((run.took for run in runs), timedelta()) / len(runs) if runs else p50
    pause = max(_PAUSE, p50 / 2)
    best: list[EndedRun] = []
    row: list[EndedRun] = []
    until = None
    for run in sorted(runs, key=lambda run: run.started_at):
        if until is not None and run.started_at - until > pause:
            row = []
        until = run.finished_at if until is None or not row else max(until, run.finished_at)
        row.append(run)
        best = row if len(row) >= len(best) else best
    if len(best) < _ROW_MIN:
        return mean + BETWEEN_RUNS
    length = max(run.finished_at for run in best) - best[0].started_at
    return max(length * _most_at_once(best) / len(best), mean)


def _most_at_once(runs: Sequence[EndedRun]) -> int:
    """Return how many of `runs` ran at the same time, at most."""
    steps = [(run.started_at, 1) for run in runs] + [(run.finished_at, -1) for run in runs]
    counts = accumulate(step for _, step in sorted(steps))
    return max(max(counts), 1)


def ready_count(timetable: Timetable, node: Node, ordinals: range, now: datetime) -> int:
    """Return how many of `ordinals` may start now, paused ones not counted.

    What is blocked is asked for up to a bound; beyond it, everything counts.
    """
    over = range(ordinals.start, min(ordinals.stop, timetable.hierarchy.over_until(node, now)))
    if not over:
        return 0
    embryos = sum(map(len, timetable.embryo_runs(node.process.name, over)))
    looks = islice(blocked_runs(timetable, node, over, now), _LOOKS_MAX)
    return max(embryos - sum(map(len, looks)), 0)


class PlanEstimate(Struct, frozen=True, kw_only=True):
    """How long a plan takes, process by process and as a whole; None: nobody knows."""

    by_process: Mapping[ProcessName, timedelta | None]
    whole: timedelta | None


def plan_estimate(estimator: Estimator, shown: Preview) -> PlanEstimate:
    """Return how long it takes until all that a preview shows has run."""
    counts = {row.process: row.count for row in shown.rows}
    return PlanEstimate(
        by_process={name: estimator.takes(name, count) for name, count in counts.items()},
        whole=estimator.whole(counts),
    )


def ahead_of(timetable: Timetable, shown: Preview) -> Mapping[ProcessName, int]:
    """Return the runs under way that a plan does not cancel, by process."""
    cancelled = {row.process: len(row.running) for row in shown.rows}
    return {
        name: max(timetable.running_count(name) - count, 0) for name, count in cancelled.items()
    }


class Before(Struct, frozen=True):
    """What starts before a job. older: of its own lane; in_turn: of others, by lane."""

    older: int
    in_turn: Mapping[Lane, int]

    @property
    def total(self) -> int:
        """Return how many starts come first."""
        return self.older + sum(self.in_turn.values())


def before(timetable: Timetable, node: Node, key: JobKey, now: datetime) -> Before:
    """Return what starts before a job that may start, too.

    Those of its own lane that are before it in that lane's order; beside them other lanes get as
    many starts as their shares, while they have work.
    """
    lane, works = _lane_of(timetable, node, key, now)
    waiting = {
        other: _ready_in(timetable, node, work, now, is_rerun=other is Lane.RERUN)
        for other, work in works.items()
        if other is not lane
    }
    own = works[lane].before(key.timeperiod.ordinal)
    older = _ready_in(timetable, node, own, now, is_rerun=lane is Lane.RERUN)
    shares = node.process.shares
    in_turn = {
        other: min(ceil((older + 1) * shares.of(other) / shares.of(lane)), count)
        for other, count in waiting.items()
        if count
    }
    return Before(older, in_turn)


def _lane_of(
    timetable: Timetable, node: Node, key: JobKey, now: datetime
) -> tuple[Lane, Mapping[Lane, LaneWork]]:
    first = live_first(timetable, node)
    works = lanes_of(node, first, timetable.hierarchy.over_until(node, now))
    if timetable.is_rerun(key):
        return Lane.RERUN, works
    return (Lane.HISTORY if key.timeperiod.ordinal < first else Lane.LIVE), works


def _ready_in(
    timetable: Timetable, node: Node, work: LaneWork, now: datetime, *, is_rerun: bool
) -> int:
    """Return how many of a lane may start now; which of both sorts are blocked is not asked."""
    name = node.process.name
    ready = ready_count(timetable, node, work.ordinals, now)
    if not timetable.has_reruns(name):
        return 0 if is_rerun else ready
    reruns = min(timetable.rerun_count(name, work.ordinals), ready)
    return reruns if is_rerun else ready - reruns
