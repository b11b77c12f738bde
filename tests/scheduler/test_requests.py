"""Requests: batches, progress, pause, restart in the middle, two lanes, dead letters."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core import command_decisions, job_requests
from synergy.core.commands import Command, CommandId, CommandKind, CommandState, Only
from synergy.core.records import Outcome, RetryPolicy
from synergy.core.states import JobState, OnFailure, UnitState
from synergy.core.structs import replace
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler import open_commands
from synergy.scheduler.commands import Commands
from synergy.scheduler.loop import Scheduler
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness

HOUR = key('SiteHourly@2026112200')
HOURS = 24


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(end='2026112300'), instant('2026112401'))


@pytest.fixture
def done(harness: SchedulerHarness) -> Scheduler:
    """A scheduler that has run everything once."""
    scheduler = harness.scheduler()
    harness.run(scheduler)
    harness.started.clear()
    return scheduler


def request(
    harness: SchedulerHarness, kind: CommandKind = CommandKind.REPROCESS, **fields: object
) -> Command:
    command = Command(
        id=CommandId('r1'),
        kind=kind,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(HOURS),
        actor='anna',
        created_at=harness.clock.now(),
    )
    command = replace(command, **fields)  # type: ignore[arg-type]
    harness.store.insert_command(command)
    harness.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    return command


def control(harness: SchedulerHarness, kind: CommandKind) -> None:
    request(harness, kind, id=CommandId(f'{kind.value}-r1'), target=CommandId('r1'))


def found(harness: SchedulerHarness, text: str = 'r1') -> Command:
    command = harness.store.command(CommandId(text))
    assert command is not None
    return command


def settle(harness: SchedulerHarness, scheduler: Scheduler) -> None:
    """Run everything, and let a sweep see that it is done."""
    harness.run(scheduler)
    harness.clock.advance(timedelta(seconds=5))
    scheduler.step()


def test_a_request_is_applied_in_batches_and_followed_to_its_end(
    harness: SchedulerHarness, done: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_requests, 'JOBS_PER_BATCH_MAX', 10)
    request(harness)

    done.step()

    first = found(harness)
    assert (first.state, first.applied_count, first.planned_count) == (
        CommandState.APPLYING,
        10,
        HOURS + 3,
    )
    assert harness.violations() == []
    settle(harness, done)
    last = found(harness)
    assert (last.state, last.outcome) == (CommandState.DONE, f'{HOURS + 3} jobs: 27 processed')
    assert len(harness.started) == len(set(harness.started)) == HOURS + 3


def test_the_outcome_counts_what_a_later_request_has_taken_over(
    harness: SchedulerHarness, done: Scheduler
) -> None:
    request(harness)
    done.step()
    request(harness, id=CommandId('r2'), end=HOUR.timeperiod.shift(1))

    settle(harness, done)

    counts = dict.fromkeys(('r1', 'r2'), 0)
    for text in counts:
        command = found(harness, text)
        assert command.state is CommandState.DONE
        counts[text] = harness.store.request_progress(command.id)[JobState.PROCESSED]
    taken = HOURS + 3 - counts['r1']
    assert taken > 0
    assert found(harness).outcome == (
        f'{HOURS + 3} jobs: {counts["r1"]} processed, {taken} changed again by later requests'
    )


@pytest.mark.parametrize('steps', [1, 2, 3])
def test_a_restart_in_the_middle_runs_nothing_twice(
    harness: SchedulerHarness, done: Scheduler, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(job_requests, 'JOBS_PER_BATCH_MAX', 10)
    request(harness)
    for _ in range(steps):
        done.step()
        harness.work()
    harness.clock.advance(LEASE)

    again = harness.scheduler('two')
    settle(harness, again)

    assert found(harness).state is CommandState.DONE
    assert len(harness.started) == len(set(harness.started)) == HOURS + 3
    assert harness.violations() == []


def test_a_paused_request_starts_nothing_until_it_is_resumed(
    harness: SchedulerHarness, done: Scheduler
) -> None:
    request(harness)
    done.step()
    control(harness, CommandKind.PAUSE)
    done.step()
    harness.work()
    count = len(harness.started)

    harness.run(done)
    harness.clock.advance(timedelta(seconds=5))
    done.step()

    assert len(harness.started) == count
    assert found(harness).is_paused
    control(harness, CommandKind.RESUME)
    settle(harness, done)
    assert found(harness).state is CommandState.DONE
    assert len(harness.started) == HOURS + 3


def test_a_pause_holds_over_a_restart(harness: SchedulerHarness, done: Scheduler) -> None:
    request(harness)
    done.step()
    control(harness, CommandKind.PAUSE)
    done.step()
    harness.clock.advance(LEASE)

    again = harness.scheduler('two')
    harness.run(again)

    assert len(harness.started) <= 1


def test_an_abandoned_request_puts_back_what_has_not_begun_and_lets_the_rest_run(
    harness: SchedulerHarness, done: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (job_requests, command_decisions):
        monkeypatch.setattr(module, 'JOBS_PER_BATCH_MAX', 10)
    request(harness)
    done.step()
    control(harness, CommandKind.ABANDON)

    settle(harness, done)

    # Ten or twenty hours were reset when the word came, and one had begun; above it all follow.
    assert sorted(harness.started) == [
        'AlertDaily@2026112200#2',
        'SiteDaily@2026112200#2',
        'SiteHourly@2026112200#2',
        'SiteMonthly@2026110000#2',
    ]
    told = found(harness, 'abandon-r1').outcome or ''
    assert re.fullmatch(
        r'puts back (9|19) jobs, lets 1 run, and resets 3 more that wait for them', told
    )
    assert found(harness).state is CommandState.DONE
    assert not found(harness).is_paused
    assert harness.violations() == []


def test_a_request_whose_jobs_are_all_reset_is_taken_back_as_far_as_it_has_not_begun(
    harness: SchedulerHarness, done: Scheduler
) -> None:
    request(harness)
    done.step()
    control(harness, CommandKind.ABANDON)
    done.step()

    assert found(harness, 'abandon-r1').outcome == f'puts back {HOURS - 1} jobs, lets 4 run'
    settle(harness, done)
    assert found(harness).state is CommandState.DONE
    assert len(harness.started) == 4
    assert harness.violations() == []


def test_an_undo_that_breaks_off_is_ended_by_the_next_leader_before_anything_starts(
    harness: SchedulerHarness, done: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    request(harness)
    done.step()
    monkeypatch.setattr(command_decisions, 'JOBS_PER_BATCH_MAX', 10)
    monkeypatch.setattr(Commands, '_undo_to_the_end', lambda *_: None)
    control(harness, CommandKind.ABANDON)
    done.step()
    assert found(harness, 'abandon-r1').state is CommandState.APPLYING
    assert found(harness).is_paused
    harness.clock.advance(LEASE)

    again = harness.scheduler('two')
    again.step()

    assert found(harness, 'abandon-r1').outcome == f'puts back {HOURS - 1} jobs, lets 4 run'
    assert not found(harness).is_paused
    settle(harness, again)
    assert len(harness.started) == 4
    assert harness.violations() == []


def test_a_request_that_is_cancelled_before_it_is_seen_does_nothing(
    harness: SchedulerHarness, done: Scheduler
) -> None:
    request(harness)
    control(harness, CommandKind.ABANDON)

    settle(harness, done)

    assert found(harness).state is CommandState.CANCELLED
    assert found(harness, 'abandon-r1').state is CommandState.DONE
    assert harness.started == []


def test_a_request_that_is_paused_before_it_is_seen_waits(
    harness: SchedulerHarness, done: Scheduler
) -> None:
    request(harness)
    control(harness, CommandKind.PAUSE)
    harness.run(done)

    assert found(harness).plan is None
    assert harness.started == []
    control(harness, CommandKind.RESUME)
    settle(harness, done)
    settle(harness, done)
    assert len(harness.started) == HOURS + 3


def test_what_cannot_be_controlled_is_refused(harness: SchedulerHarness, done: Scheduler) -> None:
    control(harness, CommandKind.PAUSE)
    done.step()

    refused = found(harness, 'pause-r1')
    assert refused.state is CommandState.REFUSED
    assert 'no request' in str(refused.outcome)


def test_a_long_request_does_not_starve_new_intervals(tmp_path: Path) -> None:
    harness = SchedulerHarness(tmp_path, two_trees(start='2026112200'), instant('2026112310'))
    scheduler = harness.scheduler()
    harness.run(scheduler)
    harness.started.clear()
    request(harness)
    scheduler.step()

    for _ in range(7):
        # At once it would be an absence, and the new hours history.
        harness.clock.advance(timedelta(minutes=10))
        scheduler.step()
    for _ in range(12):
        scheduler.step()
        harness.work()

    live = [text for text in harness.started if text == 'SiteHourly@2026112310#1']
    assert live
    assert harness.started.index(live[0]) < 4


def test_only_failed_jobs_are_chosen(tmp_path: Path) -> None:
    once = {'retry': RetryPolicy(max_attempts=1)}
    harness = SchedulerHarness(
        tmp_path, two_trees(end='2026112300', SiteHourly=once), instant('2026112401')
    )
    scheduler = harness.scheduler()
    scheduler.step()
    harness.work(Outcome.failed('no data'))
    harness.run(scheduler)
    harness.started.clear()
    assert harness.state(HOUR) is JobState.SKIPPED

    request(harness, only=Only.FAILED)
    settle(harness, scheduler)

    assert [text for text in harness.started if 'Hourly' in text] == ['SiteHourly@2026112200#2']
    assert found(harness).planned_count == 4


def test_an_empty_selection_is_refused(harness: SchedulerHarness, done: Scheduler) -> None:
    request(harness, only=Only.SKIPPED)
    done.step()

    assert found(harness).state is CommandState.REFUSED
    assert 'none of them is skipped' in str(found(harness).outcome)


def test_cancel_stops_what_runs_and_skips_it(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None

    request(harness, CommandKind.CANCEL)
    scheduler.step()

    assert found(harness).outcome == '1 job'
    assert harness.state(HOUR) is JobState.SKIPPED
    assert harness.store.units([unit.id])[unit.id].state is UnitState.CANCELED


def test_a_held_job_waits_as_dead_letter_until_it_is_retried(tmp_path: Path) -> None:
    hold = {'retry': RetryPolicy(max_attempts=1), 'on_failure': OnFailure.HOLD}
    harness = SchedulerHarness(
        tmp_path, two_trees(end='2026112300', SiteHourly=hold), instant('2026112401')
    )
    scheduler = harness.scheduler()
    scheduler.step()
    harness.work(Outcome.failed('no data'))
    harness.run(scheduler)
    assert [unit.key for unit in harness.store.dead_units(10)] == [HOUR]
    assert harness.state(key('SiteDaily@2026112200')) is JobState.EMBRYO

    request(harness, end=HOUR.timeperiod.shift(1))
    request(harness, CommandKind.DROP, id=CommandId('d1'))
    settle(harness, scheduler)

    assert harness.state(HOUR) is JobState.PROCESSED
    assert harness.state(key('SiteDaily@2026112200')) is JobState.PROCESSED
    assert harness.store.dead_units(10) == []
    assert found(harness, 'd1').outcome == '1 dead letter'


def test_asking_twice_by_one_name_does_it_once(harness: SchedulerHarness, done: Scheduler) -> None:
    request(harness)
    request(harness)
    settle(harness, done)
    request(harness)
    settle(harness, done)

    assert len(harness.started) == HOURS + 3


def test_what_ran_on_old_inputs_while_a_request_was_paused_is_reset_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_requests, 'JOBS_PER_BATCH_MAX', 10)
    harness = SchedulerHarness(tmp_path, two_trees(end='2026112400'), instant('202611232330'))
    second = key('SiteDaily@2026112300')
    scheduler = harness.scheduler()
    harness.run(scheduler)
    # The last hour, and the day around it, have not run: they are not in the plan.
    request(harness, end=HOUR.timeperiod.shift(2 * HOURS))
    scheduler.step()
    planned_count = found(harness).planned_count
    control(harness, CommandKind.PAUSE)
    scheduler.step()
    harness.clock.advance(timedelta(hours=2))
    harness.run(scheduler)
    assert harness.state(second) is JobState.PROCESSED
    harness.started.clear()

    control(harness, CommandKind.RESUME)
    settle(harness, scheduler)
    settle(harness, scheduler)

    assert harness.state(second) is JobState.PROCESSED
    assert harness.started.count(f'{second}#2') == 1
    assert 'SiteHourly@2026112322#2' in harness.started[: harness.started.index(f'{second}#2')]
    assert found(harness).state is CommandState.DONE
    # The day, the month, and the alert that waits for the day.
    assert found(harness).planned_count == found(harness).applied_count == planned_count + 3
    assert len(harness.started) == len(set(harness.started))
    assert harness.violations() == []


def test_requests_that_are_paused_or_followed_keep_no_other_waiting(
    harness: SchedulerHarness, done: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_commands, 'COMMANDS_PER_SWEEP_MAX', 2)
    month = key('SiteMonthly@2026110000')
    for number in range(3):
        request(harness, id=CommandId(f'paused-{number}'), is_paused=True)
    for number in range(3):
        # Each takes the month over from the one before, which has then no more to wait for.
        harness.clock.advance(timedelta(seconds=1))
        request(
            harness,
            id=CommandId(f'followed-{number}'),
            process=month.process,
            start=month.timeperiod,
            end=month.timeperiod.shift(1),
        )
        done.step()
        assert harness.state(month) is JobState.IN_PROGRESS

    for number in range(3):
        assert found(harness, f'followed-{number}').state is CommandState.RUNNING
    harness.work()
    for _ in range(3):
        harness.clock.advance(timedelta(seconds=5))
        done.step()

    assert {found(harness, f'followed-{number}').state for number in range(3)} == {
        CommandState.DONE
    }
