"""The engine: order, hand-over, failure, rescue, commands."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from synergy.core import engine as engines
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import Announce, EndLetters, InsertUnit, SaveJob
from synergy.core.engine import STARTS_PER_BATCH_MAX
from synergy.core.events import Expired, Look, Processed, Reported, Vanished
from synergy.core.hierarchy import build
from synergy.core.invariants import check
from synergy.core.records import Outcome, ProcessName, RetryPolicy, Unit
from synergy.core.states import Blocking, JobState, OnFailure, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from tests.builders import instant, key, process, tree, two_trees
from tests.core.engine_harness import EngineHarness

END = '2026112400'
AFTER = instant('2026112500')
HOUR = key('SiteHourly@2026112200')
DAY = key('SiteDaily@2026112200')


def harness(**fields: object) -> EngineHarness:
    return EngineHarness(two_trees(end=END, **fields), AFTER)


def command(kind: CommandKind, first: JobKey, count: int = 1, **fields: object) -> Command:
    return Command(
        id=CommandId('c1'),
        kind=kind,
        process=first.process,
        start=first.timeperiod,
        end=first.timeperiod.shift(count),
        actor='anna',
        created_at=AFTER,
        **fields,  # type: ignore[arg-type]
    )


def assert_sound(made: EngineHarness) -> None:
    jobs = sorted(made.jobs.values(), key=lambda job: (job.process, str(job.timeperiod)))
    units = sorted(
        made.units.values(), key=lambda unit: (unit.process, str(unit.timeperiod), unit.run)
    )
    assert list(check(made.timetable.hierarchy, jobs, units, made.now)) == []


def test_everything_runs_once_and_after_what_it_waits_for() -> None:
    made = harness()

    made.look()
    made.work_all()

    assert len(made.started) == len(set(made.started)) == 48 + 2 + 1 + 2
    place = {text: index for index, text in enumerate(made.started)}
    for day in ('20261122', '20261123'):
        for hour in range(24):
            assert place[f'SiteHourly@{day}{hour:02d}#1'] < place[f'SiteDaily@{day}00#1']
        assert place[f'SiteDaily@{day}00#1'] < place[f'AlertDaily@{day}00#1']
        assert place[f'SiteDaily@{day}00#1'] < place['SiteMonthly@2026110000#1']
    assert all(job.state is JobState.PROCESSED for job in made.jobs.values())
    assert_sound(made)


def test_one_at_a_time_in_order_by_default() -> None:
    made = harness()

    made.look()

    assert [str(unit.key) for unit in made.live()] == ['SiteHourly@2026112200']


def test_max_running_bounds_what_is_in_flight() -> None:
    made = harness(SiteHourly={'max_running': 5})

    made.look()
    made.work(made.live()[2])

    assert [unit.timeperiod.ordinal - HOUR.timeperiod.ordinal for unit in made.live()] == [
        0,
        1,
        3,
        4,
        5,
    ]


def test_a_finished_last_child_starts_its_parent_in_the_same_batch() -> None:
    made = harness(SiteHourly={'max_running': 24})
    made.look()
    for unit in made.live()[:23]:
        made.work(unit)

    effects = made.work(next(unit for unit in made.live() if str(unit.timeperiod) == '2026112223'))

    assert DAY in [effect.unit.key for effect in effects if isinstance(effect, InsertUnit)]
    assert any(isinstance(effect, Announce) and effect.process == DAY.process for effect in effects)


def test_saves_come_before_the_announcement_of_the_same_unit() -> None:
    made = harness()

    effects = made.look()

    kinds = [type(effect) for effect in effects]
    assert kinds.index(InsertUnit) < kinds.index(SaveJob) < kinds.index(Announce)


@pytest.mark.parametrize('machine', ['discrete', 'continuous', 'recomputing'])
def test_what_was_processed_is_decided_alike_told_in_brief_or_in_full(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief, full = (
        EngineHarness(two_trees(end=END, SiteDaily={'machine': machine}), instant('2026112212'))
        for _ in range(2)
    )
    monkeypatch.setattr(full, 'told', Reported)
    told_in_brief = 0
    for now in (brief.now, AFTER):
        for made in (brief, full):
            made.now = now
        looks = [Look(node.process.name, is_trigger=True) for node in brief.timetable.hierarchy]

        assert brief.turn(*looks) == full.turn(*looks)
        while live := brief.live():
            told_in_brief += isinstance(
                brief.told(replace(live[0], state=UnitState.PROCESSED)), Processed
            )
            assert brief.work(live[0]) == full.work(live[0])

    assert brief.jobs == full.jobs
    assert brief.events == full.events
    assert told_in_brief == len(brief.started) >= 48 + 2 + 1 + 2
    assert_sound(brief)


def test_the_same_report_again_changes_nothing() -> None:
    made = harness()
    made.look()
    first = made.live()[0]
    made.work(first)

    again = made.turn(Reported(made.units[first.id]))

    assert again == []


def test_a_failed_attempt_is_tried_again_after_a_growing_delay() -> None:
    made = harness(SiteHourly={'retry': RetryPolicy(max_attempts=3, delay=timedelta(seconds=10))})
    made.look()
    delays = []

    for _ in range(2):
        made.work(made.live()[0], Outcome.failed('boom'))
        unit = made.live()[0]
        assert unit.not_before is not None
        delays.append((unit.not_before - made.now).total_seconds())

    assert 10 <= delays[0] <= 12
    assert 20 <= delays[1] <= 24
    assert made.live()[0].attempt == 3
    assert made.announced[-1].not_before == made.live()[0].not_before


def test_a_unit_without_an_attempt_left_is_dead_and_its_job_is_skipped() -> None:
    made = harness(SiteHourly={'retry': RetryPolicy(max_attempts=1)})
    made.look()
    first = made.live()[0]

    made.work(first, Outcome.failed('boom'))

    assert made.units[first.id].state is UnitState.DEAD
    assert made.state(HOUR) is JobState.SKIPPED
    assert made.jobs[HOUR].reason == 'run 1 attempt 1 of 1 failed: boom'
    assert [str(unit.key) for unit in made.live()] == ['SiteHourly@2026112201']


def test_a_held_job_keeps_its_parent_waiting_but_not_its_neighbours() -> None:
    made = harness(SiteHourly={'retry': RetryPolicy(max_attempts=1), 'on_failure': OnFailure.HOLD})
    made.look()
    made.work(made.live()[0], Outcome.failed('boom'))

    made.work_all()

    assert made.state(HOUR) is JobState.IN_PROGRESS
    assert made.jobs[HOUR].is_held
    assert made.state(DAY) is JobState.EMBRYO
    assert made.state(key('SiteDaily@2026112300')) is JobState.PROCESSED
    assert made.state(key('SiteMonthly@2026110000')) is JobState.EMBRYO
    assert_sound(made)


def test_a_unit_whose_lease_ran_out_is_rescued_at_once_under_a_higher_fence() -> None:
    made = harness()
    made.look()
    unit = made.live()[0]
    claimed = made.units[unit.id] = _claimed(unit)

    made.turn(Expired(claimed))

    rescued = made.units[unit.id]
    assert (rescued.state, rescued.attempt, rescued.fence) == (UnitState.REQUESTED, 2, 2)
    # Not even from now on: the store's clock, which judges that, may be behind.
    assert rescued.not_before is None
    assert made.announced[-1] == Announce(unit.id, unit.process, made.now, rescued.fence)


@pytest.mark.parametrize('on_failure', OnFailure)
def test_a_lost_worker_is_not_a_failed_attempt(on_failure: OnFailure) -> None:
    made = harness(SiteHourly={'retry': RetryPolicy(max_attempts=1), 'on_failure': on_failure})
    made.look()
    unit = next(unit for unit in made.live() if unit.key == HOUR)

    for lost in range(1, 5):
        made.turn(Expired(made.claim(made.units[unit.id])))

        assert made.units[unit.id].state is UnitState.REQUESTED
        assert made.jobs[HOUR].state is JobState.IN_PROGRESS
        assert (made.jobs[HOUR].lost_count, made.jobs[HOUR].failure_count) == (lost, 0)
    made.turn(Expired(made.claim(made.units[unit.id])))

    job = made.jobs[HOUR]
    assert made.units[unit.id].state is UnitState.DEAD
    assert (job.lost_count, job.failure_count) == (5, 1)
    assert 'attempt 5 of 5 lost its worker (5 of 5): lease of worker ran out' in str(job.reason)
    is_held = on_failure is OnFailure.HOLD
    assert (job.is_held, job.state is JobState.SKIPPED) == (is_held, not is_held)
    assert_sound(made)


def test_a_run_that_fails_after_losses_has_all_its_attempts() -> None:
    made = harness(SiteHourly={'retry': RetryPolicy(max_attempts=1)})
    made.look()
    unit = next(unit for unit in made.live() if unit.key == HOUR)
    made.turn(Expired(made.claim(unit)))

    made.work(made.units[unit.id], Outcome.failed('boom'))

    assert made.jobs[HOUR].state is JobState.SKIPPED
    assert made.jobs[HOUR].reason == 'run 1 attempt 2 of 2 failed: boom'
    assert (made.jobs[HOUR].lost_count, made.jobs[HOUR].failure_count) == (1, 1)


def letters(made: EngineHarness) -> list[int]:
    return [unit.run for unit in made.units.values() if unit.state is UnitState.DEAD]


def died(on_failure: OnFailure = OnFailure.SKIP) -> EngineHarness:
    """Return a harness of which the first hour has died, and is on the list."""
    made = harness(SiteHourly={'retry': RetryPolicy(max_attempts=1), 'on_failure': on_failure})
    made.look()
    made.work(next(unit for unit in made.live() if unit.key == HOUR), Outcome.failed('boom'))
    assert letters(made) == [1]
    return made


def run_again(made: EngineHarness, name: str, outcome: Outcome | None = None) -> None:
    made.command(replace(command(CommandKind.REPROCESS, HOUR), id=CommandId(name)))
    while not (own := [unit for unit in made.live() if unit.key == HOUR]):
        made.work(made.live()[0])
    made.work(own[0], outcome)


@pytest.mark.parametrize('outcome', [Outcome.processed(1), Outcome.noop()])
def test_a_dead_letter_ends_when_its_interval_has_run_again(outcome: Outcome) -> None:
    made = died()

    run_again(made, 'r1', outcome)

    assert letters(made) == []
    (ended,) = [unit for unit in made.units.values() if unit.state is UnitState.CANCELED]
    assert ended.error is not None
    assert ended.error.startswith('boom; run 2')


@pytest.mark.parametrize('on_failure', OnFailure)
def test_of_an_interval_that_dies_again_only_the_newest_letter_stays(
    on_failure: OnFailure,
) -> None:
    made = died(on_failure)

    run_again(made, 'r1', Outcome.failed('bang'))

    assert letters(made) == [2]


@pytest.mark.parametrize('kind', [CommandKind.SKIP, CommandKind.MARK_DONE])
def test_a_dead_letter_ends_when_an_operator_ends_its_interval(kind: CommandKind) -> None:
    made = died(OnFailure.HOLD)

    made.command(command(kind, HOUR))

    assert letters(made) == []
    assert_sound(made)


def test_a_first_run_that_ends_well_costs_no_look_for_letters() -> None:
    made = harness()
    made.look()

    effects = made.work(made.live()[0])

    assert not any(isinstance(effect, EndLetters) for effect in effects)


def _claimed(unit: Unit) -> Unit:
    return replace(unit, state=UnitState.IN_PROGRESS, fence=1, owner='w', lease_until=AFTER)


def test_a_job_whose_unit_vanished_starts_a_new_run() -> None:
    made = harness()
    made.look()
    del made.units[made.live()[0].id]

    made.turn(Vanished(HOUR))

    assert made.started[-1] == 'SiteHourly@2026112200#2'


def test_noop_and_cancelled_units_end_their_jobs() -> None:
    made = harness()
    made.look()

    made.work(made.live()[0], Outcome.noop())
    made.work(made.live()[0], Outcome.cancelled('not today'))

    assert made.state(HOUR) is JobState.NOOP
    assert made.state(key('SiteHourly@2026112201')) is JobState.SKIPPED
    assert made.jobs[key('SiteHourly@2026112201')].reason == 'run 1 cancelled: not today'


def test_a_process_that_is_off_starts_nothing() -> None:
    made = harness(SiteHourly={'is_on': False})

    made.turn(Look(ProcessName('SiteHourly')))

    assert made.started == []


def test_an_interval_that_is_open_does_not_start() -> None:
    made = EngineHarness(two_trees(), instant('202611220104'))
    made.look()
    assert made.started == []

    made.advance(timedelta(minutes=1))
    made.look()

    assert made.started == ['SiteHourly@2026112200#1']


def test_members_of_a_group_are_noop_and_its_end_covers_them() -> None:
    made = harness(SiteHourly={'grouping': 8})

    made.look()
    made.work_all()

    by_state = {
        str(at.timeperiod): job.state for at, job in made.jobs.items() if at.process == HOUR.process
    }
    assert [text for text, state in by_state.items() if state is JobState.PROCESSED] == [
        f'{day}{hour}' for day in ('20261122', '20261123') for hour in ('08', '16', '23')
    ]
    first = next(unit for unit in made.units.values() if str(unit.timeperiod) == '2026112208')
    assert (str(first.start), str(first.end)) == ('2026112200', '2026112209')
    assert made.state(DAY) is JobState.PROCESSED


def test_a_skipped_dependency_skips_its_dependents_where_blocking_says_so() -> None:
    made = harness(
        SiteDaily={'retry': RetryPolicy(max_attempts=1)},
        AlertDaily={'blocking': Blocking.DEPENDENCIES},
    )
    made.look()
    while (unit := made.live()[0]).key != DAY:
        made.work(unit)
    made.work(unit, Outcome.failed('boom'))

    alert = made.jobs[key('AlertDaily@2026112200')]

    assert alert.state is JobState.SKIPPED
    assert alert.reason == 'skipped dependency: SiteDaily@2026112200'


def test_reprocess_resets_the_job_its_parents_and_dependents_and_each_runs_once_more() -> None:
    made = harness()
    made.look()
    made.work_all()
    made.started.clear()

    made.command(command(CommandKind.REPROCESS, HOUR, reason='late data'))
    reset = [str(at) for at, job in made.jobs.items() if job.state is not JobState.PROCESSED]
    made.work_all()

    assert sorted(reset) == [
        'AlertDaily@2026112200',
        'SiteDaily@2026112200',
        'SiteHourly@2026112200',
        'SiteMonthly@2026110000',
    ]
    assert made.started == [
        'SiteHourly@2026112200#2',
        'SiteDaily@2026112200#2',
        'SiteMonthly@2026110000#2',
        'AlertDaily@2026112200#2',
    ]
    assert made.settled[0].state is CommandState.RUNNING
    assert made.settled[0].applied_count == 4
    assert_sound(made)


def test_reprocess_of_a_running_job_cancels_its_unit_and_runs_it_again() -> None:
    made = harness()
    made.look()
    first = made.live()[0]

    made.command(command(CommandKind.REPROCESS, HOUR))

    assert made.units[first.id].state is UnitState.CANCELED
    assert made.units[first.id].fence == 1
    assert made.started == ['SiteHourly@2026112200#1', 'SiteHourly@2026112200#2']


def test_a_report_of_a_cancelled_run_changes_nothing() -> None:
    made = harness()
    made.look()
    first = made.live()[0]
    made.command(command(CommandKind.REPROCESS, HOUR))

    effects = made.turn(Reported(made.units[first.id]))

    assert effects == []


def test_reprocess_with_children_resets_what_is_nested_below() -> None:
    made = harness()
    made.look()
    made.work_all()
    made.started.clear()

    made.command(command(CommandKind.REPROCESS, DAY, with_children=True))
    made.work_all()

    assert len([text for text in made.started if text.startswith('SiteHourly')]) == 24
    assert len(made.started) == 24 + 3


def test_skip_ends_what_is_unfinished_below_and_leaves_the_finished_alone() -> None:
    made = harness()
    made.look()
    for _ in range(5):
        made.work(made.live()[0])

    made.command(command(CommandKind.SKIP, DAY))
    made.work_all()

    hours = [made.state(key(f'SiteHourly@20261122{hour:02d}')) for hour in range(24)]
    assert hours == [JobState.PROCESSED] * 5 + [JobState.SKIPPED] * 19
    assert made.state(DAY) is JobState.SKIPPED
    assert made.state(key('SiteMonthly@2026110000')) is JobState.PROCESSED
    assert_sound(made)


@pytest.mark.parametrize('kind', [CommandKind.SKIP, CommandKind.CANCEL])
def test_what_a_person_gives_up_is_no_failure_whatever_its_attempts_were(kind: CommandKind) -> None:
    made = harness(SiteHourly={'retry': RetryPolicy(max_attempts=1), 'on_failure': OnFailure.HOLD})
    made.look()
    made.work(made.live()[0], Outcome.failed('boom'))
    assert (made.jobs[HOUR].is_held, made.jobs[HOUR].failure_count) == (True, 1)

    made.command(command(kind, HOUR))

    assert made.state(HOUR) is JobState.SKIPPED
    assert made.jobs[HOUR].failure_count == 0
    assert_sound(made)


def test_all_hours_of_a_month_done_and_its_days_not_does_not_stop_the_next_month() -> None:
    hierarchy = two_trees(SiteDaily={'is_on': False}, SiteHourly={'max_running': 100})
    made = EngineHarness(hierarchy, instant('2027010200'))

    made.look()
    made.work_all()

    assert made.state(key('SiteHourly@2026123100')) is JobState.PROCESSED
    assert made.state(key('SiteHourly@2027010100')) is JobState.PROCESSED


def test_a_large_past_is_taken_in_batches_and_nothing_is_forgotten() -> None:
    hierarchy = two_trees(SiteHourly={'max_running': 5000})
    made = EngineHarness(hierarchy, instant('2027110200'))

    batches = 0
    made.look()
    while made.engine.is_owing:
        made.turn()
        batches += 1

    assert batches >= 5000 / STARTS_PER_BATCH_MAX - 1
    assert len(made.started) == 5000


def test_a_turn_of_many_processes_starts_a_part_of_them_in_each_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, 'STARTS_PER_BATCH_MAX', 4)
    names = [f'P{number:03}Hourly' for number in range(80)]
    trees = [tree(name, [name], end='2026112201') for name in names]
    made = EngineHarness(build(map(process, names), trees), AFTER)

    made.look()
    counts = [len(made.started)]
    while made.engine.is_owing:
        made.turn()
        counts.append(len(made.started))

    batches = [after - before for before, after in pairwise([0, *counts])]
    assert sorted(made.started) == [f'{name}@2026112200#1' for name in names]
    assert batches[0] == 80 // 8
    assert batches == sorted(batches, reverse=True)
    assert batches[-7:-1] == [4] * 6, 'as soon as few are left, no more than ever'


def two_with_much_to_do() -> EngineHarness:
    """Return a tree of days and hours, and one that has started before it, of hours alone."""
    much = {'max_running': 5000}
    hierarchy = build(
        [
            process('OtherHourly', **much),
            process('SiteHourly', **much),
            process('SiteDaily'),
        ],
        [tree('other', ['OtherHourly']), tree('site', ['SiteHourly', 'SiteDaily'])],
    )
    return EngineHarness(hierarchy, instant('2027110200'))


def test_processes_with_more_than_a_batch_to_start_take_turns() -> None:
    made = two_with_much_to_do()

    made.look()
    made.turn()
    made.turn()

    batches = [made.started[at] for at in range(0, 3 * STARTS_PER_BATCH_MAX, STARTS_PER_BATCH_MAX)]
    names = [text.partition('@')[0] for text in batches]
    assert names in (
        ['OtherHourly', 'SiteHourly', 'OtherHourly'],
        ['SiteHourly', 'OtherHourly', 'SiteHourly'],
    )


def test_who_has_waited_for_one_that_ends_starts_before_what_was_left_over() -> None:
    made = two_with_much_to_do()
    made.look()
    made.turn()
    hours = [unit for unit in made.live() if str(unit.key).startswith('SiteHourly')]

    reports = [made.told(made.finished(unit)) for unit in hours[:24]]
    count = len(made.started)
    made.turn(*reports)

    assert made.started[count].startswith('SiteDaily@')
    assert len(made.started) == count + STARTS_PER_BATCH_MAX
