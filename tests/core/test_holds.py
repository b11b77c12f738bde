"""What stands in the way of any start: by one answer for deciding and for explaining."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from synergy.core.closed import ClosedHours, parse
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import Announce, InsertUnit, SaveCommand
from synergy.core.engine import Engine
from synergy.core.events import Look, Reported
from synergy.core.freerun import Freeruns
from synergy.core.freerun_record import Misfire, Overlap
from synergy.core.freezes import Freeze, Scope, details_of, freeze_of, frozen, thawed
from synergy.core.holds import HoldKind, Holds, Hours, over_pool
from synergy.core.jitter import phase
from synergy.core.pool_record import Demand, Pool, PoolName, SharedPools
from synergy.core.records import ProcessName
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, containing_utc
from tests.builders import instant, two_trees
from tests.core.engine_harness import EngineHarness
from tests.core.test_freerun import NAME, Bench

#: A Sunday.
CLOSING = datetime(2026, 11, 29, 2, tzinfo=UTC)
OPENING = datetime(2026, 11, 29, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
SUNDAY = (replace(parse('Sun 02:00-04:00', UTC), place='of tree Site'),)


def freeze(scope: Scope, name: str = 'all', **fields: Any) -> Freeze:
    given = {
        'id': CommandId('f'),
        'since': CLOSING,
        'until': OPENING,
        'by': 'ann',
        'reason': 'migration',
    }
    return Freeze(**{**given, 'scope': scope, 'name': name, **fields})


def closed_trees(closed: tuple[ClosedHours, ...] = SUNDAY, **fields: Any) -> Any:
    """Return two trees, of which every process is closed on Sunday morning."""
    trees = two_trees()
    return trees.replaced(
        {
            name: replace(node, process=replace(node.process, closed=closed, **fields))
            for name, node in trees.nodes.items()
        }
    )


def test_hours_hold_from_their_first_instant_to_the_one_before_they_open() -> None:
    trees = closed_trees()
    holds, name = Holds(trees), next(iter(trees.nodes))
    answers = [holds.until(name, at) for at in (CLOSING - TICK, CLOSING, OPENING - TICK, OPENING)]
    assert answers == [None, OPENING, OPENING, None]
    # Asked in another order, as after a clock was set back.
    assert holds.is_held(name, CLOSING)
    assert not holds.is_held(name, CLOSING - TICK)
    (found,) = holds.over(name, CLOSING)
    assert found.kind is HoldKind.CLOSED
    assert str(found) == (
        f'{name} is closed: Sun 02:00-04:00 (of tree Site), until 2026-11-29 04:00:00 UTC'
    )


@pytest.mark.parametrize('scope', [Scope.ALL, Scope.PROCESS, Scope.TREE])
def test_a_freeze_holds_what_it_is_of(scope: Scope) -> None:
    trees = two_trees()
    nodes = list(trees)
    name = {
        Scope.ALL: 'all',
        Scope.PROCESS: nodes[0].process.name,
        Scope.TREE: nodes[0].tree.name,
    }[scope]
    holds = Holds(trees, freezes=[freeze(scope, name)])
    held = {node.process.name for node in nodes if holds.is_held(node.process.name, CLOSING)}
    expected = {
        node.process.name
        for node in nodes
        if name in ('all', node.process.name if scope is Scope.PROCESS else node.tree.name)
    }
    assert held == expected
    assert held
    assert not any(holds.is_held(node.process.name, OPENING) for node in nodes)
    told = str(holds.over(nodes[0].process.name, CLOSING)[0])
    assert 'by ann: migration, until 2026-11-29 04:00:00 UTC' in told


def test_a_freeze_of_a_process_holds_its_free_runs_and_one_of_a_free_run_that_alone() -> None:
    names = [ProcessName('Cleaner::nightly'), ProcessName('Cleaner::hourly')]
    of_process = Holds(two_trees(), freezes=[freeze(Scope.PROCESS, 'Cleaner')])
    of_one = Holds(two_trees(), freezes=[freeze(Scope.PROCESS, 'Cleaner::nightly')])
    assert [of_process.is_held(name, CLOSING) for name in names] == [True, True]
    assert [of_one.is_held(name, CLOSING) for name in names] == [True, False]


def test_a_hold_lasts_until_the_latest_of_those_that_hold() -> None:
    trees = closed_trees()
    name = next(iter(trees.nodes))
    later = OPENING + MINUTE
    holds = Holds(trees, freezes=[freeze(Scope.ALL, until=later)])
    assert [hold.kind for hold in holds.over(name, CLOSING)] == [HoldKind.FROZEN, HoldKind.CLOSED]
    assert holds.until(name, CLOSING) == later
    assert holds.changes_at(CLOSING) == OPENING


def test_what_opens_together_starts_at_times_of_its_own() -> None:
    jitter = timedelta(minutes=10)
    trees = closed_trees(jitter=jitter)
    holds = Holds(trees, freezes=[])
    openings = {name: holds.until(name, OPENING - TICK) for name in trees.nodes}
    assert openings == {name: OPENING + phase(name, jitter) for name in trees.nodes}
    assert len(set(openings.values())) == len(openings)
    for name, opening in openings.items():
        assert opening is not None
        assert holds.until(name, opening - TICK) == opening
        assert holds.until(name, opening) is None
    frozen_ones = Holds(trees.replaced(trees.nodes), freezes=[freeze(Scope.ALL)])
    assert frozen_ones.until(name, CLOSING) == OPENING + phase(name, jitter)


def test_nothing_is_held_without_hours_and_freezes() -> None:
    holds = Holds(two_trees())
    assert not holds.is_used
    assert holds.over(next(iter(two_trees().nodes)), CLOSING) == ()


def test_the_engine_starts_nothing_in_closed_hours_and_all_of_it_after_them() -> None:
    trees = closed_trees()
    harness = EngineHarness(trees, CLOSING)
    harness.engine = Engine(harness.timetable, holds=Holds(trees))
    harness.look()
    assert harness.live() == []
    harness.now = OPENING - TICK
    harness.look()
    assert harness.live() == []
    harness.now = OPENING
    harness.look()
    assert harness.live()


def test_a_unit_requested_before_is_not_rung_for_while_it_may_not_begin() -> None:
    trees = closed_trees()
    harness = EngineHarness(trees, CLOSING - MINUTE)
    harness.engine = Engine(harness.timetable, holds=Holds(trees))
    harness.look()
    unit = harness.live()[0]
    harness.now = CLOSING
    rung = [item for item in harness.turn(Reported(unit)) if isinstance(item, Announce)]
    assert rung == []
    harness.now = OPENING
    rung = [item for item in harness.turn(Reported(unit)) if isinstance(item, Announce)]
    assert [item.uow_id for item in rung] == [unit.id]


def held_bench(trigger: str, holds: Holds | None = None, **fields: Any) -> Bench:
    """Return a bench with an entry that is closed on Sunday morning, a minute before that."""
    bench = Bench(trigger, **fields)
    bench.now = CLOSING - MINUTE
    bench.rows[NAME] = replace(bench.rows[NAME], last_fire=bench.now)
    given = holds or Holds(two_trees(), {NAME: Hours(closed=SUNDAY)})

    def loaded() -> Freeruns:
        return Freeruns(bench.rows.values(), lambda _: bench.policy, bench.now, holds=given)

    bench.loaded = loaded  # type: ignore[method-assign]
    bench.freeruns = loaded()
    return bench


@pytest.mark.parametrize(
    ('misfire', 'count'), [(Misfire.ONCE, 1), (Misfire.ALL, 3), (Misfire.SKIP, 0)]
)
@pytest.mark.parametrize('is_restarted', [False, True])
def test_fires_in_closed_hours_are_missed_ones_after_them(
    misfire: Misfire, count: int, is_restarted: bool
) -> None:
    times = 'at 02:10, 02:40, 03:30'
    bench = held_bench(times, misfire=misfire, overlap=Overlap.ALLOW)
    for at in (CLOSING + 10 * MINUTE, CLOSING + 50 * MINUTE, OPENING - TICK):
        assert bench.at(at) == []
    if is_restarted:
        bench.freeruns = bench.loaded()
        assert bench.at(OPENING - TICK) == []
    assert len(bench.at(OPENING)) == count
    assert len(bench.at(OPENING + MINUTE)) == 0


def test_a_free_run_asked_for_in_closed_hours_waits_even_for_the_next_scheduler() -> None:
    bench = held_bench('at 12:00')
    bench.at(CLOSING)
    bench.take(bench.freeruns.run_now(NAME, CLOSING))
    assert bench.units == []
    bench.freeruns = bench.loaded()
    assert bench.at(OPENING - TICK) == []
    assert len(bench.at(OPENING)) == 1


WAREHOUSE = PoolName('warehouse')
TAKES = Demand(((WAREHOUSE, 1),))


def pooled_trees(closed: tuple[ClosedHours, ...] = (), **freeruns: Demand) -> Any:
    """Return two trees of which hours, and some free runs, take of a pool."""
    trees = two_trees(SiteHourly={'demand': TAKES})
    sizes = {WAREHOUSE: Pool(name=WAREHOUSE, slots=9, closed=closed)}
    demands = {ProcessName(name.replace('_', '::')): item for name, item in freeruns.items()}
    return trees.replaced(trees.nodes, SharedPools(sizes=sizes, freerun_demands=demands))


@pytest.mark.parametrize('is_frozen', [False, True])
def test_a_pool_that_is_closed_or_frozen_holds_those_who_take_of_it(is_frozen: bool) -> None:
    freezes = [freeze(Scope.POOL, WAREHOUSE)] if is_frozen else []
    closed = () if is_frozen else SUNDAY
    trees = pooled_trees(closed, F=TAKES, F_one=TAKES, F_two=Demand())
    holds = Holds(trees, freezes=freezes)
    # That of an entry made at run time takes what the first of its process does.
    names = ('SiteHourly', 'F::one', 'F::new', 'SiteDaily', 'F::two', 'G::one')
    untils = [holds.until(ProcessName(name), CLOSING) for name in names]
    assert untils == [OPENING, OPENING, OPENING, None, None, None]
    assert not any(holds.is_held(ProcessName(name), OPENING) for name in names)
    (hold,) = over_pool(trees.pools.sizes[WAREHOUSE], freezes, CLOSING)
    assert hold.until == OPENING
    assert ('warehouse is frozen' if is_frozen else 'warehouse is closed: Sun') in hold.text
    assert over_pool(trees.pools.sizes[WAREHOUSE], freezes, OPENING) == []


def test_hours_of_a_pool_come_beside_those_of_the_installation_and_the_entry() -> None:
    later = (parse('Sun 03:00-05:00', UTC),)
    everywhere = (parse('Sun 05:00-06:00', UTC),)
    trees = pooled_trees(SUNDAY, F=TAKES, F_one=TAKES)
    one = {ProcessName('F::one'): Hours(closed=later, jitter=TICK)}
    holds = Holds(trees, one, everywhere)
    hour = timedelta(hours=1)
    untils = [holds.until(ProcessName(name), CLOSING) for name in ('F::one', 'F::new', 'G')]
    assert untils[0] == OPENING + hour + phase(ProcessName('F::one'), TICK)
    assert untils[1:] == [OPENING, None]
    assert holds.is_held(ProcessName('F::new'), OPENING + hour)


def test_a_free_run_waits_until_its_pool_opens() -> None:
    bench = held_bench(
        'at 03:00', holds=Holds(pooled_trees(SUNDAY, **{NAME.replace('::', '_'): TAKES}))
    )
    assert bench.at(OPENING - TICK) == []
    assert len(bench.at(OPENING)) == 1


def command(kind: CommandKind, **fields: Any) -> Command:
    stamp = containing_utc(Qualifier.REAL_TIME, CLOSING)
    given = {
        'id': CommandId('c'),
        'process': ProcessName('all'),
        'start': stamp,
        'end': stamp.shift(1),
        'actor': 'ann',
        'reason': 'migration',
        'created_at': CLOSING,
    }
    return Command(**{**given, 'kind': kind, **fields})


def test_a_freeze_is_its_command_from_the_beginning_to_the_end() -> None:
    asked = command(CommandKind.FREEZE, details=details_of(Scope.ALL, OPENING))
    assert freeze_of(asked) == freeze(Scope.ALL, id=asked.id)
    saves = frozen(asked, {}, CLOSING).saves
    assert isinstance(saves[0], SaveCommand)
    running = saves[0].command
    assert running.state is CommandState.RUNNING
    assert not frozen(running, {}, OPENING - TICK)
    over = frozen(running, {}, OPENING).saves
    assert isinstance(over[0], SaveCommand)
    assert over[0].command.state is CommandState.DONE
    thaw = command(CommandKind.THAW, id=CommandId('t'), target=running.id)
    ends = [save.command for save in thawed(thaw, running, CLOSING + MINUTE).saves]  # type: ignore[union-attr]
    assert [item.state for item in ends] == [CommandState.DONE, CommandState.DONE]
    ended = freeze_of(ends[0])
    assert ended is not None
    assert ended.until == CLOSING + MINUTE


@pytest.mark.parametrize(
    ('asked', 'said'),
    [
        (command(CommandKind.FREEZE, details={}), 'does not say'),
        (
            command(
                CommandKind.FREEZE,
                process=ProcessName('SiteHorly'),
                details=details_of(Scope.PROCESS, OPENING),
            ),
            'there is no process',
        ),
        (command(CommandKind.FREEZE, details=details_of(Scope.ALL, CLOSING)), 'over'),
    ],
)
def test_a_freeze_that_makes_no_sense_is_ended(asked: Command, said: str) -> None:
    (save,) = frozen(asked, {Scope.PROCESS: ['SiteHourly']}, CLOSING).saves
    assert isinstance(save, SaveCommand)
    assert said in str(save.command.outcome)


@pytest.mark.parametrize('target', [None, command(CommandKind.REPROCESS)])
def test_nothing_but_a_freeze_is_thawed(target: Command | None) -> None:
    (save,) = thawed(command(CommandKind.THAW, target=CommandId('x')), target, CLOSING).saves
    assert isinstance(save, SaveCommand)
    assert save.command.state is CommandState.REFUSED


def test_looks_insert_units_only_where_nothing_holds() -> None:
    """One tree is frozen, the other is not."""
    trees = two_trees()
    frozen_tree = list(trees)[-1].tree.name
    harness = EngineHarness(trees, instant('2026112912'))
    holds = Holds(trees, freezes=[freeze(Scope.TREE, frozen_tree, until=instant('2026112913'))])
    harness.engine = Engine(harness.timetable, holds=holds)
    effects = harness.turn(*(Look(node.process.name) for node in trees))
    started = {
        trees.nodes[item.unit.process].tree.name for item in effects if isinstance(item, InsertUnit)
    }
    assert frozen_tree not in started
    assert started
    assert all(unit.state is UnitState.REQUESTED for unit in harness.live())
