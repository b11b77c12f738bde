"""What opens when: processes that closed hours or a freeze have held, and hold no longer.

They are looked at then, in one turn, and live intervals run then, as if their trigger had fired.
Who is held changes only when hours or a freeze begin or end, so it is asked for only then.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from synergy.core.freerun import Freeruns
from synergy.core.hierarchy import Hierarchy
from synergy.core.holds import Holds
from synergy.core.records import ProcessName

_AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)


class Openings:
    """Who is held, as of the last turn."""

    def __init__(self, holds: Holds) -> None:
        """Know nobody yet."""
        self._holds = holds
        self._held: frozenset[ProcessName] = frozenset()
        self._asked_at: datetime | None = None
        self._changes_at: datetime | None = None

    @property
    def next_at(self) -> datetime | None:
        """Return when to ask again; None: nobody is held."""
        if self._asked_at is None:
            return _AT_ONCE
        return self._changes_at if self._held else None

    def forget(self) -> None:
        """Ask again at the next turn: freezes have changed."""
        self._asked_at = None

    def opened(
        self, hierarchy: Hierarchy, freeruns: Freeruns, now: datetime
    ) -> Collection[ProcessName]:
        """Return the processes and free runs that were held at the last turn and are not now."""
        if not self._holds.is_used and not self._held:
            self._asked_at = now
            return ()
        is_known = (
            self._asked_at is not None
            and self._changes_at is not None
            and self._asked_at <= now < self._changes_at
        )
        if is_known:
            return ()
        self._holds.forget_ended(now)
        untils = {
            name: until
            for name in (*hierarchy.nodes, *freeruns.names)
            if (until := self._holds.until(name, now)) is not None
        }
        opened = self._held.difference(untils)
        self._held = frozenset(untils)
        self._asked_at = now
        self._changes_at = min([self._holds.changes_at(now), *untils.values()])
        return opened
