"""The heartbeat: a thread that keeps the lease of a long run, and its log, up to date.

It has a store connection of its own. Short runs never meet it: it wakes at its interval and acts
only on a run that has lasted since the last wake; while nothing runs it sleeps until told.
"""

from __future__ import annotations

import logging
import os
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from synergy.core.exit_codes import ExitCode
from synergy.core.records import Outcome, Unit, UnitEnd
from synergy.ports.clock import Clock
from synergy.ports.errors import LeaseLost, PortError, StoreError
from synergy.ports.store import UnitStore
from synergy.workers.batch import Batch
from synergy.workers.processes import RunProcesses
from synergy.workers.run_log import RunLog
from synergy.workers.signals import Cause

logger = logging.getLogger(__name__)

#: How often the log of a run is brought to the store while it runs.
LOG_SECONDS: Final = 1.0
#: How long after its time-out, or the loss of its lease, a run that cannot be interrupted (it sits
#: in C code) is ended together with its process.
STUCK_SECONDS: Final = 10.0


@dataclass(slots=True)
class Watched:
    """The run under way. renewed, overdue_at: seconds of the monotonic clock."""

    unit: Unit
    log: RunLog
    batch: Batch
    renewed: float
    overdue_at: float | None
    is_lost: bool = False


class Heartbeat:
    """Watches one run at a time."""

    def __init__(
        self,
        open_store: Callable[[], UnitStore],
        clock: Clock,
        lease: timedelta,
        on_lost: Callable[[], None],
        processes: RunProcesses | None = None,
        overdue: Callable[[], Cause | None] = lambda: None,
    ) -> None:
        """Prepare; `start` begins the thread. on_lost: interrupts the run, from this thread.

        processes: those of the run, ended from here when it is interrupted and does not come back
        (`overdue` says so), and before a worker that is stuck.
        """
        self._open_store = open_store
        self._clock = clock
        self._lease = lease
        self._renew_seconds = lease.total_seconds() / 3
        self._on_lost = on_lost
        self._processes = processes
        self._overdue = overdue
        self._condition = threading.Condition()
        # Held while this thread cares for the run under way.
        self._caring = threading.Lock()
        self._watched: Watched | None = None
        self._is_asleep = False
        self._is_ending = False
        self._thread = threading.Thread(target=self._beat, name='heartbeat', daemon=True)

    def start(self) -> None:
        """Begin the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; safe to call twice."""
        with self._condition:
            self._is_ending = True
            self._condition.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def begin(self, unit: Unit, log: RunLog, batch: Batch, timeout: timedelta | None) -> Watched:
        """Watch a run from now on. batch: what must not hang behind it."""
        now = self._clock.monotonic()
        overdue_at = None if timeout is None else now + timeout.total_seconds() + STUCK_SECONDS
        self._watched = watched = Watched(unit, log, batch, now, overdue_at)
        # The thread says first that it falls asleep, and then looks whether there is a run: one of
        # the two sees the other.
        if self._is_asleep:
            with self._condition:
                self._condition.notify()
        return watched

    def end(self, watched: Watched) -> None:
        """Watch it no longer; when this returns, the thread touches neither unit nor log."""
        with self._caring:
            if self._watched is watched:
                self._watched = None

    def still(self) -> AbstractContextManager[object]:
        """Return a block in which the thread does nothing, so that this process may fork."""
        return self._caring

    def _beat(self) -> None:
        store: UnitStore | None = None
        interval = min(self._renew_seconds, LOG_SECONDS)
        before: Watched | None = None
        while True:
            with self._condition:
                if self._watched is None and before is None and not self._is_ending:
                    self._is_asleep = True
                    self._condition.wait_for(lambda: self._watched or self._is_ending)
                    self._is_asleep = False
                before = self._watched
                self._condition.wait_for(lambda: self._is_ending, timeout=interval)
                if self._is_ending:
                    return
                watched = self._watched
            if watched is None or watched is not before:
                continue
            try:
                store = store or self._open_store()
                with self._caring:
                    if self._watched is watched:
                        self._care(store, watched)
            except StoreError as error:
                logger.warning(
                    'heartbeat of %s: %s', watched.unit, error, extra={'event': 'store_down'}
                )
            except Exception:  # noqa: BLE001 - without it the run would lose its lease
                traceback.print_exc()

    def _care(self, store: UnitStore, watched: Watched) -> None:
        now = self._clock.monotonic()
        if watched.overdue_at is not None and now >= watched.overdue_at:
            self._end_stuck(store, watched)
        if (cause := self._overdue()) is not None:
            self._end_processes(cause)
        watched.batch.save(store.finish)
        watched.batch.hand_back(store)
        if watched.is_lost:
            return
        if lines := watched.log.drain():
            store.append_log(watched.unit.id, lines)
        if now - watched.renewed >= self._renew_seconds:
            try:
                store.renew(watched.unit.id, watched.unit.fence, self._lease)
                watched.renewed = now
            except LeaseLost:
                watched.is_lost = True
                watched.overdue_at = now + STUCK_SECONDS
                self._on_lost()

    def _end_processes(self, cause: Cause) -> None:
        if self._processes is not None:
            self._processes.interrupt(at_once=cause is Cause.LOST)

    def _end_stuck(self, store: UnitStore, watched: Watched) -> None:
        """End this process: user code neither returns nor can be interrupted."""
        logger.error(
            '%s cannot be interrupted; ending the worker, the supervisor starts a new one',
            watched.unit,
            extra={'event': 'uow_stuck'},
        )
        self._end_processes(Cause.LOST if watched.is_lost else Cause.TIMEOUT)
        if not watched.is_lost:
            with suppress(PortError):
                error = 'timed out and could not be interrupted; the worker was ended'
                end = UnitEnd(
                    uow_id=watched.unit.id,
                    fence=watched.unit.fence,
                    outcome=Outcome.failed(error),
                    log=tuple(watched.log.finish()),
                )
                store.finish([end])
        os._exit(ExitCode.STUCK)
