"""Managed processes switched, retimed and looked at while the Scheduler runs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import Outcome, ProcessName
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.view.index import load_index
from synergy.view.why import explain
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import SchedulerHarness

HOUR = key('SiteHourly@2026112200')
VANISHED = timedelta(minutes=1)


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(end='2026112300'), instant('2026112200'))


def say(
    harness: SchedulerHarness,
    kind: CommandKind,
    process: ProcessName = HOUR.process,
    **details: Any,
) -> CommandId:
    stamp = containing_utc(Qualifier.REAL_TIME, harness.clock.now())
    command = Command(
        id=CommandId(f'c{len(harness.store.commands(tuple(CommandState), 99))}'),
        kind=kind,
        process=process,
        start=stamp,
        end=stamp.shift(1),
        details=details,
        actor='anna',
        reason='migration',
        created_at=harness.clock.now(),
    )
    harness.store.insert_command(command)
    harness.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    return command.id


def outcome(harness: SchedulerHarness, command_id: CommandId) -> tuple[CommandState, str | None]:
    command = harness.store.command(command_id)
    assert command is not None
    return command.state, command.outcome


def why(harness: SchedulerHarness, job: JobKey = HOUR) -> str:
    now = harness.clock.now()
    index = load_index(harness.hierarchy, harness.store, now)
    return '; '.join(cause.text for cause in explain(index, harness.store, job, now, VANISHED))


def with_hourly(hierarchy: Hierarchy, **fields: Any) -> Hierarchy:
    node = hierarchy.nodes[HOUR.process]
    changed = replace(node, process=replace(node.process, **fields))
    return hierarchy.replaced({**hierarchy.nodes, HOUR.process: changed})


def test_nothing_starts_while_a_process_is_off(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    say(harness, CommandKind.PROCESS_SAVE, is_on=False)
    scheduler.step()

    harness.clock.advance(timedelta(hours=3))
    harness.run(scheduler)

    assert not [text for text in harness.started if 'SiteHourly' in text]
    assert 'switched off since 2026-11-22 00:00:00 UTC by anna: migration' in why(harness)

    say(harness, CommandKind.PROCESS_SAVE, is_on=True)
    harness.run(scheduler)
    assert harness.state(HOUR) is JobState.PROCESSED
    assert harness.store.overrides() == []
    assert not harness.violations()


def test_a_run_under_way_ends_while_its_process_is_off(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    harness.clock.advance(timedelta(hours=2))
    scheduler.step()
    unit = next(unit for uow in harness.take() if (unit := harness.claim(uow)) and unit.key == HOUR)
    say(harness, CommandKind.PROCESS_SAVE, is_on=False)
    scheduler.step()

    harness.finish(unit, Outcome.processed(1))
    scheduler.step()

    assert harness.state(HOUR) is JobState.PROCESSED
    assert harness.store.live_units() == []


def test_a_live_run_that_ends_while_its_process_is_off_is_followed_by_no_other(
    tmp_path: Path,
) -> None:
    day = key('SiteDaily@2026112200')
    hierarchy = two_trees(end='2026112202', SiteDaily={'machine': 'continuous'})
    harness = SchedulerHarness(tmp_path, hierarchy, instant('2026112200'))
    scheduler = harness.scheduler()
    scheduler.step()
    while not (found := harness.take()):
        harness.clock.advance(timedelta(seconds=5))
        scheduler.step()
    (uow_id,) = found
    unit = harness.claim(uow_id)
    assert unit is not None
    assert unit.key == day
    say(harness, CommandKind.PROCESS_SAVE, day.process, is_on=False)
    scheduler.step()

    harness.clock.advance(timedelta(hours=3))
    harness.store.renew(unit.id, unit.fence, VANISHED)
    scheduler.step()
    while harness.work():
        scheduler.step()
    harness.finish(unit)
    harness.run(scheduler)
    assert harness.state(HOUR) is JobState.PROCESSED
    assert [item.key for item in harness.store.live_units()] == []
    assert harness.state(day) is JobState.IN_PROGRESS

    say(harness, CommandKind.PROCESS_SAVE, day.process, is_on=True)
    harness.run(scheduler)
    assert harness.state(day) is JobState.PROCESSED
    assert not harness.violations()


def test_an_override_survives_a_restart_and_ends_when_the_context_changes(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    say(harness, CommandKind.PROCESS_SAVE, is_on=False)
    scheduler.step()
    scheduler.close()
    harness.clock.advance(timedelta(hours=2))

    second = harness.scheduler('two')
    harness.run(second)
    assert harness.started == []
    second.close()

    hierarchy = harness.hierarchy
    harness.hierarchy = with_hourly(hierarchy, max_running=3)
    third = harness.scheduler('three')
    harness.run(third)
    assert harness.started == []
    third.close()

    harness.hierarchy = with_hourly(hierarchy, trigger=parse_trigger('every 77'))
    fourth = harness.scheduler('four')
    harness.run(fourth)
    assert harness.store.overrides() == []
    assert harness.state(HOUR) is JobState.PROCESSED


def test_a_changed_trigger_says_when_jobs_may_start(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    said = say(harness, CommandKind.PROCESS_SAVE, trigger='at 05:00')
    scheduler.step()
    assert outcome(harness, said) == (CommandState.DONE, 'SiteHourly is on, at 05:00')

    harness.clock.advance(timedelta(hours=4))
    harness.run(scheduler)
    assert harness.started == []
    assert 'may start at 2026-11-22 05:00:00' in why(harness)

    harness.clock.advance(timedelta(hours=1))
    harness.run(scheduler)
    assert harness.state(HOUR) is JobState.PROCESSED

    say(harness, CommandKind.PROCESS_SAVE, trigger=None)
    scheduler.step()
    assert harness.store.overrides() == []


@pytest.mark.parametrize(
    ('details', 'words'),
    [
        ({'trigger': 'now and then'}, 'now and then'),
        ({'is_on': 'maybe'}, 'is_on'),
        ({}, 'nothing to change'),
        ({'speed': 3}, 'unknown field'),
    ],
)
def test_what_makes_no_sense_is_refused(
    harness: SchedulerHarness, details: dict[str, Any], words: str
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()

    said = say(harness, CommandKind.PROCESS_SAVE, **details)
    scheduler.step()

    state, text = outcome(harness, said)
    assert state is CommandState.REFUSED
    assert words in (text or '')
    assert harness.store.overrides() == []


def test_run_looks_at_once_but_not_while_off(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    idle = say(harness, CommandKind.PROCESS_RUN)
    scheduler.step()
    assert outcome(harness, idle)[1] == (
        'nothing may start now; ./launch.py why tells what its jobs wait for'
    )
    say(harness, CommandKind.PROCESS_SAVE, is_on=False)
    scheduler.step()
    harness.clock.advance(timedelta(hours=2))

    refused = say(harness, CommandKind.PROCESS_RUN)
    scheduler.step()

    state, text = outcome(harness, refused)
    assert state is CommandState.REFUSED
    assert 'switches it on' in (text or '')
    assert harness.store.live_units() == []
