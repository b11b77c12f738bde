"""The preview of a reprocess: by which inputs jobs are reached, and what stays for the order."""

from __future__ import annotations

from synergy.core.closure import plan
from synergy.core.commands import Command
from synergy.core.hierarchy import build
from synergy.core.input import Input
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import parse
from synergy.view.inputs import kind_of
from synergy.view.reach import encode_order_only, encode_reach, order_alone, reached
from tests.builders import instant, process, tree
from tests.core.engine_harness import EngineHarness
from tests.core.test_input_runs import reprocess, wait_for


def week(*inputs: Input, until: str = '2026112904') -> EngineHarness:
    """Return a week of days over hours, and of a daily report with these inputs, all done."""
    hierarchy = build(
        [process('SiteHourly'), process('SiteDaily'), process('ReportDaily', inputs=inputs)],
        [tree('site', ['SiteDaily', 'SiteHourly']), tree('report', ['ReportDaily'])],
    )
    harness = EngineHarness(hierarchy, instant(until))
    harness.look()
    harness.work_all()
    return harness


def hours(first: str, end: str) -> Command:
    """Ask for some hours to run again."""
    asked = reprocess(f'SiteHourly@{first}')
    return replace(asked, end=parse(asked.start.qualifier, end))


def test_each_process_is_told_by_which_inputs_it_is_reached() -> None:
    inputs = wait_for('ReportDaily', offset=-1), wait_for('SiteDaily', offset=-1, last=2)
    harness = week(*inputs)
    ranges = plan(harness.timetable, hours('2026112500', '2026112502')).ranges

    found = {name: [encode_reach(item) for item in by] for name, by in
             reached(harness.timetable, ranges).items()}  # fmt: skip

    assert found == {
        'SiteHourly': [],
        'SiteDaily': [{'process': 'SiteHourly', 'kind': 'nested', 'count': 1, 'text': ''}],
        'ReportDaily': [
            # The 26th and 27th were made of the 25th; the 27th and 28th of days before them.
            {
                'process': 'ReportDaily',
                'kind': 'declared',
                'count': 2,
                'text': 'as for the interval before',
            },
            {
                'process': 'SiteDaily',
                'kind': 'declared',
                'count': 2,
                'text': 'as for the interval before, the last 2 that end there',
            },
        ],
    }
    assert not order_alone(harness.timetable, ranges)


def test_what_waits_for_the_order_alone_is_told_to_stay() -> None:
    harness = week(wait_for('SiteHourly', is_order_only=True))
    ranges = plan(harness.timetable, hours('2026112523', '2026112701')).ranges

    (stays,) = order_alone(harness.timetable, ranges)

    assert 'ReportDaily' not in ranges
    assert encode_order_only(stays) == {
        'process': 'ReportDaily',
        'waits_for': 'SiteHourly',
        'count': 3,
        'first': '2026112500',
        'last': '2026112700',
    }
    assert stays.said == 'declared SiteHourly, order only'


def test_what_runs_again_by_another_input_or_has_not_run_does_not_stay() -> None:
    order = wait_for('SiteHourly', is_order_only=True)
    both = week(order, wait_for('SiteDaily'))
    ranges = plan(both.timetable, hours('2026112500', '2026112501')).ranges

    assert not order_alone(both.timetable, ranges)
    (by,) = reached(both.timetable, ranges)[ProcessName('ReportDaily')]
    assert by.said == 'declared SiteDaily'

    unfinished = week(order, until='2026112512')
    ranges = plan(unfinished.timetable, hours('2026112500', '2026112501')).ranges
    assert not order_alone(unfinished.timetable, ranges)


def test_kinds_are_those_of_the_check_of_a_context() -> None:
    harness = week(wait_for('SiteDaily'))
    nodes = harness.timetable.hierarchy.nodes

    assert {kind_of(node, item) for node in nodes.values() for item in node.inputs} == {
        'nested',
        'declared',
    }
