"""Many courses that things may take: along the order of one, with lengths and failures drawn.

Each run begins when all that it waits for has ended, a place is free wherever it takes one (among
`max_running`, its workers, its pools), and no closed hours or freeze stand in the way. Places are
given in the order in which the engine has started runs. That is what a deciding engine does as long
as it need not change its mind about who comes first, at a hundredth of the cost.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heapreplace
from math import inf
from random import Random
from typing import Final, NamedTuple, TypeAlias

from synergy.core.durations import POINTS, Drawn, Lengths, Odds, Work, drawn
from synergy.core.hierarchy import Hierarchy
from synergy.core.holds import Holds
from synergy.core.pool_rates import RATE_WINDOW
from synergy.core.records import ProcessName, RetryPolicy, Unit
from synergy.core.states import OnFailure, UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.forecast.course import Course, Planned
from synergy.forecast.situation import Situation
from synergy.forecast.uncollected import uncollected

#: As many runs are drawn in all, so many courses at least and at most.
_RUNS_DRAWN: Final = 400_000
_DRAWS_MIN: Final = 24
_DRAWS_MAX: Final = 200
#: Changes of closed hours that are looked at.
_CHANGES_MAX: Final = 1_000

#: What has places: a process, its workers, or a pool; and the name.
PlaceKind: TypeAlias = str
Place: TypeAlias = tuple[PlaceKind, str]
PROCESS: Final = 'process'
WORKERS: Final = 'workers'
POOL: Final = 'pool'
#: Starts within a minute, where a pool limits them.
RATE: Final = 'rate'
RATE_SECONDS: Final = RATE_WINDOW.total_seconds()


class Change(Struct, frozen=True, kw_only=True):
    """Something that an operator may do. places: more of them; now: a job that is tried at once."""

    places: Mapping[Place, int]
    now: JobKey | None = None


NO_CHANGE: Final = Change(places={})


class Model(Struct, frozen=True):
    """How runs of one process go. is_held: what fails for good is left to an operator."""

    work: Work
    policy: RetryPolicy
    is_held: bool


class Step(NamedTuple):
    """What a course needs of one run. takes: of which places, by number, how many of each.

    points, fails: of a run of which no more need be known than a length and how likely its first
    attempt fails; else none. model: None where it is the end of a job without a run. strict: those
    without which, skipped, it is skipped. rare: what is asked only where there are no points.
    """

    earliest: float
    after: Sequence[int]
    takes: Sequence[tuple[int, int]]
    points: Sequence[float]
    fails: float
    process: ProcessName
    model: Model | None
    strict: Sequence[int]
    rare: Planned


class Draws(Struct, frozen=True):
    """Courses that were drawn: when each run begins and ends, in seconds from the beginning.

    An end is infinite where a failure is left to an operator, and behind that.
    """

    starts: Sequence[array[float]]
    ends: Sequence[array[float]]

    def ends_of(self, number: int) -> Sequence[float]:
        """Return when one run ends, the earliest course first."""
        return sorted(ends[number] for ends in self.ends)


class Plan:
    """A course, ready to be drawn along."""

    def __init__(self, situation: Situation, course: Course, length: timedelta) -> None:
        """Prepare what all draws have in common."""
        self.situation = situation
        hierarchy = situation.timetable.hierarchy
        self._sizes = sizes_of(hierarchy, situation.workers)
        #: All places that are counted; steps name them by where they stand here.
        self.places: Sequence[Place] = list(self._sizes)
        self._rates = {number for number, (kind, _) in enumerate(self.places) if kind == RATE}
        self._closed = _closed(situation, hierarchy, length)
        self._seconds_of_day = _second_of_day(situation.now)
        takes, models = self._takes(hierarchy), _models(situation, hierarchy)
        self.steps = [
            self._step(item, takes[item.key.process], models[item.key.process])
            for item in course.planned
        ]
        self._left: dict[str, Lengths] = {}
        for item in course.planned:
            unit = item.unit
            if unit is not None and unit.state is UnitState.IN_PROGRESS and unit.started_at:
                elapsed = (situation.now - unit.started_at).total_seconds()
                self._left[unit.id] = situation.work_of(unit.process).lengths.left(elapsed)

    @property
    def draw_count(self) -> int:
        """Return how many courses are drawn, so that it takes no longer than it may."""
        count = _RUNS_DRAWN // max(len(self.steps), 1)
        return min(max(count, _DRAWS_MIN), _DRAWS_MAX)

    def draws(
        self, change: Change = NO_CHANGE, count: int | None = None, until: int | None = None
    ) -> Draws:
        """Draw courses; the same change, the same courses. until: of so many steps only."""
        starts, ends = [], []
        steps = self.steps if until is None else self.steps[:until]
        with uncollected():
            for number in range(self.draw_count if count is None else count):
                begun, ended = self._draw(Random(number), change, steps)
                starts.append(begun)
                ends.append(ended)
        return Draws(starts, ends)

    def size(self, place: Place) -> int:
        """Return how many of a place there are."""
        return self._sizes[place]

    def share(self, number: int, place: int) -> int:
        """Return how many of a place a run takes."""
        return sum(share for taken, share in self.steps[number].takes if taken == place)

    def _takes(self, hierarchy: Hierarchy) -> Mapping[ProcessName, Sequence[tuple[int, int]]]:
        """Return what a run of each process takes, of places by number."""
        number_of = {place: number for number, place in enumerate(self.places)}
        found = {}
        for node in hierarchy:
            process = node.process
            own: list[tuple[Place, int]] = [
                ((PROCESS, process.name), 1),
                ((WORKERS, process.worker), 1),
                *(((POOL, pool), share) for pool, share in process.demand.shares),
                *(((RATE, pool), 1) for pool, _ in process.demand.shares),
            ]
            found[process.name] = [
                (number_of[place], share) for place, share in own if place in number_of
            ]
        return found

    def _step(self, item: Planned, takes: Sequence[tuple[int, int]], model: Model) -> Step:
        name = item.key.process
        if not item.is_run:
            return Step(item.earliest, item.after, (), (), 0.0, name, None, item.strict, item)
        is_plain = (
            item.unit is None
            and name not in self._closed
            and not model.work.by_hour
            and item.lapses_at == inf
        )
        points = model.work.lengths.points if is_plain else ()
        odds = model.work.odds
        fails = odds.again if item.is_again else odds.first
        return Step(item.earliest, item.after, takes, points, fails, name, model, item.strict, item)

    def _draw(  # noqa: C901, PLR0915 - the one loop that is gone through for every run of every draw
        self, random: Random, change: Change, steps: Sequence[Step]
    ) -> tuple[array[float], array[float]]:
        share = random.random
        free = [
            [0.0] * max(size + change.places.get(place, 0), 0)
            for place, size in self._sizes.items()
        ]
        rates = self._rates
        skipped: set[int] = set()
        starts: list[float] = []
        ends: list[float] = []
        begin, finish, points_count = starts.append, ends.append, POINTS
        for earliest, after, takes, points, fails, name, model, strict, rare in steps:
            start = earliest
            for other in after:
                if ends[other] > start:
                    start = ends[other]
            if skipped and not skipped.isdisjoint(strict):
                skipped.add(len(ends))
                begin(start)
                finish(start)
                continue
            if change.now is not None and rare.unit is not None and rare.key == change.now:
                start = 0.0
            for place, taken in takes:
                heap = free[place]
                at = heap[0] if taken == 1 and heap else _free_at(heap, taken)
                if at > start:
                    start = at
            if model is None or start == inf:
                begin(start)
                finish(start)
                continue
            if points and share() >= fails:
                # By far the most usual course, without a call.
                end = freed = start + points[int(share() * points_count)]
            else:
                if start > rare.lapses_at:
                    begin(start)
                    finish(start)
                    continue
                if name in self._closed and not _is_running(rare.unit):
                    start = self._opened(name, start)
                course = self._course(model, rare, start, share, has_failed=bool(points))
                end = freed = start + course.seconds
                if course.is_given_up and rare.lapses_at == inf:
                    if model.is_held:
                        end = inf  # It gives its places back, but its job goes no further.
                    else:
                        skipped.add(len(ends))
            begin(start)
            finish(end)
            for place, taken in takes:
                heap = free[place]
                until = freed if place not in rates else start + RATE_SECONDS
                for _ in range(min(taken, len(heap))):
                    heapreplace(heap, until)
        return array('d', starts), array('d', ends)

    def _course(
        self,
        model: Model,
        item: Planned,
        start: float,
        share: Callable[[], float],
        *,
        has_failed: bool,
    ) -> Drawn:
        """Draw how a run goes. has_failed: its first attempt does, that was drawn already."""
        work, policy, unit = model.work, model.policy, item.unit
        lengths = work.lengths
        if work.by_hour:
            lengths = work.lengths_at(int((self._seconds_of_day + start) // 3600) % 24)
        attempt, begun = 1, None
        if unit is not None:
            attempt = max(unit.attempt - unit.lost_count, 1)
            begun = self._left.get(unit.id)
        odds = work.odds
        if has_failed or item.is_again:
            odds = Odds(1.0 if has_failed else odds.again, odds.again)
        return drawn(lengths, odds, policy, share, attempt, begun)

    def _opened(self, name: ProcessName, at: float) -> float:
        """Return when something may start that could at an instant, but for closed hours."""
        begins, ends = self._closed[name]
        place = bisect_right(begins, at) - 1
        return ends[place] if place >= 0 and at < ends[place] else at


def _is_running(unit: Unit | None) -> bool:
    """Tell whether a run has begun already: closed hours and freezes let it go on."""
    return unit is not None and unit.state is UnitState.IN_PROGRESS


def _free_at(heap: Sequence[float], taken: int) -> float:
    """Return when so many places are free, of those that stand in a heap by when each is."""
    if not heap:
        return inf
    if taken <= 1:
        return heap[0]
    return sorted(heap)[min(taken, len(heap)) - 1]


def _models(situation: Situation, hierarchy: Hierarchy) -> Mapping[ProcessName, Model]:
    found = {}
    for node in hierarchy:
        process = node.process
        is_held = process.on_failure is OnFailure.HOLD
        found[process.name] = Model(situation.work_of(process.name), process.retry, is_held)
    return found


def sizes_of(hierarchy: Hierarchy, workers: Mapping[str, int]) -> dict[Place, int]:
    """Return all places that are counted, and how many of each there are.

    Workers that serve one process only, and are no fewer than may run of it, decide nothing.
    """
    sizes: dict[Place, int] = {}
    served = Counter(node.process.worker for node in hierarchy)
    for node in hierarchy:
        process, worker = node.process, node.process.worker
        most, able = process.max_running, workers.get(process.worker)
        if able is not None and (served[worker] > 1 or able < most):
            sizes[WORKERS, worker] = able
        if able is None or most <= able:
            sizes[PROCESS, process.name] = most
    for name, pool in hierarchy.pools.sizes.items():
        sizes[POOL, name] = pool.slots
        if pool.per_minute is not None:
            sizes[RATE, name] = pool.per_minute
    return sizes


def _closed(
    situation: Situation, hierarchy: Hierarchy, length: timedelta
) -> Mapping[ProcessName, tuple[Sequence[float], Sequence[float]]]:
    """Return when nothing of a process starts, as begins and ends, where that ever is so."""
    holds = Holds(hierarchy, freezes=situation.freezes)
    if not holds.is_used:
        return {}
    now, found = situation.now, {}
    changes = _changes(holds, now, now + length)
    for name in hierarchy.nodes:
        begins: list[float] = []
        ends: list[float] = []
        for at in changes:
            seconds = (at - now).total_seconds()
            if ends and seconds < ends[-1]:
                continue
            until = holds.until(name, at)
            if until is not None:
                begins.append(seconds)
                ends.append((until - now).total_seconds())
        if begins:
            found[name] = begins, ends
    return found


def _changes(holds: Holds, now: datetime, until: datetime) -> Sequence[datetime]:
    found = [now]
    while len(found) < _CHANGES_MAX and (at := holds.changes_at(found[-1])) <= until:
        if at <= found[-1]:
            break
        found.append(at)
    return found


def _second_of_day(now: datetime) -> float:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return (now - midnight).total_seconds()
