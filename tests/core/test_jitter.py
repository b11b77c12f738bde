"""What is due together does not happen together, and each thing always at its own time."""

from __future__ import annotations

from datetime import timedelta

from synergy.core.freerun import Freeruns
from synergy.core.holds import Holds, Hours
from synergy.core.jitter import phase
from synergy.core.structs import replace
from synergy.scheduler.timers import Timers
from tests.builders import instant, two_trees
from tests.core.test_freerun import NAME, Bench

JITTER = timedelta(minutes=30)
TICK = timedelta(microseconds=1)


def test_a_phase_follows_from_the_name_and_spreads() -> None:
    phases = {phase(f'Process{number}', JITTER) for number in range(1000)}
    assert len(phases) > 900
    assert min(phases) < timedelta(minutes=1)
    assert timedelta(minutes=29) < max(phases) < JITTER
    assert phase('Process1', JITTER) == phase('Process1', JITTER)
    assert phase('Process1', timedelta()) == timedelta()


def test_a_free_run_fires_late_by_its_own_phase_without_drift() -> None:
    bench = Bench('at 13:00, 14:00')
    holds = Holds(two_trees(), {NAME: Hours(jitter=JITTER)})
    bench.freeruns = Freeruns(bench.rows.values(), lambda _: bench.policy, bench.now, holds=holds)
    late = phase(NAME, JITTER)
    for hour in ('2026112313', '2026112314'):
        planned = instant(hour)
        assert bench.at(planned + late - TICK) == []
        (unit,) = bench.at(planned + late)
        bench.end(unit)
        assert bench.rows[NAME].last_fire == planned


def test_a_trigger_of_a_managed_process_fires_late_by_its_own_phase() -> None:
    trees = two_trees()
    node = next(iter(trees))
    process = replace(node.process, jitter=JITTER)
    changed = trees.replaced({process.name: replace(node, process=process)})
    late = phase(process.name, JITTER)
    now = instant('2026112312')
    timers = Timers(changed, now)
    fire = process.trigger.next_fire(now - late) + late
    triggered = [look for look in timers.fire(fire - TICK) if look.is_trigger]
    assert triggered == []
    assert any(look.is_trigger for look in timers.fire(fire))
