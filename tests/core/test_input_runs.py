"""Jobs that wait for yesterday, for a part, or for the order alone: when they run, and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType

from synergy.core import job_transitions
from synergy.core.closure import plan
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import InsertCommand, SaveJob, in_stages
from synergy.core.events import Reported
from synergy.core.hierarchy import build
from synergy.core.invariants import Under, check
from synergy.core.node import Input, InputKind
from synergy.core.readiness import readiness
from synergy.core.records import Outcome, ProcessName, RetryPolicy
from synergy.core.states import Blocking, Due, JobState, OnFailure, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.core.undo import undo_of
from synergy.core.working import WorkingDays
from tests.builders import instant, key, process, tree
from tests.core.engine_harness import EngineHarness

HOURS = [f'SiteHourly@20261122{hour:02d}' for hour in range(24)]
DAY = key('ReportDaily@2026112200')


def wait_for(name: str, **fields: object) -> Input:
    return Input(kind=InputKind.DEPENDENCY, process=ProcessName(name), **fields)  # type: ignore[arg-type]


def report(
    *inputs: Input,
    until: str = '2026112304',
    hourly: Mapping[str, object] = MappingProxyType({}),
    **fields: object,
) -> EngineHarness:
    """Return a daily report beside hours, both in trees of their own, when a day is over."""
    hierarchy = build(
        [
            process('SiteHourly', **{'max_running': 100, **hourly}),
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


def test_nothing_is_late_for_a_day_that_a_calendar_leaves_out() -> None:
    idle = WorkingDays(name='idle', first=DAY.timeperiod.ordinal, days=b'\0')
    harness = report(PARTIAL, working=idle)
    harness.look()

    assert harness.timetable.is_left_out(DAY)
    assert not [item for unit in harness.live() for item in late(harness.work(unit))]


def test_hours_that_a_calendar_leaves_out_have_ended_well() -> None:
    # Of the 23rd and the 24th the first is left out: 24 hours of 48, and one more will do.
    idle = WorkingDays(name='idle', first=DAY.timeperiod.ordinal + 1, days=b'\0\1')
    harness = report(
        wait_for('SiteHourly', last=48, at_least=25),
        until='2026112501',
        hourly={'working': idle},
    )
    harness.look()
    last = key('ReportDaily@2026112400')
    assert harness.state(last) is JobState.EMBRYO

    work(harness, ['SiteHourly@2026112403'])

    assert harness.state(last) is JobState.IN_PROGRESS


def test_nothing_can_come_of_days_ahead_that_a_calendar_leaves_out() -> None:
    # Of the 22nd to the 24th the last two are left out, and the 24th has not begun.
    idle = WorkingDays(name='idle', first=DAY.timeperiod.ordinal, days=b'\1\0\0')
    hierarchy = build(
        [
            process('SiteDaily', working=idle),
            process('ReportDaily', inputs=(wait_for('SiteDaily', offset=2, last=3, at_least=1),)),
        ],
        [tree('site', ['SiteDaily']), tree('report', ['ReportDaily'])],
    )
    harness = EngineHarness(hierarchy, instant('2026112301'))
    harness.look()
    work(harness, [str(DAY)])
    assert harness.state(DAY) is JobState.PROCESSED

    (again,) = late(turn_of(harness, 'SiteDaily@2026112200'))

    assert again.reason == 'SiteDaily@2026112200 has ended since it ran without'


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


def turn_of(harness: EngineHarness, text: str) -> object:
    """Let one queued unit end; return what follows."""
    (unit,) = (unit for unit in harness.live() if str(unit.key) == text)
    return harness.work(unit)


def done(harness: EngineHarness) -> list[str]:
    """Return which runs of the day were started."""
    return [text for text in harness.started if text.startswith(str(DAY))]


def ran_on_all(**fields: object) -> EngineHarness:
    """Return a day that has run once all of its hours had come."""
    harness = report(PARTIAL, until='2026112301', **fields)  # type: ignore[arg-type]
    harness.look()
    harness.work_all()
    harness.now = instant('2026112304')
    harness.look()
    assert done(harness) == [f'{DAY}#1']
    return harness


def ran_without(count: int, *inputs: Input) -> EngineHarness:
    """Return a day that has run without its last `count` hours, which are queued."""
    harness = report(*(inputs or (PARTIAL,)))
    harness.look()
    work(harness, HOURS[: 24 - count])
    work(harness, [str(DAY)])
    assert harness.state(DAY) is JobState.PROCESSED
    return harness


def breaches(harness: EngineHarness, *applying: Command) -> list[str]:
    rows = sorted(harness.jobs.values(), key=lambda job: (job.process, job.timeperiod.ordinal))
    under = Under(applying=applying)
    return [str(item) for item in check(harness.timetable.hierarchy, rows, (), harness.now, under)]


def test_what_a_request_runs_again_is_waited_for_although_a_part_would_do() -> None:
    harness = ran_on_all()

    harness.command(reprocess(HOURS[5]))

    assert harness.state(DAY) is JobState.EMBRYO
    harness.work_all()
    assert done(harness) == [f'{DAY}#1', f'{DAY}#2']
    assert not [text for text in harness.events if 'since it ran without' in text]


def test_what_failed_again_is_not_waited_for_once_it_is_held() -> None:
    hourly = {'retry': RetryPolicy(max_attempts=1), 'on_failure': OnFailure.HOLD}
    harness = ran_on_all(hourly=hourly)

    harness.command(reprocess(HOURS[5]))
    (unit,) = (unit for unit in harness.live() if str(unit.key) == HOURS[5])
    harness.work(unit, Outcome.failed('boom'))

    assert harness.state(DAY) is JobState.IN_PROGRESS
    harness.work_all()
    assert breaches(harness) == []
    # Once it is right, by the request that runs the day again, too.
    harness.command(reprocess(HOURS[5], 'again'))
    harness.work_all()
    assert done(harness) == [f'{DAY}#1', f'{DAY}#2', f'{DAY}#3']


def test_what_is_late_while_the_day_runs_lets_it_start_once_more() -> None:
    harness = report(PARTIAL)
    harness.look()
    work(harness, HOURS[:23])
    assert harness.state(DAY) is JobState.IN_PROGRESS

    (again,) = late(turn_of(harness, HOURS[23]))
    harness.command(again)
    harness.work_all()

    assert done(harness) == [f'{DAY}#1', f'{DAY}#2']
    assert breaches(harness) == []


def test_the_last_that_is_missing_may_be_skipped_by_hand() -> None:
    harness = ran_without(2)
    assert not late(turn_of(harness, HOURS[22]))

    (again,) = late(harness.command(replace(reprocess(HOURS[23]), kind=CommandKind.SKIP)))

    assert (again.process, again.start) == DAY
    # Until it is carried out the day may be older than what has come.
    rows = [replace(job, term=2 if job.process == 'SiteHourly' else 1)
            for job in harness.jobs.values()]  # fmt: skip
    harness.jobs = {job.key: job for job in rows}
    assert breaches(harness)
    assert breaches(harness, again) == []


def test_a_late_one_does_not_matter_to_the_order_alone() -> None:
    harness = ran_without(2, replace(PARTIAL, is_order_only=True))

    assert not [item for text in HOURS[22:] for item in late(turn_of(harness, text))]
    assert breaches(harness) == []


def test_what_came_late_is_not_forgotten_when_a_request_is_cancelled() -> None:
    harness = ran_without(1)
    harness.command(reprocess(HOURS[5]))
    day = harness.timetable.open_job(DAY)
    assert day is not None
    assert day.former is not None

    assert not late(turn_of(harness, HOURS[23]))

    day = harness.timetable.open_job(DAY)
    assert day is not None
    assert day.former is None
    assert f'{DAY} its former state is void: {HOURS[23]} has ended since' in harness.events


def test_a_day_that_ran_without_some_stands_again_when_a_request_is_cancelled() -> None:
    harness = ran_without(1)
    harness.command(reprocess(HOURS[5]))
    request = harness.settled[-1]

    found = undo_of(harness.timetable, request)

    assert found.put_back == {}, 'the hour has started again'
    # Where it has not, both stand again, although another hour is missing still.
    harness = ran_without(1)
    command = reprocess(HOURS[5])
    planned = plan(harness.timetable, command)
    begun = replace(
        command, plan=planned.ranges, planned_count=planned.count, applied_count=planned.count,
        state=CommandState.RUNNING,
    )  # fmt: skip
    for text in (HOURS[5], str(DAY)):
        job = harness.jobs[key(text)]
        harness.timetable.put(job_transitions.commanded(command, job, harness.now)[0])
    assert undo_of(harness.timetable, begun).put_back_count == 2


def test_a_job_with_two_inputs_of_one_process_loses_its_former_state_once() -> None:
    harness = report(wait_for('SiteHourly'), wait_for('SiteHourly', offset=-1))
    harness.look()
    harness.work_all()
    harness.command(reprocess(HOURS[5], 'one'))

    harness.command(reprocess(HOURS[6], 'two'))

    voided = f'{DAY} its former state is void: {HOURS[6]} was reset'
    assert harness.events.count(voided) == 1


def blocking(*outcomes: Outcome) -> EngineHarness:
    """Return a day with blocking dependencies, of which the first hours have ended like this."""
    harness = report(
        PARTIAL, blocking=Blocking.DEPENDENCIES, hourly={'retry': RetryPolicy(max_attempts=1)}
    )
    harness.look()
    made = dict(zip(HOURS, outcomes, strict=False))
    for unit in harness.live():
        if str(unit.key) in HOURS:
            harness.work(unit, made.get(str(unit.key)))
    return harness


def test_blocking_dependencies_allow_for_what_may_be_missing() -> None:
    failed = Outcome.failed('boom')
    harness = blocking(failed, failed)
    harness.work_all()

    assert harness.state(DAY) is JobState.PROCESSED
    assert breaches(harness) == []
    assert blocking(failed, failed, failed).state(DAY) is JobState.SKIPPED


def test_what_was_skipped_is_not_counted_as_come() -> None:
    harness = report(PARTIAL, hourly={'retry': RetryPolicy(max_attempts=1)})
    harness.look()
    failed = Outcome.failed('boom')
    for unit in [unit for unit in harness.live() if str(unit.key) in HOURS[:22]]:
        harness.work(unit, failed if str(unit.key) == HOURS[0] else None)

    assert harness.state(DAY) is JobState.EMBRYO
    work(harness, HOURS[22:23])
    assert harness.state(DAY) is JobState.IN_PROGRESS


def test_hours_whose_process_is_off_are_given_up_like_others() -> None:
    harness = report(PARTIAL, hourly={'max_running': 22})
    harness.look()
    hours = harness.timetable.hierarchy.nodes[ProcessName('SiteHourly')]
    off = replace(hours, process=replace(hours.process, is_on=False))
    harness.timetable.hierarchy.nodes[ProcessName('SiteHourly')] = off  # type: ignore[index]
    harness.work_all()

    assert harness.state(DAY) is JobState.PROCESSED
    assert len([text for text in harness.started if text.startswith('SiteHourly@20261122')]) == 22


def test_a_day_may_be_marked_as_done_on_the_part_that_will_do() -> None:
    harness = report(PARTIAL, is_on=False)
    harness.look()
    work(harness, HOURS[:22])

    mark = replace(reprocess(str(DAY)), kind=CommandKind.MARK_DONE, created_at=harness.now)
    harness.command(mark)

    assert harness.state(DAY) is JobState.PROCESSED


def test_only_the_day_that_is_named_is_marked_as_done_not_those_that_wait_for_it() -> None:
    harness = report(wait_for('ReportDaily', offset=-1), until='2026112604')
    harness.look()
    harness.work_all()
    harness.started.clear()

    harness.command(
        replace(
            reprocess('ReportDaily@2026112300'),
            kind=CommandKind.MARK_DONE,
            created_at=harness.now,
        )
    )
    harness.work_all()

    assert harness.started == [f'ReportDaily@202611{day}00#2' for day in (24, 25)]


def test_what_is_asked_because_of_a_job_is_saved_before_it() -> None:
    harness = ran_without(1)
    (unit,) = (unit for unit in harness.live() if str(unit.key) == HOURS[23])
    harness.units[unit.id] = ended = replace(unit, state=UnitState.PROCESSED, fence=1)

    saves = in_stages(harness.engine.on([Reported(ended)], harness.now).saves)

    kinds = [type(save) for save in saves]
    assert kinds.index(InsertCommand) < kinds.index(SaveJob)


def test_what_runs_again_does_not_matter_to_a_run_that_waited_for_the_order_alone() -> None:
    harness = report(wait_for('SiteHourly', is_order_only=True))
    harness.look()
    work(harness, HOURS)
    assert harness.state(DAY) is JobState.IN_PROGRESS

    harness.command(reprocess(HOURS[5]))
    work(harness, [str(DAY)])

    assert harness.state(DAY) is JobState.PROCESSED
    harness.work_all()
    assert done(harness) == [f'{DAY}#1']
    assert breaches(harness) == []
