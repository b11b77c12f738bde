"""Which levels of a tree lie in which, and which level of another tree is waited for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from synergy.core.calendar import Calendar
from synergy.core.timeperiod import Measure, Qualifier, Timeperiod

#: Sets of levels of which it is kept what lies in what: thousands of trees have the same few.
_KEPT: Final = 1024


def parents(level: Qualifier, levels: Collection[Qualifier]) -> Sequence[Qualifier]:
    """Return the levels of a tree right above one of them, coarse to fine.

    No third level lies between: an hour of a tree that has days lies in them, and in weeks and
    months through them. A day may lie in a month and in a week.
    """
    return _parents(level, tuple(levels))


@lru_cache(maxsize=_KEPT)
def _parents(level: Qualifier, levels: tuple[Qualifier, ...]) -> Sequence[Qualifier]:
    above = [item for item in levels if item.holds(level)]
    found = [item for item in above if not any(item.holds(between) for between in above)]
    return tuple(sorted(found, key=_rank))


def child(level: Qualifier, levels: Collection[Qualifier]) -> Qualifier | None:
    """Return the level of a tree right below one of them; of a sound tree there is one at most."""
    return _child(level, tuple(levels))


@lru_cache(maxsize=_KEPT)
def _child(level: Qualifier, levels: tuple[Qualifier, ...]) -> Qualifier | None:
    return min((item for item in levels if level.holds(item)), key=_rank, default=None)


def unrelated(levels: Collection[Qualifier]) -> Iterator[tuple[Qualifier, Qualifier]]:
    """Yield the pairs of levels that cannot stand in one tree, the coarser first.

    One of minutes must be made of whole ones of the next: else an hour would have two kinds of
    children.
    """
    minutes = sorted((item for item in levels if item.measure is Measure.MINUTE), key=_rank)
    yield from (pair for pair in pairwise(minutes) if not pair[0].holds(pair[1]))


def counterpart(
    level: Qualifier, own: Collection[Qualifier], others: Collection[Qualifier]
) -> Qualifier | None:
    """Return the level of another tree for which one waits whose tree depends on that.

    own: the levels of its tree; others: those of the other one. The equal level; without it, the
    next finer one, unless a level below it in its own tree has either: it waits through that one.
    """
    if level in others:
        return level
    if any(counterpart(item, own, others) for item in own if level.holds(item)):
        return None
    finer = [item for item in others if level.holds(item)]
    return min(finer, key=_rank, default=None)


#: The most that one interval has of the next measure: hours of a day in which clocks go back.
_MOST: Final = {
    (Measure.YEAR, Measure.MONTH): 12,
    (Measure.YEAR, Measure.WEEK): 54,
    (Measure.YEAR, Measure.DAY): 366,
    (Measure.MONTH, Measure.WEEK): 6,
    (Measure.MONTH, Measure.DAY): 31,
    (Measure.WEEK, Measure.DAY): 7,
}
_HOURS_OF_DAY: Final = 25
_MINUTES_OF_HOUR: Final = 90
#: Intervals among which the longest is: years with a leap year, days with each change of a clock.
_LOOKED_THROUGH: Final = {
    Measure.YEAR: 9, Measure.MONTH: 60, Measure.WEEK: 220, Measure.DAY: 1500,
}  # fmt: skip


def most_in(level: Qualifier, finer: Qualifier) -> int:
    """Return how many intervals of a finer level begin in one, at most."""
    if level.measure is Measure.MINUTE:
        return -(-level.minutes // finer.minutes)
    if finer.measure <= Measure.DAY:
        return _MOST[level.measure, finer.measure]
    days = 1 if level.measure >= Measure.DAY else _MOST[level.measure, Measure.DAY]
    hours = days * _HOURS_OF_DAY if level.measure <= Measure.DAY else 1
    return hours if finer.measure is Measure.HOUR else hours * _MINUTES_OF_HOUR // finer.minutes


def most_of(calendar: Calendar, level: Qualifier, finer: Qualifier, first: int, enough: int) -> int:
    """Return how many intervals of a finer level lie in one, at most, by the clock of a calendar.

    first: from which on they are looked through, for years. enough: no more are looked for. Of a
    clock that has been changed by other hours before, or will be, the answer is that of these.
    """
    most = 0
    for ordinal in range(first, first + _LOOKED_THROUGH[level.measure]):
        most = max(most, len(calendar.children(Timeperiod(level, ordinal), finer)))
        if most >= enough:
            break
    return most


def _rank(level: Qualifier) -> int:
    return level.rank
