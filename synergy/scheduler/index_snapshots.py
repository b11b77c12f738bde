"""A snapshot of the index once a day, and whenever another context is led.

With the lines of the journal behind it, it is what everything stood like at any later instant: so
the context that it was made under stands in it, too. A store that has a history from before the
journal gets its first one in the first turn of its first leader: history begins there.
"""

from __future__ import annotations

import logging
from datetime import date, datetime

from synergy.core.engine import Engine
from synergy.core.index_snapshot import SnapshotMark, snapshot_of
from synergy.ports.store import SchedulerStore
from synergy.scheduler.journal import Journaling
from synergy.scheduler.leader import Leader

logger = logging.getLogger(__name__)


class IndexSnapshots:
    """Saves a snapshot when one is owed."""

    def __init__(self, store: SchedulerStore, leader: Leader, journal: Journaling) -> None:
        """Know nothing of those that are there."""
        self._store = store
        self._leader = leader
        self._journal = journal
        self._done: date | None = None

    def begin(self) -> None:
        """Look, in this turn, whether the index that was just built needs one."""
        self._done = None

    def go_on(self, engine: Engine, now: datetime) -> None:
        """Save a snapshot, if it is time. Nothing may be drafted, and all of it be saved."""
        if self._leader.leadership is None or now.date() == self._done:
            return
        marks, (rev, context) = self._store.index_snapshots(), self._store.led_text()
        newest = marks[-1] if marks else None
        if newest is None or newest.context_rev != rev or newest.at.date() != now.date():
            timetable = engine.timetable
            mark = SnapshotMark(self._journal.last, now, rev)
            running = [job for job in timetable.open_jobs() if job.state.is_running or job.is_held]
            snapshot = snapshot_of(mark, timetable.snapshot(), running, context)
            self._store.save_index_snapshot(self._leader.leadership, snapshot)
            logger.debug('kept a snapshot of the index', extra={'event': 'index_snapshot'})
        self._done = now.date()
