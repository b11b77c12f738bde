"""Pools and priorities: who starts, who waits, and whose turn it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import groupby, pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from synergy.core import engine
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.effects import InsertUnit
from synergy.core.engine import Engine
from synergy.core.events import Event, Look, Reported
from synergy.core.freerun_record import Overlap
from synergy.core.pool_record import PRIORITY_MAX, Demand, Pool
from synergy.core.pool_takers import Taker
from synergy.core.pooled_starting import PooledStarting
from synergy.core.pools import Pools, pools_in_use
from synergy.core.records import ProcessName
from synergy.core.states import UnitState
from synergy.core.structs import replace
from tests.core.pool_bench import LAKE, WAREHOUSE, PoolBench, demand, hours, waits

MINUTE = timedelta(minutes=1)


def test_no_more_run_than_a_pool_has_slots_and_each_end_starts_one_in_the_same_batch() -> None:
    bench = PoolBench({'A': demand(warehouse=1), 'B': demand(warehouse=1)}, slots={'warehouse': 3})

    bench.at(hours(5))
    live = [bench.held('warehouse')]
    while bench.live():
        bench.end(bench.live()[0])
        live.append(bench.held('warehouse'))

    assert len(bench.started) == 10
    assert live == [3] * 8 + [2, 1, 0]


def test_equal_ones_take_a_few_starts_in_turn_where_there_is_much_room() -> None:
    bench = PoolBench(
        {'A': demand(warehouse=1), 'B': demand(warehouse=1)}, slots={'warehouse': 100}
    )

    bench.at(hours(80))

    turns = [len(list(turn)) for _, turn in groupby(bench.names_started())]
    assert sum(turns) == 100
    assert turns[0] > 1
    assert turns[-14:] == [1] * 14
    a_count = bench.names_started().count('A')
    assert abs(2 * a_count - 100) <= turns[0]


def test_what_has_started_before_a_batch_broke_off_counts_for_the_starts_of_a_minute() -> None:
    bench = PoolBench(
        {'A': demand(warehouse=1)},
        slots={'warehouse': 1000},
        per_minute={'warehouse': engine.STARTS_PER_BATCH_MAX + 2},
        max_running=1000,
    )
    bench.now = hours(300)
    events: list[Event] = [Look(ProcessName('A'))]
    count = 0
    while events or bench.engine.is_owing:
        effects = bench.engine.on(events, bench.now)
        bench.timetable.settle()
        # All that one batch has started has ended before the next one.
        events = [
            Reported(replace(effect.unit, state=UnitState.PROCESSED, fence=1))
            for effect in effects.saves
            if isinstance(effect, InsertUnit)
        ]
        count += len(events)

    assert count == engine.STARTS_PER_BATCH_MAX + 2


def test_the_highest_priority_starts_first_whoever_was_mentioned_first() -> None:
    bench = PoolBench(
        {
            'A': demand(10, warehouse=1),
            'B': demand(90, warehouse=1),
            'C': demand(warehouse=1),
        },
        slots={'warehouse': 1},
        freeruns={'D::tick': demand(70, warehouse=1)},
    )

    bench.at(hours(1))
    while bench.live():
        bench.end(bench.live()[0])

    assert bench.names_started() == ['B', 'D::tick', 'C', 'A']


def test_equal_ones_take_turns_start_by_start_so_a_small_one_is_not_starved() -> None:
    bench = PoolBench(
        {'Big': demand(warehouse=1), 'Small': demand(warehouse=1)}, slots={'warehouse': 2}
    )
    bench.at(hours(48))

    for _ in range(20):
        bench.end(bench.live()[0])

    names = bench.names_started()
    assert all(one != other for one, other in pairwise(names)), names


def passed_by(bench: PoolBench) -> int:
    """Return how many start before the process that takes more."""
    for _ in range(200):
        if 'Wide' in bench.names_started():
            return bench.names_started().index('Wide')
        bench.end(bench.live()[0])
    return len(bench.started)


@pytest.mark.parametrize(
    ('pool', 'wide'), [(4, {'warehouse': 3}), (4, {'warehouse': 4, 'lake': 1})]
)
def test_a_large_share_is_passed_only_so_often_and_then_kept_free(
    pool: int, wide: dict[str, int]
) -> None:
    bench = PoolBench(
        {'Narrow': demand(warehouse=1), 'Other': demand(warehouse=1), 'Wide': demand(**wide)},
        slots={'warehouse': pool, 'lake': 1},
    )
    bench.turn(Look(ProcessName('Narrow')), Look(ProcessName('Other')))
    bench.now = hours(100)
    bench.turn(Look(ProcessName('Narrow')), Look(ProcessName('Other')))
    bench.look()

    # Those under way, as many as there are slots, and a last one whose end makes room.
    assert passed_by(bench) <= pool + pool + 1
    assert bench.held('warehouse') <= pool


def test_what_is_kept_for_a_large_share_is_not_kept_from_who_comes_first() -> None:
    bench = PoolBench(
        {
            'Narrow': demand(warehouse=1),
            'Wide': demand(warehouse=2),
            'Urgent': demand(99, warehouse=1),
        },
        slots={'warehouse': 2},
    )
    bench.now = hours(1)
    bench.turn(Look(ProcessName('Urgent')))
    bench.now = hours(24)
    bench.turn(Look(ProcessName('Urgent')))
    bench.look()

    for _ in range(23):
        bench.end(bench.live()[0])

    assert 'Wide' not in bench.names_started()


def test_nothing_is_kept_for_who_has_nothing_to_start_any_more() -> None:
    bench = PoolBench(
        {'Narrow': demand(warehouse=1), 'Wide': demand(warehouse=2)}, slots={'warehouse': 2}
    )
    bench.turn(Look(ProcessName('Narrow')))
    bench.now = hours(3)
    bench.turn(Look(ProcessName('Narrow')))
    bench.look()
    assert waits(bench) == ['Narrow', 'Wide']
    key = next(iter(bench.jobs))
    skip = Command(
        id=CommandId('c1'),
        kind=CommandKind.SKIP,
        process=ProcessName('Wide'),
        start=key.timeperiod,
        end=key.timeperiod.shift(3),
        actor='anna',
        created_at=bench.now,
    )
    bench.command(skip)

    bench.end(bench.live()[0])

    assert bench.names_started() == ['Narrow'] * 3
    assert bench.pools._passed == {}


def test_a_limit_of_starts_a_minute_is_a_sliding_window() -> None:
    bench = PoolBench(
        {'A': demand(warehouse=1)}, slots={'warehouse': 100}, per_minute={'warehouse': 2}
    )
    started: list[datetime] = []
    bench.at(hours(9))
    began = bench.now
    while bench.now < began + 5 * MINUTE:
        started += [bench.now] * (len(bench.started) - len(started))
        for unit in bench.live():
            bench.end(unit)
        assert not bench.is_due
        bench.now += timedelta(seconds=7)
        bench.turn()

    assert len(started) >= 8
    for at in started:
        assert sum(at <= other < at + MINUTE for other in started) <= 2


def test_a_new_leader_counts_what_is_held_and_not_what_was_given_back() -> None:
    bench = PoolBench(
        {'A': demand(warehouse=1)},
        slots={'warehouse': 2},
        freeruns={'F::tick': demand(90, warehouse=1)},
    )
    bench.at(hours(4))
    assert bench.held('warehouse') == 2

    bench.lead()
    bench.look()
    assert bench.held('warehouse') == 2
    bench.end(bench.live()[0])
    bench.lead()
    bench.look()

    assert bench.held('warehouse') == 2


@pytest.mark.parametrize('overlap', list(Overlap))
def test_a_fire_that_finds_no_slot_waits_and_of_several_one_starts(overlap: Overlap) -> None:
    bench = PoolBench(
        {'A': demand(90, warehouse=1)},
        slots={'warehouse': 1},
        freeruns={'F::tick': demand(warehouse=1)},
        overlap=overlap,
    )
    bench.at(hours(1))
    bench.at(hours(2))
    bench.at(hours(3))
    assert bench.names_started() == ['A']
    assert any('waits for warehouse' in event for event in bench.events)
    assert any('suppressed: one waits for warehouse already' in event for event in bench.events)

    for _ in range(3):
        bench.end(bench.live()[0])

    assert bench.names_started() == ['A', 'A', 'A', 'F::tick']
    assert any(
        'waited' in event and 'for a pool; run 1 requested' in event for event in bench.events
    )
    bench.end(bench.live()[0])
    assert bench.rows[ProcessName('F::tick')].queued_at is None


def test_a_waiting_fire_survives_its_leader_and_starts_when_its_pool_is_gone() -> None:
    bench = PoolBench(
        {'A': demand(90, warehouse=1)},
        slots={'warehouse': 1},
        freeruns={'F::tick': demand(warehouse=1)},
    )
    bench.at(hours(1))
    assert bench.rows[ProcessName('F::tick')].queued_at is not None

    bench.lead()
    bench.turn()
    assert bench.names_started() == ['A']
    bench.demands[ProcessName('F::tick')] = Demand()
    bench.lead()
    bench.turn()

    assert bench.names_started() == ['A', 'F::tick']


def test_a_run_now_takes_its_turn_too() -> None:
    bench = PoolBench(
        {'A': demand(warehouse=1)},
        slots={'warehouse': 1},
        freeruns={'F::tick': demand(warehouse=1)},
    )
    bench.now += timedelta(seconds=1)
    for effect in bench.freeruns.run_now(ProcessName('F::tick'), bench.now).saves:
        bench._apply(effect)
    bench.turn()

    assert bench.names_started() == ['F::tick']
    assert 'run now' in bench.events[0]
    assert 'waits for warehouse' in bench.events[0]


def test_live_runs_take_slots_too_and_wait_their_turn() -> None:
    bench = PoolBench(
        {'A': demand(warehouse=1), 'B': demand(warehouse=1)},
        slots={'warehouse': 1},
        machine='continuous',
    )
    bench.now = hours(0) + MINUTE
    bench.turn(Look(ProcessName('A'), is_trigger=True), Look(ProcessName('B'), is_trigger=True))
    assert bench.names_started() == ['A']

    bench.end(bench.live()[0])

    assert bench.names_started() == ['A', 'B']
    assert bench.held('warehouse') == 1


def test_a_size_below_what_is_in_use_lets_nothing_start_until_it_fits() -> None:
    bench = PoolBench({'A': demand(warehouse=1)}, slots={'warehouse': 3})
    bench.at(hours(9))
    bench.pools.resize({WAREHOUSE: Pool(name=WAREHOUSE, slots=1)})
    bench.turn()

    bench.end(bench.live()[0])
    bench.end(bench.live()[0])
    assert len(bench.started) == 3
    bench.end(bench.live()[0])
    assert len(bench.started) == 4
    bench.pools.resize({WAREHOUSE: Pool(name=WAREHOUSE, slots=4)})
    bench.turn()
    assert bench.held('warehouse') == 4


def test_a_share_that_fits_no_longer_keeps_nobody_else_from_starting() -> None:
    bench = PoolBench(
        {'Narrow': demand(warehouse=1), 'Wide': demand(warehouse=3)}, slots={'warehouse': 3}
    )
    bench.at(hours(20))
    bench.pools.resize({WAREHOUSE: Pool(name=WAREHOUSE, slots=2)})

    while bench.live():
        bench.end(bench.live()[0])

    assert bench.names_started().count('Narrow') == 20
    assert bench.live() == []


def test_a_batch_that_is_broken_off_goes_on_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, 'STARTS_PER_BATCH_MAX', 3)
    bench = PoolBench(
        {'A': demand(warehouse=1), 'B': demand(70), 'C': demand(), 'D': demand(warehouse=1)},
        slots={'warehouse': 7},
        per_minute={'warehouse': 6},
        freeruns={'F::tick': demand(warehouse=1)},
    )

    bench.at(hours(10))

    assert bench.names_started()[:10] == ['B'] * 10
    assert bench.names_started().count('C') == 10
    assert bench.held('warehouse') == 6
    assert 'F::tick' in bench.names_started()


def test_without_pools_and_priorities_there_is_nothing() -> None:
    sizes = {LAKE: Pool(name=LAKE, slots=1)}
    name = ProcessName('A')

    assert pools_in_use(sizes, {name: Demand()}, lambda _: 0, [name]) is None
    assert pools_in_use({}, {name: demand(51)}, lambda _: 0, [name]) is not None


NAMES = ('A', 'B', 'C', 'W', 'L')
DEMANDS = {
    'A': demand(warehouse=1),
    'B': demand(80, warehouse=1),
    'C': demand(warehouse=1, lake=1),
    'W': demand(warehouse=3),
    'L': demand(20),
}
FREERUNS = {'F::one': demand(warehouse=1), 'F::two': demand(80, warehouse=2)}
SLOTS = {'warehouse': 4, 'lake': 2}


class PoolsAgainstModel(RuleBasedStateMachine):
    """Time, workers, leaders and sizes in any order; what is held is counted from the units."""

    @initialize()
    def begin(self) -> None:
        self.bench = PoolBench(
            DEMANDS, slots=SLOTS, per_minute={'lake': 5}, freeruns=FREERUNS, max_running=3
        )
        self.most = dict(SLOTS)

    @rule(minutes=st.integers(1, 200))
    def time_passes(self, minutes: int) -> None:
        self.bench.at(self.bench.now + minutes * MINUTE)

    @precondition(lambda self: self.bench.live())
    @rule(data=st.data(), state=st.sampled_from(['ok', 'ok', 'noop', 'fail', 'cancel']))
    def worker_ends(self, data: st.DataObject, state: str) -> None:
        ends = {
            'ok': UnitState.PROCESSED,
            'noop': UnitState.NOOP,
            'fail': UnitState.INVALID,
            'cancel': UnitState.CANCELED,
        }
        self.bench.end(data.draw(st.sampled_from(self.bench.live())), ends[state])

    @rule()
    def leader_changes(self) -> None:
        self.bench.lead()
        self.bench.look()

    @rule(slots=st.integers(3, 6))
    def size_changes(self, slots: int) -> None:
        self.bench.sizes[WAREHOUSE] = replace(self.bench.sizes[WAREHOUSE], slots=slots)
        self.most['warehouse'] = max(self.bench.held('warehouse'), slots)
        self.bench.pools.resize(self.bench.sizes)
        self.bench.turn()

    @invariant()
    def no_slot_is_taken_twice(self) -> None:
        for pool in SLOTS:
            assert self.bench.held(pool) <= max(self.most[pool], 0)

    @invariant()
    def no_slot_is_leaked(self) -> None:
        self.bench.pools.begin(self.bench.now)
        used = self.bench.pools._used
        self.bench.pools.is_stirred = True
        assert used == {pool: self.bench.held(pool) for pool in SLOTS}

    @invariant()
    def what_is_ready_waits_for_something(self) -> None:
        """No slot is free while somebody wants one, but where it is kept for another."""
        bench = self.bench
        free = bench.sizes[WAREHOUSE].slots - bench.held('warehouse')
        ready = bench.timetable.span(ProcessName('A'))
        is_waiting = any(
            bench.timetable.embryo_runs(ProcessName(name), range(ready.start, ready.stop - 1))
            and bench.timetable.running_count(ProcessName(name)) < 3
            for name in ('A', 'B')
        )
        is_kept = any(taker.is_kept_for for taker in bench.pools._passed.values())
        assert not (is_waiting and free > 0) or is_kept


PoolsAgainstModel.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, print_blob=True
)
TestPoolsAgainstModel = PoolsAgainstModel.TestCase


def leak(patch: pytest.MonkeyPatch) -> None:
    """Give no slot back: what was ever taken counts."""
    begin = Pools.begin

    def begun(self: Pools, now: datetime) -> None:
        before = dict(self._used)
        begin(self, now)
        self._used = {pool: max(used, before.get(pool, 0)) for pool, used in self._used.items()}

    patch.setattr(Pools, 'begin', begun)


def invert(patch: pytest.MonkeyPatch) -> None:
    """Ask the lowest priority first."""
    place = Taker._place

    def inverted(self: Taker) -> None:
        self.priority = PRIORITY_MAX - self.priority
        place(self)
        self.priority = PRIORITY_MAX - self.priority

    patch.setattr(Taker, '_place', inverted)


def take_no_turns(patch: pytest.MonkeyPatch) -> None:
    """Let whoever has started start again."""
    patch.setattr(Pools, 'has_turn', lambda *_: None)


def keep_nothing(patch: pytest.MonkeyPatch) -> None:
    """Let a large share wait until as much happens to be free."""
    patch.setattr(Pools, '_judge', lambda *_: None)


def forget_trigger(patch: pytest.MonkeyPatch) -> None:
    """Let live runs start past their pool's order."""
    patch.setattr(PooledStarting, 'is_trigger', False, raising=False)
    patch.setattr(Engine, '_take', _without_trigger(Engine._take))


def _without_trigger(take: Callable[..., None]) -> Callable[..., None]:
    def taken(self: Engine, item: object, now: datetime) -> None:
        take(self, replace(item, is_trigger=False) if isinstance(item, Look) else item, now)

    return taken


@pytest.mark.parametrize(
    ('mutate', 'finding'),
    [
        (
            leak,
            test_no_more_run_than_a_pool_has_slots_and_each_end_starts_one_in_the_same_batch,
        ),
        (invert, test_the_highest_priority_starts_first_whoever_was_mentioned_first),
        (
            take_no_turns,
            test_equal_ones_take_turns_start_by_start_so_a_small_one_is_not_starved,
        ),
        (
            keep_nothing,
            lambda: test_a_large_share_is_passed_only_so_often_and_then_kept_free(
                4, {'warehouse': 3}
            ),
        ),
        (forget_trigger, test_live_runs_take_slots_too_and_wait_their_turn),
    ],
)
def test_a_fault_in_the_order_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None],
    finding: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutate(monkeypatch)

    with pytest.raises((AssertionError, IndexError)):
        finding()
