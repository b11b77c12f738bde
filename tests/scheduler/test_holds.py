"""Closed hours and freezes in the Scheduler: nothing starts, all of it later, whoever leads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.core.closed import parse
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.freezes import EVERYTHING, Scope, details_of
from synergy.core.hierarchy import Hierarchy
from synergy.core.holds import Holds
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.view.cause import CauseKind
from synergy.view.index import load_index
from synergy.view.preview import preview
from synergy.view.status import status
from synergy.view.why import explain
from synergy.workers.gate import Gate
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import SchedulerHarness

#: A Sunday, and its first hour, which is over and due five minutes later.
START = instant('2026112200')
HOUR = key('SiteHourly@2026112200')
SECOND = timedelta(seconds=1)
OPENING = datetime(2026, 11, 22, 4, tzinfo=UTC)


def closed_on_sunday() -> Hierarchy:
    trees = two_trees(end='2026112300')
    closed = (parse('Sun 01:00-04:00', UTC),)
    return trees.replaced(
        {
            name: replace(node, process=replace(node.process, closed=closed))
            for name, node in trees.nodes.items()
        }
    )


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(end='2026112300'), START)


def ask(harness: SchedulerHarness, kind: CommandKind, name: str, **fields: Any) -> Command:
    now = harness.clock.now()
    stamp = containing_utc(Qualifier.REAL_TIME, now)
    given = {'id': CommandId(f'{kind.value}{now.timestamp()}'), **fields}
    command = Command(
        kind=kind,
        process=ProcessName(name),
        start=stamp,
        end=stamp.shift(1),
        actor='ann',
        reason='migration',
        created_at=now,
        **given,
    )
    harness.store.insert_command(command)
    harness.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    return command


def freeze(
    harness: SchedulerHarness, until: datetime, scope: Scope = Scope.ALL, name: str = EVERYTHING
) -> Command:
    return ask(harness, CommandKind.FREEZE, name, details=details_of(scope, until))


def to(harness: SchedulerHarness, instant: datetime) -> None:
    harness.clock.advance(instant - harness.clock.now())


def test_the_scheduler_wakes_at_the_opening_and_starts_what_is_due(tmp_path: Path) -> None:
    harness = SchedulerHarness(tmp_path, closed_on_sunday(), START)
    scheduler = harness.scheduler()
    to(harness, instant('2026112203'))
    scheduler.step()
    to(harness, OPENING - SECOND)
    assert scheduler.step() <= 1.0
    assert harness.take() == []
    to(harness, OPENING)
    scheduler.step()
    assert len(harness.take()) == 1


def test_a_scheduler_that_begins_in_closed_hours_keeps_to_them(tmp_path: Path) -> None:
    harness = SchedulerHarness(tmp_path, closed_on_sunday(), instant('2026112203'))
    first = harness.scheduler()
    first.step()
    first.close()
    second = harness.scheduler('two')
    second.step()
    assert harness.take() == []
    to(harness, OPENING)
    second.step()
    assert len(harness.take()) == 1


def test_a_freeze_holds_over_a_failover_and_ends_by_itself(harness: SchedulerHarness) -> None:
    first = harness.scheduler()
    first.step()
    asked = freeze(harness, instant('2026112203'))
    first.step()
    held = harness.store.command(asked.id)
    assert held is not None
    assert held.state is CommandState.RUNNING
    to(harness, instant('2026112202'))
    first.step()
    first.close()
    second = harness.scheduler('two')
    second.step()
    assert harness.take() == []
    to(harness, instant('2026112203'))
    second.step()
    assert len(harness.take()) == 1
    to(harness, instant('2026112203') + 6 * SECOND)
    second.step()
    ended = harness.store.command(asked.id)
    assert ended is not None
    assert (ended.state, ended.outcome) == (CommandState.DONE, 'its time is over')


def test_a_thaw_lets_start_what_is_due_at_once(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    asked = freeze(harness, instant('2026112220'), Scope.TREE, 'site')
    scheduler.step()
    to(harness, instant('2026112202'))
    scheduler.step()
    assert harness.take() == []
    thaw = ask(harness, CommandKind.THAW, EVERYTHING, target=asked.id)
    scheduler.step()
    scheduler.step()
    assert len(harness.take()) == 1
    ends = [harness.store.command(item) for item in (asked.id, thaw.id)]
    assert [item.state for item in ends if item] == [CommandState.DONE, CommandState.DONE]
    again = ask(harness, CommandKind.THAW, EVERYTHING, id=CommandId('x'), target=asked.id)
    scheduler.step()
    refused = harness.store.command(again.id)
    assert refused is not None
    assert refused.state is CommandState.REFUSED


def test_what_was_rung_for_before_does_not_begin_and_is_rung_for_again(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    to(harness, instant('2026112202'))
    scheduler.step()
    (uow_id,) = harness.take()
    until = instant('2026112202') + 4 * SECOND
    freeze(harness, until)
    gate = Gate(Holds(harness.hierarchy), harness.store, harness.clock)
    assert gate.admitted([uow_id]) == []
    while scheduler.step() == 0.0:
        pass
    to(harness, until)
    assert list(gate.admitted([uow_id])) == [uow_id]
    scheduler.step()
    assert harness.take() == [uow_id]


def test_none_of_several_begins_that_were_claimed_before_a_freeze(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    to(harness, instant('2026112202'))
    scheduler.step()
    (uow_id,) = harness.take()
    claimed = harness.claim(uow_id)
    assert claimed is not None
    gate = Gate(Holds(harness.hierarchy), harness.store, harness.clock)
    assert gate.may_begin(claimed)

    freeze(harness, instant('2026112203'))
    to(harness, instant('2026112202') + 2 * SECOND)

    # It asks the store once, and believes the answer for all of them.
    assert [gate.may_begin(claimed) for _ in range(3)] == [False] * 3


def test_everybody_says_what_holds_and_until_when(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    freeze(harness, instant('2026112220'), Scope.TREE, 'site')
    scheduler.step()
    to(harness, instant('2026112202'))
    scheduler.step()
    now, store = harness.clock.now(), harness.store
    causes = explain(load_index(harness.hierarchy, store, now), store, HOUR, now, SECOND)
    assert causes[0].kind is CauseKind.FROZEN
    assert 'tree site is frozen' in causes[0].text
    assert 'by ann: migration' in causes[0].text
    assert 'until 2026-11-22 20:00:00 UTC' in causes[0].text
    assert causes[0].action is not None
    assert causes[0].action.command.startswith('./launch.py thaw ')
    assert CauseKind.READY not in {cause.kind for cause in causes}
    found = status(load_index(harness.hierarchy, store, now), store, None, now)
    assert [item.name for item in found.freezes] == ['site']
    command = replace(
        freeze(harness, instant('2026112221')),
        kind=CommandKind.MARK_DONE,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(1),
    )
    shown = preview(load_index(harness.hierarchy, store, now), store, command, now)
    assert shown.held[0].process == HOUR.process
    assert shown.held[0].until == instant('2026112221')


def test_closed_hours_are_told_by_whoever_explains(tmp_path: Path) -> None:
    harness = SchedulerHarness(tmp_path, closed_on_sunday(), instant('2026112203'))
    harness.scheduler().step()
    now, store = harness.clock.now(), harness.store
    causes = explain(load_index(harness.hierarchy, store, now), store, HOUR, now, SECOND)
    assert causes[0].kind is CauseKind.CLOSED
    assert 'Sun 01:00-04:00' in causes[0].text
    assert causes[0].expected_at == OPENING
    found = status(load_index(harness.hierarchy, store, now), store, None, now)
    assert [item.until for item in found.closed] == [OPENING]
