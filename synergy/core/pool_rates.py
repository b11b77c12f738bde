"""How many have started of each pool within the last minute, where that is limited."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.pool_record import SLOTS_MAX, Pool, PoolName

#: Within which the starts of a pool are counted.
RATE_WINDOW: Final = timedelta(minutes=1)


class StartRates:
    """Starts of the last minute; true where any pool limits them.

    Counted while any pool does: a first limit that is set at run time counts from then on.
    """

    def __init__(self) -> None:
        """Limit nothing."""
        self._most: dict[PoolName, int] = {}
        self._starts: dict[PoolName, deque[datetime]] = {}

    def __contains__(self, pool: PoolName) -> bool:
        """Tell whether starts of a pool are limited."""
        return pool in self._most

    def __bool__(self) -> bool:
        """Tell whether those of any pool are."""
        return bool(self._most)

    def resize(self, sizes: Mapping[PoolName, Pool]) -> None:
        """Go by other limits; starts of the last minute count on."""
        self._most = {
            name: pool.per_minute for name, pool in sizes.items() if pool.per_minute is not None
        }
        for name in sizes:
            self._starts.setdefault(name, deque())

    def limited(self, shares: Iterable[tuple[PoolName, int]]) -> Sequence[tuple[PoolName, int]]:
        """Return those of `shares` that are of pools of which starts are limited."""
        return [item for item in shares if item[0] in self._most]

    def forget(self, now: datetime) -> None:
        """Forget what was started longer ago."""
        for starts in self._starts.values():
            while starts and starts[0] <= now - RATE_WINDOW:
                starts.popleft()

    def note(self, shares: Iterable[tuple[PoolName, int]], instants: Collection[datetime]) -> None:
        """Count starts, earliest first, in each pool of which they take."""
        for pool, _ in shares:
            self._starts[pool].extend(instants)

    def is_spent(self, pool: PoolName) -> bool:
        """Tell whether so many have started within the last minute that no other may."""
        most = self._most.get(pool)
        return most is not None and len(self._starts[pool]) >= most

    def left(self, pool: PoolName) -> int:
        """Return how many may start now; where nothing limits them, as many as fit."""
        most = self._most.get(pool)
        return SLOTS_MAX if most is None else most - len(self._starts[pool])

    def free_at(self, pools: Iterable[PoolName]) -> datetime | None:
        """Return when another may start of the first of `pools` that is spent; None: none is."""
        instants = [
            self._starts[pool][-self._most[pool]] + RATE_WINDOW
            for pool in pools
            if self.is_spent(pool)
        ]
        return min(instants, default=None)
