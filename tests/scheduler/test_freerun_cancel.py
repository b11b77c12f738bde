"""An operator cancels what runs of a free run; the worker that holds it is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.freerun_record import Freerun
from synergy.core.records import Outcome, ProcessName, Unit, UnitEnd
from synergy.core.states import UnitState
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.pipeline import Pipeline
from tests.builders import instant, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness, route_of

NAME = ProcessName('Cleaner::tick')


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(end='2026112300'), instant('2026112401'))


@pytest.fixture
def scheduler(harness: SchedulerHarness) -> Scheduler:
    entry = Freerun(
        name=NAME,
        trigger=parse_trigger('every 60'),
        definition='d1',
        changed_at=harness.clock.now(),
    )
    return harness.scheduler(
        pipeline=Pipeline(
            hierarchy=harness.hierarchy,
            route_of=route_of,
            freeruns=[entry],
            freerun_processes=[ProcessName('Cleaner')],
        )
    )


def running(harness: SchedulerHarness, scheduler: Scheduler) -> Unit:
    scheduler.step()
    harness.clock.advance(timedelta(seconds=61))
    scheduler.step()
    waiting = harness.store.freerun_units(NAME, 9)[0]
    return harness.store.claim([waiting.id], 'worker', LEASE)[0]


def cancel(harness: SchedulerHarness, scheduler: Scheduler, **details: str) -> Command:
    stamp = containing_utc(Qualifier.REAL_TIME, harness.clock.now())
    command = Command(
        id=CommandId('c1'),
        kind=CommandKind.FREERUN_CANCEL,
        process=NAME,
        start=stamp,
        end=stamp.shift(1),
        details=details,
        actor='anna',
        reason='wrong folder',
        created_at=harness.clock.now(),
    )
    harness.store.insert_command(command)
    harness.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    scheduler.step()
    found = harness.store.command(command.id)
    assert found is not None
    return found


def test_a_run_is_cancelled_and_its_result_discarded(
    harness: SchedulerHarness, scheduler: Scheduler
) -> None:
    unit = running(harness, scheduler)

    asked = cancel(harness, scheduler)

    found = harness.store.units([unit.id])[unit.id]
    assert (asked.state, asked.outcome) == (CommandState.DONE, '1 run cancelled')
    assert (found.state, found.error) == (
        UnitState.CANCELED,
        'cancelled by anna: wrong folder',
    )
    assert [entry.live for entry in harness.store.freeruns()] == [()]
    end = UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=Outcome.processed(1))
    assert list(harness.store.finish([end])) == [unit.id]


def test_the_next_fire_runs_as_ever(harness: SchedulerHarness, scheduler: Scheduler) -> None:
    running(harness, scheduler)
    cancel(harness, scheduler)

    harness.clock.advance(timedelta(seconds=60))
    scheduler.step()

    assert [unit.run for unit in harness.store.freerun_units(NAME, 9)] == [2, 1]


def test_what_has_ended_cannot_be_cancelled(
    harness: SchedulerHarness, scheduler: Scheduler
) -> None:
    unit = running(harness, scheduler)

    asked = cancel(harness, scheduler, uow='another')

    assert asked.state is CommandState.REFUSED
    assert 'has ended' in (asked.outcome or '')
    assert harness.store.units([unit.id])[unit.id].state is UnitState.IN_PROGRESS


def test_of_two_that_add_one_entry_the_second_is_refused(
    harness: SchedulerHarness, scheduler: Scheduler
) -> None:
    scheduler.step()
    name = ProcessName('Cleaner::nightly')
    stamp = containing_utc(Qualifier.REAL_TIME, harness.clock.now())
    for number in (1, 2):
        command = Command(
            id=CommandId(f'add{number}'),
            kind=CommandKind.FREERUN_SAVE,
            process=name,
            start=stamp,
            end=stamp.shift(1),
            details={'trigger': f'every {number}00', 'is_new': True},
            actor='anna',
            created_at=harness.clock.now() + timedelta(seconds=number),
        )
        harness.store.insert_command(command)
        harness.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])

    scheduler.step()

    first, second = (harness.store.command(CommandId(f'add{number}')) for number in (1, 2))
    assert first is not None
    assert second is not None
    assert (first.state, second.state) == (CommandState.DONE, CommandState.REFUSED)
    assert 'exists already' in (second.outcome or '')
    entry = next(item for item in harness.store.freeruns() if item.name == name)
    assert str(entry.trigger) == 'every 100'
