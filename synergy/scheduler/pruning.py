"""What is kept for a while goes, a little at a time: logs, units of free runs, the journal."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from synergy.ports.store import SchedulerStore
from synergy.scheduler.loop_settings import LoopSettings

logger = logging.getLogger(__name__)

#: How often they are deleted, and how many at most at a time.
PRUNE_PERIOD: Final = timedelta(minutes=10)
PRUNED_MAX: Final = 20_000
#: Each is the lines of one commit.
PAGES_PRUNED_MAX: Final = 5_000


class Pruning:
    """Deletes what is older than it is to be kept; the first time after a while of leading."""

    def __init__(self, store: SchedulerStore, settings: LoopSettings) -> None:
        """Delete nothing yet."""
        self._store = store
        self._settings = settings
        self._next_at: datetime | None = None

    def wait(self) -> None:
        """Begin to wait again: a leader has other things to do first."""
        self._next_at = None

    def go_on(self, now: datetime) -> None:
        """Delete some, if it is time."""
        if self._next_at is None:
            self._next_at = now + PRUNE_PERIOD
        elif now >= self._next_at:
            has_more = [self._prune_rows(now), self._prune_journal(now)]
            # There is more: go on at the next turn that something else asks for.
            self._next_at = now if any(has_more) else now + PRUNE_PERIOD

    def _prune_rows(self, now: datetime) -> bool:
        before = now - self._settings.log_retention
        count = self._store.prune(before, PRUNED_MAX)
        if count:
            logger.info(
                'deleted %d log lines and ended units of free runs from before %s UTC',
                count,
                f'{before:%Y-%m-%d %H:%M:%S}',
                extra={'event': 'rows_pruned'},
            )
        return count >= PRUNED_MAX

    def _prune_journal(self, now: datetime) -> bool:
        kept = self._settings.journal_retention
        before = now - kept
        count = self._store.prune_journal(before, PAGES_PRUNED_MAX)
        # What is left of the journal needs a snapshot from before it.
        gone = self._store.prune_snapshots(now - max(self._settings.snapshot_retention, kept))
        if count or gone:
            logger.info(
                'deleted %d lines of the journal from before %s UTC, and %d snapshots of the index',
                count,
                f'{before:%Y-%m-%d %H:%M:%S}',
                gone,
                extra={'event': 'journal_pruned'},
            )
        return count >= PAGES_PRUNED_MAX
