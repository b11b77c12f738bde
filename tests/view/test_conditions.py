"""Conditions: one word, glyph and count for each way in which a job or run can stand."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from synergy.core.records import CommandId, Job, ProcessName, UowId, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import LiveRun
from synergy.view.conditions import (
    ADDITIONS,
    ALL,
    BLOCKED,
    DOOMED,
    FAILED,
    FINAL_RUN,
    HELD,
    NOOP,
    NOT_BEGUN,
    NOT_DUE,
    OFF,
    PAUSED,
    PROCESSED,
    QUEUED,
    READY,
    REPORTED,
    RESTING,
    RETRYING,
    RUNNING,
    SKIPPED,
    UNDER_WAY,
    Condition,
    Looking,
    condition_of,
    runs_of,
)
from synergy.view.skipped import skipped_below
from synergy.view.workload import workload_of
from tests.builders import instant, key, two_trees

NOW = instant('2026112301')
HOURLY = ProcessName('SiteHourly')
LATER = NOW + timedelta(minutes=5)
REQUEST = CommandId('c1')
HOUR = key('SiteHourly@2026112205')


def timetable_with(*jobs: Job, **fields: object) -> Timetable:
    timetable = Timetable(two_trees(**fields))
    timetable.extend(NOW)
    for job in jobs:
        timetable.put(job)
    timetable.settle()
    return timetable


def job_of(where: JobKey, state: JobState, **fields: object) -> Job:
    uow_id = uow_id_of(where, 1) if state.is_running else None
    values = {'rev': 1, 'run': 1, 'uow_id': uow_id, 'changed_at': NOW, **fields}
    return Job(process=where.process, timeperiod=where.timeperiod, state=state, **values)  # type: ignore[arg-type] # fields of a job, by their names


def live(where: JobKey, state: UnitState, *, later: bool = False) -> LiveRun:
    return LiveRun(uow_id_of(where, 1), where, state, LATER if later else None)


def seen(timetable: Timetable, where: JobKey, *runs: LiveRun, failed: bool = False) -> Condition:
    looking = Looking(
        timetable=timetable,
        failed={where.process: {where.timeperiod.ordinal}} if failed else {},
        runs=runs_of(runs, NOW),
        now=NOW,
    )
    return condition_of(looking, timetable.hierarchy.nodes[where.process], where)


@pytest.mark.parametrize(
    ('job', 'unit', 'later', 'expected'),
    [
        ({'state': JobState.IN_PROGRESS}, UnitState.IN_PROGRESS, False, RUNNING),
        ({'state': JobState.IN_PROGRESS}, UnitState.REQUESTED, False, QUEUED),
        ({'state': JobState.IN_PROGRESS}, UnitState.REQUESTED, True, RETRYING),
        ({'state': JobState.IN_PROGRESS}, UnitState.INVALID, False, RETRYING),
        ({'state': JobState.IN_PROGRESS}, None, False, REPORTED),
        ({'state': JobState.IN_PROGRESS, 'is_held': True}, None, False, HELD),
        ({'state': JobState.IN_PROGRESS, 'uow_id': None}, None, False, RESTING),
        ({'state': JobState.FINAL_RUN}, UnitState.IN_PROGRESS, False, FINAL_RUN),
        ({'state': JobState.FINAL_RUN}, UnitState.REQUESTED, False, QUEUED),
        ({'state': JobState.FINAL_RUN}, UnitState.REQUESTED, True, RETRYING),
        ({'state': JobState.FINAL_RUN, 'is_held': True}, None, False, HELD),
        ({'state': JobState.PROCESSED}, None, False, PROCESSED),
        ({'state': JobState.SKIPPED}, None, False, SKIPPED),
        ({'state': JobState.NOOP}, None, False, NOOP),
        ({'state': JobState.EMBRYO, 'request_id': REQUEST}, None, False, READY),
    ],
)
def test_each_way_to_stand_has_its_word(
    job: dict[str, object], unit: UnitState | None, later: bool, expected: Condition
) -> None:
    timetable = timetable_with(job_of(HOUR, **job))  # type: ignore[arg-type] # fields of a job, by their names
    runs = [] if unit is None else [live(HOUR, unit, later=later)]

    assert seen(timetable, HOUR, *runs) is expected


def test_what_has_not_begun_waits_or_fails_is_told_apart() -> None:
    timetable = timetable_with(job_of(HOUR, JobState.SKIPPED, failure_count=3))

    assert seen(timetable, HOUR, failed=True) is FAILED
    assert seen(timetable, key('SiteHourly@2026112200')) is READY
    assert seen(timetable, key('SiteHourly@2026112301')) is NOT_DUE
    assert seen(timetable, key('SiteHourly@2026112305')) is NOT_BEGUN
    assert seen(timetable, key('SiteDaily@2026112200')) is BLOCKED


def test_a_paused_request_pauses_its_jobs_and_they_are_not_blocked_or_ready() -> None:
    timetable = timetable_with(job_of(HOUR, JobState.EMBRYO, request_id=REQUEST, uow_id=None))
    timetable.pause([REQUEST])

    assert seen(timetable, HOUR) is PAUSED
    assert workload_of(timetable, {}).of(HOURLY)[PAUSED] == 1

    timetable.pause([])

    assert seen(timetable, HOUR) is READY


def test_all_children_skipped_doom_their_parent() -> None:
    timetable = timetable_with()
    node = timetable.hierarchy.nodes[ProcessName('SiteDaily')]
    day = key('SiteDaily@2026112200')
    ordinal = day.timeperiod.ordinal
    hours = timetable.hierarchy.children_of(node, range(ordinal, ordinal + 1))
    for hour in hours:
        where = JobKey(HOURLY, Timeperiod(HOUR.timeperiod.qualifier, hour))
        timetable.put(job_of(where, JobState.SKIPPED))

    assert seen(timetable, day) is DOOMED


def test_words_names_and_glyphs_differ() -> None:
    names = Counter(condition.name for condition in (*ALL, *ADDITIONS))
    words = Counter(condition.word for condition in (*ALL, *ADDITIONS))
    glyphs = Counter(
        condition.css for condition in (*ALL, *ADDITIONS) if condition is not NOT_BEGUN
    )

    assert {*names.values(), *words.values(), *glyphs.values()} == {1}
    assert {item for item in ALL if item.waits_for_person} == {HELD, PAUSED, OFF}


@pytest.mark.parametrize('seed', range(20))
def test_every_job_is_counted_once_and_no_more_run_than_have_a_place(seed: int) -> None:
    """Whatever the jobs and units are, the counts are those of asking each job by itself."""
    draw = random.Random(seed)
    timetable = timetable_with()
    span = timetable.span(HOURLY)
    runs: list[LiveRun] = []
    for ordinal in span:
        where = JobKey(HOURLY, Timeperiod(HOUR.timeperiod.qualifier, ordinal))
        state = draw.choice(list(JobState))
        job = job_of(where, state)
        if state.is_running:
            if draw.random() < 0.2:
                job = replace(job, is_held=True)
            elif draw.random() < 0.2:
                job = replace(job, uow_id=None)
            if draw.random() < 0.8:
                unit = draw.choice([UnitState.REQUESTED, UnitState.IN_PROGRESS, UnitState.INVALID])
                runs.append(live(where, unit, later=draw.random() < 0.5))
        timetable.put(job)
    runs.append(LiveRun(UowId('of a former run'), HOUR, UnitState.IN_PROGRESS, None))
    looking = Looking(timetable=timetable, failed={}, runs=runs_of(runs, NOW), now=NOW)
    node = timetable.hierarchy.nodes[HOURLY]
    keys = [JobKey(HOURLY, Timeperiod(HOUR.timeperiod.qualifier, ordinal)) for ordinal in span]

    asked = Counter(condition_of(looking, node, where) for where in keys)
    counted = workload_of(timetable, looking.runs).of(HOURLY)

    for condition in (*UNDER_WAY, RESTING, HELD):
        assert counted[condition] == asked[condition], condition
    assert sum(counted[item] for item in UNDER_WAY) == timetable.running_count(HOURLY)


def test_a_parent_over_skipped_children_tells_of_the_nearest_level_that_has_any() -> None:
    timetable = timetable_with(job_of(HOUR, JobState.SKIPPED))
    nodes = timetable.hierarchy.nodes
    day, month = nodes[ProcessName('SiteDaily')], nodes[ProcessName('SiteMonthly')]
    at = key('SiteDaily@2026112200').timeperiod.ordinal
    in_month = key('SiteMonthly@2026110000').timeperiod.ordinal

    found = skipped_below(timetable, day, range(at, at + 1))
    above = skipped_below(timetable, month, range(in_month, in_month + 1))

    assert str(found) == '1 of 24 skipped'
    assert above is not None
    assert (above.node.process.name, above.count) == (HOURLY, 1)
    assert skipped_below(timetable, day, range(at + 1, at + 2)) is None
    assert skipped_below(timetable, nodes[HOURLY], range(at, at + 1)) is None
