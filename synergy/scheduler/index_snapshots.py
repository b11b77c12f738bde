"""A snapshot of the index once a day, after many lines, and whenever another context is led.

With the lines of the journal behind it, it is what everything stood like at any later instant: so
the context that it was made under stands in it, too. Of another context it is made before anything
is decided under it, so that no line lies between the two. A store that has a history from before
the journal gets its first one with its first leader: history begins there.
"""

from __future__ import annotations

import logging
from datetime import date, datetime
from typing import Final

from synergy.core.engine import Engine
from synergy.core.index_snapshot import SnapshotMark, kept_rows, snapshot_of
from synergy.ports.store import SchedulerStore
from synergy.scheduler.journal import Journaling
from synergy.scheduler.leader import Leader

#: Behind a snapshot there are at most so many lines, and some more for each process: they are all
#: read by whoever wants to know how everything stood then.
LINES_MAX: Final = 20_000
_LINES_PER_PROCESS: Final = 4

logger = logging.getLogger(__name__)


class IndexSnapshots:
    """Saves a snapshot when one is owed."""

    def __init__(self, store: SchedulerStore, leader: Leader, journal: Journaling) -> None:
        """Know nothing of those that are there."""
        self._store = store
        self._leader = leader
        self._journal = journal
        self._done: date | None = None
        #: Of the line that the newest one is made behind.
        self._number = 0

    def begin(self, engine: Engine, now: datetime) -> None:
        """Save one if the index, which was just built, is of another context than the newest."""
        self._done = None
        self._save(engine, now, None)

    def go_on(self, engine: Engine, now: datetime) -> None:
        """Save a snapshot, if it is time. Nothing may be drafted, and all of it be saved."""
        lines_max = LINES_MAX + _LINES_PER_PROCESS * len(engine.timetable.hierarchy.nodes)
        if now.date() != self._done or self._journal.last - self._number > lines_max:
            self._save(engine, now, lines_max)
            self._done = now.date()

    def _save(self, engine: Engine, now: datetime, lines_max: int | None) -> None:
        """Save one, if it is owed. lines_max: None asks for the context alone."""
        if self._leader.leadership is None:
            return
        marks, (rev, context) = self._store.index_snapshots(), self._store.led_text()
        newest = marks[-1] if marks else None
        is_owed = newest is None or newest.context_rev != rev
        self._number = 0 if newest is None else newest.number
        if newest is not None and lines_max is not None:
            is_long = self._journal.last - newest.number > lines_max
            # Where no line has come since, the last one tells as much.
            is_late = newest.at.date() != now.date() and newest.number != self._journal.last
            is_owed = is_owed or is_long or is_late
        if is_owed:
            timetable = engine.timetable
            mark = SnapshotMark(self._journal.last, now, rev)
            rows = kept_rows(timetable.open_jobs())
            snapshot = snapshot_of(mark, timetable.snapshot(), rows, context)
            self._store.save_index_snapshot(self._leader.leadership, snapshot)
            self._number = mark.number
            logger.debug('kept a snapshot of the index', extra={'event': 'index_snapshot'})
