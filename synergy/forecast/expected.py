"""What is to be expected from now on: asked of courses that are drawn once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from math import inf
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.records import ProcessName
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey
from synergy.forecast.course import Course
from synergy.forecast.draws import Draws, Plan
from synergy.forecast.likely import Due, Likely, Link
from synergy.forecast.path import Path
from synergy.forecast.situation import Situation
from synergy.forecast.stuck import IN_TIME, Root, Stuck, root_in

#: Where a band begins and ends: four in five courses end within.
_BAND: Final = (0.1, 0.9)
#: Deadlines of one stretch of jobs that do not start.
_NEVER_MAX: Final = 1_000


class Expected:
    """What is to be expected of jobs. Draws once; everything else is asked of that."""

    def __init__(self, situation: Situation, course: Course, length: timedelta) -> None:
        """Look along a course."""
        self.now, self.until = situation.now, situation.now + length
        self.is_whole = course.is_whole
        self._situation, self._course = situation, course
        self._hierarchy = situation.timetable.hierarchy
        self._stuck: dict[ProcessName, list[Stuck]] = {}
        for item in course.stuck:
            self._stuck.setdefault(item.process, []).append(item)
        self.plan = Plan(situation, course, length)

    @cached_property
    def draws(self) -> Draws:
        """Return the courses that were drawn."""
        return self.plan.draws()

    @property
    def jobs(self) -> Sequence[JobKey]:
        """Return all jobs that are expected to end, in the order in which they start."""
        return [key for key in self._course.last_of if self.root_of(key) is None]

    @property
    def stuck(self) -> Sequence[Stuck]:
        """Return what is due and does not start unless somebody acts, or a freeze ends."""
        return [item for item in self._course.stuck if item.root.cause not in IN_TIME]

    @property
    def hierarchy(self) -> Hierarchy:
        """Return the processes that it is about."""
        return self._hierarchy

    @cached_property
    def started(self) -> Mapping[JobKey, datetime]:
        """Return since when each job runs that a worker has now."""
        return {
            unit.key: unit.started_at
            for unit in self._situation.units
            if unit.state is UnitState.IN_PROGRESS and unit.started_at is not None
        }

    def of(self, key: JobKey) -> Likely | None:
        """Return what is expected of a job; None: it is not due within the horizon."""
        number = self._course.last_of.get(key)
        root = self.root_of(key)
        if root is not None:
            return self.never(key, root)
        return None if number is None else self.likely(key, number, self.draws)

    def deadlines(self) -> Sequence[Likely]:
        """Return what is expected of all jobs with a deadline in time or yet to be missed.

        The one that is least likely to hold comes first, then the earliest.
        """
        found = [
            self.likely(key, number, self.draws)
            for key, number in self._course.last_of.items()
            if (late_at := self._late_at(key)) is not None
            and late_at > self.now
            and self.root_of(key) is None
        ]
        found += self._missed()
        return sorted(found, key=lambda item: (item.holds, item.late_at, item.key))

    def _missed(self) -> Iterator[Likely]:
        """Yield the deadlines of jobs that do not start, as far as they are yet to be missed."""
        for item in self._course.stuck:
            node = self._hierarchy.nodes[item.process]
            if node.process.deadline is None:
                continue
            late = self._hierarchy.late_until(node, self.now)
            ahead = range(max(item.ordinals.start, late), item.ordinals.stop)
            for ordinal in ahead[:_NEVER_MAX]:
                key = JobKey(item.process, self._hierarchy.timeperiod(node, ordinal))
                root = self.root_of(key)
                if root is not None and (likely := self.never(key, root)).holds is not None:
                    yield likely

    def root_of(self, key: JobKey) -> Root | None:
        """Return what stands in the way of a job that does not start; None: it does."""
        found = self._stuck.get(key.process)
        root = None if found is None else root_in(found, key.timeperiod.ordinal)
        if root is None or root.cause not in IN_TIME:
            return root
        # What is under way at the end, or comes behind what was looked at, may well end in time.
        return root if self.is_whole and key not in self._course.last_of else None

    def never(self, key: JobKey, root: Root) -> Likely:
        """Return what is expected of a job that does not start."""
        late_at = self._late_at(key)
        # What comes too late for this forecast may yet be in time.
        is_missed = late_at is not None and (root.cause not in IN_TIME or late_at <= self.until)
        return Likely(
            key=key,
            start=None,
            end=None,
            low=None,
            high=None,
            late_at=late_at,
            holds=0.0 if is_missed else None,
            root=root,
        )

    def due(self, names: Collection[ProcessName] | None = None) -> Due:
        """Return when all is done whose interval is over: of some processes, or of all."""
        numbers = [
            number
            for key, number in self._course.last_of.items()
            if (names is None or key.process in names) and self.is_over(key)
        ]
        if not numbers:
            return Due(count=0)
        last = sorted(max(map(ends.__getitem__, numbers)) for ends in self.draws.ends)
        low, high = (self._at(last[int(share * len(last))]) for share in _BAND)
        return Due(count=len(numbers), end=self._at(last[len(last) // 2]), low=low, high=high)

    def is_over(self, key: JobKey) -> bool:
        """Tell whether the interval of a job is over now."""
        node = self._hierarchy.nodes[key.process]
        return self._hierarchy.over_at(node, key.timeperiod.ordinal) <= self.now

    def path(self, key: JobKey) -> Sequence[Link]:
        """Return the critical path to the end of a job, its first run first.

        Of the course whose end of that job stands in the middle of those that end too late; of all,
        where none does.
        """
        number = self._course.last_of.get(key)
        if number is None:
            return []
        draw = self._telling_draw(number)
        path = Path(self._course, self.plan, self.draws.starts[draw], self.draws.ends[draw])
        return path.links(number)

    def number_of(self, key: JobKey) -> int | None:
        """Return which run of the course ends a job; None: it is not expected to end."""
        return None if self.root_of(key) is not None else self._course.last_of.get(key)

    def _telling_draw(self, number: int) -> int:
        key = self._course.planned[number].key
        late_at = self._late_at(key)
        late = inf if late_at is None else (late_at - self.now).total_seconds()
        order = sorted(range(len(self.draws.ends)), key=lambda at: self.draws.ends[at][number])
        # Of one that never ends nothing is told beyond where it stops.
        ended = [at for at in order if self.draws.ends[at][number] < inf] or order
        missed = [at for at in ended if self.draws.ends[at][number] > late] or ended
        return missed[len(missed) // 2]

    def likely(self, key: JobKey, number: int, draws: Draws) -> Likely:
        """Return what courses tell of a job. number: of the run that ends it."""
        ends = draws.ends_of(number)
        starts = sorted(starts[number] for starts in draws.starts)
        late_at = self._late_at(key)
        holds = None
        if late_at is not None:
            late = (late_at - self.now).total_seconds()
            # As if one more course had been drawn that is half in time: nothing is certain.
            holds = (sum(end <= late for end in ends) + 0.5) / (len(ends) + 1)
        low, high = (ends[int(share * len(ends))] for share in _BAND)
        return Likely(
            key=key,
            start=self._at(starts[len(starts) // 2]),
            end=self._at(ends[len(ends) // 2]),
            low=self._at(low),
            high=self._at(high),
            late_at=late_at,
            holds=holds,
        )

    def _late_at(self, key: JobKey) -> datetime | None:
        node = self._hierarchy.nodes[key.process]
        if node.process.deadline is None:
            return None
        return self._hierarchy.late_at(node, key.timeperiod.ordinal)

    def _at(self, seconds: float) -> datetime | None:
        return None if seconds == inf else self.now + timedelta(seconds=seconds)
