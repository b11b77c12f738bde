"""The run of one unit, as a pipeline one can read aloud.

    take -> claim -> acknowledge -> run user code under guard and heartbeat -> classify ->
    finish -> report -> take again

Acknowledged right after the claim: from there on the lease, not the broker, says who has the
unit, and nothing holds a delivery while user code runs for hours.
Source: RabbitMQ docs, consumer acknowledgement timeout.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from synergy.core.freerun_record import base_of
from synergy.core.records import LogLine, Outcome, ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import Qualifier, Timeperiod, containing_utc, start_utc
from synergy.ports.broker import REPORT_ROUTE, Broker, Consumer, Delivery, Message
from synergy.ports.clock import Clock
from synergy.ports.errors import BrokerUnavailable, LeaseLost, StoreUnavailable
from synergy.ports.source import DataSource
from synergy.ports.store import UnitStore
from synergy.workers.guard import Cause, Guard, Interrupted
from synergy.workers.handler import Handler, outcome_of
from synergy.workers.heartbeat import Watched
from synergy.workers.run_log import Capture, RunLog
from synergy.workers.uow import uow_of

logger = logging.getLogger(__name__)

_RETRY_SECONDS_MIN: Final = 0.1
_RETRY_SECONDS_MAX: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """What the runner must know. owner: who claims, as logs and pages show it."""

    process: ProcessName
    owner: str
    lease: timedelta
    timeout: timedelta | None
    source: str | None
    sink: str | None
    log_lines_max: int
    data_source: DataSource | None = None


class Watcher(Protocol):
    """What keeps the lease of the run under way; see `synergy.workers.heartbeat`."""

    def begin(self, unit: Unit, log: RunLog, timeout: timedelta | None) -> Watched:
        """Watch a run from now on."""
        ...

    def end(self, watched: Watched) -> None:
        """Watch it no longer."""
        ...


class Runner:
    """Runs the units of one process, one at a time."""

    def __init__(  # noqa: PLR0913 - the wiring of a pipeline: everything it touches, once
        self,
        handler: Handler,
        *,
        store: UnitStore,
        broker: Broker,
        consumer: Consumer,
        clock: Clock,
        guard: Guard,
        heartbeat: Watcher,
        capture: Capture,
        settings: RunnerSettings,
    ) -> None:
        """Wire the pipeline."""
        self._handler = handler
        self._store = store
        self._broker = broker
        self._consumer = consumer
        self._clock = clock
        self._guard = guard
        self._heartbeat = heartbeat
        self._capture = capture
        self._settings = settings

    def step(self) -> bool:
        """Work on one unit if one is waiting; tell whether there was a message."""
        deliveries = self._consumer.take(1)
        if not deliveries:
            return False
        unit = self._claim(deliveries[0])
        self._consumer.ack(deliveries)
        if unit is not None:
            self._work(unit)
        return True

    def _claim(self, delivery: Delivery) -> Unit | None:
        settings = self._settings
        uow_id = delivery.body.get('uow')
        if uow_id is None:
            logger.warning(
                'a message to %s names no unit: %r', settings.process, dict(delivery.body)
            )
            return None
        unit = self._store.claim(UowId(uow_id), settings.owner, settings.lease)
        if unit is None:
            logger.debug('unit %s is not to be claimed; its message is dropped', uow_id)
        elif base_of(unit.process) != settings.process:
            logger.warning('%s came to %s; handed back', unit, settings.process)
            self._release(unit, [])
            return None
        return unit

    def _work(self, unit: Unit) -> None:
        settings = self._settings
        log = RunLog(unit.attempt, self._clock, settings.log_lines_max)
        watched = self._heartbeat.begin(unit, log, settings.timeout)
        self._capture.begin(log)
        outcome: Outcome | Cause
        try:
            outcome = self._run(unit)
        except Interrupted as interrupted:
            outcome = interrupted.cause
        finally:
            self._capture.end()
            self._heartbeat.end(watched)
        self._conclude(unit, outcome, log)

    def _run(self, unit: Unit) -> Outcome:
        """Call user code; whatever it does, return how the attempt ended, or raise Interrupted."""
        try:
            try:
                self._guard.enter(self._settings.timeout)
                returned = self._call(unit)
            finally:
                self._guard.leave()
        except Interrupted:
            raise
        except BaseException as error:  # noqa: BLE001 - user code: SystemExit and all
            # The first frame is this one; user code begins at the second.
            text = ''.join(traceback.format_exception(error))
            logger.error('%s failed:\n%s', unit, text, extra={'event': 'uow_failed'})
            return Outcome.failed(f'{type(error).__name__}: {error}')
        outcome = outcome_of(returned)
        if outcome.state is UnitState.INVALID:
            logger.error('%s failed: %s', unit, outcome.error, extra={'event': 'uow_failed'})
        return outcome

    def _call(self, unit: Unit) -> object:
        settings = self._settings
        rows = None
        if settings.data_source is not None:
            rows = settings.data_source.bounds(_hour(unit.start), _hour(unit.end))
            if rows is None:
                logger.info('%s: no row has arrived', unit, extra={'event': 'source_empty'})
                return Outcome.noop()
            logger.info('%s covers rows %s to %s', unit, *rows, extra={'event': 'source_read'})
        uow = uow_of(unit, settings.source, settings.sink, self._guard.is_stopping, rows)
        return self._handler.process_uow(uow)

    def _conclude(self, unit: Unit, outcome: Outcome | Cause, log: RunLog) -> None:
        match outcome:
            case Cause.LOST:
                logger.warning(
                    '%s: lease lost, the result is discarded', unit, extra={'event': 'lease_lost'}
                )
                return
            case Cause.STOP:
                log.add('WARNING', 'the worker was stopped; the unit is handed back')
                self._release(unit, log.finish())
            case Cause.TIMEOUT:
                assert self._settings.timeout is not None
                error = f'timed out after {self._settings.timeout.total_seconds():g} s'
                logger.error('%s %s', unit, error, extra={'event': 'uow_timed_out'})
                log.add('ERROR', error)
                self._finish(unit, Outcome.failed(error), log.finish())
            case Outcome():
                self._finish(unit, outcome, log.finish())
        self._report(unit)

    def _finish(self, unit: Unit, outcome: Outcome, lines: list[LogLine]) -> None:
        self._persist(unit, lambda: self._store.finish(unit.id, unit.fence, outcome, lines))

    def _release(self, unit: Unit, lines: list[LogLine]) -> None:
        self._persist(unit, lambda: self._store.release(unit.id, unit.fence, lines))

    def _persist(self, unit: Unit, write: Callable[[], None]) -> None:
        """Write the end of an attempt; try for as long as the lease can still be ours."""
        give_up_at = self._clock.monotonic() + 2 * self._settings.lease.total_seconds()
        pause = _RETRY_SECONDS_MIN
        while True:
            try:
                write()
                return
            except LeaseLost as error:
                logger.warning('%s: %s', unit, error, extra={'event': 'lease_lost'})
                return
            except StoreUnavailable as error:
                if self._clock.monotonic() >= give_up_at:
                    # The lease has run out: the Scheduler rescues the unit.
                    logger.error('%s: result not saved: %s', unit, error)
                    return
                logger.warning('%s: %s; trying again', unit, error, extra={'event': 'store_down'})
            self._clock.sleep(pause)
            pause = min(pause * 2, _RETRY_SECONDS_MAX)

    def _report(self, unit: Unit) -> None:
        try:
            self._broker.publish([Message(REPORT_ROUTE, {'uow': unit.id})])
        except BrokerUnavailable as error:
            # The Scheduler's sweep finds the unit.
            logger.warning('%s not reported: %s', unit, error, extra={'event': 'broker_down'})


def _hour(timeperiod: Timeperiod) -> str:
    """Return the hourly timeperiod with which an interval begins."""
    return str(containing_utc(Qualifier.HOURLY, start_utc(timeperiod)))
