"""Taking turns: so that many things of one owner do not keep the few of another waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar('T')


def by_turns(items: Iterable[T], owner_of: Callable[[T], Hashable]) -> list[T]:
    """Return all items: the first of each owner, then the second of each, and so on.

    The items of one owner keep their order, and owners come in the order of their first items.
    """
    counts: Counter[Hashable] = Counter()
    placed = []
    for item in items:
        owner = owner_of(item)
        placed.append((counts[owner], item))
        counts[owner] += 1
    if len(counts) > 1:
        placed.sort(key=_place)
    return [item for _, item in placed]


def _place(placed: tuple[int, T]) -> int:
    return placed[0]
