"""A copy of the index in the store now and then, so that the next start need not read all rows."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from synergy.core.engine import Engine
from synergy.core.index_pages import IndexCopy
from synergy.ports.errors import LeadershipLost, StoreUnavailable
from synergy.ports.store import TimetableStore
from synergy.scheduler.leader import Leader

logger = logging.getLogger(__name__)

#: How often a copy of the index is saved.
COPY_PERIOD: Final = timedelta(minutes=10)


class IndexCopies:
    """Saves what has changed of the index since the last copy."""

    def __init__(self, store: TimetableStore, leader: Leader, now: datetime) -> None:
        """Save the first copy from `now` on."""
        self._store = store
        self._leader = leader
        self._next_at = now

    def begin(self, now: datetime, *, has_copy: bool) -> None:
        """Begin with an index that was just built; without a copy, one is owed at once."""
        self._next_at = now + COPY_PERIOD if has_copy else now

    def go_on(self, engine: Engine, now: datetime) -> None:
        """Save a copy, if it is time."""
        if now >= self._next_at:
            self._save(engine, now)

    def at_end(self, engine: Engine, now: datetime) -> None:
        """Leave a copy to the next Scheduler; without one it reads what this one's copies lack."""
        try:
            self._save(engine, now)
        except (StoreUnavailable, LeadershipLost) as error:
            logger.warning('no copy was saved: %s', error, extra={'event': 'copy_failed'})

    def _save(self, engine: Engine, now: datetime) -> None:
        if self._leader.leadership is None:
            return
        pages = engine.timetable.pages(without=engine.left_out)
        copy = IndexCopy(as_of=now, pages=tuple(pages))
        self._store.save_index_copy(self._leader.leadership, copy)
        self._next_at = now + COPY_PERIOD
        logger.debug(
            'copied the index of %d processes', len(copy.pages), extra={'event': 'index_copied'}
        )
