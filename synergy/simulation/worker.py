"""What a simulated worker has in place of signals, a second thread and a logging of its own."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from synergy.core.records import Unit
from synergy.ports.errors import LeaseLost, PortError
from synergy.ports.store import UnitStore
from synergy.simulation.stage import Actor, Stage, StageClock
from synergy.workers.batch import Batch
from synergy.workers.heartbeat import Watched
from synergy.workers.run_log import Capture, RunLog
from synergy.workers.signals import Cause, Interrupted

LEASE: Final = timedelta(seconds=15)


class ActorCapture(Capture):
    """Keeps what is logged while its actor has the baton; all actors share one logging."""

    def __init__(self, stage: Stage, actor: Actor) -> None:
        """Capture nothing until `begin`."""
        super().__init__()
        self._stage = stage
        self._actor = actor

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log record of this actor."""
        if self._stage.current is self._actor:
            super().emit(record)


class SimulatedGuard:
    """A guard without signals: it interrupts nothing, but knows of a stop."""

    def __init__(self) -> None:
        """Be told nothing yet."""
        self.is_told = False

    def enter(self, timeout: timedelta | None) -> None:
        """User code begins."""

    def leave(self) -> None:
        """User code has ended."""

    def is_stopping(self) -> bool:
        """Tell whether a stop was asked for."""
        return self.is_told


class SimulatedHeartbeat:
    """Renews the lease when user code lets it: there is no second thread in a simulated process."""

    def __init__(self, store: UnitStore, clock: StageClock, lease: timedelta = LEASE) -> None:
        """Watch nothing yet."""
        self._store = store
        self._lease = lease
        self._clock = clock
        self._watched: Watched | None = None

    def begin(self, unit: Unit, log: RunLog, batch: Batch, timeout: timedelta | None) -> Watched:
        """Watch a run."""
        assert timeout is None, 'simulated runs have no time-out'
        self._watched = Watched(unit, log, batch, self._clock.monotonic(), None)
        return self._watched

    def end(self, watched: Watched) -> None:
        """Watch it no longer."""
        assert watched is self._watched
        self._watched = None

    def beat(self) -> None:
        """Renew; interrupt the run when the lease is lost."""
        watched = self._watched
        if watched is None:
            return
        try:
            watched.batch.save(self._store.finish)
            watched.batch.hand_back(self._store)
            self._store.renew(watched.unit.id, watched.unit.fence, self._lease)
        except LeaseLost:
            raise Interrupted(Cause.LOST) from None
        except PortError as error:
            logging.getLogger(__name__).debug('not renewed: %s', error)
