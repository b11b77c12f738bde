"""Requests: batches, progress, pause, restart in the middle, two lanes, dead letters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState, Only
from synergy.core.records import Outcome, RetryPolicy
from synergy.core.states import JobState, OnFailure, UnitState
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler import open_commands, requests
from synergy.scheduler.loop import Scheduler
from tests.builders import instant, key, two_trees
from tests.scheduler.stage import LEASE, Stage

HOUR = key('SiteHourly@2026112200')
HOURS = 24


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, two_trees(end='2026112300'), instant('2026112401'))


@pytest.fixture
def done(stage: Stage) -> Scheduler:
    """A scheduler that has run everything once."""
    scheduler = stage.scheduler()
    stage.run(scheduler)
    stage.started.clear()
    return scheduler


def request(stage: Stage, kind: CommandKind = CommandKind.REPROCESS, **fields: object) -> Command:
    command = Command(
        id=CommandId('r1'),
        kind=kind,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(HOURS),
        actor='anna',
        created_at=stage.clock.now(),
    )
    command = replace(command, **fields)  # type: ignore[arg-type]
    stage.store.insert_command(command)
    stage.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    return command


def control(stage: Stage, kind: CommandKind) -> None:
    request(stage, kind, id=CommandId(f'{kind.value}-r1'), target=CommandId('r1'))


def found(stage: Stage, text: str = 'r1') -> Command:
    command = stage.store.command(CommandId(text))
    assert command is not None
    return command


def settle(stage: Stage, scheduler: Scheduler) -> None:
    """Run everything, and let a sweep see that it is done."""
    stage.run(scheduler)
    stage.clock.advance(timedelta(seconds=5))
    scheduler.step()


def test_a_request_is_applied_in_batches_and_followed_to_its_end(
    stage: Stage, done: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, 'JOBS_PER_BATCH_MAX', 10)
    request(stage)

    done.step()

    first = found(stage)
    assert (first.state, first.applied_count, first.planned_count) == (
        CommandState.APPLYING,
        10,
        HOURS + 3,
    )
    assert stage.violations() == []
    settle(stage, done)
    last = found(stage)
    assert (last.state, last.outcome) == (CommandState.DONE, f'{HOURS + 3} jobs: 27 processed')
    assert len(stage.started) == len(set(stage.started)) == HOURS + 3


@pytest.mark.parametrize('steps', [1, 2, 3])
def test_a_restart_in_the_middle_runs_nothing_twice(
    stage: Stage, done: Scheduler, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(requests, 'JOBS_PER_BATCH_MAX', 10)
    request(stage)
    for _ in range(steps):
        done.step()
        stage.work()
    stage.clock.advance(LEASE)

    again = stage.scheduler('two')
    settle(stage, again)

    assert found(stage).state is CommandState.DONE
    assert len(stage.started) == len(set(stage.started)) == HOURS + 3
    assert stage.violations() == []


def test_a_paused_request_starts_nothing_until_it_is_resumed(stage: Stage, done: Scheduler) -> None:
    request(stage)
    done.step()
    control(stage, CommandKind.PAUSE)
    done.step()
    stage.work()
    count = len(stage.started)

    stage.run(done)
    stage.clock.advance(timedelta(seconds=5))
    done.step()

    assert len(stage.started) == count
    assert found(stage).is_paused
    control(stage, CommandKind.RESUME)
    settle(stage, done)
    assert found(stage).state is CommandState.DONE
    assert len(stage.started) == HOURS + 3


def test_a_pause_holds_over_a_restart(stage: Stage, done: Scheduler) -> None:
    request(stage)
    done.step()
    control(stage, CommandKind.PAUSE)
    done.step()
    stage.clock.advance(LEASE)

    again = stage.scheduler('two')
    stage.run(again)

    assert len(stage.started) <= 1


def test_an_abandoned_request_ends_what_it_has_begun_and_no_more(
    stage: Stage, done: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, 'JOBS_PER_BATCH_MAX', 10)
    request(stage)
    done.step()
    control(stage, CommandKind.ABANDON)

    settle(stage, done)

    # Ten or twenty hours were reset when the word came; their day, month and alert follow.
    hours = [text for text in stage.started if 'Hourly' in text]
    assert len(hours) in (10, 20)
    assert sorted(set(stage.started) - set(hours)) == [
        'AlertDaily@2026112200#2',
        'SiteDaily@2026112200#2',
        'SiteMonthly@2026110000#2',
    ]
    assert found(stage, 'abandon-r1').outcome == f'{len(hours) + 3} jobs instead of 27'
    assert found(stage).state is CommandState.DONE
    assert stage.violations() == []


def test_a_request_whose_jobs_are_all_reset_cannot_be_abandoned(
    stage: Stage, done: Scheduler
) -> None:
    request(stage)
    done.step()
    control(stage, CommandKind.ABANDON)
    done.step()

    refused = found(stage, 'abandon-r1')
    assert refused.state is CommandState.REFUSED
    assert 'pause it, or skip them' in str(refused.outcome)


def test_a_request_that_is_cancelled_before_it_is_seen_does_nothing(
    stage: Stage, done: Scheduler
) -> None:
    request(stage)
    control(stage, CommandKind.ABANDON)

    settle(stage, done)

    assert found(stage).state is CommandState.CANCELLED
    assert found(stage, 'abandon-r1').state is CommandState.DONE
    assert stage.started == []


def test_a_request_that_is_paused_before_it_is_seen_waits(stage: Stage, done: Scheduler) -> None:
    request(stage)
    control(stage, CommandKind.PAUSE)
    stage.run(done)

    assert found(stage).plan is None
    assert stage.started == []
    control(stage, CommandKind.RESUME)
    settle(stage, done)
    settle(stage, done)
    assert len(stage.started) == HOURS + 3


def test_what_cannot_be_controlled_is_refused(stage: Stage, done: Scheduler) -> None:
    control(stage, CommandKind.PAUSE)
    done.step()

    refused = found(stage, 'pause-r1')
    assert refused.state is CommandState.REFUSED
    assert 'no request' in str(refused.outcome)


def test_a_long_request_does_not_starve_new_intervals(tmp_path: Path) -> None:
    stage = Stage(tmp_path, two_trees(start='2026112200'), instant('2026112310'))
    scheduler = stage.scheduler()
    stage.run(scheduler)
    stage.started.clear()
    request(stage)
    scheduler.step()

    stage.clock.advance(timedelta(minutes=70))
    for _ in range(12):
        scheduler.step()
        stage.work()

    live = [text for text in stage.started if text == 'SiteHourly@2026112310#1']
    assert live
    assert stage.started.index(live[0]) < 4


def test_only_failed_jobs_are_chosen(tmp_path: Path) -> None:
    once = {'retry': RetryPolicy(max_attempts=1)}
    stage = Stage(tmp_path, two_trees(end='2026112300', SiteHourly=once), instant('2026112401'))
    scheduler = stage.scheduler()
    scheduler.step()
    stage.work(Outcome.failed('no data'))
    stage.run(scheduler)
    stage.started.clear()
    assert stage.state(HOUR) is JobState.SKIPPED

    request(stage, only=Only.FAILED)
    settle(stage, scheduler)

    assert [text for text in stage.started if 'Hourly' in text] == ['SiteHourly@2026112200#2']
    assert found(stage).planned_count == 4


def test_an_empty_selection_is_refused(stage: Stage, done: Scheduler) -> None:
    request(stage, only=Only.SKIPPED)
    done.step()

    assert found(stage).state is CommandState.REFUSED
    assert 'none of them is skipped' in str(found(stage).outcome)


def test_cancel_stops_what_runs_and_skips_it(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    unit = stage.claim(stage.take()[0])
    assert unit is not None

    request(stage, CommandKind.CANCEL)
    scheduler.step()

    assert found(stage).outcome == '1 job'
    assert stage.state(HOUR) is JobState.SKIPPED
    assert stage.store.units([unit.id])[unit.id].state is UnitState.CANCELED


def test_a_held_job_waits_as_dead_letter_until_it_is_retried(tmp_path: Path) -> None:
    hold = {'retry': RetryPolicy(max_attempts=1), 'on_failure': OnFailure.HOLD}
    stage = Stage(tmp_path, two_trees(end='2026112300', SiteHourly=hold), instant('2026112401'))
    scheduler = stage.scheduler()
    scheduler.step()
    stage.work(Outcome.failed('no data'))
    stage.run(scheduler)
    assert [unit.key for unit in stage.store.dead_units(10)] == [HOUR]
    assert stage.state(key('SiteDaily@2026112200')) is JobState.EMBRYO

    request(stage, end=HOUR.timeperiod.shift(1))
    request(stage, CommandKind.DROP, id=CommandId('d1'))
    settle(stage, scheduler)

    assert stage.state(HOUR) is JobState.PROCESSED
    assert stage.state(key('SiteDaily@2026112200')) is JobState.PROCESSED
    assert stage.store.dead_units(10) == []
    assert found(stage, 'd1').outcome == '1 dead letter'


def test_asking_twice_by_one_name_does_it_once(stage: Stage, done: Scheduler) -> None:
    request(stage)
    request(stage)
    settle(stage, done)
    request(stage)
    settle(stage, done)

    assert len(stage.started) == HOURS + 3


def test_what_ran_on_old_inputs_while_a_request_was_paused_is_reset_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, 'JOBS_PER_BATCH_MAX', 10)
    stage = Stage(tmp_path, two_trees(end='2026112400'), instant('202611232330'))
    second = key('SiteDaily@2026112300')
    scheduler = stage.scheduler()
    stage.run(scheduler)
    # The last hour, and the day around it, have not run: they are not in the plan.
    request(stage, end=HOUR.timeperiod.shift(2 * HOURS))
    scheduler.step()
    planned_count = found(stage).planned_count
    control(stage, CommandKind.PAUSE)
    scheduler.step()
    stage.clock.advance(timedelta(hours=2))
    stage.run(scheduler)
    assert stage.state(second) is JobState.PROCESSED
    stage.started.clear()

    control(stage, CommandKind.RESUME)
    settle(stage, scheduler)
    settle(stage, scheduler)

    assert stage.state(second) is JobState.PROCESSED
    assert stage.started.count(f'{second}#2') == 1
    assert 'SiteHourly@2026112322#2' in stage.started[: stage.started.index(f'{second}#2')]
    assert found(stage).state is CommandState.DONE
    # The day, the month, and the alert that waits for the day.
    assert found(stage).planned_count == found(stage).applied_count == planned_count + 3
    assert len(stage.started) == len(set(stage.started))
    assert stage.violations() == []


def test_requests_that_are_paused_or_followed_keep_no_other_waiting(
    stage: Stage, done: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_commands, 'COMMANDS_PER_SWEEP_MAX', 2)
    month = key('SiteMonthly@2026110000')
    for number in range(3):
        request(stage, id=CommandId(f'paused-{number}'), is_paused=True)
    for number in range(3):
        # Each takes the month over from the one before, which has then no more to wait for.
        stage.clock.advance(timedelta(seconds=1))
        request(
            stage,
            id=CommandId(f'followed-{number}'),
            process=month.process,
            start=month.timeperiod,
            end=month.timeperiod.shift(1),
        )
        done.step()
        assert stage.state(month) is JobState.IN_PROGRESS

    for number in range(3):
        assert found(stage, f'followed-{number}').state is CommandState.RUNNING
    stage.work()
    for _ in range(3):
        stage.clock.advance(timedelta(seconds=5))
        done.step()

    assert {found(stage, f'followed-{number}').state for number in range(3)} == {CommandState.DONE}
