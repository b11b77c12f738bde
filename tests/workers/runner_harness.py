"""What tests of the runner run it with: a real store and broker, a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.embedded.files import JointFile
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import InsertUnit
from synergy.core.records import Unit, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.message import units_of
from synergy.ports.one_commit import Apart, OneCommit
from synergy.workers import Uow
from synergy.workers.batch import Batch
from synergy.workers.calling import no_secrets
from synergy.workers.code import Code, Codes
from synergy.workers.handler import Handler
from synergy.workers.heartbeat import Watched
from synergy.workers.run_log import Capture, RunLog
from synergy.workers.runner import Runner, RunnerSettings
from tests.builders import first_unit, instant, key
from tests.scheduler.scheduler_harness import route_of

NOW = instant('2026112312')
LEASE = timedelta(seconds=15)
HOUR = key('SiteHourly@2026112200')


class Guard:
    """A guard that interrupts nothing."""

    is_told = False

    def __init__(self, timeout: timedelta | None) -> None:
        self._timeout = timeout

    def enter(self, timeout: timedelta | None) -> None:
        assert timeout == self._timeout

    def leave(self) -> None:
        """User code has ended."""

    def is_stopping(self) -> bool:
        return self.is_told


class Beats:
    """A heartbeat whose beat the test gives."""

    def __init__(self, timeout: timedelta | None) -> None:
        self.batch: Batch | None = None
        self._timeout = timeout

    def begin(self, unit: Unit, log: RunLog, batch: Batch, timeout: timedelta | None) -> Watched:
        self.batch = batch
        assert timeout == self._timeout
        return Watched(unit, log, batch, 0.0, None)

    def end(self, watched: Watched) -> None:
        assert watched.batch is self.batch


class RunnerHarness:
    """One runner on a real store and broker."""

    def __init__(
        self,
        home: Path,
        work: Callable[[Uow], object],
        open_store: Callable[..., SqliteStore] = SqliteStore.open,
        timeout: timedelta | None = None,
        *,
        is_one_file: bool = True,
        codes: Codes | None = None,
        secret_of: Callable[[str], str] = no_secrets,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self._arguments = arguments or {}
        self.clock = SimulatedClock(NOW)
        self.store = open_store(home / 'store.db', clock=self.clock)
        one_commit: OneCommit = Apart()
        if is_one_file:
            self.broker = EmbeddedBroker.beside(self.store, home / 'broker', clock=self.clock)
            one_commit = JointFile(self.store.file)
        else:
            self.broker = EmbeddedBroker.open(home / 'broker', clock=self.clock)
        self.guard = Guard(timeout)
        self.capture = Capture()
        self.beats = Beats(timeout)
        self.reports = self.broker.consumer(REPORT_ROUTE)
        self.consumer = self.broker.consumer(route_of(HOUR.process))
        self.runner = Runner(
            codes or Codes.one(Code(process=HOUR.process, handler=Handler(work), timeout=timeout)),
            store=self.store,
            broker=self.broker,
            one_commit=one_commit,
            consumer=self.consumer,
            clock=self.clock,
            guard=self.guard,
            heartbeat=self.beats,
            capture=self.capture,
            settings=RunnerSettings(
                name=HOUR.process,
                owner='w',
                lease=LEASE,
                log_lines_max=10,
                secret_of=secret_of,
            ),
        )

    def request(self, count: int, first: int = 0) -> list[UowId]:
        """Make units and ring for them."""
        leadership = self.store.lead('one', timedelta(hours=1))
        assert leadership is not None
        units = [self._unit(number) for number in range(first, first + count)]
        self.store.commit(leadership, [InsertUnit(unit) for unit in units])
        self.ring(*({'uow': unit.id} for unit in units))
        return [unit.id for unit in units]

    def ring(self, *bodies: Mapping[str, Any]) -> None:
        """Put messages into the queue of the runner."""
        self.broker.publish([Message(route_of(HOUR.process), body) for body in bodies])

    def unit(self, uow_id: UowId) -> Unit:
        return self.store.units([uow_id])[uow_id]

    def states(self, uow_ids: Sequence[UowId]) -> list[UnitState]:
        units = self.store.units(uow_ids)
        return [units[uow_id].state for uow_id in uow_ids]

    def told(self) -> list[str]:
        """Return the units that were reported since the last call."""
        found = self.reports.take(1_000)
        self.reports.ack(found)
        return [uow_id for item in found for uow_id in units_of(item.body)]

    def _unit(self, number: int) -> Unit:
        job_key = JobKey(HOUR.process, HOUR.timeperiod.shift(number))
        return first_unit(job_key, NOW, arguments=self._arguments)
