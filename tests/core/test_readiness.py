"""Readiness: what each blocking type waits for, and whom it blames."""

from __future__ import annotations

from datetime import datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synergy.core.index_codes import FRESH
from synergy.core.lanes import LaneWork
from synergy.core.readiness import CulpritKind, blocked_runs, next_startable, readiness
from synergy.core.records import Job
from synergy.core.states import Blocking, Due, JobState
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from tests.builders import instant, key, two_trees
from tests.depth import deep

DAY = key('SiteDaily@2026112200')
ALERT = key('AlertDaily@2026112200')
LATER = instant('2026112402')


def timetable(now: datetime = LATER, **fields: object) -> Timetable:
    made = Timetable(two_trees(**fields))
    made.extend(now)
    return made


def settle(made: Timetable, state: JobState, *texts: str) -> None:
    for text in texts:
        where = key(text)
        made.put(
            Job(
                process=where.process,
                timeperiod=where.timeperiod,
                state=state,
                rev=1,
                changed_at=LATER,
            )
        )


def hours(day: str) -> list[str]:
    return [f'SiteHourly@{day}{hour:02d}' for hour in range(24)]


def test_open_until_end_and_lag_have_passed() -> None:
    made = timetable(instant('202611220104'))
    hour = key('SiteHourly@2026112200')

    early = readiness(made, hour, instant('202611220104'))
    ready = readiness(made, hour, instant('202611220105'))

    assert early.due is Due.OPEN
    assert early.culprits[0].kind is CulpritKind.NOT_OVER
    assert early.culprits[0].at == instant('202611220105')
    assert ready.due is Due.READY


def test_a_day_is_blocked_by_its_first_unfinished_hour() -> None:
    made = timetable()
    settle(made, JobState.PROCESSED, *hours('20261122')[:9])

    found = readiness(made, DAY, LATER)

    assert found.due is Due.BLOCKED
    assert [str(culprit.key) for culprit in found.culprits] == ['SiteHourly@2026112209']


def test_a_day_is_ready_when_its_hours_have_ended_in_any_final_state() -> None:
    made = timetable()
    settle(made, JobState.PROCESSED, *hours('20261122')[:20])
    settle(made, JobState.NOOP, *hours('20261122')[20:23])
    settle(made, JobState.SKIPPED, *hours('20261122')[23:])

    assert readiness(made, DAY, LATER).due is Due.READY


def test_a_parent_whose_children_were_all_skipped_is_doomed() -> None:
    made = timetable()
    settle(made, JobState.SKIPPED, *hours('20261122'))

    assert readiness(made, DAY, LATER).due is Due.DOOMED


@pytest.mark.parametrize(
    ('blocking', 'state', 'due'),
    [
        (Blocking.NORMAL, JobState.EMBRYO, Due.BLOCKED),
        (Blocking.NORMAL, JobState.SKIPPED, Due.READY),
        (Blocking.NORMAL, JobState.PROCESSED, Due.READY),
        (Blocking.DEPENDENCIES, JobState.EMBRYO, Due.FORBIDDEN),
        (Blocking.DEPENDENCIES, JobState.SKIPPED, Due.DOOMED),
        (Blocking.DEPENDENCIES, JobState.NOOP, Due.READY),
    ],
)
def test_blocking_type_says_what_a_dependency_means(
    blocking: Blocking, state: JobState, due: Due
) -> None:
    made = timetable(AlertDaily={'blocking': blocking})
    if state is not JobState.EMBRYO:
        settle(made, state, 'SiteDaily@2026112200')

    assert readiness(made, ALERT, LATER).due is due


def test_blocking_children_holds_a_job_whose_interval_is_open() -> None:
    made = timetable(SiteDaily={'blocking': Blocking.CHILDREN})

    assert readiness(made, key('SiteDaily@2026112400'), LATER).due is Due.FORBIDDEN


def test_next_startable_steps_over_blocked_days() -> None:
    made = timetable()
    settle(made, JobState.PROCESSED, *hours('20261123'))

    node = made.hierarchy.nodes[DAY.process]
    work = LaneWork(FRESH, range(DAY.timeperiod.ordinal, made.hierarchy.over_until(node, LATER)))
    found = next_startable(made, node, work, LATER)

    assert found is not None
    assert found.key == key('SiteDaily@2026112300')
    assert found.readiness == readiness(made, found.key, LATER)


def test_next_startable_finds_nothing_while_everything_is_pending() -> None:
    made = timetable()

    node = made.hierarchy.nodes[DAY.process]

    work = LaneWork(FRESH, range(node.first, made.hierarchy.over_until(node, LATER)))
    assert next_startable(made, node, work, LATER) is None


def test_a_job_waits_for_nothing_outside_the_span_of_the_other_tree() -> None:
    made = timetable(end='2026112300')
    settle(made, JobState.PROCESSED, 'SiteDaily@2026112200')

    assert readiness(made, ALERT, LATER).due is Due.READY


@settings(max_examples=deep(30), deadline=None)  # How long it takes is up to the machine.
@given(
    seed=st.randoms(use_true_random=False),
    grouping=st.sampled_from((1, 10)),
    blocking=st.sampled_from((Blocking.NORMAL, Blocking.DEPENDENCIES)),
    share=st.sampled_from((0.1, 0.5, 0.95)),
)
@pytest.mark.heavy
def test_stretches_of_blocked_jobs_hold_those_that_a_look_at_each_finds(
    seed: Random, grouping: int, blocking: Blocking, share: float
) -> None:
    made = timetable(instant('2026120702'), AlertDaily={'grouping': grouping, 'blocking': blocking})
    for node in made.hierarchy:
        for ordinal in made.span(node.process.name):
            if seed.random() < share:
                state = seed.choice((JobState.PROCESSED, JobState.IN_PROGRESS, JobState.SKIPPED))
                timeperiod = made.hierarchy.timeperiod(node, ordinal)
                settle(made, state, str(JobKey(node.process.name, timeperiod)))

    now = instant('2026120702')
    for node in made.hierarchy:
        name = node.process.name
        dues = {
            ordinal: readiness(
                made, JobKey(name, made.hierarchy.timeperiod(node, ordinal)), now
            ).due
            for ordinal in made.ordinals_in(name, made.span(name), {JobState.EMBRYO})
        }
        found = [
            ordinal for run in blocked_runs(made, node, made.span(name), now) for ordinal in run
        ]

        assert found == sorted(set(found))
        assert {at for at in dues if dues[at] in (Due.BLOCKED, Due.FORBIDDEN)} <= set(found) | {
            at for at in dues if at >= made.hierarchy.over_until(node, now)
        }
        assert all(dues[at] in (Due.BLOCKED, Due.FORBIDDEN, Due.DOOMED) for at in found)
