"""What is live and what is history outlives failovers, and follows switches, absences, answers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.lane_starts import lane_starts
from synergy.core.lanes import CatchUp, LaneStart
from synergy.core.led_context import LedContext
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler import loading
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import SchedulerHarness
from tests.scheduler.test_overrides import HOUR, outcome, say

NOW = instant('2026112400')
OLD, NEW = key('SiteHourly@2026112205'), key('SiteHourly@2026112400')
LONG = timedelta(hours=3)


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path, two_trees(), NOW)


def lanes(harness: SchedulerHarness) -> LaneStart:
    led = harness.store.led_context()
    assert led is not None
    return led.lanes[HOUR.process]


def test_a_failover_forgets_nothing_and_an_absence_makes_history(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    assert lanes(harness) == LaneStart(first_at=NOW, live_from=NOW)

    harness.clock.advance(timedelta(minutes=5))
    other = harness.scheduler('b:2')
    other.step()
    assert other.is_leading
    assert lanes(harness).live_from == NOW

    harness.clock.advance(LONG)
    third = harness.scheduler('c:3')
    third.step()
    back_at = harness.clock.now()
    assert lanes(harness) == LaneStart(first_at=NOW, live_from=back_at)

    # One that comes soon after does not count the absence again.
    harness.clock.advance(timedelta(minutes=2))
    harness.scheduler('d:4').step()
    assert lanes(harness).live_from == back_at


def test_who_dies_before_anything_is_saved_hides_no_absence(harness: SchedulerHarness) -> None:
    harness.scheduler().step()
    harness.clock.advance(LONG)
    assert harness.store.lead('dying:1', timedelta(seconds=10)) is not None

    harness.clock.advance(timedelta(seconds=20))
    harness.scheduler('b:2').step()

    assert lanes(harness).live_from == harness.clock.now()


def test_what_was_missed_while_off_is_history(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    say(harness, CommandKind.PROCESS_SAVE, is_on=False)
    scheduler.step()
    scheduler.step()
    assert not lanes(harness).is_on

    for _ in range(12):
        harness.clock.advance(timedelta(minutes=10))
        scheduler.step()
    say(harness, CommandKind.PROCESS_SAVE, is_on=True)
    scheduler.step()
    scheduler.step()

    assert lanes(harness) == LaneStart(first_at=NOW, live_from=harness.clock.now())


def test_an_answer_leaves_history_out_and_another_brings_it_back(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    asked = say(harness, CommandKind.PROCESS_SAVE, catch_up='none')
    scheduler.step()
    assert 'left out' in str(outcome(harness, asked)[1])

    harness.run(scheduler)
    # Days over hours that are left out have run; but for what was running, no old hour has.
    assert harness.state(key('SiteDaily@2026112200')) is JobState.PROCESSED
    assert {text for text in harness.started if 'Hourly' in text} == {'SiteHourly@2026112200#1'}

    assert list(harness.violations()) == []

    say(harness, CommandKind.PROCESS_SAVE, catch_up='newest_first')
    scheduler.step()
    harness.started.clear()
    harness.run(scheduler)

    hours = [text for text in harness.started if 'Hourly' in text]
    assert hours[0] == 'SiteHourly@2026112322#1'
    assert hours[-1] == 'SiteHourly@2026112201#1'
    # The day had run without them: it runs again, once, with all that follows.
    assert harness.started.count('SiteDaily@2026112200#2') == 1
    assert harness.state(key('AlertDaily@2026112200')) is JobState.PROCESSED
    assert list(harness.violations()) == []


def test_an_unknown_answer_is_refused(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    asked = say(harness, CommandKind.PROCESS_SAVE, catch_up='sometimes')
    scheduler.step()

    assert outcome(harness, asked)[0].value == 'refused'
    assert all(way in str(outcome(harness, asked)[1]) for way in CatchUp)


def test_the_mutant_that_forgets_at_failover_is_found(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = lane_starts
    monkeypatch.setattr(
        loading,
        'lane_starts',
        lambda led, *rest: decided(
            LedContext(rev=0, processes={} if led is None else led.processes), *rest
        ),
    )

    with pytest.raises(AssertionError):
        test_a_failover_forgets_nothing_and_an_absence_makes_history(harness)


def test_options_of_a_request_outlive_a_failover(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    harness.run(scheduler)
    harness.started.clear()
    command = Command(
        id=CommandId('again'),
        kind=CommandKind.REPROCESS,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(6),
        details={'max_running': 1, 'order': 'newest', 'arguments': {'mode': 'full'}},
        actor='anna',
        created_at=harness.clock.now(),
    )
    harness.store.insert_command(command)
    harness.broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
    for _ in range(3):
        scheduler.step()
        harness.work()

    harness.clock.advance(timedelta(minutes=1))
    other = harness.scheduler('b:2')
    harness.run(other)

    again = [text for text in harness.started if 'Hourly' in text]
    assert again == [f'SiteHourly@{HOUR.timeperiod.shift(at)}#2' for at in range(5, -1, -1)]
    units = harness.store.runs(JobKey(HOUR.process, HOUR.timeperiod.shift(2)))
    assert [unit.arguments for unit in units] in ([{'mode': 'full'}, {}], [{}, {'mode': 'full'}])
    days = harness.store.runs(key('SiteDaily@2026112200'))
    assert all(not unit.arguments for unit in days)
