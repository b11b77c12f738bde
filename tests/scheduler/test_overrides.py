"""Managed processes switched, timed anew and looked at while the Scheduler runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import Outcome
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.view.index import load_index
from synergy.view.why import explain
from tests.builders import instant, key, two_trees
from tests.scheduler.stage import Stage

HOUR = key('SiteHourly@2026112200')
VANISHED = timedelta(minutes=1)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, two_trees(end='2026112300'), instant('2026112200'))


def say(stage: Stage, kind: CommandKind, **details: Any) -> CommandId:
    stamp = containing_utc(Qualifier.REAL_TIME, stage.clock.now())
    command = Command(
        id=CommandId(f'c{len(stage.store.commands(tuple(CommandState), 99))}'),
        kind=kind,
        process=HOUR.process,
        start=stamp,
        end=stamp.shift(1),
        details=details,
        actor='anna',
        reason='migration',
        created_at=stage.clock.now(),
    )
    stage.store.insert_command(command)
    stage.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    return command.id


def outcome(stage: Stage, command_id: CommandId) -> tuple[CommandState, str | None]:
    command = stage.store.command(command_id)
    assert command is not None
    return command.state, command.outcome


def why(stage: Stage, job: JobKey = HOUR) -> str:
    now = stage.clock.now()
    index = load_index(stage.hierarchy, stage.store, now)
    return '; '.join(cause.text for cause in explain(index, stage.store, job, now, VANISHED))


def with_hourly(hierarchy: Hierarchy, **fields: Any) -> Hierarchy:
    node = hierarchy.nodes[HOUR.process]
    changed = replace(node, process=replace(node.process, **fields))
    return Hierarchy({**hierarchy.nodes, HOUR.process: changed}, hierarchy.calendar)


def test_nothing_starts_while_a_process_is_off(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    say(stage, CommandKind.PROCESS_SAVE, is_on=False)
    scheduler.step()

    stage.clock.advance(timedelta(hours=3))
    stage.run(scheduler)

    assert not [text for text in stage.started if 'SiteHourly' in text]
    assert 'switched off since 2026-11-22 00:00:00 UTC by anna: migration' in why(stage)

    say(stage, CommandKind.PROCESS_SAVE, is_on=True)
    stage.run(scheduler)
    assert stage.state(HOUR) is JobState.PROCESSED
    assert stage.store.overrides() == []
    assert not stage.violations()


def test_a_run_under_way_ends_while_its_process_is_off(stage: Stage) -> None:
    scheduler = stage.scheduler()
    stage.clock.advance(timedelta(hours=2))
    scheduler.step()
    unit = next(unit for uow in stage.take() if (unit := stage.claim(uow)) and unit.key == HOUR)
    say(stage, CommandKind.PROCESS_SAVE, is_on=False)
    scheduler.step()

    stage.finish(unit, Outcome.processed(1))
    scheduler.step()

    assert stage.state(HOUR) is JobState.PROCESSED
    assert stage.store.live_units() == []


def test_an_override_survives_a_restart_and_ends_when_the_context_changes(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    say(stage, CommandKind.PROCESS_SAVE, is_on=False)
    scheduler.step()
    scheduler.close()
    stage.clock.advance(timedelta(hours=2))

    second = stage.scheduler('two')
    stage.run(second)
    assert stage.started == []
    second.close()

    hierarchy = stage.hierarchy
    stage.hierarchy = with_hourly(hierarchy, max_running=3)
    third = stage.scheduler('three')
    stage.run(third)
    assert stage.started == []
    third.close()

    stage.hierarchy = with_hourly(hierarchy, trigger=parse_trigger('every 77'))
    fourth = stage.scheduler('four')
    stage.run(fourth)
    assert stage.store.overrides() == []
    assert stage.state(HOUR) is JobState.PROCESSED


def test_a_changed_trigger_says_when_jobs_may_start(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    said = say(stage, CommandKind.PROCESS_SAVE, trigger='at 05:00')
    scheduler.step()
    assert outcome(stage, said) == (CommandState.DONE, 'SiteHourly is on, at 05:00')

    stage.clock.advance(timedelta(hours=4))
    stage.run(scheduler)
    assert stage.started == []
    assert 'may start at 2026-11-22 05:00:00' in why(stage)

    stage.clock.advance(timedelta(hours=1))
    stage.run(scheduler)
    assert stage.state(HOUR) is JobState.PROCESSED

    say(stage, CommandKind.PROCESS_SAVE, trigger=None)
    scheduler.step()
    assert stage.store.overrides() == []


@pytest.mark.parametrize(
    ('details', 'words'),
    [
        ({'trigger': 'now and then'}, 'now and then'),
        ({'is_on': 'maybe'}, 'is_on'),
        ({}, 'nothing to change'),
        ({'speed': 3}, 'unknown field'),
    ],
)
def test_what_makes_no_sense_is_refused(stage: Stage, details: dict[str, Any], words: str) -> None:
    scheduler = stage.scheduler()
    scheduler.step()

    said = say(stage, CommandKind.PROCESS_SAVE, **details)
    scheduler.step()

    state, text = outcome(stage, said)
    assert state is CommandState.REFUSED
    assert words in (text or '')
    assert stage.store.overrides() == []


def test_run_looks_at_once_but_not_while_off(stage: Stage) -> None:
    scheduler = stage.scheduler()
    scheduler.step()
    idle = say(stage, CommandKind.PROCESS_RUN)
    scheduler.step()
    assert outcome(stage, idle)[1] == (
        'nothing may start now; ./launch.py why tells what its jobs wait for'
    )
    say(stage, CommandKind.PROCESS_SAVE, is_on=False)
    scheduler.step()
    stage.clock.advance(timedelta(hours=2))

    refused = say(stage, CommandKind.PROCESS_RUN)
    scheduler.step()

    state, text = outcome(stage, refused)
    assert state is CommandState.REFUSED
    assert 'switches it on' in (text or '')
    assert stage.store.live_units() == []
