"""Lanes: live intervals, history and reruns each get their share, in the order asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synergy.core.closure import PlanRefused, plan
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.index_codes import FRESH
from synergy.core.job_transitions import embryo
from synergy.core.lane_starts import FAILOVER_MAX, lane_starts
from synergy.core.lanes import CatchUp, Lane, LaneShares, LaneStart, LaneWork, Turns, lane_shares
from synergy.core.leaving_out import left_out_until
from synergy.core.led_context import LedContext, led_process, placed
from synergy.core.node import Node
from synergy.core.readiness import next_startable, readiness
from synergy.core.records import Job, Override, ProcessName
from synergy.core.states import Due, JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.timetable import Timetable
from tests.builders import instant, key, process, tree, two_trees
from tests.core.engine_harness import EngineHarness

NOW = instant('2026120100')
HOUR = timedelta(hours=1)
NAME = ProcessName('SiteHourly')


def hourly(
    live_from: datetime | None = NOW, start: str = '2026110100', **fields: object
) -> Hierarchy:
    """Return one hourly process that may start as soon as an interval ends."""
    made = build(
        [process('SiteHourly', lag=timedelta(), **fields)],
        [tree('site', ['SiteHourly'], start=start)],
    )
    if live_from is None:
        return made
    return placed(made, LedContext(rev=0, lanes=lane_starts(None, made, live_from, None)))


def started(harness: EngineHarness) -> Sequence[datetime]:
    """Return the intervals that were started, in order."""
    units = sorted(harness.units.values(), key=lambda unit: (unit.created_at, unit.id))
    return [instant(str(unit.timeperiod)) for unit in units]


def worked_for(harness: EngineHarness, hours: int) -> Sequence[datetime]:
    """Let each run take an hour; return the intervals that were run, in order."""
    ran = []
    harness.look()
    for _ in range(hours):
        harness.now += HOUR
        for unit in harness.live():
            ran.append(instant(str(unit.timeperiod)))
            harness.work(unit)
        harness.look()
    return ran


def test_thirty_days_of_history_do_not_keep_a_process_from_today() -> None:
    ran = worked_for(EngineHarness(hourly(), NOW), 24)

    today = [at for at in ran if at >= NOW]
    history = [at for at in ran if at < NOW]
    assert today == [NOW + HOUR * hour for hour in range(len(today))]
    assert len(today) >= 24 * 4 // 5 - 1
    assert history == [instant('2026110100') + HOUR * hour for hour in range(len(history))]
    assert len(history) >= 24 // 5


def test_in_order_it_does() -> None:
    ran = worked_for(EngineHarness(hourly(catch_up=CatchUp.IN_ORDER), NOW), 24)

    assert ran == [instant('2026110100') + HOUR * hour for hour in range(24)]


def test_newest_first_goes_back_from_the_newest() -> None:
    shares = LaneShares(live=1, history=1)
    harness = EngineHarness(hourly(catch_up=CatchUp.NEWEST_FIRST, shares=shares), NOW)

    ran = worked_for(harness, 12)

    history = [at for at in ran if at < NOW]
    assert history == [NOW - HOUR * (hour + 1) for hour in range(len(history))]
    assert len(history) >= 5
    assert [at for at in ran if at >= NOW] == [
        NOW + HOUR * hour for hour in range(12 - len(history))
    ]


def test_many_places_are_filled_from_all_lanes_in_one_batch() -> None:
    harness = EngineHarness(hourly(instant('2026113000'), max_running=10), NOW)
    harness.look()

    starts = Counter(at >= instant('2026113000') for at in started(harness))

    assert starts == {True: 8, False: 2}


def test_what_has_no_history_goes_by_no_turns() -> None:
    harness = EngineHarness(hourly(instant('2026110100'), max_running=3), instant('2026110106'))
    harness.look()

    assert started(harness) == [instant(f'20261101{hour:02}') for hour in range(3)]


BUSY = st.lists(st.sets(st.sampled_from(list(Lane)), min_size=1), min_size=1, max_size=60)
SHARES = st.builds(
    LaneShares, live=st.integers(1, 9), history=st.integers(1, 9), rerun=st.integers(1, 9)
)


def check_fair(taken: Sequence[Lane], busy: Sequence[Iterable[Lane]], shares: LaneShares) -> None:
    """Fail if, while two lanes both had work, one got more than a start beyond its share."""
    share = {lane: getattr(shares, lane.value) for lane in Lane}
    for one in Lane:
        for other in Lane:
            had = dict.fromkeys(Lane, 0)
            for lane, lanes in zip(taken, busy, strict=True):
                if not {one, other} <= set(lanes):
                    had = dict.fromkeys(Lane, 0)
                    continue
                had[lane] += 1
                ahead = had[one] / share[one] - had[other] / share[other]
                assert ahead <= 1 / share[one] + 1 / share[other] + 1e-9


def taken_of(turns: Turns, busy: Sequence[Iterable[Lane]]) -> Sequence[Lane]:
    """Return which lane takes each start; each that is asked and not in `busy` has no work."""
    taken = []
    for lanes in busy:
        lane = next(item for item in turns.order(Lane) if item in lanes)
        turns.took(lane)
        taken.append(lane)
    return taken


@settings(max_examples=100, deadline=None)
@given(busy=BUSY, shares=SHARES)
def test_no_lane_with_work_waits_for_more_than_its_share(
    busy: list[set[Lane]], shares: LaneShares
) -> None:
    turns = Turns(shares)

    check_fair(taken_of(turns, busy), busy, shares)

    assert taken_of(Turns(shares), busy) == taken_of(Turns(shares), busy)


class FirstComesFirst(Turns):
    """A mutant: the first lane that has work is always served."""

    def order(self, lanes: Iterable[Lane]) -> list[Lane]:
        return list(lanes)


class Forgetful(Turns):
    """A mutant: whoever was served has had nothing."""

    def took(self, lane: Lane) -> None:
        super().took(lane)
        self._had[lane] = 0


@pytest.mark.parametrize('mutant', [FirstComesFirst, Forgetful])
def test_the_bound_finds_a_lane_that_starves(mutant: type[Turns]) -> None:
    turns, busy = mutant(LaneShares()), [set(Lane)] * 30

    with pytest.raises(AssertionError):
        check_fair(taken_of(turns, busy), busy, LaneShares())


def test_all_lanes_of_an_engine_get_their_share() -> None:
    shares = LaneShares(live=3, history=1, rerun=2)
    live_from = instant('2026112900')
    harness = EngineHarness(hourly(live_from, shares=shares), NOW)
    harness.timetable.extend(NOW)
    for hour in range(24):
        done = _job(key(f'SiteHourly@20261110{hour:02}'), JobState.PROCESSED)
        harness.jobs[done.key] = done
        harness.timetable.put(done)
    harness.timetable.settle()
    harness.command(rerun('2026111000', '2026111100'))

    ran = worked_for(harness, 36)

    lanes = [
        Lane.RERUN
        if instant('2026111000') <= at < instant('2026111100')
        else Lane.LIVE
        if at >= live_from
        else Lane.HISTORY
        for at in ran
    ]
    assert 13 >= lanes.count(Lane.RERUN) >= 11
    check_fair(lanes, [set(Lane)] * len(lanes), shares)


def _job(job_key: JobKey, state: JobState) -> Job:
    return replace(embryo(job_key, NOW), state=state, rev=1)


def rerun(start: str, end: str, **fields: object) -> Command:
    return Command(
        id=CommandId('r'),
        kind=CommandKind.REPROCESS,
        process=NAME,
        start=key(f'SiteHourly@{start}').timeperiod,
        end=key(f'SiteHourly@{end}').timeperiod,
        actor='anna',
        created_at=NOW,
        **fields,  # type: ignore[arg-type]
    )


@settings(max_examples=40, deadline=None)
@given(missing=st.lists(st.sampled_from([None, None, 0, 7, 23]), min_size=8, max_size=8))
def test_the_newest_that_may_start_is_found(missing: list[int | None]) -> None:
    hierarchy = two_trees(end='2026120100')
    timetable = Timetable(hierarchy)
    timetable.extend(NOW)
    first = hierarchy.nodes[NAME].first
    for place in range(8 * 24):
        if missing[place // 24] != place % 24:
            hour = JobKey(NAME, Timeperiod(Qualifier.HOURLY, first + place))
            timetable.put(_job(hour, JobState.PROCESSED))
    for name in ('SiteDaily', 'AlertDaily', 'SiteMonthly'):
        node = hierarchy.nodes[ProcessName(name)]
        over = hierarchy.over_until(node, NOW)
        ready = [
            ordinal
            for ordinal in range(node.first, over)
            if readiness(timetable, job_of(node, ordinal), NOW).due is Due.READY
        ]
        for is_newest_first, expected in ((True, ready[-1:]), (False, ready[:1])):
            work = LaneWork(FRESH, range(node.first, over), is_newest_first)
            found = next_startable(timetable, node, work, NOW)
            assert ([] if found is None else [found.key.timeperiod.ordinal]) == expected


def job_of(node: Node, ordinal: int) -> JobKey:
    return JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))


def led_with(hierarchy: Hierarchy, start: LaneStart | None, **fields: object) -> LedContext:
    node = hierarchy.nodes[NAME]
    lanes = {} if start is None else {NAME: start}
    led = replace(led_process(hierarchy, node), **fields)  # type: ignore[arg-type]
    return LedContext(rev=1, processes={NAME: led}, lanes=lanes)


BEFORE = NOW - timedelta(days=9)
LONG_AGO = NOW - FAILOVER_MAX * 2
EARLIER = LaneStart(first_at=BEFORE, live_from=BEFORE)


@pytest.mark.parametrize(
    ('before', 'fields', 'led_until', 'live_from'),
    [
        (EARLIER, {}, NOW - timedelta(minutes=1), BEFORE),
        (EARLIER, {}, None, BEFORE),
        (EARLIER, {}, LONG_AGO, NOW),
        (replace(EARLIER, is_on=False), {}, NOW, NOW),
        (EARLIER, {'is_out': True}, NOW, NOW),
        # Somebody has led since then, and seen the absence already.
        (replace(EARLIER, live_from=LONG_AGO + HOUR / 60), {}, LONG_AGO, LONG_AGO + HOUR / 60),
    ],
)
def test_what_was_missed_becomes_history(
    before: LaneStart, fields: dict[str, object], led_until: datetime | None, live_from: datetime
) -> None:
    hierarchy = hourly(None)

    found = lane_starts(led_with(hierarchy, before, **fields), hierarchy, NOW, led_until)[NAME]

    assert found == replace(before, live_from=live_from, is_on=True)


def test_a_first_start_makes_all_before_it_history_and_an_off_process_waits_for_it() -> None:
    on, off = hourly(None), hourly(None, is_on=False)

    assert lane_starts(None, on, NOW, None)[NAME] == LaneStart(first_at=NOW, live_from=NOW)
    found = lane_starts(None, off, NOW, None)
    assert found[NAME] == LaneStart(first_at=None, live_from=NOW, is_on=False)
    later = lane_starts(LedContext(rev=1, lanes=found), on, NOW + HOUR, NOW)
    assert later[NAME] == LaneStart(first_at=NOW + HOUR, live_from=NOW + HOUR)


def test_a_process_led_by_an_earlier_version_is_not_begun_anew() -> None:
    hierarchy = hourly(None, catch_up=CatchUp.NONE)

    found = lane_starts(led_with(hierarchy, None), hierarchy, NOW, None)
    made = placed(hierarchy, LedContext(rev=0, lanes=found))

    node = made.nodes[NAME]
    assert left_out_until(made, node) == node.first
    assert found[NAME].live_from == NOW


def test_a_start_that_is_moved_back_adds_history() -> None:
    found = lane_starts(led_with(hourly(None), EARLIER), hourly(None, start='2025010100'), NOW, NOW)

    assert found[NAME] == EARLIER


def nothing_caught_up(now: datetime = NOW) -> Timetable:
    hierarchy = two_trees(SiteHourly={'catch_up': CatchUp.NONE})
    made = placed(hierarchy, LedContext(rev=0, lanes=lane_starts(None, hierarchy, NOW, None)))
    timetable = Timetable(made)
    timetable.extend(now)
    return timetable


def test_what_is_not_caught_up_is_noop_without_a_row_and_what_waits_for_it_goes_on() -> None:
    harness = EngineHarness(nothing_caught_up().hierarchy, NOW)
    harness.timetable.extend(NOW)
    harness.look()

    assert harness.state(key('SiteHourly@2026112905')) is JobState.NOOP
    assert harness.timetable.is_left_out(key('SiteHourly@2026112905'))
    assert key('SiteHourly@2026112905') not in harness.jobs
    # Its lag had not passed when it was started first.
    assert harness.state(key('SiteHourly@2026113023')) is JobState.EMBRYO
    assert {unit.key.process for unit in harness.live()} >= {'SiteDaily'}
    assert all(unit.key.process != 'SiteHourly' for unit in harness.live())


def test_what_is_not_caught_up_runs_only_on_request() -> None:
    timetable = nothing_caught_up()
    command = rerun('2026112905', '2026112907')

    with pytest.raises(PlanRefused, match=r"left out by catch_up='none'.*--anyway"):
        plan(timetable, command)

    planned = plan(timetable, replace(command, details={'anyway': True}))
    ordinal = command.start.ordinal
    assert planned.ranges == {NAME: ((ordinal, ordinal + 2),)}


def test_an_operator_leaves_out_what_is_history_by_then_and_not_what_is_missed_later() -> None:
    hierarchy = hourly(None)
    answer = Override(
        process=NAME, catch_up=CatchUp.NONE, catch_up_at=NOW, catch_up_by='anna', definition=''
    )
    node = hierarchy.nodes[NAME]
    process_now = replace(node.process, catch_up=CatchUp.NONE, override=answer)
    answered = hierarchy.replaced({NAME: replace(node, process=process_now)})
    led = led_with(hierarchy, EARLIER)

    first = lane_starts(led, answered, NOW, NOW)
    assert first[NAME] == replace(EARLIER, left_out_before=BEFORE, answered_at=NOW)

    later = NOW + timedelta(days=3)
    second = lane_starts(replace(led, lanes=first), answered, later, NOW)
    assert second[NAME] == replace(first[NAME], live_from=later)

    back = lane_starts(replace(led, lanes=second), hierarchy, later, later)
    assert back[NAME] == replace(EARLIER, live_from=later)


@pytest.mark.parametrize(
    ('value', 'shares'),
    [
        ('live=4 history=1 rerun=4', LaneShares()),
        ({'history': 9}, LaneShares(history=9)),
        ('live=2, rerun=3', LaneShares(live=2, rerun=3)),
    ],
)
def test_shares_are_read(value: object, shares: LaneShares) -> None:
    assert lane_shares(value) == shares
    assert lane_shares(str(shares)) == shares


@pytest.mark.parametrize(
    'value', ['', {}, 7, 'live=0', {'live': 1001}, {'live': True}, {'old': 1}, 'live', 'live=1.5']
)
def test_other_shares_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r'share|lane'):
        lane_shares(value)
