"""The Scheduler's loop: gather, decide, save, index, announce, acknowledge, wait.

    step():  lead -> take messages -> fire timers -> gather rows -> decide -> commit -> settle
             -> ring -> ack
    run():   step, then wait for the next deadline or the bell

The order of the second half is a contract: nothing is announced that is not saved, and nothing is
acknowledged whose consequences are not. When a commit is refused or its outcome is unknown, the
index is dropped and rebuilt from the store, and a sweep over everything in flight stands in for
all messages that were under way. One thread; it owns the store connection and the broker.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, cast

from synergy.core.commands import (
    OPEN_COMMAND_STATES,
    REQUEST_KINDS,
    Command,
    CommandKind,
)
from synergy.core.effects import (
    SAVES,
    Announce,
    Effect,
    Note,
    Save,
    SaveCommand,
)
from synergy.core.engine import Engine
from synergy.core.events import Event, Expired, Look, Reported, is_of_freerun, one_about_each_unit
from synergy.core.freerun import Freeruns, reconcile
from synergy.core.isolation import Stage
from synergy.core.overrides import Overrides
from synergy.core.records import IndexCopy, ProcessName, Route, UowId
from synergy.core.timetable import IndexRow, Timetable
from synergy.ports.broker import REPORT_ROUTE, Broker, Consumer, Delivery
from synergy.ports.clock import Clock
from synergy.ports.errors import (
    BrokerUnavailable,
    CommitRefused,
    LeadershipLost,
    PortError,
    StoreUnavailable,
)
from synergy.ports.store import SchedulerStore
from synergy.scheduler import context_change, sweep
from synergy.scheduler.announcer import Announcer
from synergy.scheduler.bad_messages import BadMessages
from synergy.scheduler.isolating import Isolating, is_of
from synergy.scheduler.leader import Leader
from synergy.scheduler.loop_settings import Index as Index
from synergy.scheduler.loop_settings import LoopSettings as LoopSettings
from synergy.scheduler.open_commands import OpenCommands
from synergy.scheduler.pipeline import Pipeline
from synergy.scheduler.pruning import Pruning
from synergy.scheduler.requests import Requests
from synergy.scheduler.timers import Timers

logger = logging.getLogger(__name__)

#: A unit unclaimed so long after it was rung is rung again: its message may have been purged.
REPUBLISH_AFTER: Final = timedelta(seconds=60)
#: Confirmed announcements are marked in the store at the latest after this long.
MARK_AFTER: Final = timedelta(seconds=1)
#: How long to wait before trying again what an unavailable store or broker refused.
RETRY_SECONDS: Final = 0.5
#: A wall clock that moves so much further than the monotonic one within a turn has been set.
CLOCK_STEP_SECONDS: Final = 1.0
#: Rows of the index between two looks at the lease.
ROWS_PER_LOOK: Final = 10_000
#: How often a copy of the index is saved.
COPY_PERIOD: Final = timedelta(minutes=10)


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
    ) -> None:
        """Wire the loop; nothing is read or written before the first `step`."""
        self._pipeline = pipeline
        self._store = store
        self._broker = broker
        self._clock = clock
        self._settings = settings
        self._leader = Leader(store, clock, settings.owner, settings.leader_lease)
        self._announcer = Announcer(broker, pipeline.route_of)
        self._isolating = Isolating(store, clock)
        self._command: Command | None = None
        self._consumer: Consumer | None = None
        self._unacked: list[Delivery] = []
        self._index: Index | None = None
        self._patience = sweep.Patience(
            republish_after=REPUBLISH_AFTER, age_max=settings.uow_age_max
        )
        self._leases = sweep.Leases(settings.uow_lease)
        self._attempts = sweep.Attempts()
        self._pruning = Pruning(store, settings.log_retention)
        self._next_copy = clock.now()
        self._next_sweep: datetime | None = None
        self._next_mark: datetime | None = None
        self._clock_offset: float | None = None
        self._open_commands = OpenCommands(store)
        self._is_store_down = False
        self._is_deaf = False
        self._refusal_count = 0
        self._told_refused: frozenset[ProcessName] = frozenset()
        self._is_stopping = False
        self._bad_messages = BadMessages()

    @property
    def is_leading(self) -> bool:
        """Tell whether this Scheduler led at its last step."""
        return self._index is not None

    def run(self) -> None:
        """Step and wait until `stop`, or until it cannot go on; then resign."""
        try:
            while not self._is_stopping:
                self._wait(self.step())
            self._copy_at_end()
        finally:
            # One that ends because of its broker must not keep others from leading.
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
            seconds = self._after_refusal(error)
            if isinstance(error, LeadershipLost):
                self._leader.drop()
            return seconds
        except StoreUnavailable as error:
            if not self._is_store_down:
                logger.warning('the store is unavailable: %s', error, extra={'event': 'store_down'})
            self._is_store_down = True
            self._drop_index()
            if self._leader.is_trusted:
                self._isolating.failed_turn(error)
            else:
                self._isolating.good_turn()
            return RETRY_SECONDS
        except PortError:
            raise
        except Exception as error:  # noqa: BLE001 - of one process, command or message; else raised
            return self._after_failure(error)
        self._isolating.good_turn()
        self._refusal_count = 0
        if self._is_store_down:
            self._is_store_down = False
            logger.info('the store is back', extra={'event': 'store_up'})
        return seconds

    def _after_refusal(self, error: CommitRefused | LeadershipLost) -> float:
        """Read everything again; isolate whom the store refuses again and again."""
        logger.warning('%s; reloading', error, extra={'event': 'commit_refused'})
        is_helped = False
        if isinstance(error, CommitRefused):
            is_helped = bool(self._blame(error, None))
        self._isolating.failed_turn(error)
        self._drop_index()
        # Once somebody is isolated, that the copy of the index is wrong is no longer probable.
        self._refusal_count = 0 if is_helped else self._refusal_count + 1
        return 0.0 if is_helped or self._refusal_count == 1 else RETRY_SECONDS

    def _after_failure(self, error: Exception) -> float:
        """Isolate whom no decision can be made for, put a bad message aside; raise all else."""
        index, deciding = self._index, None
        if index is not None:
            deciding = index.engine.deciding or index.freeruns.deciding
        is_helped = self._blame(error, deciding)
        if is_helped is None:
            if not self._bad_messages.failed(self._consumer, self._unacked, error):
                raise error
            self._stand_by()
            return 0.0
        logger.error(
            'no decision could be made for %s; reloading',
            deciding or 'a command',
            exc_info=error,
            extra={'event': 'decision_failed'},
        )
        self._isolating.failed_turn(error)
        self._drop_index()
        return 0.0 if is_helped else RETRY_SECONDS

    def _blame(self, error: Exception, deciding: ProcessName | None) -> bool | None:
        timetable = None if self._index is None else self._index.engine.timetable
        try:
            return self._isolating.blame(error, deciding, timetable, self._command)
        except StoreUnavailable:
            return None  # Whose unit it is cannot be looked up now.

    def _turn(self) -> float:
        self._command = None
        is_new_term = self._leader.hold()
        if self._leader.leadership is None:
            self._stand_by()
            return self._leader.seconds_to_renewal
        has_clock_stepped = self._has_clock_stepped()
        if is_new_term or has_clock_stepped:
            # Another Scheduler may have written meanwhile; what was under way is unknown.
            self._drop_index()
        self._isolating.begin(self._leader.leadership.term)
        if self._isolating.is_to_try():
            self._drop_index()
        self._isolating.report(self._leader.leadership)
        index = self._index or self._load()
        self._take()
        now = self._clock.now()
        events: list[Event] = [*index.timers.fire(now), *self._gather_reports()]
        is_sweeping = self._next_sweep is None or now >= self._next_sweep
        if is_sweeping:
            self._flush_marks()
            events = one_about_each_unit([*events, *self._sweep(index, now)])
            self._next_sweep = now + self._settings.sweep_period
        self._decide(index, events, now)
        if self._next_mark is not None and now >= self._next_mark:
            self._flush_marks()
        is_told = any('command' in item.body for item in self._unacked)
        if is_sweeping or is_told or index.requests.is_busy:
            index = self._execute_commands(index, now, is_sweeping=is_sweeping)
        self._announcer.ring(now)
        if self._announcer.rung and self._next_mark is None:
            self._next_mark = now + MARK_AFTER
        self._ack()
        self._pruning.go_on(now)
        self._copy_index(index, now)
        return self._seconds_to_next(index)

    def _has_clock_stepped(self) -> bool:
        """Tell whether the wall clock was set since the last turn: deadlines are then void."""
        before = self._clock_offset
        self._clock_offset = self._clock.now().timestamp() - self._clock.monotonic()
        seconds = 0.0 if before is None else self._clock_offset - before
        if abs(seconds) < CLOCK_STEP_SECONDS:
            return False
        logger.warning(
            'the clock of this box was set by %+.1f s; reloading',
            seconds,
            extra={'event': 'clock_stepped'},
        )
        return True

    def _load(self) -> Index:
        """Build the index from the store, and owe a look at everything."""
        now = self._clock.now()
        pipeline = self._pipeline
        self._store.forget_illegal_rows()
        overrides = Overrides(pipeline.hierarchy, self._store.overrides())
        timetable = Timetable(overrides.hierarchy)
        timetable.extend(now)
        # A commit that was refused may mean that the copy is wrong: then every row is read.
        led = self._store.led_context()
        is_usable = self._refusal_count == 0 and context_change.is_known(led, overrides.hierarchy)
        copy = self._store.index_copy() if is_usable else None
        if copy is not None and copy.as_of > now:
            copy = None  # Made before the clock was set back: what has changed since is unknown.
        strangers = timetable.load(self._index_rows, self._store.open_jobs(), copy)
        found = context_change.found(self._store, led, timetable, strangers, now)
        self._told_refused = context_change.tell(found.refused, self._told_refused)
        engine = Engine(timetable, self._isolating.processes, found.refused)
        isolated = self._isolating.freeruns
        kept = self._store.freeruns()
        illegal = self._illegal()
        # An entry whose row cannot be read is left alone: to make it again would be refused.
        declared = [entry for entry in pipeline.freeruns if entry.name not in illegal]
        entries, effects = reconcile(kept, declared, now)
        effects = [item for item in effects if not is_of(item, isolated)]
        processes = pipeline.known_freerun_processes()
        freeruns = Freeruns(entries, pipeline.policy_of, now, processes, isolated)
        resting = [entry for entry in entries if freeruns.rests(entry)]
        if resting:
            logger.warning(
                '%d free runs, such as %s, name a process that is not in the context; they rest',
                len(resting),
                resting[0].name,
                extra={'event': 'freeruns_resting'},
            )
        self._index = index = self._wired(engine, freeruns, overrides, now)
        index.requests.illegal = illegal
        self._pause(index)
        self._apply(index, [*effects, *overrides.void(), *found.effects])
        context_change.apply_own(self._store, index.requests, partial(self._apply_held, index), now)
        self._look_at_all(index, now)
        self._next_sweep = None
        self._next_copy = now if copy is None else now + COPY_PERIOD
        self._pruning.wait()
        logger.info(
            'the index holds %d intervals of %d processes, and %d free runs',
            sum(len(timetable.span(name)) for name in pipeline.hierarchy.nodes),
            len(pipeline.hierarchy.nodes),
            len(entries),
            extra={'event': 'index_loaded'},
        )
        return index

    def _apply_held(self, index: Index, effects: Sequence[Effect]) -> None:
        if self._leader.hold():
            raise LeadershipLost('the lease ran out while a changed context was dealt with')
        self._apply(index, effects)

    def _index_rows(self, since: datetime | None) -> Iterator[IndexRow]:
        """Yield rows of the index, and renew leadership meanwhile: of millions it would run out."""
        for number, row in enumerate(self._store.index_rows(since)):
            if number % ROWS_PER_LOOK == 0 and self._leader.hold():
                raise LeadershipLost('the lease ran out while the index was read')
            yield row

    def _wired(
        self, engine: Engine, freeruns: Freeruns, overrides: Overrides, now: datetime
    ) -> Index:
        processes = self._pipeline.freerun_processes
        requests = Requests(self._store, engine, freeruns, processes, overrides)
        timers = Timers(overrides.hierarchy, now)
        return Index(engine, freeruns, timers, requests, overrides)

    def _rewired(self, index: Index, now: datetime) -> Index:
        """Use the hierarchy as it is after an override has changed; the states stay."""
        timetable = index.engine.timetable
        timetable.hierarchy = index.overrides.hierarchy
        engine = Engine(
            timetable,
            self._isolating.processes,
            index.engine.left_out,
        )
        self._index = self._wired(engine, index.freeruns, index.overrides, now)
        self._index.requests.illegal = index.requests.illegal
        self._look_at_all(self._index, now)
        return self._index

    def _look_at_all(self, index: Index, now: datetime) -> None:
        looks = [Look(node.process.name) for node in self._pipeline.hierarchy]
        self._apply(index, index.engine.on(looks, now))

    def _decide(self, index: Index, events: Sequence[Event], now: datetime) -> None:
        """Let engine and free runs decide, each on what is its own, and do what they say."""
        of_freeruns = [item for item in events if is_of_freerun(item)]
        of_jobs = [item for item in events if not is_of_freerun(item)]
        effects = list(index.freeruns.on(of_freeruns, now))
        if of_jobs or index.engine.is_owing:
            effects += index.engine.on(of_jobs, now)
        if effects:
            self._apply(index, effects)

    def _take(self) -> None:
        if len(self._unacked) >= self._settings.inbox_batch_max:
            return
        try:
            if self._consumer is None:
                self._broker.declare(self._routes())
                self._consumer = self._broker.consumer(REPORT_ROUTE)
            limit = self._bad_messages.limit(self._settings.inbox_batch_max)
            self._unacked += self._consumer.take(limit)
        except BrokerUnavailable as error:
            if not self._is_deaf:
                logger.warning('no messages: %s', error, extra={'event': 'broker_down'})
            self._is_deaf = True
            return
        self._is_deaf = False

    def _routes(self) -> list[Route]:
        pipeline = self._pipeline
        processes = [*pipeline.hierarchy.nodes, *pipeline.freerun_processes]
        return [REPORT_ROUTE, *map(pipeline.route_of, processes)]

    def _gather_reports(self) -> Iterator[Event]:
        uow_ids = {UowId(item.body['uow']) for item in self._unacked if 'uow' in item.body}
        if uow_ids:
            age_max, monotonic = self._settings.uow_age_max, self._clock.monotonic()
            for unit in self._store.units(uow_ids).values():
                yield sweep.reported(unit, age_max, self._attempts.seen_for(unit, monotonic))

    def _execute_commands(self, index: Index, now: datetime, *, is_sweeping: bool) -> Index:
        """Do the next batch of each command: each must see what the one before it did."""
        for listed in self._open_commands.worth_a_look(is_sweeping=is_sweeping):
            # Read again: the one before may have been about this one.
            command = self._store.command(listed.id)
            if command is None or command.state not in OPEN_COMMAND_STATES:
                continue
            if not self._execute(index, command, now):
                continue
            if command.kind in REQUEST_KINDS:
                self._pause(index)
                self._look_at_all(index, now)
            if command.kind is CommandKind.PROCESS_SAVE:
                index = self._rewired(index, now)
        return index

    def _execute(self, index: Index, command: Command, now: datetime) -> bool:
        """Do what is next for one command; tell whether it is not left out.

        One that was refused again and again is ended; if that is refused, too, it waits.
        """
        stage = self._isolating.stage_of(command)
        if stage is Stage.ISOLATED:
            return False
        self._command = command
        if stage is Stage.ON_TRIAL:
            self._apply(index, [self._isolating.ended(command, now)])
            self._isolating.has_ended(command)
        elif effects := index.requests.effects(command, now):
            # With its plan: what is refused may be of that.
            saved = (item.command for item in effects if isinstance(item, SaveCommand))
            self._command = next((item for item in saved if item.id == command.id), command)
            self._apply(index, effects)
        self._command = None
        return True

    def _pause(self, index: Index) -> None:
        """Let the index know which requests are paused."""
        index.engine.timetable.pause(self._open_commands.paused())

    def _sweep(self, index: Index, now: datetime) -> Iterator[Event]:
        self._store.forget_illegal_rows()
        live = {unit.id: unit for unit in self._store.live_units()}
        store_now = self._store.store_now()
        monotonic = self._clock.monotonic()
        self._attempts.see(live.values(), monotonic)
        for unit in live.values():
            seen_for = self._attempts.seen_for(unit, monotonic)
            if item := sweep.is_neglected(unit, now, store_now, self._patience, seen_for):
                yield item
        yield from map(Expired, self._leases.overlong(live.values(), store_now, monotonic))
        waiting = list(sweep.waiting_for(index.engine.timetable.open_jobs(), live))
        if waiting:
            uow_ids = [job.uow_id for job in waiting if job.uow_id is not None]
            units = self._store.units(uow_ids)
            if len(units) < len(uow_ids):
                # A unit whose row cannot be read is not gone: its job counts as running.
                illegal = self._illegal()
                waiting = [job for job in waiting if job.uow_id not in illegal]
            yield from sweep.ended(waiting, units)
        missing = index.freeruns.waiting_for(live)
        if missing:
            found = self._store.units(missing)
            yield from map(Reported, found.values())
            illegal = self._illegal() if len(found) < len(missing) else frozenset()
            gone = [uow_id for uow_id in missing if uow_id not in found and uow_id not in illegal]
            self._apply(index, index.freeruns.vanished(gone, now))

    def _illegal(self) -> frozenset[str]:
        """Return the names of rows that could not be read, as far as they are known."""
        return frozenset(row.row for row in self._store.illegal_rows())

    def _apply(self, index: Index, effects: Sequence[Effect]) -> None:
        """Save, then index, then hand over what is to be announced."""
        saves = [effect for effect in effects if isinstance(effect, SAVES)]
        if saves:
            if not self._leader.is_trusted:
                raise LeadershipLost('the lease may have run out before the commit')
            self._commit(cast('Sequence[Save]', saves))
        index.engine.timetable.settle()
        now = self._clock.now()
        self._announcer.add((item for item in effects if isinstance(item, Announce)), now)
        for note in effects:
            if isinstance(note, Note):
                level = logging.WARNING if note.is_warning else logging.INFO
                logger.log(level, note.text, extra={'event': note.event})

    def _copy_at_end(self) -> None:
        """Leave a copy to the next Scheduler; without one it reads what this one's copies lack."""
        if self._index is not None:
            self._next_copy = self._clock.now()
            try:
                self._copy_index(self._index, self._next_copy)
            except (StoreUnavailable, LeadershipLost) as error:
                logger.warning('no copy was saved: %s', error, extra={'event': 'copy_failed'})

    def _copy_index(self, index: Index, now: datetime) -> None:
        """Save a copy of the index now and then, so that the next start need not read all rows."""
        if now >= self._next_copy and self._leader.leadership is not None:
            pages = index.engine.timetable.pages(without=index.engine.left_out)
            copy = IndexCopy(as_of=now, pages=tuple(pages))
            self._store.save_index_copy(self._leader.leadership, copy)
            self._next_copy = now + COPY_PERIOD

    def _commit(self, saves: Collection[Save]) -> None:
        assert self._leader.leadership is not None
        rung = self._announcer.rung
        self._store.commit(
            self._leader.leadership,
            cast('Sequence[Save]', saves),
            announced=rung,
        )
        self._isolating.saved(saves)
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
        self._bad_messages.passed(self._unacked)
        self._unacked.clear()

    def _stand_by(self) -> None:
        """Leave index and messages to the Scheduler that leads."""
        self._drop_index()
        self._unacked.clear()
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _drop_index(self) -> None:
        self._index = None
        self._next_mark = None
        self._announcer.forget()

    def _seconds_to_next(self, index: Index) -> float:
        if index.engine.is_owing or index.requests.is_busy:
            return 0.0
        if self._announcer.is_stuck:
            return RETRY_SECONDS
        deadlines = (
            index.timers.next_at,
            index.freeruns.next_at,
            self._announcer.next_at,
            self._next_sweep,
            self._next_mark,
        )
        earliest = min(instant for instant in deadlines if instant is not None)
        seconds = (earliest - self._clock.now()).total_seconds()
        most = min(self._leader.seconds_to_renewal, self._isolating.seconds_to_try())
        return max(min(seconds, most), 0.0)

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
