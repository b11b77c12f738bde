"""Pools while the Scheduler runs: sizes changed, leaders that die, and why a job waits."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.core.closed import parse
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.freezes import EVERYTHING, Scope, details_of
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.pool_record import Pool, PoolName, SharedPools
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler import loading
from synergy.view.cause import CauseKind
from synergy.view.index import load_index
from synergy.view.pool_documents import encode_pool
from synergy.view.pools import look_at_pools, pool_views
from synergy.view.why import explain
from tests.builders import instant, key, tree, two_trees
from tests.core.pool_bench import demand
from tests.scheduler.scheduler_harness import SchedulerHarness
from tests.scheduler.test_holds import ask

WAREHOUSE = PoolName('warehouse')
SECOND = timedelta(seconds=1)
DAY = ProcessName('SiteDaily')
LAST = key('SiteHourly@2026112207')


def pipeline(per_minute: int | None = None, slots: int = 2) -> Hierarchy:
    """Return hours and days that share a warehouse; hours may run ten at once."""
    found = two_trees(
        end='2026112208',
        SiteHourly={'demand': demand(warehouse=1), 'max_running': 10},
        SiteDaily={'demand': demand(90, warehouse=2)},
    )
    pool = Pool(name=WAREHOUSE, slots=slots, per_minute=per_minute)
    return found.replaced(found.nodes, SharedPools(sizes={WAREHOUSE: pool}))


def harness_of(tmp_path: Path, hierarchy: Hierarchy) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, hierarchy, instant('202611221000'))


def resize(harness: SchedulerHarness, pool: str = 'warehouse', **details: Any) -> CommandId:
    stamp = containing_utc(Qualifier.REAL_TIME, harness.clock.now())
    command = Command(
        id=CommandId(f'c{len(harness.store.commands(tuple(CommandState), 99))}'),
        kind=CommandKind.POOL_SAVE,
        process=pool,  # type: ignore[arg-type]
        start=stamp,
        end=stamp.shift(1),
        details=details,
        actor='anna',
        reason='backup',
        created_at=harness.clock.now(),
    )
    harness.store.insert_command(command)
    harness.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    return command.id


def live(harness: SchedulerHarness) -> int:
    return len(harness.store.live_units())


def end_one(harness: SchedulerHarness) -> None:
    claimed = harness.claim(harness.store.live_units()[0].id)
    assert claimed is not None
    harness.finish(claimed)


def why(harness: SchedulerHarness, job: JobKey = LAST) -> str:
    now = harness.clock.now()
    index = load_index(harness.hierarchy, harness.store, now)
    causes = explain(index, harness.store, job, now, timedelta(minutes=1))
    return '; '.join(cause.text for cause in causes if cause.kind is CauseKind.POOL)


def test_all_that_is_due_runs_and_never_more_than_there_are_slots(tmp_path: Path) -> None:
    harness = harness_of(tmp_path, pipeline())
    scheduler = harness.scheduler()
    most = 0
    for _ in range(40):
        scheduler.step()
        most = max(most, live(harness))
        harness.work()

    assert most == 2
    assert harness.state(key('SiteDaily@2026112200')) is JobState.PROCESSED
    assert not harness.violations()


def without_hours(hierarchy: Hierarchy) -> Hierarchy:
    """Return what is left of a context once its hours have been taken out."""
    day = replace(hierarchy.nodes[DAY].process)
    left = build([day], [tree('site', ['SiteDaily'], end='2026112208')])
    return left.replaced(left.nodes, hierarchy.pools)


@pytest.mark.parametrize('is_reported', [True, False])
def test_what_runs_of_an_entry_that_has_left_the_context_holds_its_slots(
    tmp_path: Path, is_reported: bool
) -> None:
    harness = harness_of(tmp_path, pipeline())
    scheduler = harness.scheduler()
    scheduler.step()
    running = [harness.claim(unit.id) for unit in harness.store.live_units()]
    assert len(running) == 2
    scheduler.close()

    harness.hierarchy = without_hours(harness.hierarchy)
    second = harness.scheduler('two')
    second.step()

    # The day has nothing below it any more, takes both slots, and comes first.
    assert {unit.process for unit in harness.store.live_units()} == {'SiteHourly'}
    assert 'warehouse: 2 of 2 used by SiteHourly (2)' in why(harness, key('SiteDaily@2026112200'))
    if is_reported:
        for unit in running:
            assert unit is not None
            harness.finish(unit)
    else:
        # Nobody renews their leases: they do not run any more.
        harness.clock.advance(timedelta(seconds=60))
    second.step()
    assert [unit.process for unit in harness.store.live_units()][-1] == 'SiteDaily'


def test_it_is_told_for_what_a_job_waits_and_who_holds_it(tmp_path: Path) -> None:
    harness = harness_of(tmp_path, pipeline())
    harness.scheduler().step()

    assert 'is ready, and waits for a slot of warehouse: 2 of 2 used by SiteHourly (2)' in why(
        harness
    )
    index = load_index(harness.hierarchy, harness.store, harness.clock.now())
    (view,) = pool_views(look_at_pools(index, harness.store, harness.clock.now()))
    assert [(item.name, item.units, item.slots) for item in view.holders] == [('SiteHourly', 2, 2)]
    assert [(item.name, item.jobs) for item in view.waiters] == [('SiteHourly', 6)]
    assert view.waiters[0].since == instant('202611220305')


def closed_until_eleven() -> Hierarchy:
    """Return a pipeline of which the pool is closed from ten to eleven."""
    found = pipeline()
    pool = found.pools.sizes[WAREHOUSE]
    pool = replace(pool, closed=(replace(parse('10:00-11:00', UTC), place='of pool warehouse'),))
    return found.replaced(found.nodes, SharedPools(sizes={WAREHOUSE: pool}))


def test_nothing_that_takes_of_a_pool_starts_while_it_is_closed(tmp_path: Path) -> None:
    harness = harness_of(tmp_path, closed_until_eleven())
    scheduler = harness.scheduler()
    scheduler.step()
    assert live(harness) == 0
    now = harness.clock.now()
    index = load_index(harness.hierarchy, harness.store, now)
    cause, *_ = explain(index, harness.store, LAST, now, SECOND)
    assert cause.kind is CauseKind.CLOSED
    assert '10:00-11:00 (of pool warehouse)' in cause.text
    (view,) = pool_views(look_at_pools(index, harness.store, now))
    assert [str(item) for item in view.holds] == [
        'warehouse is closed: 10:00-11:00, until 2026-11-22 11:00:00 UTC'
    ]
    assert [item.name for item in view.waiters] == ['SiteHourly']
    sent = encode_pool(view)
    assert (sent['closed'], sent['held']) == (['10:00-11:00'], [str(view.holds[0])])
    harness.clock.advance(timedelta(hours=1))
    scheduler.step()
    assert live(harness) == 2


def test_nothing_that_takes_of_a_frozen_pool_starts_until_it_is_thawed(tmp_path: Path) -> None:
    harness = harness_of(tmp_path, pipeline())
    scheduler = harness.scheduler()
    until = harness.clock.now() + timedelta(hours=2)
    asked = ask(harness, CommandKind.FREEZE, WAREHOUSE, details=details_of(Scope.POOL, until))
    scheduler.step()
    scheduler.step()
    held = live(harness)
    ask(harness, CommandKind.THAW, EVERYTHING, target=asked.id)
    scheduler.step()
    scheduler.step()
    assert (held, live(harness)) == (0, 2)


def test_a_size_set_at_run_time_holds_until_context_py_says_something_else(tmp_path: Path) -> None:
    harness = harness_of(tmp_path, pipeline())
    scheduler = harness.scheduler()
    scheduler.step()
    bigger = resize(harness, slots=5)
    scheduler.step()
    assert live(harness) == 5
    command = harness.store.command(bigger)
    assert command is not None
    assert (command.state, command.outcome) == (CommandState.DONE, 'warehouse has 5 slots')

    resize(harness, slots=1)
    scheduler.step()
    assert '5 of 1 used' in why(harness)
    for left in (4, 3, 2, 1):
        end_one(harness)
        scheduler.step()
        assert live(harness) == left
    end_one(harness)
    scheduler.step()
    assert live(harness) == 1
    scheduler.close()

    harness.hierarchy = pipeline(slots=3)
    other = harness.scheduler('two')
    other.step()
    assert live(harness) == 3
    assert list(harness.store.pool_overrides()) == []


def test_a_size_goes_back_to_that_of_context_py(tmp_path: Path) -> None:
    harness = harness_of(tmp_path, pipeline(per_minute=2))
    scheduler = harness.scheduler()
    scheduler.step()
    resize(harness, slots=5, per_minute=0)
    scheduler.step()
    assert live(harness) == 5

    resize(harness, slots=None, per_minute=None)
    scheduler.step()

    assert list(harness.store.pool_overrides()) == []


@pytest.mark.parametrize(
    ('pool', 'details', 'told'),
    [
        ('warehous', {'slots': 1}, "did you mean 'warehouse'"),
        ('warehouse', {'slots': 0}, 'slots = 0: give a whole number'),
        ('warehouse', {'per_minute': -1}, 'per_minute = -1'),
        ('warehouse', {'slot': 1}, "unknown field 'slot'"),
        ('warehouse', {}, 'there is nothing to change'),
    ],
)
def test_what_makes_no_size_is_refused(
    tmp_path: Path, pool: str, details: dict[str, Any], told: str
) -> None:
    harness = harness_of(tmp_path, pipeline())
    scheduler = harness.scheduler()
    asked = resize(harness, pool, **details)
    scheduler.step()

    command = harness.store.command(asked)
    assert command is not None
    assert command.state is CommandState.REFUSED
    assert told in (command.outcome or '')


def started_around_a_failover(tmp_path: Path) -> int:
    """Return how many have started within the minute in which another Scheduler took over."""
    harness = harness_of(tmp_path, pipeline(per_minute=3, slots=100))
    first = harness.scheduler()
    first.step()
    assert live(harness) == 3
    assert '3 of 3 starts within a minute were made, the next may follow at' in why(harness)
    harness.work()
    first.close()
    harness.clock.advance(30 * SECOND)
    second = harness.scheduler('two')
    second.step()
    second.step()
    within = len(list(harness.store.all_units()))
    seconds = second.step()
    assert seconds <= 30
    harness.clock.advance(30 * SECOND)
    second.step()
    assert len(list(harness.store.all_units())) == within + 3
    return within


def test_a_new_leader_knows_what_was_started_within_the_minute(tmp_path: Path) -> None:
    assert started_around_a_failover(tmp_path) == 3


def test_a_leader_that_forgets_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, 'fill', lambda *_: None)

    with pytest.raises(AssertionError):
        assert started_around_a_failover(tmp_path) == 3


def test_priorities_alone_say_who_is_announced_first(tmp_path: Path) -> None:
    found = two_trees(end='2026112208', SiteHourly={'max_running': 8})
    low = replace(found.nodes[LAST.process].process, demand=demand(10))
    nodes = {**found.nodes, LAST.process: replace(found.nodes[LAST.process], process=low)}
    harness = harness_of(tmp_path, found.replaced(nodes))

    harness.run(harness.scheduler())

    assert harness.state(LAST) is JobState.PROCESSED
