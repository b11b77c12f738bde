"""Processes and free runs that share pools: decided together, as the Scheduler does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from synergy.core.effects import SaveFreerun
from synergy.core.engine import Engine
from synergy.core.events import Event, Reported, is_of_freerun
from synergy.core.freerun import Freeruns
from synergy.core.freerun_record import Freerun, Overlap
from synergy.core.hierarchy import build
from synergy.core.pool_record import Demand, Pool, PoolName
from synergy.core.pools import Pools
from synergy.core.records import Process, ProcessName, RetryPolicy, Unit
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier
from synergy.core.trigger import Every
from tests.builders import instant, tree
from tests.core.engine_harness import Effect, EngineHarness, listed

START = instant('2026112200')
RETRY = RetryPolicy(max_attempts=1)
WAREHOUSE = PoolName('warehouse')
LAKE = PoolName('lake')


def demand(priority: int = 50, **shares: int) -> Demand:
    """Return what a start takes: `demand(warehouse=2)`."""
    return Demand(tuple((PoolName(pool), share) for pool, share in shares.items()), priority)


class PoolBench(EngineHarness):
    """Hourly processes, each a tree of its own, free runs, and the rows of both."""

    def __init__(
        self,
        processes: Mapping[str, Demand],
        *,
        slots: Mapping[str, int],
        per_minute: Mapping[str, int] | None = None,
        freeruns: Mapping[str, Demand] | None = None,
        max_running: int = 100,
        machine: str = 'discrete',
        overlap: Overlap = Overlap.SKIP,
    ) -> None:
        own = [
            Process(
                name=ProcessName(name),
                qualifier=Qualifier.HOURLY,
                max_running=max_running,
                machine=machine,
                demand=needs,
                retry=RETRY,
                lag=timedelta(0),
            )
            for name, needs in processes.items()
        ]
        super().__init__(build(own, [tree(name, [name]) for name in processes]), START)
        rates = per_minute or {}
        self.sizes = {
            PoolName(name): Pool(name=PoolName(name), slots=count, per_minute=rates.get(name))
            for name, count in slots.items()
        }
        self.demands = {ProcessName(name): needs for name, needs in processes.items()}
        self.demands |= {ProcessName(name): needs for name, needs in (freeruns or {}).items()}
        self.rows = {
            ProcessName(name): Freerun(
                name=ProcessName(name),
                trigger=Every(seconds=3600),
                overlap=overlap,
                last_fire=START,
                changed_at=START,
            )
            for name in freeruns or {}
        }
        self.lead()

    def lead(self) -> None:
        """Let another Scheduler lead: it knows the rows, and nothing else."""
        self.pools = Pools(
            self.sizes, self.demands, self.timetable.running_count, self.timetable.hierarchy.nodes
        )
        self.engine = Engine(self.timetable, pools=self.pools)
        self.freeruns = Freeruns(self.rows.values(), lambda _: RETRY, self.now, pools=self.pools)

    def turn(self, *events: Event) -> list[Effect]:
        """Decide on events, and on what is owed after them."""
        found: list[Effect] = []
        is_first = True
        while is_first or self.engine.is_owing or self.is_due:
            of_freeruns = [item for item in events if is_first and is_of_freerun(item)]
            of_jobs = [item for item in events if is_first and not is_of_freerun(item)]
            is_first = False
            effects = self.freeruns.on(of_freeruns, self.now)
            effects.add(self.engine.on(of_jobs, self.now))
            found += listed(effects)
            for effect in listed(effects):
                self._apply(effect)
            self.timetable.settle()
        return found

    @property
    def is_due(self) -> bool:
        """Tell whether somebody may start because a minute has passed."""
        return (at := self.pools.next_at()) is not None and at <= self.now

    def at(self, now: datetime) -> list[str]:
        """Look at everything at an instant; return what has started."""
        before = len(self.started)
        self.now = now
        self.look()
        return self.started[before:]

    def names_started(self) -> list[str]:
        """Return whose runs were started, in order."""
        return [text.partition('@')[0] for text in self.started]

    def end(self, unit: Unit, state: UnitState = UnitState.PROCESSED) -> list[Effect]:
        """Let a unit end."""
        done = replace(unit, state=state, fence=unit.fence + 1, error='by chance')
        self.units[unit.id] = done
        return self.turn(Reported(done) if '::' in unit.process else self.told(done))

    def held(self, pool: str) -> int:
        """Return how much of a pool live units take."""
        return sum(
            dict(self.demands[unit.process].shares).get(PoolName(pool), 0) for unit in self.live()
        )

    def _apply(self, effect: Effect) -> None:
        if isinstance(effect, SaveFreerun):
            row = effect.freerun
            assert row.rev == self.rows[row.name].rev + 1
            self.rows[row.name] = row
            self.events.append(f'{row.name} {effect.event}')
        else:
            super()._apply(effect)


def hours(count: int) -> datetime:
    """Return the instant so many hours after the start."""
    return START + timedelta(hours=count)


def waits(bench: PoolBench) -> Sequence[str]:
    """Return who waits for a pool."""
    return sorted(bench.pools.waiting)
