"""What the loop does on its own is said in the log: ends of commands, and what was repaired."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandId, CommandKind
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.ports.store import SchedulerStore
from synergy.scheduler.pruning import PRUNE_PERIOD, PRUNED_MAX, Pruning
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import SchedulerHarness, loop_settings

HOUR = key('SiteHourly@2026112200')
NOW = instant('2026112401')
FREERUN = ProcessName('Cleaner::nightly')


@pytest.fixture
def harness(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> SchedulerHarness:
    caplog.set_level(logging.INFO)
    return SchedulerHarness(tmp_path, two_trees(end='2026112300'), NOW)


def told(caplog: pytest.LogCaptureFixture, event: str) -> Sequence[str]:
    return [item.message for item in caplog.records if getattr(item, 'event', None) == event]


def command(kind: CommandKind, **fields: Any) -> Command:
    made = Command(
        id=CommandId('c1'),
        kind=kind,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(1),
        actor='anna',
        created_at=NOW,
    )
    return replace(made, **fields)


def of_freerun(kind: CommandKind, **details: Any) -> Command:
    stamp = containing_utc(Qualifier.REAL_TIME, NOW)
    return command(kind, process=FREERUN, start=stamp, end=stamp.shift(1), details=details)


@pytest.mark.parametrize(
    'asked',
    [
        command(CommandKind.REPROCESS),
        command(CommandKind.SKIP),
        command(CommandKind.CANCEL),
        command(CommandKind.REPROCESS, process=ProcessName('Nobody')),
        command(CommandKind.PAUSE, target=CommandId('gone')),
        command(CommandKind.ABANDON, target=None),
        command(CommandKind.DROP),
        command(CommandKind.PROCESS_SAVE, details={'is_on': False}),
        command(CommandKind.PROCESS_SAVE, details={'is_up': False}),
        command(CommandKind.PROCESS_RUN),
        command(CommandKind.PROCESS_RUN, process=ProcessName('Nobody')),
        of_freerun(CommandKind.FREERUN_SAVE, trigger='whenever'),
        of_freerun(CommandKind.FREERUN_RUN),
        of_freerun(CommandKind.FREERUN_REMOVE),
        of_freerun(CommandKind.FREERUN_CANCEL),
    ],
    ids=lambda asked: asked.kind.value,
)
def test_however_a_command_ends_the_log_says_so(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture, asked: Command
) -> None:
    scheduler = harness.scheduler()
    harness.run(scheduler)
    harness.store.insert_command(asked)

    for _ in range(4):
        harness.clock.advance(timedelta(seconds=6))
        harness.run(scheduler)

    ended = harness.store.command(asked.id)
    assert ended is not None
    assert ended.state not in OPEN_COMMAND_STATES
    assert ended.finished_at is not None
    last = f'{asked.kind.value} c1 {ended.state.value}: {ended.outcome}'
    assert told(caplog, 'command_moved')[-1] == last


def test_a_request_that_another_command_ends_is_said_to_have_ended(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = harness.scheduler()
    harness.run(scheduler)
    harness.store.insert_command(command(CommandKind.REPROCESS, is_paused=True))
    harness.store.insert_command(
        command(CommandKind.ABANDON, id=CommandId('c2'), target=CommandId('c1'))
    )

    harness.clock.advance(timedelta(seconds=6))
    harness.run(scheduler)

    assert told(caplog, 'command_moved') == [
        'reprocess c1 cancelled: abandon by anna',
        'abandon c2 done: c1',
    ]


def test_the_sweep_says_what_nobody_had_told(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    unit = harness.claim(harness.take()[0])
    assert unit is not None
    harness.finish(unit, report=False)
    assert told(caplog, 'sweep_found') == []

    harness.clock.advance(timedelta(seconds=6))
    scheduler.step()

    assert told(caplog, 'sweep_found') == [
        'the sweep found what nobody had told; units to announce or to read: 1'
    ]


def test_pruning_says_how_much_has_gone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    class Old:
        def __init__(self) -> None:
            self.counts = [PRUNED_MAX, 7, 0]

        def prune(self, *_: object) -> int:
            return self.counts.pop(0)

        def prune_journal(self, *_: object) -> int:
            return 5 if len(self.counts) == 1 else 0

        def prune_snapshots(self, *_: object) -> int:
            return 0

    pruning = Pruning(cast('SchedulerStore', Old()), loop_settings('one'))
    now = NOW
    for _ in range(4):
        pruning.go_on(now)
        now += PRUNE_PERIOD

    assert [text.split()[1] for text in told(caplog, 'rows_pruned')] == [f'{PRUNED_MAX}', '7']
    assert [text.split()[1] for text in told(caplog, 'journal_pruned')] == ['5']
