"""The Scheduler's loop: gather, decide, save, index, announce, acknowledge, wait.

    step():  lead -> take messages -> fire timers -> gather rows -> decide -> commit -> settle
             -> ring -> ack
    run():   step, then wait for the next deadline or the bell

The order of the second half is a contract: nothing is announced that is not saved, and nothing is
acknowledged whose consequences are not. That the broker has what was rung is waited for before the
next ring, or before the loop rests. Where store and broker are one file, all of it is one
commit. When a commit is refused or its outcome is unknown, the index is dropped and rebuilt from
the store, and a sweep over everything in flight stands in for all messages that were under way. One
thread; it owns the store connection and the broker.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from synergy.core.effects import Effects
from synergy.core.events import Event, one_about_each_unit
from synergy.core.failure_streaks import FailureStreaks
from synergy.core.leader_counts import labels_of
from synergy.core.records import Route
from synergy.ports.broker import REPORT_ROUTE, Broker
from synergy.ports.clock import Clock
from synergy.ports.errors import CommitRefused, LeadershipLost, StoreUnavailable
from synergy.ports.one_commit import Apart, OneCommit
from synergy.ports.store import SchedulerStore
from synergy.scheduler import context_change
from synergy.scheduler.announcer import Announcer
from synergy.scheduler.clock_steps import ClockSteps
from synergy.scheduler.commands import Commands
from synergy.scheduler.inbox import Inbox
from synergy.scheduler.index import Index
from synergy.scheduler.index_copies import IndexCopies
from synergy.scheduler.index_snapshots import IndexSnapshots
from synergy.scheduler.isolating import Isolating
from synergy.scheduler.leader import Leader
from synergy.scheduler.loading import Loading
from synergy.scheduler.loop_settings import LoopSettings as LoopSettings
from synergy.scheduler.meter import Meter
from synergy.scheduler.outbox import MARK_AFTER, Outbox
from synergy.scheduler.pipeline import Pipeline
from synergy.scheduler.pruning import Pruning
from synergy.scheduler.recovery import RETRY_SECONDS, Recovery
from synergy.scheduler.start_timeouts import StartTimeouts
from synergy.scheduler.sweeper import Sweeper

logger = logging.getLogger(__name__)

_APART: Final = Apart()


class Scheduler:
    """One Scheduler: it leads, or stands by until it may."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        store: SchedulerStore,
        broker: Broker,
        clock: Clock,
        settings: LoopSettings,
        one_commit: OneCommit = _APART,
    ) -> None:
        """Wire the loop; nothing is read or written before the first `step`."""
        self._store = store
        self._broker = broker
        self._clock = clock
        self._one_commit = one_commit
        self._leader = Leader(store, clock, settings.owner, settings.leader_lease)
        self._isolating = Isolating(store, clock)
        labels = labels_of(
            [*pipeline.hierarchy.nodes, *pipeline.freerun_processes], settings.metrics_processes_max
        )
        self._meter = Meter(store, clock, self._isolating, labels)
        self._inbox = Inbox(broker, _routes(pipeline), settings.inbox_batch_max, one_commit)
        self._outbox = Outbox(
            store,
            Announcer(broker, pipeline.route_of, takes_turns=pipeline.takes_turns),
            clock,
            self._leader,
            self._isolating,
            one_commit,
        )
        self._streaks = FailureStreaks(settings.equal_failures_max)
        self._loading = Loading(pipeline, store, self._leader, self._isolating, self._streaks)
        self._commands = Commands(store, self._outbox, self._isolating, self._loading, self._hold)
        overdue = StartTimeouts(pipeline.start_timeout_of)
        self._sweeper = Sweeper(store, clock, settings, self._outbox.rings, overdue)
        self._recovery = Recovery(self._leader, self._isolating, self._inbox)
        self._clock_steps = ClockSteps(clock)
        self._copies = IndexCopies(store, self._leader, clock.now())
        self._snapshots = IndexSnapshots(store, self._leader, self._outbox.journal)
        self._pruning = Pruning(store, settings)
        self._index: Index | None = None
        self._is_stopping = False

    @property
    def is_leading(self) -> bool:
        """Tell whether this Scheduler led at its last step."""
        return self._index is not None

    def run(self) -> None:
        """Step and wait until `stop`, or until it cannot go on; then resign."""
        try:
            while not self._is_stopping:
                seconds = self.step()
                if seconds > 0 and not self._is_stopping:
                    self._inbox.wait(seconds, self._clock)
            if self._index is not None:
                self._copies.at_end(self._index.engine, self._clock.now())
        finally:
            # One that ends because of its broker must not keep others from leading.
            self.close()

    def stop(self) -> None:
        """Ask the loop to end after the step under way; safe in a signal handler."""
        self._is_stopping = True
        self._inbox.wake()

    def close(self) -> None:
        """Resign and stop reading; safe to call twice. Store and broker stay open."""
        try:
            self._outbox.confirm(self._clock.now())
            self._outbox.mark(until=self._clock.now())
            self._meter.report_last(self._leader.leadership)
            self._leader.resign()
        except (StoreUnavailable, LeadershipLost, CommitRefused) as error:
            logger.warning('could not resign: %s', error, extra={'event': 'resign_failed'})
        self._stand_by()

    def step(self) -> float:
        """Do one turn of the loop without waiting; return the seconds until the next is due."""
        try:
            seconds = self._turn()
        except Exception as error:  # noqa: BLE001 - of one process, command or message; else raised
            self._meter.failed(error)
            seconds = self._recovery.after(error, self._index, self._commands.under_way)
            self._drop_index()
            return seconds
        self._recovery.passed()
        return seconds

    def _turn(self) -> float:
        self._commands.begin_turn()
        is_new_term = self._leader.hold()
        if self._leader.leadership is None:
            self._stand_by()
            return self._leader.seconds_to_renewal
        has_clock_stepped = self._clock_steps.has_stepped()
        self._isolating.begin(self._leader.leadership.term)
        is_to_try = self._isolating.is_to_try()
        if is_new_term or has_clock_stepped or is_to_try:
            # Another Scheduler may have written meanwhile; what was under way is unknown.
            self._drop_index()
        self._isolating.report(self._leader.leadership)
        self._meter.report(self._leader.leadership)
        index = self._index or self._load()
        self._inbox.take()
        now = self._clock.now()
        opened = index.opened(now)
        self._sweeper.ring_again(opened, now)
        is_sweeping = self._sweeper.is_due(now)
        events = [*index.looks(opened), *self._events(index, now, is_sweeping=is_sweeping)]
        self._meter.see(events, index)
        effects = index.decide(events, now)
        is_idle = not events and not effects
        is_asked = self._inbox.has_command or self._streaks.has_asked
        if is_sweeping or is_asked or index.commands.is_busy:
            # Commands are as many commits as they are batches; what was decided comes first.
            self._apply(index, effects)
            effects = Effects()
            self._streaks.has_asked = False
            self._commands.go_on(index, now, is_sweeping=is_sweeping)
        began = self._clock.monotonic()
        with self._one_commit.block():
            self._apply(index, effects)
            self._outbox.ring(now)
            self._inbox.acknowledge()
        self._meter.saved(self._clock.monotonic() - began, is_empty=is_idle)
        if not self._inbox.has_more():
            # Else the broker confirms it while the next turn is decided and saved.
            self._outbox.confirm(now)
        self._pruning.go_on(now)
        if self._commands.is_index_outdated:
            # A process has begun by another definition, or its history is another stretch.
            self._drop_index()
            return 0.0
        self._copies.go_on(index.engine, now)
        self._snapshots.go_on(index.engine, now)
        return self._seconds_to_next(index)

    def _events(self, index: Index, now: datetime, *, is_sweeping: bool) -> Sequence[Event]:
        """Return what is to be decided on: timers, messages and, now and then, all in flight."""
        events: list[Event] = [*index.timers.fire(now)]
        if uow_ids := self._inbox.uow_ids:
            self._outbox.heard_of(uow_ids)
            if index.pools is not None:
                index.pools.strays.end(uow_ids)
            events += self._sweeper.reports(uow_ids, index.engine.timetable)
        if is_sweeping:
            found = self._sweeper.sweep(index, now)
            self._outbox.mark(until=now - MARK_AFTER)
            self._apply(index, found.effects)
            events = one_about_each_unit([*events, *found.events])
        return events

    def _apply(self, index: Index, effects: Effects) -> None:
        if effects:
            self._outbox.apply(index.engine.timetable, effects)

    def _load(self) -> Index:
        """Build the index, and owe a look at everything."""
        now = self._clock.now()
        assert self._leader.leadership is not None, 'only a leader has an index'
        self._outbox.journal.begin(self._leader.leadership, now)
        loaded = self._loading.load(now, may_trust_copy=self._recovery.may_trust_copy)
        self._index = index = loaded.index
        self._commands.pause(index)
        self._apply(index, loaded.effects)
        self._snapshots.begin(index.engine, now)
        context_change.apply_own(self._store, index.commands, self._apply_held, now)
        self._commands.pause(index)  # What is put back was paused meanwhile.
        self._apply(index, index.look_at_all(now))
        self._sweeper.hurry()
        self._copies.begin(now, has_copy=loaded.has_copy)
        self._pruning.wait()
        return index

    def _hold(self) -> None:
        if self._leader.hold():
            raise LeadershipLost('the lease ran out while a long request was dealt with')

    def _apply_held(self, effects: Effects) -> None:
        self._hold()
        assert self._index is not None
        self._apply(self._index, effects)

    def _stand_by(self) -> None:
        """Leave index and messages to the Scheduler that leads."""
        self._drop_index()
        self._inbox.close()

    def _drop_index(self) -> None:
        self._index = None
        self._outbox.forget()

    def _seconds_to_next(self, index: Index) -> float:
        if index.is_busy:
            return 0.0
        if self._outbox.is_stuck:
            return RETRY_SECONDS
        deadlines = (
            index.next_at,
            index.freeruns.next_at,
            index.openings.next_at,
            self._sweeper.next_at,
            self._outbox.next_at,
        )
        earliest = min(instant for instant in deadlines if instant is not None)
        seconds = (earliest - self._clock.now()).total_seconds()
        most = min(self._leader.seconds_to_renewal, self._isolating.seconds_to_try())
        return max(min(seconds, most), 0.0)


def _routes(pipeline: Pipeline) -> Sequence[Route]:
    processes = [*pipeline.hierarchy.nodes, *pipeline.freerun_processes]
    return [REPORT_ROUTE, *map(pipeline.route_of, processes)]
