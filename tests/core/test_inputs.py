"""Inputs: which intervals each means, its exact inverse, and which cycles may begin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synergy.core.calendar import UtcCalendar, ZoneCalendar
from synergy.core.cycles import Reach, reach_of
from synergy.core.hierarchy import Hierarchy, HierarchyError, build
from synergy.core.node import Input, InputKind
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.timeperiod import Measure, Qualifier, Timeperiod, parse
from tests.depth import deep

DAY, HOUR = Qualifier.DAILY, Qualifier.HOURLY
WEEK, MONTH = Qualifier.WEEKLY, Qualifier.MONTHLY
A, B, C = ProcessName('A'), ProcessName('B'), ProcessName('C')
#: At a change of clocks in Berlin, and in no zone.
BEGIN = datetime(2026, 3, 28, tzinfo=UTC)
ZONES = ('UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu')
CALENDARS = {
    zone: UtcCalendar() if zone == 'UTC' else ZoneCalendar(ZoneInfo(zone)) for zone in ZONES
}
SOME_LEVELS = [
    Qualifier.YEARLY, Qualifier.MONTHLY, Qualifier.WEEKLY, Qualifier.WEEKLY_SUN, Qualifier.DAILY,
    Qualifier.HOURLY, Qualifier.MINUTELY_30, Qualifier.MINUTELY_10,
]  # fmt: skip


NO_ENDS: Mapping[str, datetime] = {}


def wait_for(process: str, **fields: object) -> Input:
    return Input(kind=InputKind.DEPENDENCY, process=ProcessName(process), **fields)  # type: ignore[arg-type]


def built(
    *processes: Process,
    zones: tuple[str, ...] = (),
    start: datetime = BEGIN,
    ends: Mapping[str, datetime] = NO_ENDS,
) -> Hierarchy:
    """Return a hierarchy in which each process has a tree of its own."""
    trees = [
        Tree(
            name=f't{item.name}',
            levels=(item.name,),
            start=start,
            end=ends.get(item.name),
            zone=zone,
        )
        for item, zone in zip(processes, [*zones, *['UTC'] * len(processes)], strict=False)
    ]
    return build(processes, trees, CALENDARS)


def daily(
    name: str, *inputs: Input, level: Qualifier = Qualifier.DAILY, **fields: object
) -> Process:
    return Process(name=ProcessName(name), qualifier=level, inputs=inputs, **fields)  # type: ignore[arg-type]


def is_possible(own: Qualifier, level: Qualifier) -> bool:
    is_apart = own is not level and own.measure is level.measure
    return not is_apart or own.holds(level) or level.holds(own)


@settings(max_examples=deep(100), deadline=None)
@given(
    levels=st.tuples(st.sampled_from(SOME_LEVELS), st.sampled_from(SOME_LEVELS)).filter(
        lambda pair: is_possible(*pair)
    ),
    zones=st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)),
    offset=st.integers(-4, 4),
    last=st.none() | st.integers(1, 6),
    groupings=st.tuples(st.sampled_from([1, 1, 3]), st.sampled_from([1, 1, 3])),
    at=st.integers(0, 6),
)
def test_affected_is_the_exact_inverse(
    levels: tuple[Qualifier, Qualifier],
    zones: tuple[str, str],
    offset: int,
    last: int | None,
    groupings: tuple[int, int],
    at: int,
) -> None:
    own, other = (
        grouping if level.measure in (Measure.HOUR, Measure.DAY, Measure.MONTH) else 1
        for level, grouping in zip(levels, groupings, strict=True)
    )
    hierarchy = built(
        daily('A', wait_for('B', offset=offset, last=last), level=levels[0], grouping=own),
        daily('B', level=levels[1], grouping=other),
        zones=zones,
        start=datetime(2020, 1, 10, tzinfo=UTC),
    )
    node, source = hierarchy.nodes[A], hierarchy.nodes[A].inputs[0]
    middle = node.calendar.containing(levels[0], BEGIN + timedelta(hours=9 * at)).ordinal
    wanted = {
        ordinal: hierarchy.input_range(node, source, ordinal)
        for ordinal in range(max(middle - 12, node.first), middle + 13)
    }
    ends = [range_.stop for range_ in wanted.values() if range_]
    assert ends == sorted(ends)

    for ordinal, window in wanted.items():
        for number in {*window[:3], *window[-3:]}:
            # A member of a group has no work of its own: whoever waits for it waits for its end.
            if hierarchy.covered(hierarchy.nodes[B], number):
                assert ordinal in hierarchy.affected(node, source, range(number, number + 1))
    around = hierarchy.nodes[B].calendar.containing(levels[1], BEGIN).ordinal
    for number in range(around - 3, around + 4):
        if not hierarchy.covered(hierarchy.nodes[B], number):
            continue
        for ordinal in hierarchy.affected(node, source, range(number, number + 1))[:40]:
            if hierarchy.covered(node, ordinal):
                assert number in hierarchy.input_range(node, source, ordinal)


@pytest.mark.parametrize(
    ('own', 'level', 'fields', 'job', 'first', 'last'),
    [
        (DAY, DAY, {'offset': -1}, '2026040100', '2026033100', '2026033100'),
        (DAY, DAY, {'last': 7}, '2026041000', '2026040400', '2026041000'),
        (
            DAY, DAY, {'offset': -1, 'last': 7},
            '2026041000', '2026040300', '2026040900',
        ),
        (DAY, HOUR, {}, '2026041000', '2026041000', '2026041023'),
        (DAY, HOUR, {'offset': -1}, '2026041000', '2026040900', '2026040923'),
        (DAY, HOUR, {'last': 2}, '2026041000', '2026041022', '2026041023'),
        (HOUR, DAY, {}, '2026041007', '2026041000', '2026041000'),
        (HOUR, DAY, {'offset': -24}, '2026041007', '2026040900', '2026040900'),
        (WEEK, DAY, {}, '2026040600', '2026040600', '2026041200'),
        (MONTH, WEEK, {}, '2026040000', '2026040600', '2026042700'),
    ],
)  # fmt: skip
def test_which_intervals_an_input_means(
    own: Qualifier, level: Qualifier, fields: dict[str, int], job: str, first: str, last: str
) -> None:
    hierarchy = built(daily('A', wait_for('B', **fields), level=own), daily('B', level=level))
    node = hierarchy.nodes[A]

    found = hierarchy.input_range(node, node.inputs[0], parse(own, job).ordinal)

    names = [str(Timeperiod(level, ordinal)) for ordinal in (found[0], found[-1])]
    assert names == [first, last]


def test_a_day_of_a_zone_waits_for_the_hours_that_its_clock_gives_it() -> None:
    hierarchy = built(daily('A', wait_for('B')), daily('B', level=HOUR), zones=('Europe/Berlin',))
    node = hierarchy.nodes[A]
    counts = [
        len(hierarchy.input_range(node, node.inputs[0], parse(Qualifier.DAILY, day).ordinal))
        for day in ('2026032900', '2026033000', '2026102500')
    ]

    assert counts == [23, 24, 25]


def test_what_lies_before_the_beginning_is_nothing_to_wait_for() -> None:
    hierarchy = built(daily('A', wait_for('A', offset=-1)))
    node = hierarchy.nodes[A]

    assert not hierarchy.input_range(node, node.inputs[0], node.first)
    assert hierarchy.input_range(node, node.inputs[0], node.first + 1) == range(
        node.first, node.first + 1
    )


YESTERDAY = wait_for('A', offset=-1)


@pytest.mark.parametrize(
    'processes',
    [
        [daily('A', YESTERDAY)],
        [daily('A', wait_for('B', offset=-1)), daily('B', wait_for('A'))],
        [
            daily('A', wait_for('B', last=3, offset=-1)),
            daily('B', wait_for('C')),
            daily('C', wait_for('A')),
        ],
        [daily('A', wait_for('B', offset=-1)), daily('B', wait_for('A', offset=-1))],
        [daily('A', wait_for('B')), daily('B', wait_for('A', offset=-25), level=HOUR)],
        [daily('A', wait_for('B', offset=3)), daily('B')],
    ],
)  # fmt: skip
def test_cycles_that_time_orders_are_sound(processes: list[Process]) -> None:
    hierarchy = built(*processes)

    assert set(hierarchy.nodes) == {item.name for item in processes}
    waits = any(item.process == A for item in processes[0].inputs)
    assert hierarchy.circles.get(A, frozenset()) >= ({A} if waits else set())
    # What lies in the same interval comes first.
    order = list(hierarchy.nodes)
    for item in processes:
        for source in item.inputs:
            if not source.offset:
                assert order.index(source.process) < order.index(item.name)


@pytest.mark.parametrize(
    ('processes', 'complaint'),
    [
        ([daily('A', wait_for('A'))], 'A <- A: they wait for each other'),
        ([daily('A', wait_for('A', last=7))], 'none of them ever begins'),
        ([daily('A', wait_for('A', offset=1))], 'A <- A'),
        ([daily('A', wait_for('B')), daily('B', wait_for('A'))], 'each other in one interval'),
        (
            [daily('A', wait_for('B', offset=1)), daily('B', wait_for('A', offset=-1))],
            'may end after the interval that waits for it',
        ),
        ([daily('A', YESTERDAY, grouping=5)], 'they wait for each other'),
        ([daily('A', wait_for('X'))], "'?X'?, which is not a managed process"),
        ([daily('A', wait_for('B'), wait_for('B')), daily('B')], 'twice in the same way'),
        ([daily('A', wait_for('B', at_least=2)), daily('B')], 'never more than 1;'),
        (
            [daily('A', wait_for('B', at_least=26)), daily('B', level=HOUR)],
            'never more than 25',
        ),
        (
            [daily('A', wait_for('B', at_least=25)), daily('B', level=HOUR)],
            'never more than 24 in UTC; give at most that',
        ),
        (
            [daily('A', wait_for('B', at_least=745), level=MONTH), daily('B', level=HOUR)],
            'never more than 744 in UTC',
        ),
        ([daily('A', wait_for('B', last=7, at_least=8)), daily('B')], 'never more than 7'),
        (
            [
                daily('A', wait_for('B'), level=Qualifier.MINUTELY_15),
                daily('B', level=Qualifier.MINUTELY_10),
            ],
            'not made of whole',
        ),
    ],
)  # fmt: skip
def test_inputs_that_never_come_are_refused(processes: list[Process], complaint: str) -> None:
    with pytest.raises(HierarchyError, match=complaint):
        built(*processes)


def test_an_offset_into_nowhere_is_refused() -> None:
    end = BEGIN + timedelta(days=3)
    with pytest.raises(HierarchyError, match="that it means lies in tree 'tB'"):
        built(daily('A', wait_for('B', offset=5)), daily('B'), ends={'B': end})

    assert built(daily('A', wait_for('B', offset=2)), daily('B'), ends={'B': end})


def test_what_is_said_of_a_child_level_holds_for_what_nests_in_it() -> None:
    names = (daily('A', wait_for('B', at_least=22)), daily('B', level=HOUR))
    tree = Tree(name='t', levels=(A, B), start=BEGIN)

    (source,) = build(names, [tree]).nodes[A].inputs

    assert (source.kind, source.at_least) == (InputKind.CHILDREN, 22)


def test_levels_without_an_equal_in_the_other_tree_wait_for_the_next_finer_one() -> None:
    """A daily tree that depends on one of hours alone waits for its 24 hours."""
    trees = [
        Tree(name='days', levels=(A,), start=BEGIN, dependent_on=('hours',)),
        Tree(name='hours', levels=(B,), start=BEGIN),
    ]
    hierarchy = build([daily('A'), daily('B', level=HOUR)], trees)
    node = hierarchy.nodes[A]

    assert node.inputs == (Input(kind=InputKind.DEPENDENCY, process=B),)
    assert len(hierarchy.input_range(node, node.inputs[0], node.first)) == 24


@pytest.mark.parametrize('other', SOME_LEVELS)
@pytest.mark.parametrize('own', SOME_LEVELS)
def test_where_an_input_ends_is_told_no_earlier_than_it_does(
    own: Qualifier, other: Qualifier
) -> None:
    if not is_possible(own, other):
        return
    hierarchy = built(
        daily('A', level=own), daily('B', level=other), start=datetime(1990, 1, 1, tzinfo=UTC)
    )
    node, source = hierarchy.nodes[A], hierarchy.nodes[B]
    middle = node.calendar.containing(own, datetime(2026, 1, 28, tzinfo=UTC)).ordinal
    for offset in (-1500, -800, -54, -53, -25, -7, -6, -5, -2, -1, 0, 1):
        item = wait_for('B', offset=offset)
        reach = reach_of(node, item, source)
        if reach is Reach.LATER:
            assert offset > -1500 or own.measure > other.measure
            continue
        for ordinal in range(middle, middle + 60):
            begin, end = hierarchy.interval(node, ordinal)
            if meant := hierarchy.input_range(node, item, ordinal):
                assert hierarchy.interval(source, meant[-1])[1] <= (
                    begin if reach is Reach.EARLIER else end
                )
