"""Closures: what a reprocess or skip touches, in which order, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from synergy.core.closure import Plan, PlanRefused, keys_of, plan, unreset
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from tests.builders import instant, key, two_trees

NOW = instant('2027030102')


def finished(**fields: Any) -> Timetable:
    timetable = Timetable(two_trees(**fields))
    timetable.extend(NOW)
    for node in timetable.hierarchy:
        for ordinal in timetable.span(node.process.name):
            timeperiod = timetable.hierarchy.timeperiod(node, ordinal)
            timetable.put(
                Job(
                    process=node.process.name,
                    timeperiod=timeperiod,
                    state=JobState.PROCESSED,
                    rev=2,
                    run=1,
                    changed_at=NOW,
                )
            )
    timetable.settle()
    return timetable


def command(first: str, after: str, **fields: Any) -> Command:
    where = key(first)
    return Command(
        id=CommandId('c'),
        kind=fields.pop('kind', CommandKind.REPROCESS),
        process=where.process,
        start=where.timeperiod,
        end=key(after).timeperiod,
        actor='anna',
        created_at=NOW,
        **fields,
    )


def jobs_of(planned: Plan) -> list[str]:
    return [str(at) for at in keys_of(two_trees(), planned.ranges)]


def test_an_hour_touches_its_day_its_month_and_the_dependents_of_each() -> None:
    planned = plan(finished(), command('SiteHourly@2026112205', 'SiteHourly@2026112206'))

    assert jobs_of(planned) == [
        'SiteHourly@2026112205',
        'SiteDaily@2026112200',
        'SiteMonthly@2026110000',
        'AlertDaily@2026112200',
    ]


def test_a_range_touches_each_parent_once() -> None:
    planned = plan(finished(), command('SiteHourly@2026112220', 'SiteHourly@2026112304'))

    assert planned.count_by_process == {
        'SiteHourly': 8,
        'SiteDaily': 2,
        'SiteMonthly': 1,
        'AlertDaily': 2,
    }


def test_what_never_ran_is_left_out() -> None:
    timetable = Timetable(two_trees())
    timetable.extend(NOW)
    hour = key('SiteHourly@2026112205')
    timetable.put(
        Job(
            process=hour.process,
            timeperiod=hour.timeperiod,
            state=JobState.NOOP,
            rev=1,
            changed_at=NOW,
        )
    )

    planned = plan(timetable, command('SiteHourly@2026112200', 'SiteHourly@2026112300'))

    assert jobs_of(planned) == [str(hour)]


def test_children_are_touched_on_request_only() -> None:
    timetable = finished()

    without = plan(timetable, command('SiteMonthly@2026120000', 'SiteMonthly@2027010000'))
    with_children = plan(
        timetable,
        command('SiteMonthly@2026120000', 'SiteMonthly@2027010000', with_children=True),
    )

    assert without.count_by_process == {'SiteMonthly': 1}
    assert with_children.count_by_process == {
        'SiteHourly': 744,
        'SiteDaily': 31,
        'SiteMonthly': 1,
        'AlertDaily': 31,
    }


def test_a_grouped_dependent_is_touched_at_the_end_of_its_group() -> None:
    timetable = finished(AlertDaily={'grouping': 10})

    planned = plan(timetable, command('SiteDaily@2026120300', 'SiteDaily@2026120400'))

    assert 'AlertDaily@2026121000' in jobs_of(planned)
    assert planned.count_by_process[ProcessName('AlertDaily')] == 1


def test_skip_descends_to_what_is_unfinished_and_does_not_ascend() -> None:
    timetable = Timetable(two_trees())
    timetable.extend(NOW)

    planned = plan(
        timetable, command('SiteDaily@2026112300', 'SiteDaily@2026112400', kind=CommandKind.SKIP)
    )

    assert planned.count_by_process == {'SiteHourly': 24, 'SiteDaily': 1}


def test_the_same_set_has_the_same_hash_and_another_set_another() -> None:
    timetable = finished()
    one = command('SiteHourly@2026112205', 'SiteHourly@2026112206')
    two = command('SiteHourly@2026112205', 'SiteHourly@2026112207')

    assert plan(timetable, one).hash == plan(timetable, one).hash
    assert plan(timetable, one).hash != plan(timetable, two).hash


@pytest.mark.parametrize(
    ('first', 'after', 'complaint'),
    [
        ('SiteHourly@2026112206', 'SiteHourly@2026112206', 'holds no interval'),
        ('SiteHourly@2028010100', 'SiteHourly@2028010200', 'has begun'),
        ('SiteHourly@2020010100', 'SiteHourly@2020010200', 'has begun'),
        ('OtherHourly@2026112206', 'OtherHourly@2026112207', 'not in the context'),
    ],
)
def test_an_empty_or_unknown_selection_is_refused(first: str, after: str, complaint: str) -> None:
    with pytest.raises(PlanRefused, match=complaint):
        plan(finished(), command(first, after))


def test_nothing_left_to_skip_is_refused() -> None:
    with pytest.raises(PlanRefused, match='anything left to skip'):
        plan(
            finished(),
            command('SiteDaily@2026112300', 'SiteDaily@2026112400', kind=CommandKind.SKIP),
        )


def test_what_waits_and_has_not_run_yet_is_told_apart_from_what_is_reset() -> None:
    timetable = Timetable(two_trees())
    timetable.extend(NOW)
    done = ['SiteHourly@2026112205', 'SiteHourly@2026112304', 'SiteDaily@2026112200']
    for where in map(key, done):
        timetable.put(
            Job(
                process=where.process,
                timeperiod=where.timeperiod,
                state=JobState.PROCESSED,
                rev=1,
                changed_at=NOW,
            )
        )

    planned = plan(timetable, command('SiteHourly@2026112200', 'SiteHourly@2026112400'))
    waiting = unreset(timetable, planned)

    assert jobs_of(planned) == done
    named = [
        str(JobKey(process, timetable.hierarchy.timeperiod(timetable.hierarchy.nodes[process], at)))
        for process, runs in waiting.items()
        for run in runs
        for at in range(*run)
    ]
    assert named == [
        'SiteDaily@2026112300',
        'SiteMonthly@2026110000',
        'AlertDaily@2026112200',
        'AlertDaily@2026112300',
    ]


def test_nothing_waits_for_a_plan_that_resets_all() -> None:
    timetable = finished()

    planned = plan(timetable, command('SiteHourly@2026112205', 'SiteHourly@2026112206'))

    assert unreset(timetable, planned) == {}
