"""A changed context: what has grown below something finished, against a count by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

import pytest

from synergy.core.changed_levels import left_out, refused_levels
from synergy.core.commands import Command, CommandId, CommandKind, CommandState, Ranges
from synergy.core.context_change import ContextChange, Surroundings, compare, demands_led
from synergy.core.context_commands import growth_request, kept_record
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.led_context import LedContext, placed
from synergy.core.node import Node
from synergy.core.pool_record import Demand, Pool, PoolName, SharedPools
from synergy.core.records import CommandId as Id
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.stored import led_context
from tests.builders import instant, key, process, tree, two_trees

NOW = instant('2026112500')
LEVELS = ('Monthly', 'Daily', 'Hourly')
JobSet = set[tuple[ProcessName, int]]


def led_with(hierarchy: Hierarchy) -> LedContext:
    """Return what is remembered of a hierarchy."""
    return compare(None, fresh(hierarchy), Surroundings()).context


def fresh(hierarchy: Hierarchy) -> Timetable:
    timetable = Timetable(hierarchy)
    timetable.extend(NOW)
    return timetable


def finished(hierarchy: Hierarchy, *names: str) -> Timetable:
    """Return a timetable in which all that can be finished is; names: of processes, or all."""
    timetable = fresh(hierarchy)
    for node in hierarchy:
        if names and node.process.name not in names:
            continue
        span = range(node.first, hierarchy.over_until(node, NOW))
        for ordinal in span:
            put(timetable, node, ordinal, JobState.PROCESSED)
    timetable.settle()
    return timetable


def put(timetable: Timetable, node: Node, ordinal: int, state: JobState) -> None:
    timeperiod = Timeperiod(node.process.qualifier, ordinal)
    timetable.put(
        Job(
            process=node.process.name,
            timeperiod=timeperiod,
            state=state,
            rev=1,
            run=1,
            changed_at=NOW,
        )
    )


def jobs_in(ranges: Ranges) -> JobSet:
    return {
        (name, ordinal)
        for name, runs in ranges.items()
        for pair in runs
        for ordinal in range(*pair)
    }


def texts_of(ranges: Ranges, hierarchy: Hierarchy) -> list[str]:
    return [
        f'{name}@{Timeperiod(hierarchy.nodes[name].process.qualifier, ordinal)}'
        for name, ordinal in sorted(jobs_in(ranges))
    ]


def grown_since(before: Hierarchy, now: Hierarchy, **fields: object) -> ContextChange:
    return compare(led_with(before), finished(now), Surroundings(**fields))  # type: ignore[arg-type]


# One change at a time


def test_the_same_context_changes_nothing() -> None:
    change = grown_since(two_trees(), two_trees())

    assert not change.is_changed
    assert not change.stale
    assert not change.kept
    assert change.context == led_with(two_trees())


def site(start: str = '2026112220', end: str | None = '2026112300') -> Hierarchy:
    return build(
        [process('SiteHourly'), process('SiteDaily')],
        [tree('site', ['SiteHourly', 'SiteDaily'], start=start, end=end)],
    )


def test_a_day_whose_tree_starts_earlier_is_stale() -> None:
    now = site('2026112216')
    timetable = finished(now, 'SiteDaily')

    change = compare(led_with(site()), timetable, Surroundings())

    assert texts_of(change.stale, now) == ['SiteDaily@2026112200']
    assert change.grown_facts == ('SiteHourly starts at 2026112216 instead of 2026112220',)
    assert change.context == replace(led_with(now), rev=2)


def test_a_month_whose_tree_ends_later_is_stale_and_waits_for_what_has_not_begun() -> None:
    def months(end: str | None) -> Hierarchy:
        return build(
            [process('SiteDaily'), process('SiteMonthly')],
            [tree('site', ['SiteDaily', 'SiteMonthly'], start='2026112000', end=end)],
        )

    for end in ('2026112400', '2026112900', None):
        now = months(end)
        change = compare(
            led_with(months('2026112300')), finished(months('2026112300')), Surroundings()
        )
        assert not change.stale
        timetable = fresh(now)
        node = now.nodes[ProcessName('SiteMonthly')]
        put(timetable, node, node.first, JobState.PROCESSED)
        change = compare(led_with(months('2026112300')), timetable, Surroundings())
        assert texts_of(change.stale, now) == ['SiteMonthly@2026110000'], end


def test_all_days_are_stale_below_which_hours_were_enclosed() -> None:
    before = build([process('SiteDaily')], [tree('site', ['SiteDaily'], end='2026112400')])
    now = build(
        [process('SiteDaily'), process('SiteHourly')],
        [tree('site', ['SiteDaily', 'SiteHourly'], end='2026112400')],
    )

    change = grown_since(before, now)

    assert texts_of(change.stale, now) == ['SiteDaily@2026112200', 'SiteDaily@2026112300']
    assert change.grown_facts == ('SiteDaily waits for SiteHourly, too',)


def test_a_dependency_that_was_added_makes_stale_and_so_does_what_follows_from_it() -> None:
    def trees(*dependent_on: str) -> Hierarchy:
        return build(
            map(process, ['ADaily', 'BDaily', 'BMonthly', 'CDaily']),
            [
                tree('a', ['ADaily'], start='2026112300'),
                tree('b', ['BDaily', 'BMonthly'], dependent_on=dependent_on, end='2026112400'),
                tree('c', ['CDaily'], dependent_on=['b'], end='2026112400'),
            ],
        )

    change = grown_since(trees(), trees('a'))

    # Day 22 lies before the first day of a: for it there is nothing more to wait for.
    assert texts_of(change.stale, trees('a')) == [
        'BDaily@2026112300',
        'BMonthly@2026110000',
        'CDaily@2026112300',
    ]


def test_what_waits_for_less_now_keeps_its_result_and_that_is_written_down() -> None:
    now = site('2026112222')
    led = led_with(site())

    change = compare(led, finished(now), Surroundings())
    record = kept_record(change, led, now, NOW)

    assert not change.stale
    assert growth_request(change, led, now, NOW) is None
    assert texts_of(change.kept, now) == ['SiteDaily@2026112200']
    assert record is not None
    assert (record.kind, record.state, record.actor) == (
        CommandKind.CONTEXT,
        CommandState.DONE,
        'scheduler',
    )
    assert record.reason == (
        'context.py has changed: SiteHourly starts at 2026112222 instead of 2026112220'
    )
    assert record.outcome == (
        'nothing runs again: finished intervals keep their results, 1 of SiteDaily'
    )


def test_a_request_of_the_same_change_has_the_same_id_and_another_time_another_one() -> None:
    led, now = led_with(site()), site('2026112216')
    change = compare(led, finished(now), Surroundings())

    one, two = (growth_request(change, led, now, NOW) for _ in range(2))
    later = compare(replace(led, rev=3), finished(now), Surroundings())
    other = growth_request(later, replace(led, rev=3), now, NOW)

    assert one is not None
    assert two is not None
    assert other is not None
    assert one == two
    assert one.id != other.id
    assert (one.kind, one.state) == (CommandKind.REPROCESS, CommandState.APPLYING)
    assert one.planned_count == 1
    assert one.reason is not None
    assert 'SiteHourly starts at 2026112216 instead of 2026112220' in one.reason


def test_a_live_day_under_way_is_left_alone_and_a_discrete_one_is_not() -> None:
    now = site('2026112216')
    timetable = fresh(now)
    node = now.nodes[ProcessName('SiteDaily')]
    put(timetable, node, node.first, JobState.IN_PROGRESS)

    live = compare(led_with(site()), timetable, Surroundings(live={ProcessName('SiteDaily')}))
    discrete = compare(led_with(site()), timetable, Surroundings())

    assert not live.stale
    assert texts_of(discrete.stale, now) == ['SiteDaily@2026112200']


# Nothing is remembered


def test_a_finished_day_above_unfinished_hours_is_stale_where_nothing_is_remembered() -> None:
    now = site('2026112216')
    timetable = finished(now, 'SiteDaily')

    change = compare(None, timetable, Surroundings())

    assert texts_of(change.stale, now) == ['SiteDaily@2026112200']
    assert change.grown_facts == ('SiteDaily was finished before SiteHourly',)


def test_nothing_is_stale_where_nothing_is_remembered_and_all_is_done() -> None:
    change = compare(None, finished(site()), Surroundings())

    assert change.is_changed
    assert not change.stale


def test_what_a_request_is_about_to_reset_is_not_taken_for_grown() -> None:
    now = site('2026112216')
    timetable = finished(now)
    request = Command(
        id=CommandId('r'),
        kind=CommandKind.REPROCESS,
        process=ProcessName('SiteHourly'),
        start=key('SiteHourly@2026112217').timeperiod,
        end=key('SiteHourly@2026112218').timeperiod,
        actor='ann',
        state=CommandState.APPLYING,
        plan=None,
        created_at=NOW,
    )
    hour = key('SiteHourly@2026112217')
    timetable.put(
        Job(
            process=hour.process,
            timeperiod=hour.timeperiod,
            rev=2,
            request_id=Id('r'),
            changed_at=NOW,
        )
    )

    assert compare(None, timetable, Surroundings()).stale
    assert not compare(None, timetable, Surroundings(applying=[request])).stale


# Levels


def daily_now() -> Hierarchy:
    return build(
        [
            replace(process('SiteHourly'), qualifier=Qualifier.DAILY),
            process('SiteMonthly'),
            process('OtherDaily'),
        ],
        [tree('site', ['SiteHourly', 'SiteMonthly']), tree('other', ['OtherDaily'])],
    )


def hourly_before() -> Hierarchy:
    return build(
        map(process, ['SiteHourly', 'SiteMonthly', 'OtherDaily']),
        [tree('site', ['SiteHourly', 'SiteMonthly']), tree('other', ['OtherDaily'])],
    )


HOURLY = ProcessName('SiteHourly')
ROWS = {HOURLY: {Qualifier.HOURLY: 5}}


@pytest.mark.parametrize('is_remembered', [True, False])
def test_a_changed_level_is_refused_by_name_and_its_memory_is_kept(is_remembered: bool) -> None:
    led = led_with(hourly_before()) if is_remembered else None
    around = Surroundings(rows_by_level=ROWS)

    change = compare(led, finished(daily_now(), 'SiteMonthly', 'OtherDaily'), around)

    assert list(change.refused) == [HOURLY]
    assert str(change.refused[HOURLY]) == (
        'SiteHourly is daily in context.py, but its history is hourly (5 rows): it is left out, '
        'and what waits for it waits; ./launch.py recut SiteHourly TIMEPERIOD (of all of its tree: '
        './launch.py recut --tree site TIMEPERIOD) archives its history and begins there, or give '
        'the daily process another name, or make SiteHourly hourly again'
    )
    assert not change.stale
    assert change.context.processes[HOURLY].qualifier is Qualifier.HOURLY
    assert list(left_out(daily_now(), change.context)) == [HOURLY]
    assert not left_out(hourly_before(), change.context)

    again = compare(change.context, finished(daily_now()), around)
    assert list(again.refused) == [HOURLY]
    assert not again.is_changed

    back = compare(change.context, finished(hourly_before()), Surroundings(rows_by_level=ROWS))
    assert not back.refused
    assert not back.stale


def test_what_has_grown_while_a_level_was_refused_is_found_once_it_is_back() -> None:
    def begun_earlier() -> Hierarchy:
        return build(
            map(process, ['SiteHourly', 'SiteMonthly', 'OtherDaily']),
            [
                tree('site', ['SiteHourly', 'SiteMonthly'], start='2026112100'),
                tree('other', ['OtherDaily']),
            ],
        )

    around = Surroundings(rows_by_level=ROWS)
    refused = compare(led_with(hourly_before()), finished(daily_now()), around)
    now = begun_earlier()
    timetable = fresh(now)
    node = now.nodes[ProcessName('SiteMonthly')]
    put(timetable, node, node.first, JobState.PROCESSED)

    back = compare(refused.context, timetable, around)

    assert texts_of(back.stale, now) == ['SiteMonthly@2026110000']


@pytest.mark.parametrize(
    ('rows', 'is_refused'),
    [
        ({Qualifier.HOURLY: 5}, True),
        ({Qualifier.HOURLY: 5, Qualifier.DAILY: 4}, True),
        ({Qualifier.HOURLY: 5, Qualifier.DAILY: 5}, False),
        ({Qualifier.DAILY: 5}, False),
        ({}, False),
    ],
)
def test_where_nothing_is_remembered_most_rows_say_the_level(
    rows: Mapping[Qualifier, int], is_refused: bool
) -> None:
    assert bool(refused_levels(daily_now(), None, {HOURLY: rows})) is is_refused


def test_equal_contexts_have_one_fingerprint_whatever_their_order() -> None:
    led = led_with(two_trees())
    turned = replace(led, processes=dict(reversed([*led.processes.items()])))

    assert turned.fingerprint == led.fingerprint
    assert replace(led, rev=led.rev + 1).fingerprint != led.fingerprint


def test_a_level_without_history_may_change() -> None:
    change = compare(led_with(hourly_before()), fresh(daily_now()), Surroundings())

    assert not change.refused
    assert change.context.processes[HOURLY].qualifier is Qualifier.DAILY


# Against a count by hand


def drawn(random: Random) -> tuple[dict[str, int], list[dict[str, object]]]:
    """Draw groupings by process, and trees."""
    groupings: dict[str, int] = {}
    trees: list[dict[str, object]] = []
    for name in ('A', 'B', 'C'):
        levels = [level for level in LEVELS if random.random() < 0.7] or ['Hourly']
        if random.random() < 0.15:
            continue
        for level in levels:
            groupings[f'{name}{level}'] = random.choice((1, 1, 1, 3))
        start = random.choice(('2026112200', '2026112205', '2026112113', '2026111922'))
        end = random.choice((None, '2026112307', '2026112400', '2026112604'))
        trees.append(
            {
                'name': name,
                'levels': [f'{name}{level}' for level in levels],
                'start': start,
                'end': end,
                'dependent_on': [other['name'] for other in trees if random.random() < 0.5],
            }
        )
    return groupings, trees


def drawn_hierarchy(random: Random) -> Hierarchy:
    while True:
        groupings, trees = drawn(random)
        try:
            return build(
                [process(name, grouping=grouping) for name, grouping in groupings.items()],
                [tree(item.pop('name'), item.pop('levels'), **item) for item in trees],  # type: ignore[arg-type]
            )
        except ValueError:
            continue


def changed_a_little(random: Random, hierarchy: Hierarchy) -> Hierarchy:
    """Return the same processes and trees with some spans, groupings and dependencies changed."""
    trees = {node.tree.name: node.tree for node in hierarchy}
    starts = [instant(text) for text in ('2026112200', '2026112205', '2026112113', '2026111922')]
    ends = [None, instant('2026112307'), instant('2026112400'), instant('2026112604')]
    for name, item in trees.items():
        match random.randrange(5):
            case 0:
                trees[name] = replace(item, start=random.choice(starts))
            case 1:
                trees[name] = replace(item, end=random.choice(ends))
            case 2 if item.dependent_on:
                trees[name] = replace(item, dependent_on=item.dependent_on[1:])
    processes = [
        replace(node.process, grouping=random.choice((1, 3)))
        if random.random() < 0.1
        else node.process
        for node in hierarchy
    ]
    return build(processes, trees.values())


def counted_by_hand(before: Hierarchy, timetable: Timetable) -> JobSet:
    """Return what is stale: job by job, input by input."""
    now = timetable.hierarchy
    grown = {
        (node.process.name, ordinal)
        for node in now
        for ordinal in timetable.span(node.process.name)
        if state_of(timetable, node, ordinal) is not JobState.EMBRYO
        and now.covered(node, ordinal)
        and (
            has_grown(before, now, node, ordinal)
            if node.process.name in before.nodes
            else is_ahead(timetable, node, ordinal)
        )
    }
    reached = set(grown)
    for node in now:
        for ordinal in range(node.first, timetable.span(node.process.name).stop):
            if any(
                (source.process, item) in reached
                for source in node.inputs
                for item in now.input_range(node, source, ordinal)
            ):
                reached.add((node.process.name, ordinal))
    return {
        (name, ordinal)
        for name, ordinal in reached
        if state_of(timetable, now.nodes[name], ordinal) is not JobState.EMBRYO
    }


def state_of(timetable: Timetable, node: Node, ordinal: int) -> JobState | None:
    return timetable.state(JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal)))


def has_grown(before: Hierarchy, now: Hierarchy, node: Node, ordinal: int) -> bool:
    was = before.nodes[node.process.name]
    if was.process.grouping != node.process.grouping:
        return True
    if node.process.grouping > 1 and not set(now.covered(node, ordinal)) <= set(
        before.covered(was, ordinal)
    ):
        return True
    for source in node.inputs:
        present = set(now.input_range(node, source, ordinal))
        if source not in was.inputs:
            past: set[int] = set()
        elif (
            before.nodes[source.process].process.grouping
            != now.nodes[source.process].process.grouping
        ):
            past = set()
        else:
            past = set(before.input_range(was, source, ordinal))
        if not present <= past:
            return True
    return False


def is_ahead(timetable: Timetable, node: Node, ordinal: int) -> bool:
    """Tell whether a job is finished before something that it waits for: all that rows can tell."""
    return state_of(timetable, node, ordinal) in (JobState.PROCESSED, JobState.NOOP) and any(
        timetable.first_pending(
            source.process, timetable.hierarchy.input_range(node, source, ordinal)
        )
        is not None
        for source in node.inputs
    )


def has_cut_groups(hierarchy: Hierarchy) -> bool:
    """Tell whether an end of a tree may cut a group: who depends on it is then reset with care."""
    return any(node.process.grouping > 1 and node.until is not None for node in hierarchy)


def histories() -> Iterator[tuple[int, Hierarchy, Timetable]]:
    for seed in range(300):
        random = Random(seed)
        before = drawn_hierarchy(random)
        now = changed_a_little(random, before) if seed % 2 else drawn_hierarchy(random)
        timetable = fresh(now)
        for node in now:
            share = random.choice((0.0, 0.5, 0.95, 1.0))
            for ordinal in timetable.span(node.process.name):
                if random.random() < share:
                    state = random.choice(
                        (JobState.PROCESSED, JobState.NOOP, JobState.SKIPPED, JobState.FINAL_RUN)
                    )
                    put(timetable, node, ordinal, state)
        timetable.settle()
        yield seed, before, timetable


@pytest.mark.heavy
def test_what_is_stale_is_what_a_count_by_hand_finds() -> None:
    seen = exact = 0
    for seed, before, timetable in histories():
        led = led_context.decode(led_context.encode(led_with(before)))

        change = compare(led, timetable, Surroundings())

        # The closure of a request takes the other members of a group along; they have no work.
        at_work = {
            (name, ordinal)
            for name, ordinal in jobs_in(change.stale)
            if timetable.hierarchy.covered(timetable.hierarchy.nodes[name], ordinal)
        }
        by_hand = counted_by_hand(before, timetable)
        assert by_hand <= at_work, f'seed {seed}'
        if not has_cut_groups(timetable.hierarchy):
            exact += 1
            assert by_hand == at_work, f'seed {seed}'
        assert not jobs_in(change.stale) & jobs_in(change.kept)
        seen += bool(change.stale)
        again = compare(change.context, timetable, Surroundings())
        assert not again.is_changed
        assert not again.stale
        assert not again.kept
    assert seen > 100
    assert exact > 60


def test_without_memory_what_is_stale_is_what_is_finished_before_its_inputs() -> None:
    seen = 0
    for seed, _, timetable in histories():
        now = timetable.hierarchy
        change = compare(None, timetable, Surroundings())
        direct = {
            (node.process.name, ordinal)
            for node in now
            for ordinal in timetable.span(node.process.name)
            if is_ahead(timetable, node, ordinal)
        }

        assert direct <= jobs_in(change.stale), f'seed {seed}'
        assert bool(direct) == bool(change.stale), f'seed {seed}'
        seen += bool(direct)
    assert seen > 100


def test_what_starts_take_of_pools_is_remembered_of_what_leaves_the_context() -> None:
    shares = ((PoolName('warehouse'), 2), (PoolName('lake'), 1))
    before = two_trees(SiteHourly={'demand': Demand(shares)})
    remembered = demands_led(None, before)
    assert remembered == {'SiteHourly': shares}
    led = LedContext(rev=1, demands={**remembered, ProcessName('Cleaner::tick'): shares[:1]})
    assert led_context.decode(led_context.encode(led)) == led

    # What is still there, and takes nothing any more, is not remembered.
    assert demands_led(led, two_trees()) == {'Cleaner::tick': shares[:1]}
    pools = SharedPools(sizes={shares[0][0]: Pool(name=shares[0][0], slots=2)})
    left = two_trees()
    assert placed(left.replaced(left.nodes, pools), led).pools.gone == {
        'Cleaner::tick': Demand(shares[:1])
    }
