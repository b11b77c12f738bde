"""Which levels of a tree lie in which, and which level of another tree is waited for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from synergy.core.timeperiod import Measure, Qualifier


def parents(level: Qualifier, levels: Collection[Qualifier]) -> Sequence[Qualifier]:
    """Return the levels of a tree right above one of them, coarse to fine.

    No third level lies between: an hour of a tree that has days lies in them, and in weeks and
    months through them. A day may lie in a month and in a week.
    """
    above = [item for item in levels if item.holds(level)]
    found = [item for item in above if not any(item.holds(between) for between in above)]
    return sorted(found, key=_rank)


def child(level: Qualifier, levels: Collection[Qualifier]) -> Qualifier | None:
    """Return the level of a tree right below one of them; of a sound tree there is one at most."""
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


def _rank(level: Qualifier) -> int:
    return level.rank
