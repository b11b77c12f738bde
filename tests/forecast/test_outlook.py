"""What is foreseen, beside what is known to come: chains, places, failures, hours, deadlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from synergy.core.closed import parse as closed_hours
from synergy.core.deadline import Within
from synergy.core.durations import Measured, Work, work_of
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.job_transitions import embryo, next_unit, started
from synergy.core.pool_record import Demand, Pool, PoolName, SharedPools
from synergy.core.records import Process, ProcessName, RetryPolicy, Tree, Unit
from synergy.core.states import Blocking, JobState, OnFailure, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.core.timetable import Timetable
from synergy.forecast.likely import ActionKind, Waits
from synergy.forecast.outlook import Outlook, forecast
from synergy.forecast.situation import Situation

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOUR, DAY = ProcessName('Hour'), ProcessName('Day')
LENGTH = timedelta(hours=30)


def measured(seconds: float, failing: int = 0, count: int = 200) -> Work:
    """Return the work of runs that take so long, of which one in `failing` dies."""
    return work_of(
        [Measured(seconds, at % 24, 1, bool(failing) and at % failing == 0) for at in range(count)]
    )


def hierarchy(start: datetime = NOW, **fields: Any) -> Hierarchy:
    """Return a day of hours. fields: of its hours."""
    lag = timedelta(0)
    hour: dict[str, Any] = {'max_running': 4, 'lag': lag, **fields}
    return build(
        [
            Process(name=HOUR, qualifier=Qualifier.HOURLY, **hour),
            Process(name=DAY, qualifier=Qualifier.DAILY, lag=lag, deadline=Within(length=lag)),
        ],
        [Tree(name='site', levels=(HOUR, DAY), start=start)],
    )


def timetable_of(tree: Hierarchy) -> Timetable:
    found = Timetable(tree)
    found.extend(NOW)
    return found


def look(
    tree: Hierarchy | Timetable,
    seconds: float = 60,
    units: Sequence[Unit] = (),
    workers: Mapping[str, int] = MappingProxyType({}),
    work: Work | None = None,
) -> Outlook:
    timetable = tree if isinstance(tree, Timetable) else timetable_of(tree)
    found = work or measured(seconds)
    situation = Situation(
        now=NOW, timetable=timetable, units=units, work={HOUR: found, DAY: found}, workers=workers
    )
    return forecast(situation, LENGTH)


def key(outlook: Outlook, process: ProcessName, index: int) -> JobKey:
    return [item for item in outlook.jobs if item.process == process][index]


def end(outlook: Outlook, process: ProcessName, index: int = 0) -> float:
    """Return after how many hours a job is likely to end."""
    likely = outlook.of(key(outlook, process, index))
    assert likely is not None
    assert likely.end is not None
    return (likely.end - NOW) / timedelta(hours=1)


def test_what_ends_from_now_on_runs_when_it_is_over_and_its_inputs_are_done() -> None:
    outlook = look(hierarchy(), 60)

    assert len(outlook.jobs) == 30 + 1
    assert end(outlook, HOUR) == pytest.approx(1 + 1 / 60, abs=0.001)
    assert end(outlook, DAY) == pytest.approx(24 + 2 / 60, abs=0.001)
    path = outlook.path(key(outlook, DAY, 0))
    assert [(link.key.process, link.waits) for link in path] == [
        (HOUR, Waits.INTERVAL),
        (DAY, Waits.INPUT),
    ]


def test_a_backlog_takes_as_long_as_its_places_need() -> None:
    late = hierarchy(NOW - timedelta(hours=40), max_running=4)

    outlook = look(late, 600)
    fewer = look(late, 600, workers={HOUR: 2, DAY: 1})
    none = look(late, 600, workers={HOUR: 0, DAY: 1})

    assert end(outlook, HOUR, 39) == pytest.approx(10 / 6, abs=0.02)
    assert end(fewer, HOUR, 39) == pytest.approx(20 / 6, abs=0.02)
    likely = [none.of(item) for item in none.jobs]
    assert outlook.due().count == 40 + 2
    assert outlook.due().end == NOW + timedelta(hours=11 / 6)
    assert not [item for item in likely if item is not None and item.end is not None]


def test_what_runs_is_expected_to_go_on_for_what_is_left_of_it() -> None:
    tree = hierarchy(NOW - timedelta(hours=1), max_running=1)
    timetable = timetable_of(tree)
    node = tree.nodes[HOUR]
    job = embryo(JobKey(HOUR, tree.timeperiod(node, node.first)), NOW)
    unit = next_unit(job, node.process, range(node.first, node.first + 1), NOW)
    timetable.put(started(job, unit, JobState.IN_PROGRESS, NOW))
    timetable.settle()
    unit = replace(unit, state=UnitState.IN_PROGRESS, started_at=NOW - timedelta(minutes=50))

    outlook = look(timetable, 3600, [unit])

    assert end(outlook, HOUR) == pytest.approx(10 / 60, abs=0.02)
    assert outlook.path(job.key)[0].waits is Waits.RUNNING


def test_a_failure_that_waits_begins_at_its_time_and_trying_it_at_once_helps() -> None:
    tree = hierarchy(NOW - timedelta(hours=24), max_running=50, deadline=Within(length=2 * LENGTH))
    timetable = timetable_of(tree)
    node = tree.nodes[HOUR]
    job = embryo(JobKey(HOUR, tree.timeperiod(node, node.first)), NOW)
    unit = next_unit(job, node.process, range(node.first, node.first + 1), NOW)
    timetable.put(started(job, unit, JobState.IN_PROGRESS, NOW))
    timetable.settle()
    unit = replace(unit, attempt=2, not_before=NOW + timedelta(hours=2))

    outlook = look(timetable, 60, [unit])
    action = outlook.best_action(key(outlook, DAY, 0))

    assert end(outlook, HOUR, 0) == pytest.approx(2 + 1 / 60, abs=0.02)
    assert action is not None
    assert (action.kind, action.key) == (ActionKind.RETRY, job.key)
    assert action.sooner > timedelta(minutes=110)


def test_what_fails_for_good_holds_up_its_parent_where_operators_are_to_act() -> None:
    once = RetryPolicy(max_attempts=1)
    held = look(hierarchy(retry=once, on_failure=OnFailure.HOLD), work=measured(60, failing=10))
    skipped = look(hierarchy(retry=once), work=measured(60, failing=10))

    likely = held.of(key(held, DAY, 0))

    # One of 24 hours fails for good in nearly all courses.
    assert likely is not None
    assert likely.end is None
    assert likely.holds is not None
    assert likely.holds < 0.02
    assert end(skipped, DAY) == pytest.approx(24 + 2 / 60, abs=0.001)


def test_nothing_starts_while_it_is_closed() -> None:
    closed = (closed_hours('01:00-05:00', UTC),)

    outlook = look(hierarchy(closed=closed), 60)

    assert end(outlook, HOUR, 0) == pytest.approx(5 + 1 / 60, abs=0.001)
    assert end(outlook, HOUR, 5) == pytest.approx(6 + 1 / 60, abs=0.001)


def test_a_pool_that_is_short_is_what_helps_when_it_is_raised() -> None:
    pool = PoolName('warehouse')
    tree = hierarchy(NOW - timedelta(hours=24), max_running=20, demand=Demand(((pool, 1),)))
    tree = tree.replaced(
        tree.nodes, SharedPools(sizes={pool: Pool(name=pool, slots=2)}, freerun_demands={})
    )

    outlook = look(tree, 1200)
    day = key(outlook, DAY, 0)
    action = outlook.best_action(day)

    assert end(outlook, DAY) == pytest.approx(4 + 1 / 3, abs=0.05)
    assert action is not None
    assert (action.kind, action.of, action.more) == (ActionKind.POOL, pool, 1)
    assert action.sooner > timedelta(hours=1)
    assert {link.waits for link in outlook.path(day)[1:-1]} == {Waits.POOL}


def test_a_pool_of_which_few_may_start_a_minute_lets_no_more_start() -> None:
    pool = PoolName('api')
    tree = hierarchy(NOW - timedelta(hours=24), max_running=50, demand=Demand(((pool, 1),)))
    limited = Pool(name=pool, slots=50, per_minute=1)
    tree = tree.replaced(tree.nodes, SharedPools(sizes={pool: limited}, freerun_demands={}))

    outlook = look(tree, 5)
    day = key(outlook, DAY, 0)
    action = outlook.best_action(day)

    # The 24th hour starts 23 minutes from now.
    assert end(outlook, DAY) * 60 == pytest.approx(23 + 10 / 60, abs=0.05)
    assert {link.waits for link in outlook.path(day)[1:-1]} == {Waits.RATE}
    assert action is not None
    assert (action.kind, action.of, action.more) == (ActionKind.RATE, pool, 1)


def test_what_is_skipped_for_an_input_takes_no_time() -> None:
    once, days = RetryPolicy(max_attempts=1), timedelta(days=1)
    report = ProcessName('Report')
    tree = build(
        [
            Process(name=DAY, qualifier=Qualifier.DAILY, lag=timedelta(0), retry=once),
            Process(
                name=report,
                qualifier=Qualifier.DAILY,
                lag=timedelta(0),
                blocking=Blocking.DEPENDENCIES,
            ),
        ],
        [
            Tree(name='days', levels=(DAY,), start=NOW - days),
            Tree(name='reports', levels=(report,), start=NOW - days, dependent_on=('days',)),
        ],
    )
    fails = measured(60, failing=1)
    work = {DAY: fails, report: measured(7200)}

    outlook = forecast(
        Situation(now=NOW, timetable=timetable_of(tree), work=work, workers={}), LENGTH
    )

    likely = outlook.of(key(outlook, report, 0))
    assert likely is not None
    assert likely.end is not None
    assert likely.end - NOW < timedelta(minutes=2)


def test_a_deadline_holds_as_often_as_runs_are_short_enough() -> None:
    # Half of the runs take 10 minutes, half 30; until 20 minutes after its end each is in time.
    work = work_of([Measured(600.0 if at % 2 else 1800.0, 0) for at in range(200)])

    outlook = look(hierarchy(deadline=Within(length=timedelta(minutes=20))), work=work)

    chances = [item.holds for item in outlook.deadlines() if item.key.process == HOUR]
    assert len(chances) == 30
    assert sum(item or 0 for item in chances) / 30 == pytest.approx(0.5, abs=0.06)


def test_the_same_situation_has_the_same_forecast() -> None:
    work = measured(300, failing=7)

    assert look(hierarchy(), work=work).deadlines() == look(hierarchy(), work=work).deadlines()
