"""Do what was decided: save, then settle the index, then announce and say.

The order is a contract: nothing is announced that is not saved.

Where store and broker are one file, what is saved is announced in the same commit, and its row says
so from the beginning. Elsewhere announcements that the broker has confirmed are marked in the store
after a while, those that are still waited for: a unit that has been taken and reported by then
needs no mark. Nobody else needs one sooner. A new leader rings once more for what was requested and
is not marked, and whoever claims it claims it once.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from synergy.core.effects import Effects, InsertUnit, MoveUnit, Save
from synergy.core.records import UowId
from synergy.core.structs import replace
from synergy.core.timetable import Timetable
from synergy.ports.clock import Clock
from synergy.ports.errors import LeadershipLost
from synergy.ports.one_commit import OneCommit
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
        announcer: Announcer,
        clock: Clock,
        leader: Leader,
        isolating: Isolating,
        one_commit: OneCommit,
    ) -> None:
        """Save to `store`, announce through `announcer`; nothing is done yet."""
        self._store = store
        self._announcer = announcer
        self._clock = clock
        self._leader = leader
        self._isolating = isolating
        self._one_commit = one_commit
        self._next_mark: datetime | None = None

    def apply(self, timetable: Timetable, effects: Effects) -> None:
        """Save, then settle the index, then hand over what is to be announced.

        After an exception index and announcements are to be dropped.
        """
        now = self._clock.now()
        with self._one_commit.block():
            marked: Collection[UowId] = ()
            if effects.saves:
                marked = self._save(effects, now)
            timetable.settle()
            self._announcer.add(effects.announcements, now)
            if self._one_commit.is_joint:
                self._ring_and_mark(now, marked)
            self._one_commit.after(partial(self._has_applied, effects))

    def ring(self, now: datetime) -> None:
        """Publish what is due."""
        if self._one_commit.is_joint:
            self._ring_and_mark(now, ())
            return
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

    def _save(self, effects: Effects, now: datetime) -> Collection[UowId]:
        """Save; return the units that were marked as announced with it."""
        if not self._leader.is_trusted:
            raise LeadershipLost('the lease may have run out before the commit')
        saves, marked = effects.saves, set[UowId]()
        if self._one_commit.is_joint:
            due = {item.uow_id for item in effects.announcements if item.is_due(now)}
            saves = [
                replace(save, unit=replace(save.unit, announced_at=now))
                if isinstance(save, InsertUnit) and save.unit.id in due
                else save
                for save in saves
            ]
            marked = {save.unit.id for save in saves if isinstance(save, InsertUnit)} & due
        self._commit(saves, {})
        self._announcer.heard_of(
            save.uow_id for save in effects.saves if isinstance(save, MoveUnit)
        )
        return marked

    def _ring_and_mark(self, now: datetime, marked: Collection[UowId]) -> None:
        """Publish what is due, and mark it, but for what is marked already, in the same commit."""
        with self._one_commit.block():
            self._announcer.ring(now)
            self._announcer.heard_of(marked)
            self.mark()

    def _has_applied(self, effects: Effects) -> None:
        """Take note, and say, that effects are saved."""
        if effects.saves:
            self._isolating.saved(effects.saves)
        for note in effects.notes:
            level = logging.WARNING if note.is_warning else logging.INFO
            logger.log(level, note.text, extra={'event': note.event})

    def _commit(self, saves: Sequence[Save], announced: Mapping[UowId, datetime]) -> None:
        assert self._leader.leadership is not None
        self._store.commit(self._leader.leadership, saves, announced=announced)
