"""The run of units, as a pipeline that reads from top to bottom.

    [take -> claim -> acknowledge] -> run user code under guard and heartbeat
    -> end its processes -> classify -> [finish -> report] -> take again

What stands in brackets is one commit where store and broker are one file.

While runs are short, several are taken, claimed, finished and reported together; they run one after
the other. How many follows from how long the last ones took; see `synergy.workers.batch`.

Acknowledged right after the claim: from there on the lease, not the broker, says who has the
unit, and nothing holds a delivery while user code runs for hours.
Source: RabbitMQ docs, consumer acknowledgement timeout.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, Protocol

from synergy.core.records import LogLine, Outcome, Unit, UnitEnd, UowId
from synergy.core.structs import Struct, field, replace
from synergy.core.turns import by_turns
from synergy.ports.broker import Broker, Consumer, Delivery
from synergy.ports.clock import Clock
from synergy.ports.errors import LeaseLost, PortError, StoreUnavailable
from synergy.ports.one_commit import Apart, OneCommit
from synergy.ports.store import UnitStore
from synergy.workers.batch import Batch
from synergy.workers.batch_size import BATCH_SECONDS, BatchSize
from synergy.workers.calling import Calling, failed, no_secrets
from synergy.workers.code import Code, Codes
from synergy.workers.gate import Gate
from synergy.workers.heartbeat import Watched
from synergy.workers.isolated import Isolation
from synergy.workers.processes import RunProcesses
from synergy.workers.recycling import Recycling
from synergy.workers.reports import Reports
from synergy.workers.run_log import Recorder, RunLog, storable
from synergy.workers.signals import Cause, Guard, Interrupted
from synergy.workers.zones import Zones

logger = logging.getLogger(__name__)

_APART: Final = Apart()
_RETRY_SECONDS_MIN: Final = 0.1
_RETRY_SECONDS_MAX: Final = 2.0


class RunnerSettings(Struct, frozen=True, kw_only=True):
    """What the runner must know. owner: who claims, as logs and pages show it.

    name: of its process, or of its group of workers. zones: by whose calendars its units are told.
    secret_of: returns the value of a reference; raises UnresolvedReference.
    """

    name: str
    owner: str
    lease: timedelta
    log_lines_max: int
    zones: Zones = field(default_factory=Zones)
    batch_seconds: float = BATCH_SECONDS
    secret_of: Callable[[str], str] = no_secrets


class Watcher(Protocol):
    """What keeps the lease of the run under way; see `synergy.workers.heartbeat`."""

    def begin(self, unit: Unit, log: RunLog, batch: Batch, timeout: timedelta | None) -> Watched:
        """Watch a run from now on. batch: what must not hang behind it."""
        ...

    def end(self, watched: Watched) -> None:
        """Watch it no longer."""
        ...


class Runner:
    """Runs the units of one process, or of those of a group, one at a time."""

    def __init__(  # noqa: PLR0913 - the wiring of a pipeline: everything it touches, once
        self,
        codes: Codes,
        *,
        store: UnitStore,
        broker: Broker,
        consumer: Consumer,
        clock: Clock,
        guard: Guard,
        heartbeat: Watcher,
        capture: Recorder,
        settings: RunnerSettings,
        processes: RunProcesses | None = None,
        recycling: Recycling | None = None,
        isolation: Isolation | None = None,
        one_commit: OneCommit = _APART,
        gate: Gate | None = None,
    ) -> None:
        """Wire the pipeline.

        processes: None: user code is not real and starts none. recycling: None: this worker never
        has to be restarted. isolation: None: no code asks for a process of its own. gate: None:
        nothing ever keeps a unit from beginning.
        """
        self._codes = codes
        self._calling = Calling(guard, capture, isolation, settings.zones, settings.secret_of)
        self._store = store
        self._consumer = consumer
        self._clock = clock
        self._guard = guard
        self._heartbeat = heartbeat
        self._capture = capture
        self._settings = settings
        self._processes = processes
        self._recycling = recycling or Recycling()
        self._one_commit = one_commit
        self._reports = Reports(broker)
        self._size = BatchSize(clock, settings.batch_seconds)
        self._gate = gate

    @property
    def is_spent(self) -> bool:
        """Tell whether this worker has to be restarted before it can run anything else."""
        has_lost_kept = self._processes is not None and self._processes.is_spent
        return has_lost_kept or self._recycling.is_due

    def step(self) -> bool:
        """Work on what is waiting, some units at most; tell whether there was a message."""
        claimed_at = self._clock.monotonic()
        with self._one_commit.block():
            deliveries = self._consumer.take(self._recycling.bounded(self._size.count))
            if not deliveries:
                self._reports.confirm()
                return False
            claimed = self._claim_safely(deliveries)
            self._consumer.ack(deliveries)
        if units := self._own(claimed):
            self._settings.zones.look(units)
            self._size.adapt(len(units), self._work_all(Batch(units), claimed_at))
        return True

    def _claim_safely(self, deliveries: Sequence[Delivery]) -> list[Unit]:
        """Claim; a message at which that fails unexpectedly is put aside, the others are not."""
        units, failure = self._claimed(deliveries, 'claiming failed; one by one')
        if failure is None:
            return units
        for delivery in deliveries:
            found, failure = self._claimed([delivery], 'a message cannot be handled')
            units += found
            if failure is not None:
                reason = f'the worker failed at it: {type(failure).__name__}: {failure}'
                self._consumer.put_aside(delivery, reason)
        return units

    def _claimed(
        self, deliveries: Sequence[Delivery], what: str
    ) -> tuple[list[Unit], Exception | None]:
        """Claim; return, too, what was raised, said as `what`, but for store and broker."""
        try:
            return self._claim(deliveries), None
        except PortError:
            raise
        except Exception as error:  # Around one message at a time: it must not end the process.
            logger.exception('%s', what, extra={'event': 'claim_failed'})
            return [], error

    def _claim(self, deliveries: Sequence[Delivery]) -> list[Unit]:
        settings = self._settings
        uow_ids = []
        for delivery in deliveries:
            if (uow_id := delivery.body.get('uow')) is not None:
                uow_ids.append(UowId(uow_id))
            else:
                logger.warning(
                    'a message to %s names no unit: %r', settings.name, dict(delivery.body)
                )
        if not uow_ids:
            return []
        # A message that came twice names its unit twice.
        wanted: Sequence[UowId] = list(dict.fromkeys(uow_ids))
        if self._gate is not None and not (wanted := self._gate.admitted(wanted)):
            return []
        return [*self._store.claim(wanted, settings.owner, settings.lease)]

    def _own(self, units: Sequence[Unit]) -> list[Unit]:
        """Return those that are ours, by turns, tried ones last; hand back what was led to us."""
        own = []
        for unit in units:
            if self._codes.serves(unit.process):
                own.append(unit)
            else:
                logger.warning('%s came to %s; handed back', unit, self._settings.name)
                self._release(unit, [])
        if self._codes.are_many:
            own = by_turns(own, lambda unit: unit.process)
        return sorted(own, key=lambda unit: unit.attempt > 1)

    def _work_all(self, batch: Batch, claimed_at: float) -> float:
        """Run one after the other; what a stop or a long run leaves over is handed back.

        Returns the seconds that the runs took, without what store and machine took: how slow those
        are says nothing against batches, on the contrary.
        """
        fresh_until = claimed_at + self._settings.lease.total_seconds() / 3
        self._size.begin()
        seconds = unsaved_seconds = 0.0
        while (unit := batch.next()) is not None:
            if self._gate is not None and not self._gate.may_begin(unit):
                self._release(unit, [])
                self._reports.report([unit.id])
                continue
            if unit.attempt > 1:
                # It may have killed the worker that tried it: with it would go what waits behind
                # it, each time, until none of them had an attempt left.
                self._save(batch)
                self._persist(lambda: batch.hand_back(self._store))
            before = self._clock.monotonic()
            self._work(unit, batch)
            self._recycling.note_run()
            took = self._size.took(before)
            seconds += took
            unsaved_seconds += took
            is_late = self._clock.monotonic() >= fresh_until
            if self._guard.is_stopping() or self.is_spent or is_late:
                self._persist(lambda: batch.hand_back(self._store))
            if unsaved_seconds >= self._settings.batch_seconds:
                self._save(batch)
                self._size.begin()
                unsaved_seconds = 0.0
        self._save(batch)
        return seconds

    def _work(self, unit: Unit, batch: Batch) -> None:
        codes = self._codes
        about = unit.process if codes.are_many else None
        log = RunLog(unit.attempt, self._clock, self._settings.log_lines_max, about)
        code = codes.of(unit.process)
        outcome: Outcome | Cause
        if code is None:
            found = self._loaded(unit, log, batch)
            if not isinstance(found, Code):
                self._conclude(unit, found, log, batch)
                return
            code = found
        # One that has processes of its own has ended them.
        processes = self._processes if code.bounds is None else None
        watched = self._heartbeat.begin(unit, log, batch, code.timeout)
        self._capture.begin(log)
        try:
            outcome = self._calling.run(code, unit)
            if processes is not None:
                processes.after_run(keeps=code.handler.keeps_processes)
        except Interrupted as interrupted:
            outcome = interrupted.cause
            if processes is not None:
                processes.interrupt(at_once=outcome is Cause.LOST)
        finally:
            # What still runs after that is kept for later runs.
            self._capture.end(are_kept=self._processes is not None)
            self._heartbeat.end(watched)
        self._conclude(unit, outcome, log, batch, code.timeout)

    def _loaded(self, unit: Unit, log: RunLog, batch: Batch) -> Code | Outcome | Cause:
        """Import and set up the code of a unit, under its lease but not its time-out.

        Returns why the attempt ends right here where that does not succeed.
        """
        watched = self._heartbeat.begin(unit, log, batch, None)
        self._capture.begin(log)
        try:
            self._guard.enter(None)
            try:
                return self._codes.load(unit.process)
            finally:
                self._guard.leave()
        except Interrupted as interrupted:
            if self._processes is not None:
                self._processes.interrupt(at_once=interrupted.cause is Cause.LOST)
            return interrupted.cause
        except BaseException as error:  # noqa: BLE001 - user code: SystemExit and all
            return failed(unit, error, 'the code of its process cannot be set up: ')
        finally:
            self._capture.end(are_kept=self._processes is not None)
            self._heartbeat.end(watched)

    def _conclude(
        self,
        unit: Unit,
        outcome: Outcome | Cause,
        log: RunLog,
        batch: Batch,
        timeout: timedelta | None = None,
    ) -> None:
        match outcome:
            case Cause.LOST:
                logger.warning(
                    '%s: lease lost, the result is discarded', unit, extra={'event': 'lease_lost'}
                )
                return
            case Cause.STOP:
                log.add('WARNING', 'the worker was stopped; the unit is handed back')
                self._release(unit, log.finish())
                self._reports.report([unit.id])
            case Cause.TIMEOUT:
                assert timeout is not None
                error = f'timed out after {timeout.total_seconds():g} s'
                logger.error('%s %s', unit, error, extra={'event': 'uow_timed_out'})
                log.add('ERROR', error)
                batch.add(_end(unit, Outcome.failed(error), log))
            case Outcome():
                batch.add(_end(unit, outcome, log))

    def _save(self, batch: Batch) -> None:
        """Save the ends of a batch, and tell the Scheduler."""
        self._persist(lambda: batch.save_and_report(self._finish_and_report))

    def _finish_and_report(self, ends: Sequence[UnitEnd], uow_ids: Sequence[UowId]) -> None:
        with self._one_commit.block():
            lost = self._store.finish(ends) if ends else ()
            self._reports.report(uow_ids)
        for uow_id in lost:
            logger.warning(
                'unit %s was cancelled, rescued or claimed again; its result is discarded',
                uow_id,
                extra={'event': 'lease_lost'},
            )

    def _release(self, unit: Unit, lines: list[LogLine]) -> None:
        self._persist(lambda: self._store.release(unit.id, unit.fence, lines))

    def _persist(self, write: Callable[[], None]) -> None:
        """Write the end of an attempt; try for as long as the lease can still be ours."""
        give_up_at = self._clock.monotonic() + 2 * self._settings.lease.total_seconds()
        pause = _RETRY_SECONDS_MIN
        while True:
            try:
                write()
                return
            except LeaseLost as error:
                logger.warning('%s', error, extra={'event': 'lease_lost'})
                return
            except StoreUnavailable as error:
                if self._clock.monotonic() >= give_up_at:
                    # The lease has run out: the Scheduler rescues what was not saved.
                    logger.error('results not saved: %s', error, extra={'event': 'store_down'})
                    return
                logger.warning('%s; trying again', error, extra={'event': 'store_down'})
            self._clock.sleep(pause)
            pause = min(pause * 2, _RETRY_SECONDS_MAX)


def _end(unit: Unit, outcome: Outcome, log: RunLog) -> UnitEnd:
    if outcome.error is not None:
        outcome = replace(outcome, error=storable(outcome.error))
    return UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=outcome, log=tuple(log.finish()))
