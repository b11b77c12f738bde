"""Old log lines and ended units of free runs go, a little at a time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from synergy.ports.store import CommitStore

logger = logging.getLogger(__name__)

#: How often they are deleted, and how many at most at a time.
PRUNE_PERIOD: Final = timedelta(minutes=10)
PRUNED_MAX: Final = 20_000


class Pruning:
    """Deletes what is older than it is to be kept; the first time after a while of leading."""

    def __init__(self, store: CommitStore, retention: timedelta) -> None:
        """Delete nothing yet."""
        self._store = store
        self._retention = retention
        self._next_at: datetime | None = None

    def wait(self) -> None:
        """Begin to wait again: a leader has other things to do first."""
        self._next_at = None

    def go_on(self, now: datetime) -> None:
        """Delete some, if it is time."""
        if self._next_at is None:
            self._next_at = now + PRUNE_PERIOD
        elif now >= self._next_at:
            before = now - self._retention
            count = self._store.prune(before, PRUNED_MAX)
            # There is more: go on at the next turn that something else asks for.
            self._next_at = now if count >= PRUNED_MAX else now + PRUNE_PERIOD
            if count:
                logger.info(
                    'deleted %d log lines and ended units of free runs from before %s UTC',
                    count,
                    f'{before:%Y-%m-%d %H:%M:%S}',
                    extra={'event': 'rows_pruned'},
                )
