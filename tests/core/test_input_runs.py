"""Jobs that wait for yesterday, for a part, or for the order alone: when they run, and again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from synergy.core.closure import plan
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.effects import InsertCommand
from synergy.core.hierarchy import build
from synergy.core.node import Input, InputKind
from synergy.core.readiness import readiness
from synergy.core.records import ProcessName
from synergy.core.states import Due, JobState
from synergy.core.timeperiod import JobKey
from tests.builders import instant, key, process, tree
from tests.core.engine_harness import EngineHarness

HOURS = [f'SiteHourly@20261122{hour:02d}' for hour in range(24)]
DAY = key('ReportDaily@2026112200')


def wait_for(name: str, **fields: object) -> Input:
    return Input(kind=InputKind.DEPENDENCY, process=ProcessName(name), **fields)  # type: ignore[arg-type]


def report(*inputs: Input, until: str = '2026112304', **fields: object) -> EngineHarness:
    """Return a daily report beside hours, both in trees of their own, when a day is over."""
    hierarchy = build(
        [
            process('SiteHourly', max_running=100),
            process('ReportDaily', inputs=inputs, max_running=100, **fields),
        ],
        [tree('site', ['SiteHourly']), tree('report', ['ReportDaily'])],
    )
    return EngineHarness(hierarchy, instant(until))


def work(harness: EngineHarness, keys: Iterable[str]) -> None:
    wanted = {key(text) for text in keys}
    for unit in harness.live():
        if unit.key in wanted:
            harness.work(unit)


def reprocess(text: str, request: str = 'r') -> Command:
    job = key(text)
    return Command(
        id=CommandId(request),
        kind=CommandKind.REPROCESS,
        process=job.process,
        start=job.timeperiod,
        end=job.timeperiod.shift(1),
        actor='anna',
        created_at=instant('2026112400'),
    )


PARTIAL = wait_for('SiteHourly', at_least=22, give_up_after=timedelta(hours=2))


def test_a_part_will_do_once_the_rest_was_given_up() -> None:
    harness = report(PARTIAL, until='2026112301')
    harness.look()
    work(harness, HOURS[:22])

    (culprit,) = readiness(harness.timetable, DAY, harness.now).culprits
    assert culprit.window is not None
    assert (culprit.window.done, culprit.window.at_least, culprit.window.total) == (22, 22, 24)
    assert culprit.window.give_up_at == instant('2026112302')
    assert harness.state(DAY) is JobState.EMBRYO

    harness.now = instant('2026112302')
    harness.look()
    assert harness.state(DAY) is JobState.IN_PROGRESS


def test_too_few_will_not_do_however_late_it_is() -> None:
    harness = report(PARTIAL)
    harness.look()
    work(harness, HOURS[:21])
    harness.look()

    assert harness.state(DAY) is JobState.EMBRYO
    assert readiness(harness.timetable, DAY, harness.now).due is Due.BLOCKED


def late(effects: object) -> list[Command]:
    return [item.command for item in effects if isinstance(item, InsertCommand)]  # type: ignore[attr-defined]


def test_what_comes_late_runs_the_day_again_once_and_says_why() -> None:
    harness = report(PARTIAL)
    harness.look()
    work(harness, HOURS[:22])
    work(harness, ['ReportDaily@2026112200'])
    assert harness.state(DAY) is JobState.PROCESSED

    (one, other) = [unit for unit in harness.live() if unit.process == 'SiteHourly'][:2]
    assert not late(harness.work(one))
    (again,) = late(harness.work(other))
    assert (again.process, again.start) == DAY
    assert again.reason == 'SiteHourly@2026112223 has ended since it ran without'

    harness.command(again)
    harness.work_all()
    assert [text for text in harness.started if text.startswith(str(DAY))] == [
        f'{DAY}#1', f'{DAY}#2',
    ]  # fmt: skip
    assert any('has ended since it ran without' in text for text in harness.events)


def test_what_comes_late_may_be_ignored() -> None:
    ignoring = wait_for('SiteHourly', at_least=22, is_late_ignored=True)
    harness = report(ignoring)
    harness.look()
    work(harness, HOURS[:22])
    work(harness, ['ReportDaily@2026112200'])

    assert not [item for unit in harness.live() for item in late(harness.work(unit))]


def test_nothing_is_late_where_all_was_waited_for() -> None:
    harness = report(PARTIAL, until='2026112301')
    harness.look()
    asked = [item for unit in harness.live() for item in late(harness.work(unit))]

    assert not asked


def test_each_day_waits_for_the_one_before() -> None:
    harness = report(wait_for('ReportDaily', offset=-1), until='2026112504')
    harness.look()

    days = [f'ReportDaily@202611{day}00' for day in (22, 23, 24)]
    assert [str(unit.key) for unit in harness.live() if unit.process == 'ReportDaily'] == days[:1]
    work(harness, days)
    work(harness, days)
    assert [harness.state(key(text)) for text in days] == [
        JobState.PROCESSED, JobState.PROCESSED, JobState.IN_PROGRESS,
    ]  # fmt: skip


def test_a_day_that_runs_again_runs_all_days_after_it_again_in_order() -> None:
    harness = report(wait_for('ReportDaily', offset=-1), until='2026112604')
    harness.look()
    harness.work_all()
    harness.started.clear()

    harness.command(reprocess('ReportDaily@2026112300'))
    harness.work_all()

    assert harness.started == [f'ReportDaily@202611{day}00#2' for day in (23, 24, 25)]


def test_what_waits_for_the_order_alone_does_not_run_again() -> None:
    for is_order_only, count in ((True, 1), (False, 2)):
        harness = report(wait_for('SiteHourly', is_order_only=is_order_only))
        harness.look()
        assert harness.state(DAY) is JobState.EMBRYO
        harness.work_all()

        harness.command(reprocess('SiteHourly@2026112205'))
        harness.work_all()

        assert sum(text.startswith(str(DAY)) for text in harness.started) == count


def test_ten_years_of_days_that_wait_for_each_other_are_planned_at_once() -> None:
    hierarchy = build(
        [process('ReportDaily', inputs=(wait_for('ReportDaily', offset=-1),), max_running=5000)],
        [tree('report', ['ReportDaily'], start='2016112200')],
    )
    harness = EngineHarness(hierarchy, instant('2026112304'))
    harness.timetable.extend(harness.now)
    for ordinal in harness.timetable.span(ProcessName('ReportDaily')):
        day = hierarchy.timeperiod(hierarchy.nodes[ProcessName('ReportDaily')], ordinal)
        harness.timetable.put_processed(JobKey(ProcessName('ReportDaily'), day))
    harness.timetable.settle()

    asked = 0
    affected = hierarchy.affected

    def counted(*args: object) -> range:
        nonlocal asked
        asked += 1
        return affected(*args)  # type: ignore[arg-type]

    hierarchy.affected = counted  # type: ignore[method-assign,assignment]
    found = plan(harness.timetable, reprocess('ReportDaily@2016112300'))

    assert found.count == 3653
    assert asked < 5, 'as a stretch, not day by day'
