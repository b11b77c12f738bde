"""Do what was decided: save, then settle the index, then announce and say.

The order is a contract: nothing is announced that is not saved. Announcements that the broker has
confirmed are marked in the store after a while, those that are still waited for: a unit that has
been taken and reported by then needs no mark. Nobody else needs one sooner. A new leader rings once
more for what was requested and is not marked, and whoever claims it claims it once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.effects import Effects, MoveUnit, Save
from synergy.core.records import ProcessName, Route, UowId
from synergy.core.timetable import Timetable
from synergy.ports.broker import Broker
from synergy.ports.clock import Clock
from synergy.ports.errors import LeadershipLost
from synergy.ports.store import CommitStore
from synergy.scheduler.announcer import Announcer
from synergy.scheduler.isolating import Isolating
from synergy.scheduler.leader import Leader

logger = logging.getLogger(__name__)

#: Confirmed announcements are marked in the store after this long.
MARK_AFTER: Final = timedelta(seconds=1)


class Outbox:
    """Saves under this Scheduler's leadership, and announces what was saved."""

    def __init__(
        self,
        store: CommitStore,
        broker: Broker,
        route_of: Callable[[ProcessName], Route],
        clock: Clock,
        leader: Leader,
        isolating: Isolating,
    ) -> None:
        """Save to `store`, announce through `broker`; nothing is done yet."""
        self._store = store
        self._clock = clock
        self._leader = leader
        self._isolating = isolating
        self._announcer = Announcer(broker, route_of)
        self._next_mark: datetime | None = None

    def apply(self, timetable: Timetable, effects: Effects) -> None:
        """Save, then settle the index, then hand over what is to be announced."""
        if effects.saves:
            if not self._leader.is_trusted:
                raise LeadershipLost('the lease may have run out before the commit')
            self._commit(effects.saves, {})
            self._isolating.saved(effects.saves)
            self._announcer.heard_of(
                save.uow_id for save in effects.saves if isinstance(save, MoveUnit)
            )
        timetable.settle()
        self._announcer.add(effects.announcements, self._clock.now())
        for note in effects.notes:
            level = logging.WARNING if note.is_warning else logging.INFO
            logger.log(level, note.text, extra={'event': note.event})

    def ring(self, now: datetime) -> None:
        """Publish what is due."""
        self._announcer.ring(now)
        if self._announcer.rung and self._next_mark is None:
            self._next_mark = now + MARK_AFTER

    def mark(self) -> None:
        """Mark what was rung in the store."""
        if self._announcer.rung and self._leader.leadership is not None:
            self._commit((), self._announcer.rung)
        self._announcer.rung.clear()
        self._next_mark = None

    def mark_if_due(self, now: datetime) -> None:
        """Mark what was rung, if it is time."""
        if self._next_mark is not None and now >= self._next_mark:
            self.mark()

    def heard_of(self, uow_ids: Collection[UowId]) -> None:
        """Take note that somebody has answered to a ring: that it was rung need not be marked."""
        self._announcer.heard_of(uow_ids)

    def forget(self) -> None:
        """Drop what is to be announced: the index is rebuilt, and the sweep finds what is owed."""
        self._next_mark = None
        self._announcer.forget()

    @property
    def is_stuck(self) -> bool:
        """Tell whether announcements wait for the broker to come back."""
        return self._announcer.is_stuck

    @property
    def deadlines(self) -> Sequence[datetime | None]:
        """Return when there is something to do next."""
        return self._announcer.next_at, self._next_mark

    def _commit(self, saves: Sequence[Save], announced: Mapping[UowId, datetime]) -> None:
        assert self._leader.leadership is not None
        self._store.commit(self._leader.leadership, saves, announced=announced)
