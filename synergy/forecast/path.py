"""The critical path to the end of a run: what each run before it has waited for last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Final

from synergy.core.states import UnitState
from synergy.forecast.course import Course
from synergy.forecast.draws import RATE, RATE_SECONDS, Plan
from synergy.forecast.likely import Link, Waits

#: What is told of a path: more than that nobody reads.
_PATH_MAX: Final = 50


class Path:
    """Goes back along one course that was drawn, from one run to the first that decides it."""

    def __init__(
        self, course: Course, plan: Plan, starts: Sequence[float], ends: Sequence[float]
    ) -> None:
        """Know the course, and when each of its runs begins and ends."""
        self._course, self._plan = course, plan
        self._starts, self._ends = starts, ends
        self._now = plan.situation.now

    def links(self, number: int) -> Sequence[Link]:
        """Return the path to a run, the first run first."""
        return [*self._back(number)][::-1]

    def _back(self, number: int) -> Iterator[Link]:
        starts, ends = self._starts, self._ends
        users: dict[int, list[int]] = {}
        for at, step in enumerate(self._plan.steps[:number]):
            for place, _share in step.takes:
                users.setdefault(place, []).append(at)
        for _ in range(_PATH_MAX):
            item, start = self._course.planned[number], starts[number]
            waits, of, before = self._cause(number, users)
            if item.is_run and start < inf:
                end = None if ends[number] == inf else self._at(ends[number])
                yield Link(key=item.key, start=self._at(start), end=end, waits=waits, of=of)
            if before is None:
                return
            number = before

    def _cause(
        self, number: int, users: Mapping[int, Sequence[int]]
    ) -> tuple[Waits, str, int | None]:
        """Return for what a run has begun no earlier, of whom, and the run that has ended then.

        users: runs by the place that they take.
        """
        starts, ends = self._starts, self._ends
        step, start = self._plan.steps[number], starts[number]
        unit = step.rare.unit
        for other in step.after:
            if ends[other] == start:
                return Waits.INPUT, self._course.planned[other].key.process, other
        if unit is not None and unit.state is UnitState.IN_PROGRESS:
            return Waits.RUNNING, '', None
        if start <= step.earliest:
            waits = Waits.INTERVAL if unit is None else Waits.RETRY
            return waits, '' if unit is None else step.process, None
        for place, share in step.takes:
            kind, of = self._plan.places[place]
            used = [at for at in users.get(place, ()) if at < number and starts[at] < start]
            until = {at: starts[at] + RATE_SECONDS if kind == RATE else ends[at] for at in used}
            busy = [at for at in used if until[at] >= start]
            taken = sum(self._plan.share(at, place) for at in busy)
            if taken + share > self._plan.size((kind, of)):
                freed = [at for at in busy if until[at] == start]
                return Waits(kind), of, freed[0] if freed else None
        return Waits.CLOSED, step.process, None

    def _at(self, seconds: float) -> datetime:
        return self._now + timedelta(seconds=seconds)
