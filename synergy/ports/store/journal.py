"""The journal: pages of lines as commits add them, cursors of those who follow, snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

from synergy.core.freerun_record import Freerun
from synergy.core.index_snapshot import IndexSnapshot, SnapshotMark
from synergy.core.journal import JournalPage
from synergy.core.records import Job, JobEvent, Leadership, ProcessName

#: A line has no greater number, and a page no more lines: others were made up by somebody.
NUMBER_MAX: Final = 2**50
PAGE_LINES_MAX: Final = 2**32


class JournalReader(Protocol):
    """What has happened, in order. `AddPage` of a commit adds to it."""

    #: No commit breaks off: where a row is, its line is.
    commits_are_whole: bool

    def journal_span(self) -> range:
        """Return the numbers of the lines that are there; its end is that of the next line."""
        ...

    def journal_pages(
        self, after: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        """Return at most `limit` pages with lines behind number `after`, in order.

        process: only those with lines about it. The first may begin before. Cost: pages passed.
        """
        ...

    def journal_pages_before(
        self, before: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        """Return at most `limit` pages that begin before number `before`, newest first."""
        ...

    def journal_number_since(self, since: datetime) -> int:
        """Return the number from which on lines are from `since` or later, but for the odd one.

        The number of the next line, if there are none yet.
        """
        ...

    def journal_number_until(self, until: datetime) -> int:
        """Return the number from which on lines are from `until` or later, but for the odd one.

        Unlike that of `journal_number_since`, no page behind it is from before `until`, as one may
        be behind that where a clock was set back. The number of the next line, if all are older.
        """
        ...

    def recent_jobs(self, since: datetime) -> Iterable[tuple[Job, Sequence[JobEvent]]]:
        """Yield the jobs that changed at `since` or later, with their events, newest first."""
        ...

    def recent_freeruns(self, since: datetime) -> Iterable[tuple[Freerun, Sequence[JobEvent]]]:
        """Yield the free runs that changed at `since` or later, with their events likewise."""
        ...

    def journal_cursor(self, name: str) -> int | None:
        """Return the number of the last line that a follower has dealt with."""
        ...

    def journal_cursors(self) -> dict[str, int]:
        """Return those of all followers, by name."""
        ...

    def led_text(self) -> tuple[int, str | None]:
        """Return revision and text of the context that is led, as they are stored; (0, None)."""
        ...

    def index_snapshots(self) -> Sequence[SnapshotMark]:
        """Return which snapshots of the index there are, by number and context."""
        ...

    def index_snapshot(self, mark: SnapshotMark) -> IndexSnapshot | None:
        """Return a snapshot by number and context; None: there is none."""
        ...


class JournalStore(JournalReader, Protocol):
    """The upkeep of the journal."""

    def save_journal_cursor(self, name: str, number: int) -> bool:
        """Remember how far a follower is; False: it is further already, and stays there."""
        ...

    def remove_journal_cursor(self, name: str) -> None:
        """Forget a follower that has gone for good."""
        ...

    def save_index_snapshot(self, leadership: Leadership, snapshot: IndexSnapshot) -> None:
        """Keep a snapshot; one of the same number and context is replaced.

        Raises LeadershipLost when the store's term is not this one or its lease has run out.
        """
        ...

    def prune_journal(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` pages from before an instant; return how many lines went.

        The oldest first, and none behind one that stays (`synergy.core.journal.outlived`). The
        newest page stays: the next number follows from it.
        """
        ...

    def prune_snapshots(self, before: datetime) -> int:
        """Delete snapshots from before an instant, but for the newest; return how many went."""
        ...
