"""Hierarchies: levels, inputs, outputs, and everything that is refused when one is built."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.deadline import Within
from synergy.core.hierarchy import Hierarchy, HierarchyError, build
from synergy.core.node import Input, InputKind
from synergy.core.records import ProcessName
from synergy.core.states import Blocking
from synergy.core.timeperiod import Qualifier, Timeperiod
from tests.builders import instant, key, process, tree, two_trees

VECTORS = Path(__file__).parent.parent / 'vectors'


def test_levels_are_ordered_as_recorded() -> None:
    rename = {'S': 'Site', 'C': 'Client'}
    for case in json.loads((VECTORS / 'process_hierarchy.json').read_text())[0]['cases']:
        names = {
            name: rename[name.split('_')[0]] + name.split('_')[1].capitalize()
            for name in case['in']
        }
        hierarchy = build(map(process, names.values()), [tree('t', list(names.values()))])

        assert [node.process.name for node in hierarchy] == [
            names[name] for name in reversed(case['out']['iteration'])
        ]
        for name, parent in case['out']['parent'].items():
            node = hierarchy.nodes[ProcessName(names[name])]
            assert node.parents == ((names[parent],) if parent else ())


def test_inputs_are_children_and_dependencies_of_the_same_qualifier() -> None:
    hierarchy = two_trees()

    site, alert = (
        hierarchy.nodes[ProcessName('SiteDaily')],
        hierarchy.nodes[ProcessName('AlertDaily')],
    )

    assert site.inputs == (Input(kind=InputKind.CHILDREN, process=ProcessName('SiteHourly')),)
    assert alert.inputs == (Input(kind=InputKind.DEPENDENCY, process=ProcessName('SiteDaily')),)
    assert site.outputs == ('SiteMonthly', 'AlertDaily')


def test_a_day_waits_for_its_24_hours_and_a_month_for_its_days() -> None:
    hierarchy = two_trees()
    day, month = key('SiteDaily@2026112300'), key('SiteMonthly@2026120000')
    daily, monthly = hierarchy.nodes[day.process], hierarchy.nodes[month.process]

    hours = hierarchy.input_range(daily, daily.inputs[0], day.timeperiod.ordinal)
    days = hierarchy.input_range(monthly, monthly.inputs[0], month.timeperiod.ordinal)

    assert len(hours) == 24
    assert (
        str(Timeperiod(key('SiteHourly@2026112300').timeperiod.qualifier, hours[0])) == '2026112300'
    )
    assert len(days) == 31


def test_inputs_are_cut_to_the_span_of_the_tree() -> None:
    hierarchy = two_trees(end='2026112305')
    month = hierarchy.nodes[ProcessName('SiteMonthly')]
    day = hierarchy.nodes[ProcessName('SiteDaily')]

    days = hierarchy.input_range(month, month.inputs[0], key('SiteMonthly@2026110000')[1].ordinal)
    hours = hierarchy.input_range(day, day.inputs[0], key('SiteDaily@2026112300')[1].ordinal)

    assert len(days) == 2
    assert len(hours) == 5


def test_affected_is_the_inverse_of_input_range() -> None:
    grouped = {
        'SiteDaily': {'grouping': 10},
        'AlertDaily': {'grouping': 7},
        'SiteHourly': {'grouping': 5},
    }
    hierarchy = two_trees(**grouped)
    for node in hierarchy:
        for source in node.inputs:
            first = node.first
            for ordinal in range(first, first + 80):
                for other in hierarchy.input_range(node, source, ordinal)[:200]:
                    assert ordinal in hierarchy.affected(node, source, range(other, other + 1))


def test_interval_may_start_after_its_end_its_lag_and_its_trigger() -> None:
    hierarchy = two_trees()
    hour = key('SiteHourly@2026112200')
    node = hierarchy.nodes[hour.process]

    at = hierarchy.over_at(node, hour.timeperiod.ordinal)

    assert at == instant('202611220105')
    assert hierarchy.over_until(node, instant('202611220104')) == hour.timeperiod.ordinal
    assert hierarchy.over_until(node, at) == hour.timeperiod.ordinal + 1


def test_a_job_is_late_after_its_deadline_or_else_once_the_next_interval_is_over() -> None:
    hour = key('SiteHourly@2026112200')
    ordinal = hour.timeperiod.ordinal
    strict = two_trees(SiteHourly={'deadline': Within(length=timedelta(minutes=20))})

    for hierarchy, at in ((strict, '202611220120'), (two_trees(), '202611220205')):
        node = hierarchy.nodes[hour.process]
        late_at = hierarchy.late_at(node, ordinal)
        assert late_at == instant(at)
        assert hierarchy.late_until(node, late_at - timedelta(seconds=1)) == ordinal
        assert hierarchy.late_until(node, late_at) == ordinal + 1


def test_last_interval_of_an_ended_tree_is_over_when_the_tree_ends() -> None:
    hierarchy = two_trees(end='2026112305')
    month = hierarchy.nodes[ProcessName('SiteMonthly')]

    assert month.until == month.first + 1
    assert hierarchy.over_at(month, month.first) == instant('202611230505')
    assert hierarchy.over_until(month, instant('202611230504')) == month.first
    assert hierarchy.over_until(month, instant('202611230505')) == month.until


@pytest.mark.parametrize(
    ('processes', 'trees', 'complaint'),
    [
        (
            ['ADaily'],
            [tree('a', ['ADaily', 'AHourly'])],
            "'AHourly', which is not a managed process",
        ),
        (['ADaily', 'BDaily'], [tree('a', ['ADaily', 'BDaily'])], 'two daily levels'),
        (['ADaily'], [], 'is in no tree'),
        (['ADaily'], [tree('a', ['ADaily']), tree('b', ['ADaily'])], 'stands in 2 places'),
        (['ADaily'], [tree('a', ['ADaily'], dependent_on=['b'])], "tree 'b', which does not exist"),
        (
            ['ADaily'],
            [tree('a', ['ADaily'], start='2026112300', end='2026112300')],
            'not after its start',
        ),
        ([], [tree('a', [])], 'encloses no process'),
        (
            ['ADaily', 'BDaily'],
            [
                tree('a', ['ADaily'], dependent_on=['b']),
                tree('b', ['BDaily'], dependent_on=['a']),
            ],
            'in a cycle',
        ),
        (['ADaily'], [tree('a', ['ADaily'], dependent_on=['a'])], 'in a cycle'),
    ],
)
def test_unsound_hierarchy_is_refused(processes: list[str], trees: list, complaint: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(HierarchyError, match=complaint):
        build(map(process, processes), trees)


def test_blocking_children_without_a_child_level_is_refused() -> None:
    lonely = process('ADaily', blocking=Blocking.CHILDREN)

    with pytest.raises(HierarchyError, match='no level below it'):
        build([lonely], [tree('a', ['ADaily'])])


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(HierarchyError) as caught:
        build([process('ADaily')], [tree('a', ['ADayli']), tree('b', [], dependent_on=['c'])])

    assert len(caught.value.problems) == 4
    assert "did you mean 'ADaily'?" in str(caught.value)


NAME_BY_LEVEL = {
    Qualifier.YEARLY: 'Yearly',
    Qualifier.MONTHLY: 'Monthly',
    Qualifier.DAILY: 'Daily',
    Qualifier.HOURLY: 'Hourly',
}
LEVEL_SETS = [
    levels for count in range(1, 5) for levels in itertools.combinations(NAME_BY_LEVEL, count)
]


def dependent(own: Sequence[Qualifier], other: Sequence[Qualifier]) -> Hierarchy:
    """Build tree `b`, of the levels `own`, that depends on tree `a`, of the levels `other`."""
    names_a = [f'A{NAME_BY_LEVEL[level]}' for level in other]
    names_b = [f'B{NAME_BY_LEVEL[level]}' for level in own]
    return build(
        map(process, [*names_a, *names_b]),
        [
            tree('a', names_a, start='2024010100'),
            tree('b', names_b, start='2024010100', dependent_on=['a']),
        ],
    )


def reached(hierarchy: Hierarchy, name: ProcessName) -> set[ProcessName]:
    """Return what a process waits for, directly or not."""
    found: set[ProcessName] = set()
    todo = [name]
    while todo:
        for source in hierarchy.nodes[todo.pop()].inputs:
            if source.process not in found:
                found.add(source.process)
                todo.append(source.process)
    return found


@pytest.mark.parametrize('own', LEVEL_SETS)
@pytest.mark.parametrize('other', LEVEL_SETS)
def test_a_dependency_by_which_something_would_not_wait_is_refused(
    own: Sequence[Qualifier], other: Sequence[Qualifier]
) -> None:
    """Each process must wait for whatever of the other tree is finest and lies in its intervals."""
    try:
        hierarchy = dependent(own, other)
    except HierarchyError as error:
        (problem,) = error.problems
        assert "tree 'b'" in problem
        assert "depends on tree 'a'" in problem
        assert not any(level is item or level.holds(item) for level in own for item in other)
        return

    finest = ProcessName(f'A{NAME_BY_LEVEL[other[-1]]}')
    waits = {level: reached(hierarchy, ProcessName(f'B{NAME_BY_LEVEL[level]}')) for level in own}
    assert any(node.dependencies for node in hierarchy)
    for level, found in waits.items():
        if other[-1].rank > level.rank:
            assert finest in found
        if level in other:
            assert f'A{NAME_BY_LEVEL[level]}' in found


@pytest.mark.parametrize(
    ('own', 'other', 'words'),
    [
        (
            [Qualifier.HOURLY],
            [Qualifier.DAILY],
            "tree 'b' (hourly) depends on tree 'a' (daily), but none of its intervals is made of "
            "whole ones there, so nothing would wait; enclose a process in 'a' that is hourly, or "
            "one in 'b' that is daily, or remove the dependent_on",
        ),
    ],
)
def test_a_refused_dependency_names_the_levels_and_the_remedy(
    own: Sequence[Qualifier], other: Sequence[Qualifier], words: str
) -> None:
    with pytest.raises(HierarchyError) as refused:
        dependent(own, other)

    assert refused.value.problems == (words,)


@pytest.mark.parametrize(
    ('own', 'other'),
    [
        ([Qualifier.DAILY], [Qualifier.DAILY, Qualifier.HOURLY]),
        ([Qualifier.DAILY, Qualifier.HOURLY], [Qualifier.HOURLY]),
        ([Qualifier.DAILY, Qualifier.HOURLY], [Qualifier.DAILY]),
        ([Qualifier.DAILY], [Qualifier.HOURLY]),
        ([Qualifier.YEARLY, Qualifier.DAILY], [Qualifier.YEARLY, Qualifier.HOURLY]),
    ],
)
def test_a_dependency_that_connects_the_finest_common_level_is_sound(
    own: Sequence[Qualifier], other: Sequence[Qualifier]
) -> None:
    assert any(node.dependencies for node in dependent(own, other))
