"""The checker: sound rows pass, and each broken promise is named."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.hierarchy import build
from synergy.core.invariants import Under, check
from synergy.core.records import Job, Unit, UowId, uow_id_of
from synergy.core.states import Blocking, JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier
from tests.builders import instant, key, process, tree, two_trees

NOW = instant('2026112500')


def job(text: str, state: JobState = JobState.PROCESSED, **fields: object) -> Job:
    where = key(text)
    made = Job(
        process=where.process,
        timeperiod=where.timeperiod,
        state=state,
        rev=2,
        run=1,
        uow_id=uow_id_of(where, 1),
        changed_at=NOW,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def unit(text: str, state: UnitState = UnitState.PROCESSED, **fields: object) -> Unit:
    where = key(text)
    made = Unit(
        id=uow_id_of(where, 1),
        process=where.process,
        timeperiod=where.timeperiod,
        start=where.timeperiod,
        end=where.timeperiod.shift(1),
        run=1,
        state=state,
        fence=1,
        created_at=NOW,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def day_of_hours() -> list[Job]:
    return [job(f'SiteHourly@20261122{hour:02d}') for hour in range(24)]


def found(jobs: Sequence[Job], units: Sequence[Unit] = (), **fields: object) -> list[str]:
    hierarchy = two_trees(end='2026112400', **fields)
    return [f'{item.invariant} {item.key}' for item in check(hierarchy, jobs, units, NOW)]


def test_a_sound_store_has_no_violation() -> None:
    assert found([*day_of_hours(), job('SiteDaily@2026112200')]) == []


def test_a_finished_parent_with_an_unfinished_child_is_named() -> None:
    jobs = [*day_of_hours()[:-1], job('SiteDaily@2026112200')]

    assert found(jobs) == ['I2 SiteDaily@2026112200']


def test_a_processed_dependent_of_a_skipped_dependency_is_named() -> None:
    jobs = [
        *day_of_hours(),
        job('SiteDaily@2026112200', JobState.SKIPPED),
        job('AlertDaily@2026112200'),
    ]

    assert found(jobs, AlertDaily={'blocking': Blocking.DEPENDENCIES}) == [
        'I3 AlertDaily@2026112200'
    ]


@pytest.mark.parametrize(
    ('jobs', 'units', 'violation'),
    [
        ([job('SiteHourly@2026112200')] * 2, [], 'I1 SiteHourly@2026112200'),
        (
            [job('SiteHourly@2026112200', JobState.IN_PROGRESS, uow_id=None)],
            [],
            'I7 SiteHourly@2026112200',
        ),
        ([job('SiteHourly@2026112200', run=0)], [], 'I7 SiteHourly@2026112200'),
        ([job('SiteHourly@2026112200', rev=0)], [], 'I7 SiteHourly@2026112200'),
        (
            [job('SiteHourly@2026112200')],
            [unit('SiteHourly@2026112200', UnitState.REQUESTED)],
            'I4 SiteHourly@2026112200',
        ),
        (
            [job('SiteHourly@2026112200', JobState.IN_PROGRESS)],
            [unit('SiteHourly@2026112200', UnitState.IN_PROGRESS)],
            'I4 SiteHourly@2026112200',
        ),
        ([], [unit('SiteHourly@2026112200', fence=0)], 'I5 SiteHourly@2026112200'),
    ],
)
def test_broken_rows_are_named(jobs: list[Job], units: list[Unit], violation: str) -> None:
    assert found(jobs, units) == [violation]


def test_two_live_units_of_one_job_are_named() -> None:
    running = job('SiteHourly@2026112200', JobState.IN_PROGRESS)
    first = unit('SiteHourly@2026112200', UnitState.REQUESTED)
    second = replace(first, run=2, id=UowId('second'))

    assert found([running], [first, second]) == ['I4 SiteHourly@2026112200'] * 2


def test_a_row_of_an_interval_that_has_not_begun_is_named() -> None:
    hierarchy = two_trees()

    violations = list(check(hierarchy, [job('SiteHourly@2026112505')], [], NOW))

    assert [item.invariant for item in violations] == ['I1']


def test_rows_outside_the_context_are_not_judged() -> None:
    assert found([job('OtherHourly@2026112200', rev=0), job('SiteHourly@2020010100')]) == []


def test_a_job_whose_input_ended_in_a_later_term_is_older_than_it() -> None:
    hours = [replace(item, term=2) for item in day_of_hours()]
    late = [*hours[:-1], replace(hours[-1], term=4)]

    assert found([*hours, job('SiteDaily@2026112200', term=2)]) == []
    assert found([*hours, job('SiteDaily@2026112200', term=3)]) == []
    assert found([*late, job('SiteDaily@2026112200', term=4)]) == []
    assert found([*late, job('SiteDaily@2026112200', term=3)]) == ['I2 SiteDaily@2026112200']
    assert found([*late, job('SiteDaily@2026112200', JobState.NOOP, term=3)]) == [
        'I2 SiteDaily@2026112200'
    ]
    assert found([*late, job('SiteDaily@2026112200', JobState.SKIPPED, term=3)]) == []
    assert found([*late, job('SiteDaily@2026112200', JobState.EMBRYO, term=3)]) == []


def test_a_job_that_is_older_than_what_it_depends_on_is_found() -> None:
    days = [*day_of_hours(), job('SiteDaily@2026112200', term=3)]

    assert found([job('AlertDaily@2026112200', term=3), *days]) == []
    assert found([job('AlertDaily@2026112200', term=2), *days]) == ['I2 AlertDaily@2026112200']


def test_what_a_request_that_is_being_applied_has_to_do_with_is_no_violation() -> None:
    day, hour = key('SiteDaily@2026112200'), key('SiteHourly@2026112205')
    hours = day_of_hours()
    hours[5] = replace(hours[5], term=4, request_id=CommandId('r'))
    rows = [*hours, job('SiteDaily@2026112200', term=3)]
    hierarchy = two_trees(end='2026112400')
    request = Command(
        id=CommandId('r'),
        kind=CommandKind.REPROCESS,
        process=hour.process,
        start=hour.timeperiod,
        end=hour.timeperiod.shift(1),
        actor='ann',
        state=CommandState.APPLYING,
        created_at=NOW,
    )
    other = replace(
        request,
        id=CommandId('o'),
        plan={day.process: ((day.timeperiod.ordinal, day.timeperiod.ordinal + 1),)},
    )

    assert list(check(hierarchy, rows, [], NOW)) != []
    assert list(check(hierarchy, rows, [], NOW, Under(applying=[request]))) == []
    assert list(check(hierarchy, rows, [], NOW, Under(applying=[other]))) == []


def test_rows_of_another_level_are_not_judged() -> None:
    hierarchy = build(
        [replace(process('SiteHourly'), qualifier=Qualifier.DAILY), process('SiteMonthly')],
        [tree('site', ['SiteHourly', 'SiteMonthly'], end='2026112400')],
    )
    rows = [*day_of_hours(), job('SiteMonthly@2026110000')]
    units = [unit('SiteHourly@2026112223', UnitState.REQUESTED)]

    assert list(check(hierarchy, rows, units, NOW)) == []
