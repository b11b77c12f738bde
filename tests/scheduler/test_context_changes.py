"""A context that changes between two starts: what its rows and units are then worth."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.effects import SaveFreerun
from synergy.core.freerun_record import Freerun
from synergy.core.hierarchy import build
from synergy.core.records import ProcessName, Route
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.trigger import Every
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.pipeline import Pipeline
from tests.builders import instant, key, process, tree, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness, route_of

HOUR = key('SiteHourly@2026112200')
CLEANER = ProcessName('Cleaner')
TICK = ProcessName('Cleaner::tick')


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(end='2026112300'), instant('2026112401'))


def test_a_unit_of_a_process_that_is_out_of_the_context_for_a_while_is_kept(
    harness: SchedulerHarness,
) -> None:
    later = build(
        [process('SiteHourly')],
        [tree('site', ['SiteHourly'], start='2026112212', end='2026112300')],
    )
    scheduler = harness.scheduler()
    scheduler.step()
    (uow_id,) = harness.take()
    scheduler.close()
    without = Pipeline(hierarchy=later, route_of=route_of)
    other = harness.scheduler('two', without)
    other.step()
    harness.clock.advance(timedelta(seconds=70))
    other.step()
    other.close()

    assert harness.store.units([uow_id])[uow_id].state is UnitState.REQUESTED
    harness.run(harness.scheduler('three'))

    assert harness.state(HOUR) is JobState.PROCESSED
    assert harness.violations() == []


def test_a_free_run_of_a_process_that_is_gone_rests_until_it_is_back(
    harness: SchedulerHarness,
) -> None:
    def known(name: ProcessName) -> Route:
        if name == CLEANER:
            raise KeyError(name)
        return route_of(name)

    entry = Freerun(
        name=TICK,
        trigger=Every(seconds=60),
        last_fire=harness.clock.now(),
        changed_at=harness.clock.now(),
    )
    gone = Pipeline(hierarchy=harness.hierarchy, route_of=known)
    back = Pipeline(hierarchy=harness.hierarchy, route_of=route_of, freerun_processes=[CLEANER])
    leadership = harness.store.lead('before', LEASE)
    assert leadership is not None
    harness.store.commit(leadership, [SaveFreerun(replace(entry, rev=1), 'added')])
    harness.store.resign(leadership)

    scheduler = harness.scheduler('one', gone)
    pass_two_minutes(harness, scheduler)
    scheduler.close()
    assert harness.store.freerun_units(TICK, 10) == []

    pass_two_minutes(harness, harness.scheduler('two', back))
    assert len(harness.store.freerun_units(TICK, 10)) == 1


def pass_two_minutes(harness: SchedulerHarness, scheduler: Scheduler) -> None:
    for _ in range(24):
        scheduler.step()
        harness.clock.advance(timedelta(seconds=5))
