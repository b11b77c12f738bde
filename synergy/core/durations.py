"""How long runs take, as distributions: of what was measured, and of what is assumed beside it.

A run that was measured counts once. Beside all of them stands what is assumed of any process, with
the weight of a few runs: where little was measured it decides, and makes the distribution wide;
where much was, it is all but gone. Where runs clearly depend on the hour at which they begin, a
rank test says so, each hour has a distribution of its own.

Failures are counted by attempts: how often a first one fails, and how often one after a failure
does, which are two different things.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, groupby
from math import exp, log, sqrt
from statistics import NormalDist
from types import MappingProxyType
from typing import Final

from synergy.core.records import RetryPolicy
from synergy.core.retry import JITTER_SHARE
from synergy.core.structs import Struct

#: Of which nothing was measured: a minute, or a fifth, or five.
_ASSUMED_SECONDS: Final = 60.0
_ASSUMED_SPREAD: Final = 1.25
#: Of which little was: so far are its runs from their median, as logarithms.
_USUAL_SPREAD: Final = 0.5
#: As many runs does count what is assumed.
_ASSUMED_WEIGHT: Final = 2.0
#: What a run takes at least: a report, a decision, a claim.
_LEAST_SECONDS: Final = 0.01

#: Points by which a distribution is held; its assumed part has fewer.
POINTS: Final = 128
_ASSUMED_POINTS: Final = 32

#: An hour has a distribution of its own with so many runs, and the test needs so many in all.
_PER_HOUR_MIN: Final = 5
_TESTED_MIN: Final = 30
#: By chance, the test tells hours apart once in a thousand times. And they must explain so much of
#: the order of all runs: with many runs the smallest difference is none of chance.
_CHANCE: Final = NormalDist().inv_cdf(0.999)
_EXPLAINED_MIN: Final = 0.1

#: How often a first attempt fails, as if so many had been seen; and one after a failure.
_FIRST_ASSUMED: Final = (0.2, 10.0)
_AGAIN_ASSUMED: Final = (0.5, 2.0)
#: A run that lasts longer than any did goes on for about half of what it has lasted.
_OVERDUE_SHARE: Final = 0.5


class Measured(Struct, frozen=True):
    """A run that has ended. seconds: of its last attempt; hour: of the day, when that began.

    attempt: number of its last one. is_dead: that one failed, too.
    """

    seconds: float
    hour: int
    attempt: int = 1
    is_dead: bool = False


class Lengths(Struct, frozen=True):
    """A distribution of seconds, as so many points that are equally likely; they rise."""

    points: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return what half of the runs take at most."""
        return self.points[len(self.points) // 2]

    @property
    def mean(self) -> float:
        """Return what a run takes on average."""
        return sum(self.points) / len(self.points)

    def at(self, share: float) -> float:
        """Return what `share` of the runs take at most; share: in [0, 1)."""
        return self.points[int(share * len(self.points))]

    def left(self, elapsed: float) -> Lengths:
        """Return how long a run still takes that has lasted for `elapsed` seconds.

        Of those that last longer. One that has lasted longer than nearly all is told little of by
        them: the longer it lasts, the longer it may go on.
        """
        if elapsed <= 0:
            return self
        longer = self.points[bisect_right(self.points, elapsed) :]
        left = [point - elapsed for point in longer]
        if len(left) < _ASSUMED_POINTS // 8:
            mean = elapsed * _OVERDUE_SHARE
            left += [-mean * log(1 - (at + 0.5) / _ASSUMED_POINTS) for at in range(_ASSUMED_POINTS)]
        return Lengths(tuple(sorted(max(seconds, _LEAST_SECONDS) for seconds in left)))


class Odds(Struct, frozen=True):
    """How likely attempts fail. first: of a run; again: one that follows a failure."""

    first: float
    again: float


class Work(Struct, frozen=True, kw_only=True):
    """How runs of one process go. by_hour: where the hour matters; `count`: runs measured."""

    lengths: Lengths
    odds: Odds
    by_hour: Mapping[int, Lengths] = MappingProxyType({})
    count: int = 0

    def lengths_at(self, hour: int) -> Lengths:
        """Return the distribution of runs that begin in an hour of the day."""
        return self.by_hour.get(hour, self.lengths)


class Drawn(Struct, frozen=True):
    """One course that a run may take. seconds: from its first attempt to its end, with all delays.

    is_given_up: its last attempt has failed, too.
    """

    seconds: float
    is_given_up: bool = False


def work_of(runs: Sequence[Measured]) -> Work:
    """Return how runs go, from the newest ones of a process; none: as is assumed of any."""
    done = [run for run in runs if not run.is_dead] or runs
    by_hour = {}
    if does_hour_matter(done):
        hours = _by_hour(done)
        by_hour = {
            hour: lengths_of(seconds)
            for hour, seconds in hours.items()
            if len(seconds) >= _PER_HOUR_MIN
        }
    return Work(
        lengths=lengths_of([run.seconds for run in done]),
        odds=odds_of(runs),
        by_hour=by_hour,
        count=len(runs),
    )


def lengths_of(seconds: Iterable[float]) -> Lengths:
    """Return the distribution of what was measured, widened by what is assumed."""
    known = sorted(max(value, _LEAST_SECONDS) for value in seconds)
    middle, spread = _ASSUMED_SECONDS, _ASSUMED_SPREAD
    if known:
        middle, spread = known[len(known) // 2], _USUAL_SPREAD
    normal = NormalDist(log(middle), spread)
    assumed = [exp(normal.inv_cdf((at + 0.5) / _ASSUMED_POINTS)) for at in range(_ASSUMED_POINTS)]
    weighted = [(value, 1.0) for value in known]
    weighted += [(value, _ASSUMED_WEIGHT / _ASSUMED_POINTS) for value in assumed]
    weighted.sort()
    total = len(known) + _ASSUMED_WEIGHT
    # Where each value stands, with half of its weight below it.
    below = accumulate((weight for _, weight in weighted), initial=0.0)
    places = [(at + weight / 2) / total for at, (_, weight) in zip(below, weighted, strict=False)]
    return Lengths(tuple(_points(places, [value for value, _ in weighted])))


def _points(places: Sequence[float], values: Sequence[float]) -> Iterable[float]:
    """Yield equally likely points of values that stand at `places`, in between in a line."""
    above = 0
    for number in range(POINTS):
        place = (number + 0.5) / POINTS
        while above < len(places) and places[above] < place:
            above += 1
        if above == 0:
            yield values[0]
        elif above == len(places):
            yield values[-1]
        else:
            width = places[above] - places[above - 1]
            share = (place - places[above - 1]) / width if width else 1.0
            yield values[above - 1] + share * (values[above] - values[above - 1])


def odds_of(runs: Iterable[Measured]) -> Odds:
    """Return how likely attempts fail, after what became of those that are known."""
    count = first = again = after = 0
    for run in runs:
        count += 1
        failures = run.attempt - 1 + run.is_dead
        first += failures > 0
        after += run.attempt - 1
        again += max(failures - 1, 0)
    return Odds(_share(first, count, _FIRST_ASSUMED), _share(again, after, _AGAIN_ASSUMED))


def _share(found: int, count: int, assumed: tuple[float, float]) -> float:
    return (found + assumed[0]) / (count + assumed[1])


def does_hour_matter(runs: Sequence[Measured]) -> bool:
    """Tell whether runs clearly take longer at some hours than at others: a Kruskal-Wallis test.

    It looks at the order of lengths only, so a few very long ones prove nothing.
    """
    by_hour = _by_hour(runs)
    groups = [seconds for seconds in by_hour.values() if len(seconds) >= _PER_HOUR_MIN]
    count = sum(map(len, groups))
    if len(groups) < 2 or count < _TESTED_MIN:
        return False
    ranked = sorted((value, number) for number, group in enumerate(groups) for value in group)
    sums, at, ties = [0.0] * len(groups), 0, 0
    for _, same in groupby(ranked, key=lambda item: item[0]):
        equal = [number for _, number in same]
        for number in equal:
            sums[number] += at + (len(equal) + 1) / 2
        at += len(equal)
        ties += len(equal) ** 3 - len(equal)
    correction = 1 - ties / (count**3 - count)
    if correction <= 0:
        return False  # All of the same length.
    spread = sum(total**2 / len(group) for total, group in zip(sums, groups, strict=True))
    found = (12 / (count * (count + 1)) * spread - 3 * (count + 1)) / correction
    return found > _by_chance(len(groups) - 1) and found / (count - 1) >= _EXPLAINED_MIN


def _by_chance(freedom: int) -> float:
    """Return what chi-squared exceeds once in a thousand times (Wilson and Hilferty)."""
    part = 2 / (9 * freedom)
    return freedom * (1 - part + _CHANCE * sqrt(part)) ** 3


def _by_hour(runs: Iterable[Measured]) -> Mapping[int, list[float]]:
    found: dict[int, list[float]] = {}
    for run in runs:
        found.setdefault(run.hour, []).append(run.seconds)
    return found


def drawn(
    lengths: Lengths,
    odds: Odds,
    policy: RetryPolicy,
    share: Callable[[], float],
    attempt: int = 1,
    begun: Lengths | None = None,
) -> Drawn:
    """Draw the course of a run, from attempt number `attempt` on.

    share: draws from [0, 1). attempt: without those that lost their worker. begun: what is left of
    that attempt, if it is under way. A failure takes as long as a success.
    """
    points = lengths.points if begun is None else begun.points
    seconds = points[int(share() * len(points))]
    fails = odds.first if attempt == 1 else odds.again
    while share() < fails:
        if attempt >= policy.max_attempts:
            return Drawn(seconds, is_given_up=True)
        delay = delay_after(policy, attempt) * (1 + JITTER_SHARE * share())
        seconds += delay + lengths.points[int(share() * len(lengths.points))]
        attempt += 1
        fails = odds.again
    return Drawn(seconds)


def delay_after(policy: RetryPolicy, attempt: int) -> float:
    """Return how many seconds lie between a failed attempt and the next, without jitter."""
    delay = policy.delay * (1 << min(attempt - 1, 32))
    return min(delay, policy.delay_max).total_seconds()
