"""What the leading Scheduler writes: transitions in batches, and what is too old to be kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from synergy.core.effects import Save
from synergy.core.records import Leadership, UowId


class CommitStore(Protocol):
    """Commits, and their upkeep."""

    def commit(
        self,
        leadership: Leadership,
        saves: Sequence[Save],
        announced: Mapping[UowId, datetime] = MappingProxyType({}),
    ) -> None:
        """Apply `saves` in order, each as the one conditional statement that its class describes.

        announced: when the broker confirmed the announcement of which unit; written to those still
        REQUESTED, never refused, and maybe seen by readers a moment later.
        Raises LeadershipLost when the store's term is not this one or its lease has run out, and
        CommitRefused when a save matched no row, or is of a row that cannot be stored; it names
        what was refused. A refused commit may have applied any of the others (SQLite applies
        none): the caller drops its index and reloads.
        """
        ...

    def prune(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` log lines, and ended units of free runs, from before an instant.

        Dead letters stay until they are dropped. Returns how many were deleted.
        """
        ...
