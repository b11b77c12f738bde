"""Which deadlines are told to be missed, with root, cause and what helps; and at which price."""

from __future__ import annotations

from datetime import timedelta

from synergy.core.deadline import Within
from synergy.core.durations import Measured, Work, work_of
from synergy.forecast.outlook import forecast
from synergy.forecast.situation import Situation
from synergy.forecast.stuck import Cause
from synergy.view.will_be_late import likely_late
from tests.forecast.test_outlook import look as look_at_hours
from tests.forecast.test_stuck import (
    DAY,
    HOUR,
    NOW,
    held_job,
    hierarchy,
    key,
    look,
    timetable_of,
)


def test_one_root_is_told_once_with_what_comes_of_it() -> None:
    tree = hierarchy(deadline=Within(length=timedelta(hours=30)))
    job = held_job(tree)

    found = likely_late(look(timetable_of(tree, job)))

    assert [(item.key, item.holds, item.cause) for item in found] == [
        (key(tree, DAY), 0.0, Cause.HELD),
        (job.key, 0.0, Cause.HELD),
    ]
    assert {item.root for item in found} == {job.key}
    assert found[0].why == f'Hour {job.timeperiod} has failed for good and is held for an operator'
    assert found[0].helps is not None
    assert f'./launch.py reprocess Hour {job.timeperiod}; then it holds with' in found[0].helps
    assert found[1].helps is not None
    assert 'then' not in found[1].helps


def test_what_runs_too_long_is_the_root_and_said_to_be() -> None:
    tree = hierarchy(max_running=1, deadline=Within(length=timedelta(hours=30)))
    work = {HOUR: _hours(1.5), DAY: _hours(0.1)}
    situation = Situation(now=NOW, timetable=timetable_of(tree), work=work, workers={})

    found = likely_late(forecast(situation, timedelta(hours=40)))

    # Its hours take 36 hours one after the other, and are to be done by 06:00.
    day = next(item for item in found if item.key == key(tree, DAY))
    assert day.cause is None
    assert day.end is not None
    assert day.end > day.late_at
    assert day.root == key(tree, HOUR)
    assert 'wait for one another, by max_running of Hour' in day.why


def test_nothing_is_told_where_all_is_likely_in_time_nor_more_than_is_paid_for() -> None:
    tree = hierarchy(deadline=Within(length=timedelta(hours=30)))
    work = dict.fromkeys(tree.nodes, _hours(0.01))

    assert likely_late(look(timetable_of(tree))) == []
    # Cut short, nothing is said of what was not looked at.
    situation = Situation(now=NOW, timetable=timetable_of(tree), work=work, workers={})
    assert likely_late(forecast(situation, timedelta(hours=24), runs_max=5)) == []


def test_another_chance_may_be_asked_for() -> None:
    half = work_of([Measured(600.0 if at % 2 else 1800.0, 0) for at in range(200)])
    tree = hierarchy(deadline=Within(length=timedelta(minutes=20)))
    outlook = look_at_hours(tree, work=half)

    chances = [item.holds for item in likely_late(outlook, 0.9)]

    assert len(chances) > len(likely_late(outlook, 0.4))
    assert chances == sorted(chances)
    assert all(chance < 0.9 for chance in chances)


def _hours(count: float) -> Work:
    return work_of([Measured(3600 * count, 0)] * 200)
