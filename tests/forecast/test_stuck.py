"""What is due and does not start: held, off, frozen, paused, without workers; and its root."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from synergy.core.closed import parse as parse_closed
from synergy.core.deadline import Within, of_tree
from synergy.core.deadline import parse as clock
from synergy.core.freezes import Freeze, Scope
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.job_transitions import embryo, held, next_unit, reset, started
from synergy.core.records import CommandId, Job, Process, ProcessName, Tree
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.core.timetable import Timetable
from synergy.forecast.acting import Kept
from synergy.forecast.likely import ActionKind
from synergy.forecast.outlook import Outlook, forecast
from synergy.forecast.situation import Situation
from synergy.forecast.stuck import Cause
from tests.forecast.test_outlook import measured

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOUR, DAY, REPORT = ProcessName('Hour'), ProcessName('Day'), ProcessName('Report')
REQUEST = CommandId('f00')


def hierarchy(**fields: Any) -> Hierarchy:
    """Return a day of hours, and a report of the day in another tree. fields: of the hours."""
    lag, deadline = timedelta(0), of_tree(clock('06:00'), Qualifier.DAILY)
    hour: dict[str, Any] = {'max_running': 4, 'lag': lag, **fields}
    return build(
        [
            Process(name=HOUR, qualifier=Qualifier.HOURLY, **hour),
            Process(name=DAY, qualifier=Qualifier.DAILY, lag=lag, deadline=deadline),
            Process(name=REPORT, qualifier=Qualifier.DAILY, lag=lag, deadline=Within(length=lag)),
        ],
        [
            Tree(name='site', levels=(HOUR, DAY), start=NOW - timedelta(days=1)),
            Tree(
                name='reports',
                levels=(REPORT,),
                start=NOW - timedelta(days=1),
                dependent_on=('site',),
            ),
        ],
    )


def timetable_of(tree: Hierarchy, *jobs: Job) -> Timetable:
    found = Timetable(tree)
    found.extend(NOW)
    for job in jobs:
        found.put(job)
    found.settle()
    return found


def look(timetable: Timetable, **fields: Any) -> Outlook:
    work = dict.fromkeys(timetable.hierarchy.nodes, measured(60))
    fields.setdefault('workers', {})
    situation = Situation(now=NOW, timetable=timetable, work=work, **fields)
    return forecast(situation, timedelta(hours=23))


def key(tree: Hierarchy, process: ProcessName, place: int = 0) -> JobKey:
    node = tree.nodes[process]
    return JobKey(process, tree.timeperiod(node, node.first + place))


def running(tree: Hierarchy, place: int) -> Job:
    job = embryo(key(tree, HOUR, place), NOW)
    node, ordinal = tree.nodes[HOUR], job.timeperiod.ordinal
    unit = next_unit(job, node.process, range(ordinal, ordinal + 1), NOW)
    return started(job, unit, JobState.IN_PROGRESS, NOW)


def held_job(tree: Hierarchy) -> Job:
    return held(running(tree, 5), 'no attempt is left', NOW)


def stuck(outlook: Outlook) -> Sequence[tuple[ProcessName, int, Cause]]:
    return [(item.process, len(item.ordinals), item.root.cause) for item in outlook.stuck]


def test_a_held_job_holds_up_all_that_waits_for_it_until_it_is_tried_again() -> None:
    tree = hierarchy()
    job = held_job(tree)

    outlook = look(timetable_of(tree, job))

    assert stuck(outlook) == [(HOUR, 1, Cause.HELD), (DAY, 1, Cause.HELD), (REPORT, 1, Cause.HELD)]
    assert {item.root.key for item in outlook.stuck} == {job.key}
    assert len(outlook.jobs) == 23 + 23
    likely = outlook.of(key(tree, DAY))
    assert likely is not None
    assert (likely.end, likely.holds) == (None, 0.0)
    # The deadline of the report has passed already: it is late, and nothing to be foreseen.
    assert [item.key for item in outlook.deadlines()] == [key(tree, DAY)]
    action = outlook.best_action(key(tree, DAY))
    assert action is not None
    assert (action.kind, action.key, action.of) == (ActionKind.RETRY, job.key, HOUR)
    assert (action.holds or 0) > 0.9
    assert action.sooner > timedelta(hours=22)


def test_what_is_tried_again_fails_as_often_as_attempts_after_a_failure_do() -> None:
    tree = hierarchy()
    timetable = timetable_of(tree, held_job(tree))
    bad = measured(60, failing=1)  # Of 200 runs each has failed to the end.
    situation = Situation(
        now=NOW, timetable=timetable, work=dict.fromkeys(tree.nodes, bad), workers={}
    )

    outlook = forecast(situation, timedelta(hours=23))

    freed = outlook.best_action(key(tree, DAY))
    assert freed is None or (freed.holds or 0) < 1


def test_a_process_that_is_off_is_told_once_and_switching_it_on_helps() -> None:
    tree = hierarchy(is_on=False)

    outlook = look(timetable_of(tree))
    action = outlook.best_action(key(tree, DAY))

    assert stuck(outlook) == [(HOUR, 47, Cause.OFF), (DAY, 1, Cause.OFF), (REPORT, 1, Cause.OFF)]
    assert outlook.jobs == []
    assert outlook.due().count == 0
    assert action is not None
    assert (action.kind, action.of) == (ActionKind.SWITCH_ON, HOUR)


@pytest.mark.parametrize(('days', 'count'), [(400, 3), (0.1, 0)])
def test_a_freeze_holds_up_what_it_outlasts(days: float, count: int) -> None:
    tree = hierarchy()
    freeze = Freeze(
        id=CommandId('ice'),
        scope=Scope.PROCESS,
        name=HOUR,
        since=NOW,
        until=NOW + timedelta(days=days),
        by='anna',
        reason=None,
    )

    outlook = look(timetable_of(tree), freezes=[freeze])

    assert len(outlook.stuck) == count
    assert all(item.root.cause is Cause.FROZEN for item in outlook.stuck)
    likely, action = outlook.of(key(tree, DAY)), outlook.best_action(key(tree, DAY))
    assert likely is not None
    assert (likely.end is None) == bool(count)
    # It ends by itself, or not: what helps most is to end it.
    assert action is not None
    assert (action.kind, action.of) == (ActionKind.THAW, 'ice')
    assert action.sooner >= timedelta(hours=2)


def test_of_what_is_closed_at_the_end_the_held_job_is_told_that_kept_it_back_before() -> None:
    closed = (parse_closed('22:00-23:30', UTC),)
    tree = hierarchy()
    nodes = dict(tree.nodes)
    nodes[DAY] = replace(nodes[DAY], process=replace(nodes[DAY].process, closed=closed))
    tree = tree.replaced(nodes, tree.pools)
    found = look(timetable_of(tree, held_job(tree))).stuck

    root = next(item.root for item in found if item.process == DAY)
    assert (root.cause, root.key.process) == (Cause.HELD, HOUR)


def test_a_paused_request_holds_up_what_it_has_reset() -> None:
    tree = hierarchy()
    timetable = timetable_of(tree, reset(running(tree, 3), 'again', NOW, REQUEST))
    timetable.pause([REQUEST])

    outlook = look(timetable)
    action = outlook.best_action(key(tree, DAY))

    assert stuck(outlook)[:2] == [(HOUR, 1, Cause.PAUSED), (DAY, 1, Cause.PAUSED)]
    assert action is not None
    assert (action.kind, action.of) == (ActionKind.RESUME, REQUEST)


def test_without_workers_nothing_ends_until_there_is_one() -> None:
    tree = hierarchy()

    outlook = look(timetable_of(tree), workers={HOUR: 0})
    action = outlook.best_action(key(tree, DAY))

    assert {item.root.cause for item in outlook.stuck} == {Cause.WORKERS}
    assert {item.process for item in outlook.stuck} == {HOUR, DAY, REPORT}
    assert action is not None
    assert (action.kind, action.of, action.more) == (ActionKind.WORKERS, HOUR, 1)


def test_what_comes_too_late_for_its_deadline_within_the_hours_is_told_and_no_more() -> None:
    tree = hierarchy(max_running=1)
    work = {HOUR: measured(7200), DAY: measured(60), REPORT: measured(60)}
    situation = Situation(now=NOW, timetable=timetable_of(tree), work=work, workers={})

    outlook = forecast(situation, timedelta(hours=23))

    # 24 hours are due, and 12 are done within the 23: the day has no turn, its deadline is missed.
    likely = outlook.of(key(tree, DAY))
    assert outlook.stuck == []
    assert likely is not None
    assert likely.root is not None
    assert (likely.root.cause, likely.holds) == (Cause.BEHIND, 0.0)
    assert key(tree, DAY) in {item.key for item in outlook.deadlines()}


def test_what_is_held_in_a_forecast_cut_short_is_told_all_the_same() -> None:
    tree = hierarchy()
    work = dict.fromkeys(tree.nodes, measured(60))
    timetable = timetable_of(tree, held_job(tree))
    situation = Situation(now=NOW, timetable=timetable, work=work, workers={})

    outlook = forecast(situation, timedelta(hours=23), runs_max=3)

    assert not outlook.is_whole
    assert (DAY, 1, Cause.HELD) in stuck(outlook)
    assert [item.holds for item in outlook.deadlines()] == [0.0]


def test_the_index_that_is_tried_with_stands_as_the_one_before() -> None:
    tree = hierarchy()
    again = reset(replace(running(tree, 3), is_held=False), 'again', NOW, REQUEST)
    done = replace(embryo(key(tree, HOUR, 1), NOW), state=JobState.PROCESSED, rev=2)
    timetable = timetable_of(tree, held_job(tree), again, running(tree, 7), done)
    before = timetable.snapshot()

    kept = Kept(timetable)
    look(timetable)
    found = kept.timetable(tree, NOW)

    assert found.snapshot() == before
    assert found.has_reruns(HOUR)
    assert found.running_count(HOUR) == 1
