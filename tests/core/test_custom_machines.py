"""Machines of a context are judged by their tables, whatever they are called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.conf.machines import CONTINUOUS_RULES, DISCRETE_RULES, changed
from synergy.core.effects import SaveJob
from synergy.core.events import Expired, Look
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import check
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.machines.table import ANY_DUE, Action, Machine, Rule, compile_machine
from synergy.core.records import Job, Outcome, ProcessName, RetryPolicy
from synergy.core.states import Due, JobState, UnitState
from synergy.view.cause import CauseKind
from synergy.view.index import load_index
from synergy.view.why import explain
from tests.builders import instant, key, two_trees
from tests.core.engine_harness import EngineHarness

DAY = key('SiteDaily@2026112200')
DAILY = ProcessName('SiteDaily')
NOON = instant('2026112212')

#: One unit for each job, like `discrete`, under another name.
ONCE = compile_machine('once', DISCRETE_RULES)
#: Runs live, like `continuous`, under another name.
ALIVE = compile_machine('alive', CONTINUOUS_RULES)


def live_failure(action: Action, due: Due) -> Rule:
    return Rule(
        job=(JobState.IN_PROGRESS,),
        unit=(UnitState.INVALID,),
        due=(due,),
        action=action,
        why='an attempt failed',
    )


#: Runs live, but while the interval is open every run counts: a dead one ends the job.
STRICT = compile_machine('strict', changed(CONTINUOUS_RULES, live_failure(Action.RETRY, Due.OPEN)))
#: Runs live; a dead run is made up for only while the interval is open.
LENIENT = compile_machine(
    'lenient',
    changed(
        CONTINUOUS_RULES, *(live_failure(Action.RETRY, due) for due in ANY_DUE if due != Due.OPEN)
    ),
)


def hierarchy_of(machine: Machine, **fields: object) -> Hierarchy:
    machines: Mapping[str, Machine] = {**MACHINE_BY_NAME, machine.name: machine}
    daily = {'machine': machine.name, **fields}
    return two_trees(end='2026112300', SiteDaily=daily, machine_by_name=machines)


def without_unit(state: JobState) -> Job:
    return Job(process=DAILY, timeperiod=DAY.timeperiod, state=state, rev=2, run=1, changed_at=NOON)


@pytest.mark.parametrize('machine', [ONCE, MACHINE_BY_NAME['discrete']])
def test_a_machine_that_never_rests_has_a_unit_whenever_it_runs(machine: Machine) -> None:
    hierarchy = hierarchy_of(machine)

    found = list(check(hierarchy, [without_unit(JobState.IN_PROGRESS)], (), NOON))

    assert [item.invariant for item in found] == ['I7']


@pytest.mark.parametrize('machine', [ALIVE, MACHINE_BY_NAME['continuous']])
def test_a_machine_that_rests_may_be_without_a_unit_where_it_rests(machine: Machine) -> None:
    hierarchy = hierarchy_of(machine)

    resting = list(check(hierarchy, [without_unit(JobState.IN_PROGRESS)], (), NOON))
    final = list(check(hierarchy, [without_unit(JobState.FINAL_RUN)], (), NOON))

    assert resting == []
    assert [item.invariant for item in final] == ['I7']


@pytest.mark.parametrize(('machine', 'kind'), [(ONCE, CauseKind.REPORT), (ALIVE, CauseKind.RESTS)])
def test_why_tells_a_rest_from_a_missing_unit(
    machine: Machine, kind: CauseKind, tmp_path: Path
) -> None:
    store = SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOON))
    leadership = store.lead('one', timedelta(minutes=1))
    assert leadership is not None
    job = Job(
        process=DAILY,
        timeperiod=DAY.timeperiod,
        state=JobState.IN_PROGRESS,
        rev=1,
        run=1,
        changed_at=NOON,
    )
    store.commit(leadership, [SaveJob(job, 'run 1 requested')])
    index = load_index(hierarchy_of(machine), store, NOON)

    first, *_ = explain(index, store, DAY, NOON, timedelta(seconds=15))
    store.close()

    assert first.kind is kind


def trigger(made: EngineHarness) -> EngineHarness:
    made.turn(Look(DAILY, is_trigger=True))
    return made


@pytest.mark.parametrize(
    ('machine', 'state'),
    [
        (ALIVE, JobState.IN_PROGRESS),
        (LENIENT, JobState.IN_PROGRESS),
        (STRICT, JobState.SKIPPED),
    ],
)
@pytest.mark.parametrize('is_silent', [False, True])
def test_what_a_dead_run_means_is_what_the_table_says(
    machine: Machine, state: JobState, *, is_silent: bool
) -> None:
    made = trigger(
        EngineHarness(hierarchy_of(machine, retry=RetryPolicy(max_attempts=1, max_lost=1)), NOON)
    )
    [unit] = [unit for unit in made.live() if unit.process == DAILY]

    if is_silent:
        made.turn(Expired(made.claim(unit)))
    else:
        made.work(unit, Outcome.failed('source away'))

    assert made.state(DAY) is state


def test_a_machine_that_tries_again_what_was_processed_is_told_all_of_it() -> None:
    again = Rule(
        job=(JobState.IN_PROGRESS,),
        unit=(UnitState.PROCESSED,),
        action=Action.RETRY,
        why='once is not enough',
    )
    machine = compile_machine('twice', changed(DISCRETE_RULES, again))
    made = EngineHarness(hierarchy_of(machine, retry=RetryPolicy(delay=timedelta(0))), NOON)
    made.now = instant('2026112301')
    made.look()
    while hours := [unit for unit in made.live() if unit.process != DAILY]:
        made.work(hours[0])
    [unit] = made.live()

    made.work(unit)

    assert machine.retries_processed
    assert not any(MACHINE_BY_NAME[name].retries_processed for name in MACHINE_BY_NAME)
    assert (made.units[unit.id].state, made.units[unit.id].attempt) == (UnitState.REQUESTED, 2)


def test_what_a_dead_run_means_may_depend_on_what_is_due() -> None:
    made = trigger(EngineHarness(hierarchy_of(LENIENT, retry=RetryPolicy(max_attempts=1)), NOON))
    [unit] = [unit for unit in made.live() if unit.process == DAILY]
    made.now = instant('2026112301')  # Its interval is over; its hours have not run.

    made.work(unit, Outcome.failed('source away'))

    assert made.state(DAY) is JobState.SKIPPED
