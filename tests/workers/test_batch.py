"""Units claimed together: saved together, and never left hanging behind a long run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import InsertUnit, MoveUnit
from synergy.core.records import Unit, UowId, uow_id_of
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.workers import Outcome, Uow
from synergy.workers.batch import Batch
from synergy.workers.handler import Handler
from synergy.workers.heartbeat import Watched
from synergy.workers.run_log import Capture, RunLog
from synergy.workers.runner import BATCH_MAX, Runner, RunnerSettings
from tests.builders import instant, key
from tests.scheduler.scheduler_harness import route_of

NOW = instant('2026112312')
LEASE = timedelta(seconds=15)
HOUR = key('SiteHourly@2026112200')


class Guard:
    """A guard that interrupts nothing."""

    is_told = False

    def enter(self, timeout: timedelta | None) -> None:
        assert timeout is None

    def leave(self) -> None:
        """User code has ended."""

    def is_stopping(self) -> bool:
        return self.is_told


class Beats:
    """A heartbeat whose beat the test gives."""

    def __init__(self) -> None:
        self.batch: Batch | None = None

    def begin(self, unit: Unit, log: RunLog, batch: Batch, timeout: timedelta | None) -> Watched:
        self.batch = batch
        assert timeout is None
        return Watched(unit, log, batch, 0.0, None)

    def end(self, watched: Watched) -> None:
        assert watched.batch is self.batch


def open_slow_store(path: Path, *, clock: SimulatedClock) -> SqliteStore:
    """Open one that takes its time for a claim, as if it waited for a majority of its members."""
    store = SqliteStore.open(path, clock=clock)
    claim = store.claim

    def slowly(uow_ids: Sequence[UowId], owner: str, lease: timedelta) -> Sequence[Unit]:
        found = claim(uow_ids, owner, lease)
        clock.advance(timedelta(milliseconds=20))
        return found

    store.claim = slowly
    return store


class Bench:
    """One runner on a real store and broker."""

    def __init__(
        self,
        home: Path,
        work: Callable[[Uow], object],
        open_store: Callable[..., SqliteStore] = SqliteStore.open,
    ) -> None:
        self.clock = SimulatedClock(NOW)
        self.store = open_store(home / 'store.db', clock=self.clock)
        self.broker = EmbeddedBroker.open(home / 'broker', clock=self.clock)
        self.guard = Guard()
        self.capture = Capture()
        self.beats = Beats()
        self.reports = self.broker.consumer(REPORT_ROUTE)
        self.runner = Runner(
            Handler(work),
            store=self.store,
            broker=self.broker,
            consumer=self.broker.consumer(route_of(HOUR.process)),
            clock=self.clock,
            guard=self.guard,
            heartbeat=self.beats,
            capture=self.capture,
            settings=RunnerSettings(
                process=HOUR.process,
                owner='w',
                lease=LEASE,
                timeout=None,
                source=None,
                sink=None,
                log_lines_max=10,
            ),
        )

    def request(self, count: int, first: int = 0) -> list[UowId]:
        """Make units and ring for them."""
        leadership = self.store.lead('one', timedelta(hours=1))
        assert leadership is not None
        units = [self._unit(number) for number in range(first, first + count)]
        self.store.commit(leadership, [InsertUnit(unit) for unit in units])
        self.broker.publish([Message(route_of(HOUR.process), {'uow': unit.id}) for unit in units])
        return [unit.id for unit in units]

    def states(self, uow_ids: Sequence[UowId]) -> list[UnitState]:
        units = self.store.units(uow_ids)
        return [units[uow_id].state for uow_id in uow_ids]

    def told(self) -> list[str]:
        """Return the units that were reported since the last call."""
        found = self.reports.take(100)
        self.reports.ack(found)
        return [item.body['uow'] for item in found]

    def _unit(self, number: int) -> Unit:
        job_key = JobKey(HOUR.process, HOUR.timeperiod.shift(number))
        return Unit(
            id=uow_id_of(job_key, 1),
            process=job_key.process,
            timeperiod=job_key.timeperiod,
            start=job_key.timeperiod,
            end=job_key.timeperiod.shift(1),
            run=1,
            created_at=NOW,
        )


def warmed(home: Path, work: Callable[[Uow], object]) -> Bench:
    """Return a bench whose runner has seen enough short runs to take many at a time."""
    bench = Bench(home, work)
    bench.request(2 * BATCH_MAX, first=1000)
    while bench.runner.step():
        assert bench.told()
    return bench


def test_short_runs_are_taken_many_at_once_and_long_ones_one_by_one(tmp_path: Path) -> None:
    seconds = [0.0]
    bench = warmed(tmp_path, lambda _: bench.clock.advance(timedelta(seconds=seconds[0])))

    short = bench.request(2 * BATCH_MAX)
    assert bench.runner.step()
    assert bench.states(short).count(UnitState.PROCESSED) == BATCH_MAX
    assert bench.runner.step()
    assert bench.told() == short
    seconds[0] = 1.0
    long = bench.request(BATCH_MAX + 3, first=100)
    assert bench.runner.step()

    # It goes on until a third of the lease has passed; then the others are handed back.
    assert bench.states(long) == [UnitState.PROCESSED] * 5 + [UnitState.REQUESTED] * 14
    assert bench.runner.step()
    assert bench.states(long).count(UnitState.PROCESSED) == 6


def test_short_runs_are_taken_many_at_once_from_a_slow_store_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda _: None, open_slow_store)
    bench.request(2 * BATCH_MAX, first=1000)
    while bench.runner.step():
        assert bench.told()

    short = bench.request(BATCH_MAX)
    assert bench.runner.step()

    assert bench.told() == short


def test_what_waits_behind_a_long_run_is_handed_back_and_what_ended_is_saved(
    tmp_path: Path,
) -> None:
    long: list[UowId] = []

    def work(uow: Uow) -> Outcome:
        if long and uow.id == long[2]:
            # A heartbeat comes while this one runs.
            assert bench.beats.batch is not None
            bench.beats.batch.save(bench.store.finish)
            bench.beats.batch.hand_back(bench.store)
            assert bench.states(long) == [
                UnitState.PROCESSED,
                UnitState.PROCESSED,
                UnitState.IN_PROGRESS,
                *[UnitState.REQUESTED] * 5,
            ]
        return Outcome.processed(1)

    bench = warmed(tmp_path, work)
    long += bench.request(8)

    assert bench.runner.step()

    assert bench.states(long)[:4] == [UnitState.PROCESSED] * 3 + [UnitState.REQUESTED]
    # Handed back ones are told as well, so that the Scheduler rings for them again.
    assert sorted(bench.told()) == sorted(long)


def test_a_stop_hands_back_what_waits(tmp_path: Path) -> None:
    def work(uow: Uow) -> None:
        if units and uow.id == units[1]:
            bench.guard.is_told = True

    units: list[UowId] = []
    bench = warmed(tmp_path, work)
    units += bench.request(4)

    assert bench.runner.step()

    assert bench.states(units) == [UnitState.PROCESSED] * 2 + [UnitState.REQUESTED] * 2
    handed_back = bench.store.units(units)[units[3]]
    assert (handed_back.attempt, handed_back.fence, handed_back.owner) == (1, 2, None)


@pytest.mark.parametrize('count', [1, 3])
def test_a_failure_of_one_run_is_its_own(tmp_path: Path, count: int) -> None:
    def work(uow: Uow) -> None:
        if units and uow.id == units[0]:
            raise RuntimeError('no disk')

    units: list[UowId] = []
    bench = warmed(tmp_path, work)
    units += bench.request(count)

    assert bench.runner.step()

    assert bench.states(units) == [UnitState.INVALID] + [UnitState.PROCESSED] * (count - 1)


def test_a_unit_that_was_tried_before_runs_while_nothing_waits_behind_it(tmp_path: Path) -> None:
    seen: list[list[UnitState]] = []

    def work(uow: Uow) -> None:
        if units and uow.attempt > 1:
            seen.append(bench.states(units))

    units: list[UowId] = []
    bench = warmed(tmp_path, work)
    units += bench.request(4)
    # The second and the third were held by a worker that died; one of them may have killed it.
    leadership = bench.store.lead('one', timedelta(hours=1))
    assert leadership is not None
    for uow_id in units[1:3]:
        move = MoveUnit(
            uow_id=uow_id,
            from_state=UnitState.REQUESTED,
            from_fence=0,
            to_state=UnitState.REQUESTED,
            at=NOW,
            raises_fence=True,
            attempt=2,
        )
        bench.store.commit(leadership, [move])

    assert bench.runner.step()

    done, tried, waits = UnitState.PROCESSED, UnitState.IN_PROGRESS, UnitState.REQUESTED
    assert seen == [[done, tried, waits, done]]
    assert bench.states(units) == [done, done, waits, done]
