"""What is so of jobs, for alerts."""

from __future__ import annotations

from typing import Final

import pytest

from synergy.core.alert_rules import AlertKind
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.view.alert_jobs import JOBS_MAX, facts_of_jobs, root_of, subject_of
from synergy.view.cause import Cause, CauseKind
from synergy.view.conditions import Looking
from tests.builders import instant, key, two_trees
from tests.view.test_lateness import SIX, stood

HOURLY: Final = ProcessName('SiteHourly')
FIRST: Final = key('SiteHourly@2026112200')


def cause(of: JobKey, kind: CauseKind = CauseKind.FAILED, depth: int = 0) -> Cause:
    return Cause(key=of, kind=kind, text=kind.value, depth=depth)


def looking(timetable: Timetable, at: str, **failed: list[int]) -> Looking:
    by_name = {ProcessName(name): ordinals for name, ordinals in failed.items()}
    return Looking(timetable=timetable, failed=by_name, runs={}, now=instant(at))


def test_late_jobs_are_told_one_by_one_with_their_root_cause() -> None:
    timetable = stood(two_trees(SiteHourly={'deadline': SIX}), '202611220600')
    root = cause(FIRST, depth=1)

    facts = list(
        facts_of_jobs(
            looking(timetable, '202611220600'),
            lambda of: [cause(of, CauseKind.WAITS_FOR), root, cause(of, CauseKind.LATE)],
        )
    )

    assert {fact.kind for fact in facts} == {AlertKind.LATE}
    assert len(facts) == 3
    assert (facts[0].subject, facts[0].cause) == (str(FIRST), None)
    assert (facts[1].subject, facts[1].cause) == ('SiteHourly@2026112201', str(FIRST))
    assert facts[1].since == instant('202611220600')
    assert facts[1].why == 'failed'
    assert facts[1].address == '/i/SiteHourly/2026112201'


def test_of_many_the_oldest_are_told_one_by_one_and_the_rest_as_one() -> None:
    timetable = stood(two_trees(SiteHourly={'deadline': SIX}), '202611300600')

    found = facts_of_jobs(looking(timetable, '202611300600'), lambda _: [])
    facts = [fact for fact in found if fact.process == HOURLY]

    assert len(facts) == JOBS_MAX + 1
    assert facts[0].subject == str(FIRST)
    assert facts[-1].subject == HOURLY


def test_held_and_failed_jobs() -> None:
    timetable = stood(two_trees(), '202611220600')
    held = next(job for job in timetable.open_jobs_of(HOURLY) if job.state.is_running)
    timetable.put(replace(held, is_held=True, uow_id=None, rev=2, request_id=None))
    timetable.settle()

    facts = list(
        facts_of_jobs(
            looking(timetable, '202611220600', SiteHourly=[FIRST.timeperiod.ordinal]), lambda _: []
        )
    )

    facts = [fact for fact in facts if fact.kind is not AlertKind.LATE]
    assert [(fact.kind, fact.subject) for fact in facts] == [
        (AlertKind.HELD, str(held.key)),
        (AlertKind.FAILED, str(FIRST)),
    ]
    assert facts[0].since == held.changed_at
    assert isinstance(held, Job)
    assert held.state is JobState.IN_PROGRESS


def test_the_root_is_the_first_cause_that_nothing_is_behind() -> None:
    causes = [cause(FIRST, CauseKind.WAITS_FOR), cause(FIRST, CauseKind.RETRY, 1)]

    assert root_of(causes) == causes[1]
    assert root_of([*causes, cause(FIRST, CauseKind.LATE)]) == causes[1]
    assert root_of([]) is None
    ready, leader = cause(FIRST, CauseKind.READY), cause(FIRST, CauseKind.LEADER)
    assert root_of([ready, leader]) == leader
    assert root_of([ready]) == ready


@pytest.mark.parametrize(
    ('kind', 'box_id', 'subject'),
    [
        (CauseKind.LEADER, None, 'Scheduler'),
        (CauseKind.BOX_GONE, 'box-1', 'box-1'),
        (CauseKind.BOX_GONE, None, str(FIRST)),
        (CauseKind.NO_BOX, None, 'SiteHourly'),
        (CauseKind.FAILED, None, str(FIRST)),
    ],
)
def test_what_is_not_a_job_is_called_as_the_alert_of_it(
    kind: CauseKind, box_id: str | None, subject: str
) -> None:
    assert subject_of(Cause(key=FIRST, kind=kind, text='', box_id=box_id)) == subject
