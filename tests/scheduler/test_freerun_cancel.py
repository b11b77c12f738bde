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
from tests.scheduler.stage import LEASE, Stage, route_of

NAME = ProcessName('Cleaner::tick')


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, two_trees(end='2026112300'), instant('2026112401'))


@pytest.fixture
def scheduler(stage: Stage) -> Scheduler:
    entry = Freerun(
        name=NAME,
        trigger=parse_trigger('every 60'),
        definition='d1',
        changed_at=stage.clock.now(),
    )
    return stage.scheduler(
        pipeline=Pipeline(
            hierarchy=stage.hierarchy,
            route_of=route_of,
            freeruns=[entry],
            freerun_processes=[ProcessName('Cleaner')],
        )
    )


def running(stage: Stage, scheduler: Scheduler) -> Unit:
    scheduler.step()
    stage.clock.advance(timedelta(seconds=61))
    scheduler.step()
    waiting = stage.store.freerun_units(NAME, 9)[0]
    return stage.store.claim([waiting.id], 'worker', LEASE)[0]


def cancel(stage: Stage, scheduler: Scheduler, **details: str) -> Command:
    stamp = containing_utc(Qualifier.REAL_TIME, stage.clock.now())
    command = Command(
        id=CommandId('c1'),
        kind=CommandKind.FREERUN_CANCEL,
        process=NAME,
        start=stamp,
        end=stamp.shift(1),
        details=details,
        actor='anna',
        reason='wrong folder',
        created_at=stage.clock.now(),
    )
    stage.store.insert_command(command)
    stage.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    scheduler.step()
    found = stage.store.command(command.id)
    assert found is not None
    return found


def test_a_run_is_cancelled_and_its_result_discarded(stage: Stage, scheduler: Scheduler) -> None:
    unit = running(stage, scheduler)

    asked = cancel(stage, scheduler)

    found = stage.store.units([unit.id])[unit.id]
    assert (asked.state, asked.outcome) == (CommandState.DONE, '1 run cancelled')
    assert (found.state, found.error) == (
        UnitState.CANCELED,
        'cancelled by anna: wrong folder',
    )
    assert [entry.live for entry in stage.store.freeruns()] == [()]
    end = UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=Outcome.processed(1))
    assert list(stage.store.finish([end])) == [unit.id]


def test_the_next_fire_runs_as_ever(stage: Stage, scheduler: Scheduler) -> None:
    running(stage, scheduler)
    cancel(stage, scheduler)

    stage.clock.advance(timedelta(seconds=60))
    scheduler.step()

    assert [unit.run for unit in stage.store.freerun_units(NAME, 9)] == [2, 1]


def test_what_has_ended_cannot_be_cancelled(stage: Stage, scheduler: Scheduler) -> None:
    unit = running(stage, scheduler)

    asked = cancel(stage, scheduler, uow='another')

    assert asked.state is CommandState.REFUSED
    assert 'has ended' in (asked.outcome or '')
    assert stage.store.units([unit.id])[unit.id].state is UnitState.IN_PROGRESS


def test_of_two_that_add_one_entry_the_second_is_refused(
    stage: Stage, scheduler: Scheduler
) -> None:
    scheduler.step()
    name = ProcessName('Cleaner::nightly')
    stamp = containing_utc(Qualifier.REAL_TIME, stage.clock.now())
    for number in (1, 2):
        command = Command(
            id=CommandId(f'add{number}'),
            kind=CommandKind.FREERUN_SAVE,
            process=name,
            start=stamp,
            end=stamp.shift(1),
            details={'trigger': f'every {number}00', 'is_new': True},
            actor='anna',
            created_at=stage.clock.now() + timedelta(seconds=number),
        )
        stage.store.insert_command(command)
        stage.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])

    scheduler.step()

    first, second = (stage.store.command(CommandId(f'add{number}')) for number in (1, 2))
    assert first is not None
    assert second is not None
    assert (first.state, second.state) == (CommandState.DONE, CommandState.REFUSED)
    assert 'exists already' in (second.outcome or '')
    entry = next(item for item in stage.store.freeruns() if item.name == name)
    assert str(entry.trigger) == 'every 100'
