"""How long work still takes: by places and workers, by what comes first, never by the sum alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from synergy.core.lanes import CatchUp, Lane, LaneStart
from synergy.core.led_context import LedContext, placed
from synergy.core.pool_record import Demand, Pool, PoolName, SharedPools
from synergy.core.records import CommandId, Job, ProcessName
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import EndedRun
from synergy.view.estimates import BETWEEN_RUNS, Before, Estimator, before, turn_of
from synergy.view.usual import Durations, Usual
from tests.builders import instant, key, two_trees

NOW = instant('2026112400')
HOURLY, DAILY = ProcessName('SiteHourly'), ProcessName('SiteDaily')
HOUR = key('SiteHourly@2026112200')
MS = timedelta(milliseconds=1)


def runs(took: timedelta, gap: timedelta, count: int = 50, at_once: int = 1) -> list[EndedRun]:
    """Return runs that came one after the other, `at_once` side by side."""
    found = []
    for number in range(count):
        started = NOW + (took + gap) * (number // at_once)
        where = JobKey(HOURLY, HOUR.timeperiod.shift(number))
        found.append(EndedRun(where, 1, UnitState.PROCESSED, started, started + took))
    return found


def estimator(
    took: timedelta,
    *,
    max_running: int = 30,
    workers: int | None = 1,
    ahead: Mapping[ProcessName, int] | None = None,
    ended: list[EndedRun] | None = None,
) -> Estimator:
    durations = Durations(runs=ended or [], usual=Usual(took, took))
    return Estimator(
        hierarchy=two_trees(SiteHourly={'max_running': max_running}),
        durations=lambda _: durations,
        workers={} if workers is None else {HOURLY: workers, DAILY: workers},
        ahead=ahead or {},
    )


def seconds(length: timedelta | None) -> float:
    assert length is not None
    return length.total_seconds()


def test_two_thousand_short_runs_on_one_worker_take_longer_than_thirty_places_suggest() -> None:
    found = estimator(4 * MS).takes(HOURLY, 2208)

    assert seconds(found) == pytest.approx(2208 * 0.014)


@pytest.mark.parametrize(
    ('max_running', 'workers', 'width'), [(30, 3, 3), (2, 5, 2), (30, None, 30), (1, 1, 1)]
)
def test_no_more_run_at_once_than_have_a_place_and_a_worker(
    max_running: int, workers: int | None, width: int
) -> None:
    found = estimator(timedelta(minutes=1), max_running=max_running, workers=workers)

    assert seconds(found.takes(HOURLY, 60)) == pytest.approx(60 * 60.01 / width)


def test_without_a_worker_or_a_usual_time_nobody_knows() -> None:
    assert estimator(MS, workers=0).takes(HOURLY, 1) is None

    unknown = Durations(runs=[], usual=Usual(None, None))
    found = Estimator(hierarchy=two_trees(), durations=lambda _: unknown, workers={}, ahead={})
    assert found.takes(HOURLY, 1) is None
    assert found.whole({HOURLY: 1}) is None


def test_what_runs_now_comes_first() -> None:
    found = estimator(timedelta(minutes=1), max_running=1, ahead={HOURLY: 2})

    assert seconds(found.takes(HOURLY, 1)) == pytest.approx(3 * 60.01)


def test_the_pauses_between_runs_are_learnt_from_runs_that_came_in_a_row() -> None:
    assert turn_of(runs(4 * MS, 16 * MS), 4 * MS).total_seconds() == pytest.approx(0.02, rel=0.03)
    assert turn_of(runs(4 * MS, 6 * MS, at_once=5), 4 * MS).total_seconds() == pytest.approx(
        0.01, rel=0.1
    )
    # Once a minute is no row, and neither are a few.
    assert turn_of(runs(4 * MS, timedelta(minutes=1)), 4 * MS) == 4 * MS + BETWEEN_RUNS
    assert turn_of(runs(4 * MS, 16 * MS, count=5), 4 * MS) == 4 * MS + BETWEEN_RUNS
    assert turn_of([], 4 * MS) == 4 * MS + BETWEEN_RUNS


def test_the_whole_ends_with_what_waits_for_the_last_input() -> None:
    minute = timedelta(minutes=1)
    found = estimator(minute, max_running=1)

    # The days go on beside the hours; after the last hour one day follows.
    assert seconds(found.whole({HOURLY: 48, DAILY: 2})) == pytest.approx(49 * 60.01)
    assert found.whole({}) is None


def timetable_with(*jobs: Job) -> Timetable:
    timetable = Timetable(two_trees())
    timetable.extend(NOW)
    for job in jobs:
        timetable.put(job)
    timetable.settle()
    return timetable


def reset(where: JobKey) -> Job:
    return Job(
        process=where.process,
        timeperiod=where.timeperiod,
        rev=3,
        request_id=CommandId('c1'),
        changed_at=NOW,
    )


def hour(number: int) -> JobKey:
    return JobKey(HOURLY, Timeperiod(HOUR.timeperiod.qualifier, HOUR.timeperiod.ordinal + number))


def test_older_ones_come_first_and_reruns_take_turns() -> None:
    timetable = timetable_with(reset(hour(3)), reset(hour(40)))
    node = timetable.hierarchy.nodes[HOURLY]

    assert before(timetable, node, hour(0), NOW) == Before(0, {Lane.RERUN: 1})
    assert before(timetable, node, hour(10), NOW) == Before(9, {Lane.RERUN: 2})
    # Of those to run again one is older; as many of the others get their turn meanwhile.
    assert before(timetable, node, hour(40), NOW) == Before(1, {Lane.LIVE: 2})

    timetable.pause([CommandId('c1')])

    assert before(timetable, node, hour(10), NOW) == Before(9, {})


def test_what_is_blocked_or_done_does_not_come_first() -> None:
    done = [
        Job(
            process=HOURLY,
            timeperiod=hour(number).timeperiod,
            state=JobState.PROCESSED,
            rev=2,
            changed_at=NOW,
        )
        for number in range(5)
    ]
    timetable = timetable_with(*done)
    nodes = timetable.hierarchy.nodes

    assert before(timetable, nodes[HOURLY], hour(10), NOW) == Before(5, {})
    assert before(timetable, nodes[DAILY], key('SiteDaily@2026112300'), NOW) == Before(0, {})


def test_lanes_take_turns_by_their_shares() -> None:
    hierarchy = two_trees(SiteHourly={'catch_up': CatchUp.NEWEST_FIRST})
    live_from = hierarchy.over_at(hierarchy.nodes[HOURLY], hour(11).timeperiod.ordinal)
    start = LaneStart(first_at=live_from, live_from=live_from)
    timetable = Timetable(placed(hierarchy, LedContext(rev=0, lanes={HOURLY: start})))
    timetable.extend(NOW)
    node = timetable.hierarchy.nodes[HOURLY]

    # Newest first: 11 and 10 are before 9; four live ones come with each of the three.
    assert before(timetable, node, hour(9), NOW) == Before(2, {Lane.LIVE: 12})
    assert before(timetable, node, hour(14), NOW) == Before(2, {Lane.HISTORY: 1})


def test_a_pool_bounds_what_runs_at_once_and_starts_a_minute_alone_and_together() -> None:
    name, minute = PoolName('warehouse'), timedelta(minutes=1)
    demand = Demand(((name, 2),))
    found = estimator(minute, max_running=30, workers=None)
    many = two_trees(
        SiteHourly={'max_running': 30, 'demand': demand},
        AlertDaily={'max_running': 30, 'demand': demand},
    )
    alert = ProcessName('AlertDaily')

    def sized(slots: int, per_minute: int | None) -> Estimator:
        pool = Pool(name=name, slots=slots, per_minute=per_minute)
        shared = many.replaced(many.nodes, SharedPools(sizes={name: pool}))
        return replace(found, hierarchy=shared)

    assert seconds(sized(20, None).takes(HOURLY, 60)) == pytest.approx(6 * 60.01)
    assert seconds(sized(20, 5).takes(HOURLY, 60)) == pytest.approx(12 * 60)
    # Both take of it.
    assert seconds(sized(20, None).whole({HOURLY: 60, alert: 60})) == pytest.approx(12 * 60.01)
    assert seconds(sized(60, 5).whole({HOURLY: 60, alert: 60})) == pytest.approx(24 * 60)


def test_what_a_group_of_workers_runs_has_the_workers_of_the_group() -> None:
    etl = ProcessName('etl')
    found = replace(
        estimator(timedelta(minutes=1)),
        hierarchy=two_trees(SiteHourly={'max_running': 30, 'group': etl}),
        workers={etl: 4},
    )

    assert seconds(found.takes(HOURLY, 8)) == pytest.approx(2 * 60.01)
