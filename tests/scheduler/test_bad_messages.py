"""One message or one row that cannot be handled costs itself: the Scheduler goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.freerun_record import Freerun
from synergy.core.records import ProcessName, UowId
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler.pipeline import Pipeline
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import SchedulerHarness, route_of

NOW = instant('202611230410')
ENTRY = ProcessName('Cleaner::nightly')


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(SiteHourly={'max_running': 4}), NOW)


def poisoned(read: Callable[..., object]) -> Callable[..., object]:
    """Return a read of the store that breaks over one id, as a fault that nobody foresaw would."""

    def units(uow_ids: set[str]) -> object:
        if 'poison' in uow_ids:
            raise ZeroDivisionError('nobody foresaw this')
        return read(uow_ids)

    return units


def edit(harness: SchedulerHarness, sql: str) -> None:
    with closing(sqlite3.connect(harness.home / 'store.db', isolation_level=None)) as connection:
        connection.execute(sql)


def test_the_message_at_which_a_turn_fails_is_put_aside(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = harness.scheduler()
    monkeypatch.setattr(scheduler._store, 'units', poisoned(scheduler._store.units))
    harness.run(scheduler)
    ids = ['one', 'poison', 'two', 'three', 'poison', 'four']
    harness.broker.publish([Message(REPORT_ROUTE, {'uow': UowId(name)}) for name in ids])

    for _ in range(12):
        scheduler.step()

    aside = harness.broker.dead_letters(REPORT_ROUTE.queue, 10)
    assert [letter.text for letter in aside] == ['{"uow": "poison"}'] * 2
    assert harness.broker.depth_by_queue()[REPORT_ROUTE.queue] == 0
    assert scheduler.is_leading


def test_a_fault_that_is_no_messages_fault_ends_the_process(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = harness.scheduler()
    harness.run(scheduler)
    monkeypatch.setattr(scheduler._commands, 'go_on', poisoned(lambda _: None))
    harness.broker.publish([Message(REPORT_ROUTE, {'uow': UowId('a')}) for _ in range(3)])

    with pytest.raises(TypeError):  # noqa: PT012 - at one of these turns
        for _ in range(60):
            harness.clock.advance(timedelta(seconds=6))
            scheduler.step()


@pytest.mark.parametrize(
    'change',
    [
        "UPDATE unit_of_work SET created_at = 'soon' WHERE timeperiod = '2026112200'",
        "UPDATE unit_of_work SET arguments = '[[' WHERE timeperiod = '2026112200'",
        "UPDATE unit_of_work SET state = 'state_lost' WHERE timeperiod = '2026112200'",
        "UPDATE unit_of_work SET process_name = CAST(x'ff' AS TEXT) WHERE timeperiod='2026112200'",
        "UPDATE unit_of_work SET attempt = 9000000000000000000 WHERE timeperiod = '2026112200'",
        "UPDATE job SET rev = 'two' WHERE timeperiod = '2026112200'",
        "UPDATE job SET state = x'00' WHERE timeperiod = '2026112200'",
        "UPDATE job SET changed_at = -1 WHERE timeperiod = '2026112200'",
    ],
)
def test_an_illegal_row_counts_as_running_and_everything_else_goes_on(
    harness: SchedulerHarness, change: str
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    edit(harness, change)

    for _ in range(20):
        harness.clock.advance(timedelta(seconds=31))
        harness.run(scheduler)

    assert scheduler.is_leading
    for hour in ('2026112201', '2026112202'):
        assert harness.state(key(f'SiteHourly@{hour}')) is JobState.PROCESSED
    # Neither started again nor passed over: what waits for it waits.
    assert harness.state(key('SiteDaily@2026112200')) is JobState.EMBRYO
    assert 'SiteHourly@2026112200#2' not in harness.started


def test_what_a_claim_writes_anyway_is_healed_by_it(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    edit(
        harness,
        "UPDATE unit_of_work SET lease_until = 'never', error = CAST(x'ff' AS TEXT), "
        "started_at = -5 WHERE timeperiod = '2026112200'",
    )

    harness.run(scheduler)

    assert harness.state(key('SiteHourly@2026112200')) is JobState.PROCESSED


def test_a_free_run_whose_row_cannot_be_read_is_left_alone(harness: SchedulerHarness) -> None:
    entry = Freerun(name=ENTRY, trigger=parse_trigger('every 60'), changed_at=NOW, definition='a')
    pipeline = Pipeline(
        hierarchy=harness.hierarchy,
        route_of=route_of,
        freeruns=[entry],
        freerun_processes=[ProcessName('Cleaner')],
    )
    harness.run(harness.scheduler(pipeline=pipeline))
    deep = '[' * 485 + ']' * 485
    edit(harness, f'UPDATE freerun_process SET arguments = \'{{"a": {deep}}}\'')
    harness.clock.advance(timedelta(minutes=5))
    stamp = containing_utc(Qualifier.REAL_TIME, NOW)
    asked = Command(
        id=CommandId('a1'),
        kind=CommandKind.FREERUN_SAVE,
        process=ENTRY,
        start=stamp,
        end=stamp.shift(1),
        details={'is_on': False},
        actor='anna',
        created_at=NOW,
    )
    harness.store.insert_command(asked)

    scheduler = harness.scheduler('two', pipeline)
    harness.run(scheduler)

    assert scheduler.is_leading
    assert harness.state(key('SiteHourly@2026112203')) is JobState.PROCESSED
    found = harness.store.command(asked.id)
    assert found is not None
    assert found.state is CommandState.REFUSED
    assert 'cannot be read' in (found.outcome or '')
    assert [str(row) for row in harness.store.illegal_rows()] == []
    assert harness.store.freeruns() == []
    assert [(row.table, row.row) for row in harness.store.illegal_rows()] == [
        ('freerun_process', ENTRY)
    ]
