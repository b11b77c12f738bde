"""The Scheduler on a real store and broker: crashes, lost messages, two leaders, commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.records import Outcome, RetryPolicy
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import IndexRow
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.errors import BrokerUnusable, StoreUnavailable
from synergy.scheduler import loop
from tests.builders import instant, key, two_trees
from tests.scheduler.stage import LEASE, Stage, route_of

HOUR = key('SiteHourly@2026112200')
DAY = key('SiteDaily@2026112200')
ALL = 24 + 1 + 1 + 1


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, two_trees(end='2026112300'), instant('2026112401'))


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


def test_everything_finishes_once_in_order(stage: Stage) -> None:
    stage.run(stage.scheduler())

    assert len(stage.started) == len(set(stage.started)) == ALL
    assert stage.started[-1].startswith(('AlertDaily', 'SiteMonthly'))
    assert stage.violations() == []


def test_a_new_scheduler_goes_on_where_a_killed_one_stopped(stage: Stage) -> None:
    first = stage.scheduler()
    first.step()
    unit = stage.claim(stage.take()[0])
    assert unit is not None
    stage.finish(unit, report=False)
    stage.clock.advance(LEASE)

    stage.run(stage.scheduler('two'))

    assert len(stage.started) == ALL
    assert stage.violations() == []


def test_reading_a_long_history_does_not_cost_the_leadership(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run(stage.scheduler('one'))
    stage.clock.advance(2 * LEASE)
    scheduler = stage.scheduler('two')
    index_rows = scheduler._store.index_rows

    def slowly(since: datetime | None = None) -> Iterator[IndexRow]:
        for row in index_rows(since):
            stage.clock.advance(LEASE / 4)
            yield row

    monkeypatch.setattr(scheduler._store, 'index_rows', slowly)
    monkeypatch.setattr(loop, 'ROWS_PER_LOOK', 1)
    scheduler.step()

    leadership = stage.store.leadership()
    assert leadership is not None
    assert (leadership.owner, leadership.term) == ('two', 2)
    assert scheduler.is_leading


def test_messages_that_are_lost_are_rung_again(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    assert len(stage.take()) == 1

    stage.clock.advance(timedelta(seconds=66))
    scheduler.step()

    assert len(stage.take()) == 1


def test_a_clock_that_was_set_forward_and_back_does_not_stop_the_sweeps(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    unit = stage.claim(stage.take()[0])
    assert unit is not None
    before = stage.clock.now()
    # Not so far that leases run out, which would make it load everything anew.
    stage.clock.step(before + timedelta(seconds=9))
    scheduler.step()
    stage.clock.step(before)
    scheduler.step()

    stage.finish(unit, report=False)
    stage.clock.advance(timedelta(seconds=6))
    scheduler.step()

    assert stage.state(unit.key) is JobState.PROCESSED


def test_one_that_ends_because_of_its_broker_lets_another_lead(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = stage.scheduler()

    def refuse(_routes: object) -> None:
        raise BrokerUnusable('queue declared differently')

    monkeypatch.setattr(scheduler._broker, 'declare', refuse)
    with pytest.raises(BrokerUnusable):
        scheduler.run()

    assert stage.store.lead('two', LEASE) is not None


def test_a_doubled_and_a_foreign_message_change_nothing(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    for uow_id in stage.take():
        unit = stage.claim(uow_id)
        assert unit is not None
        stage.finish(unit)
        stage.broker.publish(
            [
                Message(REPORT_ROUTE, {'uow': unit.id}),
                Message(REPORT_ROUTE, {'uow': 'no such unit'}),
                Message(REPORT_ROUTE, {'hello': 'world'}),
                Message(route_of(HOUR.process), {'uow': unit.id}),
            ]
        )

    stage.run(scheduler)

    assert len(stage.started) == ALL
    assert stage.violations() == []


def test_a_report_that_never_came_is_found_by_the_sweep(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    unit = stage.claim(stage.take()[0])
    assert unit is not None
    stage.finish(unit, report=False)

    stage.clock.advance(timedelta(seconds=5))
    scheduler.step()

    assert stage.state(HOUR) is JobState.PROCESSED


def test_a_failure_that_is_reported_while_a_sweep_finds_it_is_decided_once(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    unit = stage.claim(stage.take()[0])
    assert unit is not None
    stage.finish(unit, Outcome.failed('no disk'))

    stage.clock.advance(timedelta(seconds=5))
    scheduler.step()

    again = stage.store.units([unit.id])[unit.id]
    assert (again.state, again.attempt) == (UnitState.REQUESTED, 2)


def test_a_silent_worker_is_rescued_and_its_late_result_refused(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    unit = stage.claim(stage.take()[0])
    assert unit is not None

    stage.clock.advance(LEASE + timedelta(seconds=5))
    scheduler.step()

    again = stage.claim(stage.take()[0])
    assert again is not None
    assert (again.id, again.attempt, again.fence) == (unit.id, 2, unit.fence + 2)
    assert again.idempotency_key == unit.idempotency_key


def test_a_standby_waits_and_takes_over_when_the_leader_falls_silent(stage: Stage) -> None:
    leader, standby = stage.scheduler('one'), stage.scheduler('two')
    leader.step()
    standby.step()
    assert (leader.is_leading, standby.is_leading) == (True, False)

    stage.clock.advance(LEASE)
    standby.step()

    assert standby.is_leading
    leader.step()
    assert not leader.is_leading
    stage.run(standby)
    assert len(stage.started) == ALL
    assert stage.violations() == []


def test_a_frozen_leader_that_wakes_up_writes_nothing(stage: Stage) -> None:
    leader, standby = stage.scheduler('one'), stage.scheduler('two')
    leader.step()
    unit = stage.claim(stage.take()[0])
    assert unit is not None
    stage.finish(unit)
    stage.clock.advance(LEASE)
    standby.step()
    before = stage.store.jobs([HOUR])[HOUR]

    for _ in range(3):
        leader.step()

    assert not leader.is_leading
    assert stage.store.jobs([HOUR])[HOUR] == before
    assert stage.violations() == []


def test_a_leader_that_stops_lets_the_standby_lead_at_once(stage: Stage) -> None:
    leader, standby = stage.scheduler('one'), stage.scheduler('two')
    leader.step()
    standby.step()

    leader.close()
    stage.clock.advance(timedelta(seconds=4))
    standby.step()

    assert standby.is_leading


def test_reprocess_runs_the_hour_and_all_that_depend_on_it_once_in_order(stage: Stage) -> None:
    scheduler = stage.scheduler()
    stage.run(scheduler)
    stage.started.clear()

    stage.store.insert_command(command(CommandKind.REPROCESS, HOUR))
    stage.broker.publish([Message(REPORT_ROUTE, {'command': 'c1'})])
    stage.run(scheduler)

    assert stage.started[:2] == ['SiteHourly@2026112200#2', 'SiteDaily@2026112200#2']
    assert sorted(stage.started[2:]) == ['AlertDaily@2026112200#2', 'SiteMonthly@2026110000#2']
    stage.clock.advance(timedelta(seconds=5))
    scheduler.step()
    done = stage.store.command(CommandId('c1'))
    assert done is not None
    assert done.state is CommandState.DONE
    assert done.outcome is not None
    assert done.outcome == '4 jobs: 4 processed'
    assert stage.violations() == []


def test_reprocess_of_a_running_hour_discards_what_it_was_doing(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    unit = stage.claim(stage.take()[0])
    assert unit is not None

    stage.store.insert_command(command(CommandKind.REPROCESS, HOUR))
    stage.broker.publish([Message(REPORT_ROUTE, {'command': 'c1'})])
    scheduler.step()

    assert stage.store.units([unit.id])[unit.id].state is UnitState.CANCELED
    scheduler.step()
    again = stage.claim(stage.take()[0])
    assert again is not None
    assert (again.key, again.run) == (HOUR, 2)


def test_skip_ends_a_day_with_its_hours_and_dependents_go_on(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()

    stage.store.insert_command(command(CommandKind.SKIP, DAY))
    stage.clock.advance(timedelta(seconds=5))
    stage.run(scheduler)

    assert stage.state(HOUR) is JobState.SKIPPED
    assert stage.state(DAY) is JobState.SKIPPED
    assert stage.violations() == []


def test_a_command_for_an_unknown_process_is_refused_with_the_reason(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()

    stage.store.insert_command(command(CommandKind.SKIP, key('OtherHourly@2026112200')))
    stage.clock.advance(timedelta(seconds=5))
    scheduler.step()

    refused = stage.store.command(CommandId('c1'))
    assert refused is not None
    assert refused.state is CommandState.REFUSED
    assert 'OtherHourly' in str(refused.outcome)


def test_a_failed_attempt_waits_for_its_delay_and_is_rung_then(tmp_path: Path) -> None:
    retry = {'retry': RetryPolicy(max_attempts=2, delay=timedelta(seconds=20))}
    stage = Stage(tmp_path, two_trees(end='2026112300', SiteHourly=retry), instant('2026112401'))
    scheduler = stage.scheduler()
    scheduler.step()
    unit = stage.claim(stage.take()[0])
    assert unit is not None
    stage.finish(unit, Outcome.failed('no data'))
    scheduler.step()

    assert stage.take() == []
    assert stage.store.claim([unit.id], 'eager', LEASE) == []
    for _ in range(25):
        stage.clock.advance(timedelta(seconds=1))
        scheduler.step()

    again = stage.claim(stage.take()[0])
    assert again is not None
    assert again.attempt == 2


def test_a_store_that_fails_in_a_commit_is_reread(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    assert stage.work() == 1
    commit = scheduler._store.commit

    def fail(*arguments: object, **named: object) -> None:
        commit(*arguments, **named)  # type: ignore[arg-type]
        raise StoreUnavailable('the answer was lost')

    monkeypatch.setattr(scheduler._store, 'commit', fail)
    scheduler.step()
    monkeypatch.undo()
    stage.run(scheduler)

    assert len(stage.started) == len(set(stage.started)) == ALL
    assert stage.violations() == []
