"""What is to be expected, and what would help most: found by trying it on the same courses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from synergy.core.holds import Holds
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.forecast.acting import ACTION_BY_CAUSE, Kept, acted
from synergy.forecast.course import RUNS_MAX, Course, course_of
from synergy.forecast.draws import POOL, PROCESS, RATE, WORKERS, Change, Place
from synergy.forecast.expected import Expected
from synergy.forecast.likely import Action, ActionKind, Likely, Link, Waits
from synergy.forecast.situation import Situation
from synergy.forecast.stuck import Cause, Root

#: Changes that are tried, and by how much an end is better, or likelier in time, to be worth it.
_TRIED_MAX: Final = 4
_SHARE_MORE: Final = 4
_TRIAL_DRAWS: Final = 60
_TRIAL_DRAWS_MIN: Final = 12
_TRIED_RUNS: Final = 100_000
_GAIN_MIN: Final = 0.02
_SOONER_MIN: Final = timedelta(minutes=1)
#: Roots that are tried to be freed, each along a course of its own, and how long that may be.
_ROOTS_TRIED_MAX: Final = 2
_ROOT_RUNS_MAX: Final = 20_000
_PLACE_OF: Final[Mapping[Waits, tuple[ActionKind, str]]] = {
    Waits.PROCESS: (ActionKind.MAX_RUNNING, PROCESS),
    Waits.WORKERS: (ActionKind.WORKERS, WORKERS),
    Waits.POOL: (ActionKind.POOL, POOL),
    Waits.RATE: (ActionKind.RATE, RATE),
}


class Outlook(Expected):
    """What is to be expected from now on, with advice."""

    def __init__(
        self, situation: Situation, course: Course, length: timedelta, kept: Kept | None = None
    ) -> None:
        """Look along a course. kept: the index before it; without, no root is tried to be freed."""
        super().__init__(situation, course, length)
        self._length, self._kept = length, kept
        self._freed: dict[Root, Outlook | None] = {}

    def best_action(self, key: JobKey) -> Action | None:
        """Return what helps a job most, found by going along once more as if it had been done.

        None: nothing that an operator may do by itself helps noticeably.
        """
        root = self.root_of(key)
        if root is not None:
            return self._freeing(key, root, self.never(key, root))
        number = self._course.last_of.get(key)
        if number is None:
            return None
        # What starts later changes nothing.
        until = number + 1
        count = _trial_draws(until)
        before = self.likely(key, number, self.plan.draws(count=count, until=until))
        path = self.path(key)
        found = [self._freeing(key, root, before) for root in self._frozen(path)]
        for kind, of, change in self._changes(path):
            after = self.likely(key, number, self.plan.draws(change, count, until))
            action = self._action(kind, of, before, after)
            if action is not None:
                more = sum(change.places.values())
                found.append(replace(action, more=more, key=change.now))
        return max((item for item in found if item is not None), key=_worth, default=None)

    def _frozen(self, path: Iterable[Link]) -> Sequence[Root]:
        """Return the freezes for whose end a path has waited."""
        if not self._situation.freezes:
            return ()
        holds = Holds(self._hierarchy, freezes=self._situation.freezes)
        found: dict[str, Root] = {}
        for link in path:
            if link.waits is Waits.CLOSED:
                for hold in holds.over(link.key.process, self.now):
                    if (freeze := hold.freeze) is not None:
                        root = Root(key=link.key, cause=Cause.FROZEN, of=freeze.id)
                        found.setdefault(freeze.id, root)
        return list(found.values())

    def _freeing(self, key: JobKey, root: Root, was: Likely) -> Action | None:
        """Return what an operator can do about a root, if that helps a job. was: without."""
        kind = ACTION_BY_CAUSE.get(root.cause)
        if kind is None:
            return None
        if root not in self._freed and len(self._freed) < _ROOTS_TRIED_MAX:
            self._freed[root] = self._without(root)
        freed = self._freed.get(root)
        number = None if freed is None else freed.number_of(key)
        if freed is None or number is None:
            return None
        draws = freed.plan.draws(count=_trial_draws(number + 1), until=number + 1)
        after = freed.likely(key, number, draws)
        action = self._action(kind, root.of, was, after)
        if action is None:
            return None
        retried = root.key if kind is ActionKind.RETRY else None
        of = root.key.process if retried is not None else root.of
        return replace(action, of=of, key=retried, more=int(kind is ActionKind.WORKERS))

    def _without(self, root: Root) -> Outlook | None:
        """Return the outlook if a root stood in the way no more."""
        if self._kept is None:
            return None
        situation = acted(self._situation, self._kept, root)
        if situation is None:
            return None
        course = course_of(situation, self._length, _ROOT_RUNS_MAX)
        return Outlook(situation, course, self._length)

    def _action(self, kind: ActionKind, of: str, was: Likely, now: Likely) -> Action | None:
        """Return a change as advice; None where it does not help enough."""
        sooner = timedelta()
        if now.end is not None:
            sooner = (was.end or self.until) - now.end
        gain = (now.holds or 0.0) - (was.holds or 0.0)
        if gain < _GAIN_MIN and sooner < _SOONER_MIN:
            return None
        return Action(kind=kind, of=of, holds=now.holds, sooner=max(sooner, timedelta()))

    def _changes(self, path: Sequence[Link]) -> Iterator[tuple[ActionKind, str, Change]]:
        """Yield what could be done about what a path has waited for, the longest wait first."""
        waited: Counter[tuple[Waits, str, JobKey | None]] = Counter()
        for link in path:
            if link.waits is Waits.RETRY:
                seconds = int((link.start - self.now).total_seconds())
                waited[link.waits, link.of, link.key] += seconds
            elif link.waits in _PLACE_OF:
                waited[link.waits, link.of, None] += 1
        for (waits, of, key), _ in waited.most_common(_TRIED_MAX):
            if waits is Waits.RETRY:
                yield ActionKind.RETRY, of, Change(places={}, now=key)
            else:
                kind, place = _PLACE_OF[waits]
                yield kind, of, Change(places={(place, of): self._some((place, of))})

    def _some(self, place: Place) -> int:
        """Return by how many places it is worth trying to have more."""
        return max(self.plan.size(place) // _SHARE_MORE, 1)


def _worth(action: Action) -> tuple[float, timedelta]:
    return action.holds or 0.0, action.sooner


def _trial_draws(until: int) -> int:
    """Return how many courses are drawn of so many runs to try something."""
    return min(max(_TRIED_RUNS // until, _TRIAL_DRAWS_MIN), _TRIAL_DRAWS)


def forecast(situation: Situation, length: timedelta, runs_max: int = RUNS_MAX) -> Outlook:
    """Return what is to be expected within a length of time. runs_max: that are looked at."""
    kept = Kept(situation.timetable)
    return Outlook(situation, course_of(situation, length, runs_max), length, kept)
