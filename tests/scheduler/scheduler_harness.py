"""What scheduler tests run it with: a real store and broker, a simulated clock, played workers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.embedded.files import JointFile
from synergy.adapters.mongo.store import MongoStore
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import Violation, check
from synergy.core.journal_replay import Replay
from synergy.core.overrides import applied
from synergy.core.records import Outcome, ProcessName, Route, Unit, UnitEnd, UowId
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from synergy.ports.broker import REPORT_ROUTE, Broker, Consumer, Message
from synergy.ports.one_commit import Apart, OneCommit
from synergy.ports.store import SchedulerStore, Store
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.pipeline import Pipeline
from synergy.view.journal import replayed
from synergy.view.verification import circumstances
from synergy.view.whole import all_jobs

LEASE = timedelta(seconds=10)


def loop_settings(owner: str) -> LoopSettings:
    return LoopSettings(
        owner=owner,
        leader_lease=LEASE,
        sweep_period=timedelta(seconds=5),
        inbox_batch_max=100,
        uow_lease=LEASE,
    )


def route_of(process: ProcessName) -> Route:
    return Route(exchange='ex', routing=f'routing_{process}', queue=f'queue_{process}')


#: Brokers that the test under way has opened; they hold descriptors, which nothing collects.
_OPENED: Final[list[EmbeddedBroker]] = []


def close_brokers() -> None:
    """Close every broker that a harness has opened."""
    while _OPENED:
        _OPENED.pop().close()


class SchedulerHarness:
    """Opens schedulers and plays workers on one home."""

    def __init__(
        self,
        home: Path,
        hierarchy: Hierarchy,
        now: datetime,
        mongo_uri: str | None = None,
        *,
        is_one_file: bool = True,
    ) -> None:
        """Begin with nothing. is_one_file: messages lie in the store's file, if it is one."""
        self.hierarchy = hierarchy
        self.home = home
        self.mongo_uri = mongo_uri
        self.is_one_file = is_one_file and mongo_uri is None
        self._to_close: list[Store] = []
        #: A test tears commits, of which leaders then must know.
        self.tears_commits = False
        self.clock = SimulatedClock(now)
        self.store = self.open_store()
        self.broker = self.open_broker()
        self.consumers: dict[ProcessName, Consumer] = {}
        self.started: list[str] = []

    def open_store(self) -> Store:
        if self.mongo_uri is None:
            return self._open_file()
        self._to_close.append(MongoStore.open(self.mongo_uri, clock=self.clock))
        return self._to_close[-1]

    def _open_file(self) -> SqliteStore:
        store = SqliteStore.open(self.home / 'store.db', clock=self.clock)
        store.commits_are_whole = not self.tears_commits
        return store

    def close(self) -> None:
        """Close connections to a server; files close by themselves."""
        for store in self._to_close:
            store.close()

    def open_broker(self) -> EmbeddedBroker:
        path = self.home / 'store.db' if self.is_one_file else None
        broker = EmbeddedBroker.open(self.home / 'broker', clock=self.clock, store=path)
        _OPENED.append(broker)
        return broker

    def scheduler(
        self,
        owner: str = 'one',
        pipeline: Pipeline | None = None,
        *,
        store: SchedulerStore | None = None,
        broker: Broker | None = None,
    ) -> Scheduler:
        one_commit: OneCommit = Apart()
        if self.is_one_file and store is None and broker is None:
            store = file = self._open_file()
            broker = opened = EmbeddedBroker.beside(file, self.home / 'broker', clock=self.clock)
            _OPENED.append(opened)
            one_commit = JointFile(file.file)
        return Scheduler(
            pipeline or Pipeline(hierarchy=self.hierarchy, route_of=route_of),
            store=store or self.open_store(),
            broker=broker or self.open_broker(),
            clock=self.clock,
            settings=loop_settings(owner),
            one_commit=one_commit,
        )

    def take(self) -> list[UowId]:
        """Take every message that waits for a worker, and acknowledge it."""
        found: list[UowId] = []
        for node in self.hierarchy:
            name = node.process.name
            if name not in self.consumers:
                self.consumers[name] = self.broker.consumer(route_of(name))
            deliveries = self.consumers[name].take(100)
            self.consumers[name].ack(deliveries)
            found += [UowId(item.body['uow']) for item in deliveries]
        return found

    def claim(self, uow_id: UowId) -> Unit | None:
        for unit in self.store.claim([uow_id], 'worker', LEASE):
            self.started.append(f'{unit.key}#{unit.run}')
            return unit
        return None

    def finish(self, unit: Unit, outcome: Outcome | None = None, *, report: bool = True) -> None:
        end = UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=outcome or Outcome.processed(1))
        self.store.finish([end])
        if report:
            self.broker.publish([Message(REPORT_ROUTE, {'uow': unit.id})])

    def work(self, outcome: Outcome | None = None) -> int:
        """Work whatever waits; return how many units were claimed."""
        claimed = [unit for uow_id in self.take() if (unit := self.claim(uow_id)) is not None]
        for unit in claimed:
            self.finish(unit, outcome)
        return len(claimed)

    def run(self, scheduler: Scheduler, turns_max: int = 2000) -> None:
        """Step and work until nothing happens any more."""
        for _ in range(turns_max):
            seconds = scheduler.step()
            if not self.work() and seconds > 0:
                scheduler.step()
                if not self.work():
                    return
        raise AssertionError('still busy')

    def state(self, key: JobKey) -> JobState:
        job = self.store.jobs([key]).get(key)
        return JobState.EMBRYO if job is None else job.state

    def violations(self) -> Sequence[Violation]:
        replay = Replay()
        return [
            *check(
                applied(self.hierarchy, self.store.overrides()),
                all_jobs(self.store),
                self.store.all_units(),
                self.clock.now(),
                circumstances(self.store),
            ),
            *replayed(self.store, replay),
            *replay.against(all_jobs(self.store), self.store.freeruns()),
        ]
