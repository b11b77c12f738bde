"""A process whose runs fail alike, one after the other, is paused by the Scheduler itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.freerun_record import Freerun
from synergy.core.records import Outcome, ProcessName, RetryPolicy
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.pipeline import Pipeline
from synergy.view.index import load_index
from synergy.view.need import NeedKind
from synergy.view.self_paused import self_paused
from synergy.view.status import status
from synergy.view.why import explain
from tests.builders import instant, key, two_trees
from tests.scheduler import scheduler_harness
from tests.scheduler.scheduler_harness import SchedulerHarness, loop_settings, route_of

HOUR = key('SiteHourly@2026112203')
ENTRY = ProcessName('Cleaner::nightly')
NO_HOST = Outcome.failed('ConnectionError: no route to 10.0.0.7')


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SchedulerHarness:
    def settings(owner: str):  # type: ignore[no-untyped-def]
        return replace(loop_settings(owner), equal_failures_max=3)

    monkeypatch.setattr(scheduler_harness, 'loop_settings', settings)
    once = {'retry': RetryPolicy(max_attempts=1)}
    hierarchy = two_trees(end='2026112300', SiteHourly=once)
    return SchedulerHarness(tmp_path, hierarchy, instant('2026112401'))


def fail(harness: SchedulerHarness, scheduler: Scheduler, outcome: Outcome = NO_HOST) -> int:
    """Let whatever runs fail, until nothing runs any more; return how many runs that were."""
    count = 0
    for _ in range(40):
        scheduler.step()
        count += harness.work(outcome)
    return count


def test_a_managed_process_rests_until_it_is_switched_on_again(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()

    count = fail(harness, scheduler)

    assert count == 3
    (command,) = harness.store.commands((CommandState.DONE,), 10)
    assert (command.kind, command.actor) == (CommandKind.PROCESS_SAVE, 'scheduler')
    now = harness.clock.now()
    index = load_index(harness.hierarchy, harness.store, now)
    told = '; '.join(
        cause.text for cause in explain(index, harness.store, HOUR, now, timedelta(minutes=1))
    )
    assert 'switched off' in told
    assert 'by scheduler: 3 runs in a row failed alike' in told
    found = status(index, harness.store, None, now)
    assert not any('paused by itself' in text for text in found.warnings)
    (need,) = [need for need in found.needs if need.kind is NeedKind.SELF_PAUSED]
    assert need.text.startswith('SiteHourly was paused by itself')
    assert need.action is not None
    assert need.action.address == '/processes/SiteHourly/on'
    (trouble,) = self_paused(index.hierarchy, harness.store, now, harness.store.freeruns())
    assert 'process on SiteHourly' in trouble.advice

    say(harness, CommandKind.PROCESS_SAVE, HOUR.process)
    harness.run(scheduler)
    assert harness.violations() == []
    assert (
        self_paused(
            load_index(harness.hierarchy, harness.store, now).hierarchy,
            harness.store,
            now,
            harness.store.freeruns(),
        )
        == []
    )


def test_a_free_run_rests_until_it_is_switched_on_again(harness: SchedulerHarness) -> None:
    entry = Freerun(
        name=ENTRY,
        trigger=parse_trigger('every 60'),
        definition='d1',
        changed_at=harness.clock.now(),
    )
    scheduler = harness.scheduler(
        pipeline=Pipeline(
            hierarchy=harness.hierarchy,
            route_of=route_of,
            freeruns=[entry],
            freerun_processes=[entry.process],
        )
    )
    harness.consumers[ENTRY] = harness.broker.consumer(route_of(entry.process))
    harness.run(scheduler)
    for _ in range(10):
        harness.clock.advance(timedelta(seconds=61))
        scheduler.step()
        for delivery in harness.consumers[ENTRY].take(10):
            unit = harness.claim(delivery.body['uow'])  # type: ignore[arg-type]
            if unit is not None:
                harness.finish(unit, NO_HOST)
        scheduler.step()

    (stored,) = harness.store.freeruns()
    assert not stored.is_on
    assert stored.last_run == 3
    (trouble,) = self_paused((), harness.store, harness.clock.now(), harness.store.freeruns())
    assert trouble.text.startswith(f'{ENTRY} was paused by itself')
    now = harness.clock.now()
    index = load_index(harness.hierarchy, harness.store, now)
    (need,) = status(index, harness.store, None, now).needs
    assert need.kind is NeedKind.FAILED
    assert need.also is not None
    assert need.also.startswith('Paused by itself since')
    assert need.action is not None
    assert need.action.address == f'/freeruns/{ENTRY}/on'
    events = [event.text for event in harness.store.freerun_events(ENTRY, 10)]
    assert any('off; scheduler: 3 runs in a row failed alike' in text for text in events)

    say(harness, CommandKind.FREERUN_SAVE, ENTRY)
    scheduler.step()
    assert harness.store.freeruns()[0].is_on
    assert self_paused((), harness.store, harness.clock.now(), harness.store.freeruns()) == []


def say(harness: SchedulerHarness, kind: CommandKind, name: ProcessName) -> None:
    stamp = containing_utc(Qualifier.REAL_TIME, harness.clock.now())
    command = Command(
        id=CommandId('on'), kind=kind, process=name, start=stamp, end=stamp.shift(1),
        details={'is_on': True}, actor='anna', created_at=harness.clock.now(),
    )  # fmt: skip
    harness.store.insert_command(command)
    harness.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
