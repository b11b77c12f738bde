"""The Scheduler on a real store and broker: crashes, lost messages, two leaders, commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.index_pages import IndexStretch
from synergy.core.records import Outcome, RetryPolicy
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.errors import BrokerUnusable, StoreUnavailable
from synergy.scheduler import loading
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness, route_of

HOUR = key('SiteHourly@2026112200')
DAY = key('SiteDaily@2026112200')
ALL = 24 + 1 + 1 + 1


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(end='2026112300'), instant('2026112401'))


def command(kind: CommandKind, job_key: JobKey, text: str = 'c1') -> Command:
    return Command(
        id=CommandId(text),
        kind=kind,
        process=job_key.process,
        start=job_key.timeperiod,
        end=job_key.timeperiod.shift(1),
        actor='anna',
        created_at=instant('2026112401'),
    )


def test_everything_finishes_once_in_order(harness: SchedulerHarness) -> None:
    harness.run(harness.scheduler())

    assert len(harness.started) == len(set(harness.started)) == ALL
    assert harness.started[-1].startswith(('AlertDaily', 'SiteMonthly'))
    assert harness.violations() == []


def test_a_new_scheduler_goes_on_where_a_killed_one_stopped(harness: SchedulerHarness) -> None:
    first = harness.scheduler()
    first.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None
    harness.finish(unit, report=False)
    harness.clock.advance(LEASE)

    harness.run(harness.scheduler('two'))

    assert len(harness.started) == ALL
    assert harness.violations() == []


def test_reading_a_long_history_does_not_cost_the_leadership(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.run(harness.scheduler('one'))
    harness.clock.advance(2 * LEASE)
    scheduler = harness.scheduler('two')
    index_stretches = scheduler._store.index_stretches

    def slowly(since: datetime | None = None) -> Iterator[IndexStretch]:
        for stretch in index_stretches(since):
            harness.clock.advance(LEASE / 4)
            yield stretch

    monkeypatch.setattr(scheduler._store, 'index_stretches', slowly)
    monkeypatch.setattr(loading, 'ROWS_PER_LOOK', 1)
    scheduler.step()

    leadership = harness.store.leadership()
    assert leadership is not None
    assert (leadership.owner, leadership.term) == ('two', 2)
    assert scheduler.is_leading


def test_messages_that_are_lost_are_rung_again(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    assert len(harness.take()) == 1

    harness.clock.advance(timedelta(seconds=66))
    scheduler.step()

    assert len(harness.take()) == 1


def test_a_clock_that_was_set_forward_and_back_does_not_stop_the_sweeps(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None
    before = harness.clock.now()
    # Not so far that leases run out, which would make it load everything again.
    harness.clock.step(before + timedelta(seconds=9))
    scheduler.step()
    harness.clock.step(before)
    scheduler.step()

    harness.finish(unit, report=False)
    harness.clock.advance(timedelta(seconds=6))
    scheduler.step()

    assert harness.state(unit.key) is JobState.PROCESSED


def test_one_that_ends_because_of_its_broker_lets_another_lead(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = harness.scheduler()

    def refuse(_routes: object) -> None:
        raise BrokerUnusable('queue declared differently')

    monkeypatch.setattr(scheduler._broker, 'declare', refuse)
    with pytest.raises(BrokerUnusable):
        scheduler.run()

    assert harness.store.lead('two', LEASE) is not None


def test_a_doubled_and_a_foreign_message_change_nothing(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    for uow_id in harness.take():
        unit = harness.claim(uow_id)
        assert unit is not None
        harness.finish(unit)
        harness.broker.publish(
            [
                Message(REPORT_ROUTE, {'uow': unit.id}),
                Message(REPORT_ROUTE, {'uow': 'no such unit'}),
                Message(REPORT_ROUTE, {'hello': 'world'}),
                Message(route_of(HOUR.process), {'uow': unit.id}),
            ]
        )

    harness.run(scheduler)

    assert len(harness.started) == ALL
    assert harness.violations() == []


def test_a_report_that_never_came_is_found_by_the_sweep(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None
    harness.finish(unit, report=False)

    harness.clock.advance(timedelta(seconds=5))
    scheduler.step()

    assert harness.state(HOUR) is JobState.PROCESSED


def test_a_failure_that_is_reported_while_a_sweep_finds_it_is_decided_once(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None
    harness.finish(unit, Outcome.failed('no disk'))

    harness.clock.advance(timedelta(seconds=5))
    scheduler.step()

    again = harness.store.units([unit.id])[unit.id]
    assert (again.state, again.attempt) == (UnitState.REQUESTED, 2)


def test_a_silent_worker_is_rescued_and_its_late_result_refused(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None

    harness.clock.advance(LEASE + timedelta(seconds=5))
    scheduler.step()

    again = harness.claim(harness.take()[0])
    assert again is not None
    assert (again.id, again.attempt, again.fence) == (unit.id, 2, unit.fence + 2)
    assert again.idempotency_key == unit.idempotency_key


def test_a_standby_waits_and_takes_over_when_the_leader_falls_silent(
    harness: SchedulerHarness,
) -> None:
    leader, standby = harness.scheduler('one'), harness.scheduler('two')
    leader.step()
    standby.step()
    assert (leader.is_leading, standby.is_leading) == (True, False)

    harness.clock.advance(LEASE)
    standby.step()

    assert standby.is_leading
    leader.step()
    assert not leader.is_leading
    harness.run(standby)
    assert len(harness.started) == ALL
    assert harness.violations() == []


def test_a_frozen_leader_that_wakes_up_writes_nothing(harness: SchedulerHarness) -> None:
    leader, standby = harness.scheduler('one'), harness.scheduler('two')
    leader.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None
    harness.finish(unit)
    harness.clock.advance(LEASE)
    standby.step()
    before = harness.store.jobs([HOUR])[HOUR]

    for _ in range(3):
        leader.step()

    assert not leader.is_leading
    assert harness.store.jobs([HOUR])[HOUR] == before
    assert harness.violations() == []


def test_a_leader_that_stops_lets_the_standby_lead_at_once(harness: SchedulerHarness) -> None:
    leader, standby = harness.scheduler('one'), harness.scheduler('two')
    leader.step()
    standby.step()

    leader.close()
    harness.clock.advance(timedelta(seconds=4))
    standby.step()

    assert standby.is_leading


def test_reprocess_runs_the_hour_and_all_that_depend_on_it_once_in_order(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    harness.run(scheduler)
    harness.started.clear()

    harness.store.insert_command(command(CommandKind.REPROCESS, HOUR))
    harness.broker.publish([Message(REPORT_ROUTE, {'command': 'c1'})])
    harness.run(scheduler)

    assert harness.started[:2] == ['SiteHourly@2026112200#2', 'SiteDaily@2026112200#2']
    assert sorted(harness.started[2:]) == ['AlertDaily@2026112200#2', 'SiteMonthly@2026110000#2']
    harness.clock.advance(timedelta(seconds=5))
    scheduler.step()
    done = harness.store.command(CommandId('c1'))
    assert done is not None
    assert done.state is CommandState.DONE
    assert done.outcome is not None
    assert done.outcome == '4 jobs: 4 processed'
    assert harness.violations() == []


def test_reprocess_of_a_running_hour_discards_what_it_was_doing(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None

    harness.store.insert_command(command(CommandKind.REPROCESS, HOUR))
    harness.broker.publish([Message(REPORT_ROUTE, {'command': 'c1'})])
    scheduler.step()

    assert harness.store.units([unit.id])[unit.id].state is UnitState.CANCELED
    scheduler.step()
    again = harness.claim(harness.take()[0])
    assert again is not None
    assert (again.key, again.run) == (HOUR, 2)


def test_skip_ends_a_day_with_its_hours_and_dependents_go_on(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()

    harness.store.insert_command(command(CommandKind.SKIP, DAY))
    harness.clock.advance(timedelta(seconds=5))
    harness.run(scheduler)

    assert harness.state(HOUR) is JobState.SKIPPED
    assert harness.state(DAY) is JobState.SKIPPED
    assert harness.violations() == []


def test_a_command_for_an_unknown_process_is_refused_with_the_reason(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()

    harness.store.insert_command(command(CommandKind.SKIP, key('OtherHourly@2026112200')))
    harness.clock.advance(timedelta(seconds=5))
    scheduler.step()

    refused = harness.store.command(CommandId('c1'))
    assert refused is not None
    assert refused.state is CommandState.REFUSED
    assert 'OtherHourly' in str(refused.outcome)


def test_a_failed_attempt_waits_for_its_delay_and_is_rung_then(tmp_path: Path) -> None:
    retry = {'retry': RetryPolicy(max_attempts=2, delay=timedelta(seconds=20))}
    harness = SchedulerHarness(
        tmp_path, two_trees(end='2026112300', SiteHourly=retry), instant('2026112401')
    )
    scheduler = harness.scheduler()
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None
    harness.finish(unit, Outcome.failed('no data'))
    scheduler.step()

    assert harness.take() == []
    assert harness.store.claim([unit.id], 'eager', LEASE) == []
    for _ in range(25):
        harness.clock.advance(timedelta(seconds=1))
        scheduler.step()

    again = harness.claim(harness.take()[0])
    assert again is not None
    assert again.attempt == 2


def test_a_store_that_fails_in_a_commit_is_reread(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    assert harness.work() == 1
    commit = scheduler._store.commit

    def fail(*arguments: object, **named: object) -> None:
        commit(*arguments, **named)  # type: ignore[arg-type]
        raise StoreUnavailable('the answer was lost')

    monkeypatch.setattr(scheduler._store, 'commit', fail)
    scheduler.step()
    monkeypatch.undo()
    harness.run(scheduler)

    assert len(harness.started) == len(set(harness.started)) == ALL
    assert harness.violations() == []
