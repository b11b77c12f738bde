"""The rows from which the dense index is built, and their copy."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from synergy.core.index_pages import IndexCopy, IndexStretch
from synergy.core.records import Leadership


class TimetableReader(Protocol):
    """What a timetable is loaded from."""

    def index_stretches(self, since: datetime | None = None) -> Iterable[IndexStretch]:
        """Yield process, timeperiod and state of every job row, neighbours together.

        since: only of those whose `changed_at` is not earlier; its cost is theirs.
        """
        ...

    def index_copy(self) -> IndexCopy | None:
        """Return the copy of the dense index that was saved last; None when there is none."""
        ...


class TimetableStore(TimetableReader, Protocol):
    """The copy that makes loading quick."""

    def save_index_copy(self, leadership: Leadership, copy: IndexCopy) -> None:
        """Replace the pages that `copy` has, keep the others, and take over `as_of`.

        A cache: it may be lost, and whoever reads it reads the rows that changed since.
        Raises LeadershipLost when the store's term is not this one or its lease has run out.
        """
        ...
