"""The Scheduler's loop: gather, decide, save, index, announce, acknowledge, wait.

    step():  lead -> take messages -> fire timers -> gather rows -> engine.on -> commit -> settle
             -> ring -> ack
    run():   step, then wait for the next deadline or the bell

The order of the second half is a contract: nothing is announced that is not saved, and nothing is
acknowledged whose consequences are not. When a commit is refused or its outcome is unknown, the
index is dropped and rebuilt from the store, and a sweep over everything in flight stands in for
all messages that were under way. One thread; it owns the store connection and the broker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from synergy.core.closure import PlanRefused, plan
from synergy.core.commands import Command
from synergy.core.effects import (
    Announce,
    CancelUnit,
    Effect,
    InsertUnit,
    MoveUnit,
    Note,
    Save,
    SaveJob,
    SettleCommand,
)
from synergy.core.engine import Commanded, Engine, Input, Look, Refused, Reported
from synergy.core.hierarchy import Hierarchy
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.records import ProcessName, Route, UowId
from synergy.core.timetable import Timetable
from synergy.ports.broker import REPORT_ROUTE, Broker, Consumer, Delivery
from synergy.ports.clock import Clock
from synergy.ports.errors import (
    BrokerUnavailable,
    CommitRefused,
    LeadershipLost,
    StoreUnavailable,
)
from synergy.ports.store import Ledger
from synergy.scheduler import sweep
from synergy.scheduler.announcer import Announcer
from synergy.scheduler.leader import Leader
from synergy.scheduler.timers import Timers

logger = logging.getLogger(__name__)

#: A unit unclaimed so long after it was rung is rung again: its message may have been purged.
REPUBLISH_AFTER: Final = timedelta(seconds=60)
#: Confirmed announcements are marked in the store at the latest after this long.
MARK_AFTER: Final = timedelta(seconds=1)
#: How long to wait before trying again what an unavailable store or broker refused.
RETRY_SECONDS: Final = 0.5
COMMANDS_PER_SWEEP_MAX: Final = 100

_SAVES: Final = (InsertUnit, SaveJob, MoveUnit, CancelUnit, SettleCommand)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """The part of the settings that the loop needs."""

    owner: str
    leader_lease: timedelta
    sweep_period: timedelta
    inbox_batch_max: int


class Scheduler:
    """One Scheduler: it leads, or stands by until it may."""

    def __init__(
        self,
        hierarchy: Hierarchy,
        route_of: Callable[[ProcessName], Route],
        *,
        store: Ledger,
        broker: Broker,
        clock: Clock,
        settings: LoopSettings,
    ) -> None:
        """Wire the loop; nothing is read or written before the first `step`."""
        self._hierarchy = hierarchy
        self._route_of = route_of
        self._store = store
        self._broker = broker
        self._clock = clock
        self._settings = settings
        self._leader = Leader(store, clock, settings.owner, settings.leader_lease)
        self._announcer = Announcer(broker, route_of)
        self._consumer: Consumer | None = None
        self._unacked: list[Delivery] = []
        self._engine: Engine | None = None
        self._timers: Timers | None = None
        self._next_sweep: datetime | None = None
        self._next_mark: datetime | None = None
        self._is_store_down = False
        self._refusal_count = 0
        self._is_stopping = False

    @property
    def is_leading(self) -> bool:
        """Tell whether this Scheduler led at its last step."""
        return self._engine is not None

    def run(self) -> None:
        """Step and wait until `stop`, then resign."""
        while not self._is_stopping:
            self._wait(self.step())
        self.close()

    def stop(self) -> None:
        """Ask the loop to end after the step under way; safe in a signal handler."""
        self._is_stopping = True
        if self._consumer is not None:
            self._consumer.wake()

    def close(self) -> None:
        """Resign and stop reading; safe to call twice. Store and broker stay open."""
        try:
            self._flush_marks()
            self._leader.resign()
        except (StoreUnavailable, LeadershipLost, CommitRefused) as error:
            logger.warning('could not resign: %s', error, extra={'event': 'resign_failed'})
        self._drop_index()
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def step(self) -> float:
        """Do one turn of the loop without waiting; return the seconds until the next is due."""
        try:
            seconds = self._turn()
        except (CommitRefused, LeadershipLost) as error:
            logger.warning('%s; reloading', error, extra={'event': 'commit_refused'})
            self._drop_index()
            if isinstance(error, LeadershipLost):
                self._leader.drop()
            self._refusal_count += 1
            return 0.0 if self._refusal_count == 1 else RETRY_SECONDS
        except StoreUnavailable as error:
            if not self._is_store_down:
                logger.warning('the store is unavailable: %s', error, extra={'event': 'store_down'})
            self._is_store_down = True
            self._drop_index()
            return RETRY_SECONDS
        self._refusal_count = 0
        if self._is_store_down:
            self._is_store_down = False
            logger.info('the store is back', extra={'event': 'store_up'})
        return seconds

    def _turn(self) -> float:
        is_new_term = self._leader.hold()
        if self._leader.leadership is None:
            self._stand_by()
            return self._leader.seconds_to_renewal
        if is_new_term:
            # Another Scheduler may have written meanwhile; what was under way is unknown.
            self._drop_index()
        if self._engine is None:
            self._load()
        assert self._engine is not None
        assert self._timers is not None
        self._take()
        now = self._clock.now()
        inputs: list[Input] = [Look(process) for process in self._timers.fire(now)]
        inputs += self._gather_reports()
        is_sweeping = self._next_sweep is None or now >= self._next_sweep
        if is_sweeping:
            self._flush_marks()
            inputs += self._sweep(now)
            self._next_sweep = now + self._settings.sweep_period
        if inputs or self._engine.is_owing:
            self._apply(self._engine.on(inputs, now))
        elif self._next_mark is not None and now >= self._next_mark:
            self._flush_marks()
        if is_sweeping or any('command' in item.body for item in self._unacked):
            self._execute_commands(now)
        self._announcer.ring(now)
        if self._announcer.rung and self._next_mark is None:
            self._next_mark = now + MARK_AFTER
        self._ack()
        return self._seconds_to_next(now)

    def _load(self) -> None:
        """Build the index from the store, and owe a look at everything."""
        now = self._clock.now()
        timetable = Timetable(self._hierarchy)
        timetable.extend(now)
        strangers = timetable.load(self._store.index_rows(), self._store.open_jobs())
        if strangers:
            logger.warning(
                '%d job rows, such as %s, have no place in the context; they are left alone',
                len(strangers),
                strangers[0],
                extra={'event': 'strangers_found'},
            )
        self._engine = Engine(timetable, MACHINE_BY_NAME)
        self._apply(self._engine.on([Look(node.process.name) for node in self._hierarchy], now))
        self._timers = Timers(self._hierarchy, now)
        self._next_sweep = None
        logger.info(
            'the index holds %d intervals of %d processes',
            sum(len(timetable.span(name)) for name in self._hierarchy.nodes),
            len(self._hierarchy.nodes),
            extra={'event': 'index_loaded'},
        )

    def _take(self) -> None:
        if len(self._unacked) >= self._settings.inbox_batch_max:
            return
        try:
            if self._consumer is None:
                self._broker.declare([REPORT_ROUTE, *map(self._route_of, self._hierarchy.nodes)])
                self._consumer = self._broker.consumer(REPORT_ROUTE)
            self._unacked += self._consumer.take(self._settings.inbox_batch_max)
        except BrokerUnavailable as error:
            logger.warning('no messages: %s', error, extra={'event': 'broker_down'})

    def _gather_reports(self) -> Iterator[Input]:
        uow_ids = {UowId(item.body['uow']) for item in self._unacked if 'uow' in item.body}
        if uow_ids:
            yield from map(Reported, self._store.units(uow_ids).values())

    def _execute_commands(self, now: datetime) -> None:
        """Plan and apply commands one by one: each must see what the one before it did."""
        assert self._engine is not None
        for command in self._store.requested_commands(COMMANDS_PER_SWEEP_MAX):
            self._apply(self._engine.on([self._planned(command)], now))

    def _planned(self, command: Command) -> Input:
        assert self._engine is not None
        try:
            planned = plan(self._engine.timetable, command)
        except PlanRefused as error:
            return Refused(command, str(error))
        if command.plan_hash not in (None, planned.hash):
            return Refused(
                command, 'what it touches has changed since it was shown; look and confirm again'
            )
        return Commanded(command=command, plan=planned, rows=self._store.jobs(planned.keys))

    def _sweep(self, now: datetime) -> Iterator[Input]:
        assert self._engine is not None
        live = {unit.id: unit for unit in self._store.live_units()}
        store_now = self._store.store_now()
        for unit in live.values():
            if item := sweep.is_neglected(unit, now, store_now, REPUBLISH_AFTER):
                yield item
        waiting = list(sweep.waiting_for(self._engine.timetable.open_jobs(), live))
        if waiting:
            uow_ids = [job.uow_id for job in waiting if job.uow_id is not None]
            yield from sweep.ended(waiting, self._store.units(uow_ids))

    def _apply(self, effects: Sequence[Effect]) -> None:
        """Save, then index, then hand over what is to be announced."""
        assert self._engine is not None
        assert self._leader.leadership is not None
        saves = [effect for effect in effects if isinstance(effect, _SAVES)]
        if saves:
            if not self._leader.is_trusted:
                raise LeadershipLost('the lease may have run out before the commit')
            self._commit(saves)
        self._engine.timetable.settle()
        now = self._clock.now()
        self._announcer.add((item for item in effects if isinstance(item, Announce)), now)
        for note in effects:
            if isinstance(note, Note):
                level = logging.WARNING if note.is_warning else logging.INFO
                logger.log(level, note.text, extra={'event': note.event})

    def _commit(self, saves: Collection[Save]) -> None:
        assert self._leader.leadership is not None
        rung = self._announcer.rung
        self._store.commit(
            self._leader.leadership,
            cast('Sequence[Save]', saves),
            announced=rung,
        )
        rung.clear()
        self._next_mark = None

    def _flush_marks(self) -> None:
        if self._announcer.rung and self._leader.leadership is not None:
            self._commit(())

    def _ack(self) -> None:
        if not self._unacked or self._consumer is None:
            return
        try:
            self._consumer.ack(self._unacked)
        except BrokerUnavailable as error:
            logger.warning('messages may come twice: %s', error, extra={'event': 'broker_down'})
        self._unacked.clear()

    def _stand_by(self) -> None:
        """Leave index and messages to the Scheduler that leads."""
        self._drop_index()
        self._unacked.clear()
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _drop_index(self) -> None:
        self._engine = None
        self._timers = None
        self._next_mark = None
        self._announcer.forget()

    def _seconds_to_next(self, now: datetime) -> float:
        assert self._engine is not None
        assert self._timers is not None
        if self._engine.is_owing:
            return 0.0
        if self._announcer.is_stuck:
            return RETRY_SECONDS
        deadlines = (
            self._timers.next_at,
            self._announcer.next_at,
            self._next_sweep,
            self._next_mark,
        )
        earliest = min(instant for instant in deadlines if instant is not None)
        seconds = (earliest - now).total_seconds()
        return max(min(seconds, self._leader.seconds_to_renewal), 0.0)

    def _wait(self, seconds: float) -> None:
        if self._is_stopping or seconds <= 0:
            return
        if self._consumer is None:
            # Standing by: nothing rings for us. Short naps, so that a stop is heard.
            self._clock.sleep(min(seconds, RETRY_SECONDS))
            return
        try:
            self._consumer.wait(seconds)
        except BrokerUnavailable:
            self._clock.sleep(min(seconds, RETRY_SECONDS))
