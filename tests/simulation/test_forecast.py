"""Foreseeing what would run: from nothing, and with what a store has left to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.calendar import UtcCalendar, ZoneCalendar
from synergy.core.deadline import parse
from synergy.core.hierarchy import build
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.node import Input, InputKind
from synergy.core.pool_record import Demand, Pool, PoolName, SharedPools
from synergy.core.records import Job, ProcessName, Route
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier
from synergy.core.timetable import Timetable
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.backlog import Backlog, backlog_of, write
from synergy.simulation.forecast import ForecastRun, beginning_at, forecast
from synergy.simulation.plot import Crew
from synergy.view.index import load_index
from tests.builders import instant, key, process, tree, two_trees

NOW = instant('2026112510') + timedelta(minutes=30)
SECONDS = {
    ProcessName(name): 5.0 for name in ('SiteHourly', 'SiteDaily', 'SiteMonthly', 'AlertDaily')
}


def pipeline() -> Pipeline:
    def route_of(name: ProcessName) -> Route:
        return Route(exchange='x', routing=f'r_{name}', queue=f'q_{name}')

    return Pipeline(hierarchy=two_trees(), route_of=route_of)


def timetable_with(*jobs: Job) -> Timetable:
    """Return an index in which everything has ended that is over, but for `jobs`."""
    timetable = Timetable(two_trees())
    timetable.extend(NOW)
    given = {job.key for job in jobs}
    for node in timetable.hierarchy:
        for ordinal in timetable.span(node.process.name):
            timeperiod = timetable.hierarchy.timeperiod(node, ordinal)
            job = Job(
                process=node.process.name,
                timeperiod=timeperiod,
                state=JobState.PROCESSED,
                rev=1,
                changed_at=NOW,
            )
            is_over = timetable.hierarchy.interval(node, ordinal)[1] <= NOW
            if is_over and job.key not in given:
                timetable.put(job)
    for job in jobs:
        timetable.put(job)
    timetable.settle()
    return timetable


def open_job(text: str, **fields: object) -> Job:
    where = key(text)
    job = Job(process=where.process, timeperiod=where.timeperiod, changed_at=NOW)
    return replace(job, **fields)  # type: ignore[arg-type]


def reset_job(hour: str) -> Job:
    return open_job(f'SiteHourly@{hour}', state=JobState.EMBRYO, rev=2, run=1)


def foreseen(backlog: Backlog) -> list[str]:
    runs: list[ForecastRun] = list(
        forecast(
            pipeline(),
            Crew(instances=dict.fromkeys(SECONDS, 1)),
            SECONDS,
            NOW,
            timedelta(minutes=20),
            backlog,
        )
    )
    assert all(run.started_at >= NOW for run in runs)
    return [f'{run.process}@{run.timeperiod}' for run in runs]


def test_where_all_has_ended_nothing_runs_until_the_next_interval_is_over() -> None:
    backlog = backlog_of(timetable_with(), NOW)

    assert foreseen(backlog) == []
    # What is final decides nothing: only what the present intervals still need is kept.
    assert len(backlog.jobs) < 50


def test_what_a_store_has_left_runs_with_all_that_waits_for_it() -> None:
    left = [
        open_job(f'{name}@{text}')
        for name, text in (
            ('SiteHourly', '2026112205'),
            ('SiteDaily', '2026112200'),
            ('AlertDaily', '2026112200'),
        )
    ]

    assert foreseen(backlog_of(timetable_with(*left), NOW)) == [
        'SiteHourly@2026112205',
        'SiteDaily@2026112200',
        'AlertDaily@2026112200',
    ]


def test_a_day_that_is_left_over_finished_hours_runs_alone() -> None:
    left = open_job('SiteDaily@2026112300')
    alert = open_job('AlertDaily@2026112300')

    assert foreseen(backlog_of(timetable_with(left, alert), NOW)) == [
        'SiteDaily@2026112300',
        'AlertDaily@2026112300',
    ]


def test_a_new_process_has_its_whole_past_before_it() -> None:
    timetable = timetable_with(
        *(open_job(f'AlertDaily@202611{day}00') for day in ('22', '23', '24'))
    )

    found = foreseen(backlog_of(timetable, NOW))

    assert found == [f'AlertDaily@202611{day}00' for day in ('22', '23', '24')]


def test_what_is_held_stays_held_and_what_is_under_way_runs() -> None:
    held = open_job(
        'SiteHourly@2026112205', state=JobState.IN_PROGRESS, rev=2, run=1, is_held=True, reason='no'
    )
    running = open_job('SiteHourly@2026112207', state=JobState.IN_PROGRESS, rev=1, run=1)
    day = open_job('SiteDaily@2026112200')
    alert = open_job('AlertDaily@2026112200')

    found = foreseen(backlog_of(timetable_with(held, running, day, alert), NOW))

    assert found == ['SiteHourly@2026112207']


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    clock = SimulatedClock(NOW)
    with closing(SqliteStore.open(tmp_path / 'store.db', clock=clock)) as found:
        yield found


def test_a_backlog_is_read_back_from_a_store_as_it_was(store: SqliteStore) -> None:
    before = timetable_with(open_job('SiteHourly@2026112205'))
    backlog = backlog_of(before, NOW)

    write(store, backlog)

    after = load_index(two_trees(), store, NOW)
    for node in before.hierarchy:
        name = node.process.name
        for ordinal in before.span(name):
            if before.hierarchy.interval(node, ordinal)[1] > backlog.begin:
                at = key(f'{name}@{before.hierarchy.timeperiod(node, ordinal)}')
                assert before.state(at) == after.state(at)
    assert store.leadership() is not None


BERLIN_ZONE = 'Europe/Berlin'
QUARTERS = Qualifier.MINUTELY_15
BERLIN = ZoneCalendar(ZoneInfo(BERLIN_ZONE))


def test_a_day_of_a_zone_is_foreseen_by_its_own_clock_and_without_what_has_ended() -> None:
    """Sunday, 25 October, has 25 hours in Berlin; a tree that ended on Friday says no more."""

    def input_of(name: str) -> Input:
        return Input(kind=InputKind.DEPENDENCY, process=ProcessName(name))

    hierarchy = build(
        [
            process('SiteHourly', max_running=30),
            process(
                'SiteDaily', machine='own', inputs=(input_of('SiteQuarters'), input_of('OldDaily'))
            ),
            replace(process('SiteHourly'), name=ProcessName('SiteQuarters'), qualifier=QUARTERS),
            process('OldDaily'),
        ],
        [
            replace(
                tree('site', ['SiteHourly', 'SiteDaily'], start='2026102012'), zone=BERLIN_ZONE
            ),
            replace(tree('quarters', ['SiteQuarters'], start='2026102412'), zone=BERLIN_ZONE),
            tree('old', ['OldDaily'], start='2026102012', end='2026102312'),
        ],
        {'UTC': UtcCalendar(), BERLIN_ZONE: BERLIN},
        {**MACHINE_BY_NAME, 'own': MACHINE_BY_NAME['discrete']},
    )
    whole = Pipeline(hierarchy=hierarchy, route_of=pipeline().route_of)

    left = beginning_at(whole, instant('2026102422'))

    assert {node.process.name for node in left.hierarchy} == {
        'SiteHourly',
        'SiteDaily',
        'SiteQuarters',
    }
    found = forecast(
        left,
        Crew(instances=dict.fromkeys(left.hierarchy.nodes, 1)),
        dict.fromkeys(left.hierarchy.nodes, 1.0),
        instant('2026102422'),
        timedelta(hours=26),
    )
    counts = Counter(run.process for run in found)
    assert counts['SiteHourly'] == 25
    assert counts['SiteQuarters'] == 4 * 25 + 3
    [day] = [run for run in found if run.process == 'SiteDaily']
    assert day.timeperiod == '2026102500'
    assert day.started_at >= instant('2026102523')


def test_what_shares_a_pool_is_foreseen_to_wait_for_its_slots() -> None:
    pool = Pool(name=PoolName('warehouse'), slots=1)
    hierarchy = two_trees(SiteHourly={'demand': Demand(((pool.name, 1),)), 'max_running': 4})
    shared = hierarchy.replaced(hierarchy.nodes, SharedPools(sizes={pool.name: pool}))

    found = forecast(
        replace(pipeline(), hierarchy=shared),
        Crew(instances=dict.fromkeys(SECONDS, 4)),
        SECONDS,
        NOW,
        timedelta(minutes=31),
        backlog_of(timetable_with(*map(reset_job, ('2026112507', '2026112508'))), NOW),
    )

    hours = [run for run in found if run.process == 'SiteHourly']
    assert len(hours) >= 2
    for one, other in pairwise(hours):
        assert one.ended_at is not None
        assert other.started_at >= one.ended_at


def test_runs_that_would_end_after_their_deadline_are_told() -> None:
    hourly = ProcessName('SiteHourly')
    runs = forecast(
        replace(pipeline(), hierarchy=two_trees(SiteHourly={'deadline': parse('06:00')})),
        Crew(instances=dict.fromkeys(SECONDS, 1)),
        {**SECONDS, hourly: 3600.0},
        instant('2026112504'),
        timedelta(hours=3),
    )

    # The hour 04 has less than an hour from five past five on, the hour 05 until the next morning.
    told = [(run.timeperiod, run.late_at, run.is_late) for run in runs if run.process == hourly]
    assert told == [
        ('2026112504', instant('2026112506'), True),
        ('2026112505', instant('2026112606'), False),
    ]
