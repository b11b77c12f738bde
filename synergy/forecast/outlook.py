"""What a forecast says: likely ends with their bands, deadlines, and what would help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from math import inf
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.records import ProcessName
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.forecast.course import Course, course_of
from synergy.forecast.draws import POOL, PROCESS, WORKERS, Change, Draws, Place, Plan
from synergy.forecast.situation import Situation

#: Where a band begins and ends: four in five courses end within.
_BAND: Final = (0.1, 0.9)
#: What is told of a path: more than that nobody reads.
_PATH_MAX: Final = 50
#: Changes that are tried, and by how much an end is better, or likelier in time, to be worth it.
_TRIED_MAX: Final = 4
_SHARE_MORE: Final = 4
_TRIAL_DRAWS: Final = 60
_TRIAL_DRAWS_MIN: Final = 12
_TRIED_RUNS: Final = 100_000
_GAIN_MIN: Final = 0.02
_SOONER_MIN: Final = timedelta(minutes=1)


class Likely(Struct, frozen=True, kw_only=True):
    """When a job ends: in half of the courses by `end`, in four of five within the band.

    None: in so many courses it does not end, for a failure is left to an operator.
    """

    key: JobKey
    start: datetime | None
    end: datetime | None
    low: datetime | None
    high: datetime | None
    late_at: datetime | None
    #: How likely it ends in time; of a job without a deadline None.
    holds: float | None = None


class Due(Struct, frozen=True, kw_only=True):
    """When all jobs end whose interval is over now: in half of the courses by `end`; the band."""

    count: int
    end: datetime | None = None
    low: datetime | None = None
    high: datetime | None = None


class Waits(StrEnum):
    """What a run of a path has waited for last before it began."""

    INTERVAL = 'interval'
    INPUT = 'input'
    PROCESS = 'process'
    WORKERS = 'workers'
    POOL = 'pool'
    RETRY = 'retry'
    RUNNING = 'running'
    CLOSED = 'closed'


class Link(Struct, frozen=True, kw_only=True):
    """One run of a critical path. waits: for what, and of whom, before it could begin."""

    key: JobKey
    start: datetime
    end: datetime | None
    waits: Waits
    of: str = ''


class ActionKind(StrEnum):
    """What an operator may do."""

    WORKERS = 'workers'
    MAX_RUNNING = 'max_running'
    POOL = 'pool'
    RETRY = 'retry'


class Action(Struct, frozen=True, kw_only=True):
    """What helps most. of: process, group or pool; more: so many; key: of a job to be tried now.

    holds: how likely the deadline holds then; sooner: by how much the likely end is earlier.
    """

    kind: ActionKind
    of: str
    more: int = 0
    key: JobKey | None = None
    holds: float
    sooner: timedelta


class Outlook:
    """What is to be expected from now on. Draws once; everything else is asked of that."""

    def __init__(self, situation: Situation, course: Course, length: timedelta) -> None:
        """Look along a course."""
        self.now, self.until = situation.now, situation.now + length
        self.is_whole = course.is_whole
        self._situation, self._course = situation, course
        self._hierarchy = situation.timetable.hierarchy
        self.plan = Plan(situation, course, length)

    @cached_property
    def draws(self) -> Draws:
        """Return the courses that were drawn."""
        return self.plan.draws()

    @property
    def jobs(self) -> Sequence[JobKey]:
        """Return all jobs that are expected to end, in the order in which they start."""
        return list(self._course.last_of)

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
        """Return what is expected of a job; None: it does not run within the horizon."""
        number = self._course.last_of.get(key)
        return None if number is None else self._likely(key, number, self.draws)

    def deadlines(self) -> Sequence[Likely]:
        """Return what is expected of all jobs with a deadline in time or yet to be missed.

        The one that is least likely to hold comes first, then the earliest.
        """
        found = [
            self._likely(key, number, self.draws)
            for key, number in self._course.last_of.items()
            if (late_at := self._late_at(key)) is not None and late_at > self.now
        ]
        return sorted(found, key=lambda item: (item.holds, item.late_at, item.key))

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
        return [*self._links(number, draw)][::-1]

    def best_action(self, key: JobKey) -> Action | None:
        """Return what helps a job most, found by drawing once more as if it had been done.

        None: nothing that an operator may do by itself helps noticeably.
        """
        number = self._course.last_of.get(key)
        if number is None:
            return None
        # What starts later changes nothing.
        until = number + 1
        count = min(max(_TRIED_RUNS // until, _TRIAL_DRAWS_MIN), _TRIAL_DRAWS)
        before = self.plan.draws(count=count, until=until)
        best: Action | None = None
        for kind, of, change in self._changes(self.path(key)):
            after = self.plan.draws(change, count, until)
            action = self._action(kind, of, change, key, number, before, after)
            if action is not None and (
                best is None or (action.holds, action.sooner) > (best.holds, best.sooner)
            ):
                best = action
        return best

    def _action(  # noqa: PLR0913 - what was changed, of what, and what came of it
        self,
        kind: ActionKind,
        of: str,
        change: Change,
        key: JobKey,
        number: int,
        before: Draws,
        after: Draws,
    ) -> Action | None:
        """Return a change as advice; None where it does not help enough."""
        was, now = self._likely(key, number, before), self._likely(key, number, after)
        sooner = timedelta()
        if now.end is not None:
            sooner = (was.end or self.until) - now.end
        gain = (now.holds or 0.0) - (was.holds or 0.0)
        if gain < _GAIN_MIN and sooner < _SOONER_MIN:
            return None
        return Action(
            kind=kind,
            of=of,
            more=sum(change.places.values()),
            key=change.now,
            holds=now.holds or 0.0,
            sooner=max(sooner, timedelta()),
        )

    def _changes(self, path: Sequence[Link]) -> Iterator[tuple[ActionKind, str, Change]]:
        """Yield what could be done about what a path has waited for, the longest wait first."""
        waited: Counter[tuple[Waits, str, JobKey | None]] = Counter()
        for link in path:
            if link.waits is Waits.RETRY:
                waited[link.waits, link.of, link.key] += int(
                    (link.start - self.now).total_seconds()
                )
            elif link.waits in (Waits.PROCESS, Waits.WORKERS, Waits.POOL):
                waited[link.waits, link.of, None] += 1
        for (waits, of, key), _ in waited.most_common(_TRIED_MAX):
            match waits:
                case Waits.RETRY:
                    yield ActionKind.RETRY, of, Change(places={}, now=key)
                case Waits.POOL:
                    yield ActionKind.POOL, of, Change(places={(POOL, of): self._some((POOL, of))})
                case Waits.WORKERS:
                    yield (
                        ActionKind.WORKERS,
                        of,
                        Change(places={(WORKERS, of): self._some((WORKERS, of))}),
                    )
                case Waits.PROCESS:
                    yield (
                        ActionKind.MAX_RUNNING,
                        of,
                        Change(places={(PROCESS, of): self._some((PROCESS, of))}),
                    )
                case _:
                    pass

    def _some(self, place: Place) -> int:
        """Return by how many places it is worth trying to have more."""
        return max(self.plan.size(place) // _SHARE_MORE, 1)

    def _telling_draw(self, number: int) -> int:
        key = self._course.planned[number].key
        late_at = self._late_at(key)
        late = inf if late_at is None else (late_at - self.now).total_seconds()
        order = sorted(range(len(self.draws.ends)), key=lambda at: self.draws.ends[at][number])
        # Of one that never ends nothing is told beyond where it stops.
        ended = [at for at in order if self.draws.ends[at][number] < inf] or order
        missed = [at for at in ended if self.draws.ends[at][number] > late] or ended
        return missed[len(missed) // 2]

    def _links(self, number: int, draw: int) -> Iterator[Link]:
        """Yield a path from its end to its beginning."""
        starts, ends = self.draws.starts[draw], self.draws.ends[draw]
        users: dict[int, list[int]] = {}
        for at, step in enumerate(self.plan.steps[:number]):
            for place, _share in step.takes:
                users.setdefault(place, []).append(at)
        for _ in range(_PATH_MAX):
            item, start = self._course.planned[number], starts[number]
            waits, of, before = self._cause(number, starts, ends, users)
            if item.is_run and start < inf:
                end = self._at(ends[number])
                begun = self._at(start) or self.now
                yield Link(key=item.key, start=begun, end=end, waits=waits, of=of)
            if before is None:
                return
            number = before

    def _cause(
        self,
        number: int,
        starts: Sequence[float],
        ends: Sequence[float],
        users: Mapping[int, Sequence[int]],
    ) -> tuple[Waits, str, int | None]:
        """Return for what a run has begun no earlier, of whom, and the run that has ended then.

        users: runs by the place that they take.
        """
        step, start = self.plan.steps[number], starts[number]
        for other in step.after:
            if ends[other] == start:
                return Waits.INPUT, self._course.planned[other].key.process, other
        if step.unit is not None and step.unit.state is UnitState.IN_PROGRESS:
            return Waits.RUNNING, '', None
        if start <= step.earliest:
            waits = Waits.INTERVAL if step.unit is None else Waits.RETRY
            return waits, '' if step.unit is None else step.process, None
        for place, share in step.takes:
            kind, of = self.plan.places[place]
            busy = [at for at in users.get(place, ()) if at < number and starts[at] < start]
            busy = [at for at in busy if ends[at] >= start]
            taken = sum(self.plan.share(at, place) for at in busy)
            if taken + share > self.plan.size((kind, of)):
                freed = [at for at in busy if ends[at] == start]
                return Waits(kind), of, freed[0] if freed else None
        return Waits.CLOSED, step.process, None

    def _likely(self, key: JobKey, number: int, draws: Draws) -> Likely:
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


def outlook_of(situation: Situation, course: Course, length: timedelta) -> Outlook:
    """Return what is to be expected along a course that was found."""
    return Outlook(situation, course, length)


def forecast(situation: Situation, length: timedelta) -> Outlook:
    """Return what is to be expected within a length of time from now on."""
    return Outlook(situation, course_of(situation, length), length)
