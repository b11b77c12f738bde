"""Several reads as of one instant."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Snapshots(Protocol):
    """One view of the whole store, while others write."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Let everything that is read in a block be as of one instant: that of its beginning.

        Nothing is written in the block; within another, it is a part of that one. Whoever compares
        rows of several tables, or pages of one, needs it: a Scheduler and workers go on meanwhile.
        Not held to it are logs and users. On MongoDB a commit takes effect in stages
        (`synergy.core.effects.in_stages`), so a snapshot may lie between two of them; a view holds
        for as long as the server keeps its history, 5 minutes by default; and servers before 5.0
        have none: there, each read is as of its own instant. Raises SnapshotLost when a collection
        or an index is just being made.
        """
        ...
