"""Do what was decided: save, then settle the index, then announce and say.

The order is a contract: nothing is announced that is not saved.

Where store and broker are one file, what is saved is announced in the same commit, and its row says
so from the beginning. Elsewhere the leader remembers what it has rung for; see `rings`. Only of a
unit that nobody has taken for long is the store told, for people.
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
from synergy.ports.store import SchedulerStore
from synergy.scheduler.announcer import Announcer
from synergy.scheduler.isolating import Isolating
from synergy.scheduler.journal import Journaling
from synergy.scheduler.leader import Leader
from synergy.scheduler.rings import Rings

logger = logging.getLogger(__name__)

#: A unit that waits this long after it was rung for is marked as announced in the store.
MARK_AFTER: Final = timedelta(seconds=30)


class Outbox:
    """Saves under this Scheduler's leadership, and announces what was saved.

    rings: what was rung for and not answered, where store and broker are not one file. journal:
    what is written down with each commit.
    """

    def __init__(
        self,
        store: SchedulerStore,
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
        self.rings = Rings()
        self.journal = Journaling(store)

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
        self.rings.note(self._announcer.ring(now), now)

    def confirm(self, now: datetime) -> None:
        """Wait until the broker has confirmed what it was given."""
        self.rings.note(self._announcer.confirm(), now)

    def mark(self, until: datetime) -> None:
        """Mark in the store what was rung for until an instant, and still waits."""
        unmarked = self.rings.unmarked(until)
        if unmarked and self._leader.leadership is not None:
            self._commit((), unmarked)
            self.rings.marked(unmarked)

    def heard_of(self, uow_ids: Collection[UowId]) -> None:
        """Take note that somebody has answered to a ring."""
        self.rings.forget(uow_ids)

    def forget(self) -> None:
        """Drop what is to be announced: the index is rebuilt, and the sweep finds what is owed.

        What was rung for was, and is not owed.
        """
        self._announcer.forget()

    @property
    def is_stuck(self) -> bool:
        """Tell whether announcements wait for the broker to come back."""
        return self._announcer.is_stuck

    @property
    def next_at(self) -> datetime | None:
        """Return when the next waiting announcement falls due."""
        return self._announcer.next_at

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
        # Before the commit: should its outcome be unknown, the sweep finds what is owed.
        self.rings.forget(save.uow_id for save in saves if isinstance(save, MoveUnit))
        self._commit_with_page(saves, now)
        return marked

    def _ring_and_mark(self, now: datetime, marked: Collection[UowId]) -> None:
        """Publish what is due, and mark it, but for what is marked already, in the same commit."""
        with self._one_commit.block():
            rung = {item.uow_id: now for item in self._announcer.ring_at_once(now)}
            unmarked = {uow_id: at for uow_id, at in rung.items() if uow_id not in marked}
            if unmarked and self._leader.leadership is not None:
                self._commit((), unmarked)

    def _has_applied(self, effects: Effects) -> None:
        """Take note, and say, that effects are saved."""
        if effects.saves:
            self._isolating.saved(effects.saves)
        for note in effects.notes:
            level = logging.WARNING if note.is_warning else logging.INFO
            logger.log(level, note.text, extra={'event': note.event})

    def _commit_with_page(self, saves: Sequence[Save], now: datetime) -> None:
        assert self._leader.leadership is not None
        last = self.journal.last
        saves, count = self.journal.with_page(saves, self._leader.leadership.term, now)
        if count:
            self.journal.unsure()
        self._commit(saves, {})
        if count:
            self.journal.added(last, count)

    def _commit(self, saves: Sequence[Save], announced: Mapping[UowId, datetime]) -> None:
        assert self._leader.leadership is not None
        self._store.commit(self._leader.leadership, saves, announced=announced)
