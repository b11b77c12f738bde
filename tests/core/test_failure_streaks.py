"""Runs in a row that fail for good alike pause their process; whatever else comes begins anew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.commands import Command, CommandKind
from synergy.core.effects import InsertCommand
from synergy.core.engine import Engine
from synergy.core.failure_streaks import FailureStreaks, is_paused_by_itself
from synergy.core.records import Outcome, RetryPolicy, Unit, uow_id_of
from synergy.core.states import OnFailure
from synergy.core.timeperiod import JobKey
from tests.builders import instant, key, two_trees
from tests.core.engine_harness import EngineHarness

NOW = instant('202611230130')
HOUR = key('SiteHourly@2026112200')


def unit(number: int, name: str = 'SiteHourly') -> Unit:
    at = JobKey(key(f'{name}@2026112200').process, HOUR.timeperiod.shift(number))
    return Unit(
        id=uow_id_of(at, 1), process=at.process, timeperiod=at.timeperiod, start=at.timeperiod,
        end=at.timeperiod.shift(1), run=1, created_at=NOW,
    )  # fmt: skip


def test_the_last_of_so_many_equal_failures_asks_for_a_pause() -> None:
    streaks = FailureStreaks(3)

    found = [streaks.failed(unit(at), f'no host 10.0.0.{at}', NOW) for at in range(4)]

    assert [command is not None for command in found] == [False, False, True, False]
    command = found[2]
    assert command is not None
    assert (command.kind, command.process) == (CommandKind.PROCESS_SAVE, HOUR.process)
    assert command.details == {'is_on': False}
    assert command.who == (
        'scheduler: 3 runs in a row failed alike, the last one SiteHourly@2026112202: '
        'no host 10.0.0.2'
    )
    assert is_paused_by_itself(command.who)
    assert not is_paused_by_itself('anna: scheduler: no')


def test_another_error_a_success_and_another_process_do_not_add_up() -> None:
    streaks = FailureStreaks(2)

    assert streaks.failed(unit(0), 'boom', NOW) is None
    assert streaks.failed(unit(1), 'bang', NOW) is None
    streaks.ended_well(HOUR.process)
    assert streaks.failed(unit(2), 'bang', NOW) is None
    assert streaks.failed(unit(0, 'AlertDaily'), 'bang', NOW) is None
    assert streaks.failed(unit(3), 'bang', NOW) is not None


def test_what_is_decided_twice_counts_once_and_zero_is_never() -> None:
    streaks, never = FailureStreaks(2), FailureStreaks(0)

    assert [streaks.failed(unit(0), 'boom', NOW) for _ in range(5)] == [None] * 5
    assert [never.failed(unit(at), 'boom', NOW) for at in range(50)] == [None] * 50


@pytest.mark.parametrize('on_failure', OnFailure)
def test_nothing_more_of_the_process_starts_in_the_same_batch(on_failure: OnFailure) -> None:
    made, asked = harness(on_failure, 4)
    made.look()

    for _ in range(10):
        if live := [item for item in made.live() if item.process == HOUR.process]:
            made.work(live[0], Outcome.failed('ConnectionError: refused'))

    assert len([item for item in made.started if 'Hourly' in item]) == 4
    assert [command.kind for command in asked] == [CommandKind.PROCESS_SAVE]


def test_attempts_that_are_tried_again_are_no_failures_yet() -> None:
    made, asked = harness(OnFailure.SKIP, 2, attempts=3)
    made.look()

    for _ in range(3):
        made.work(next(item for item in made.live() if item.key == HOUR), Outcome.failed('boom'))

    assert asked == []


def harness(
    on_failure: OnFailure, most: int, attempts: int = 1
) -> tuple[EngineHarness, list[Command]]:
    """Return a harness that pauses after so many failures, and what it asks for."""
    policy = RetryPolicy(max_attempts=attempts, delay=timedelta(0))
    made = EngineHarness(
        two_trees(end='2026112300', SiteHourly={'retry': policy, 'on_failure': on_failure}), NOW
    )
    asked: list[Command] = []

    class Watched(Engine):
        def on(self, *arguments):  # type: ignore[no-untyped-def]
            effects = super().on(*arguments)
            asked.extend(item.command for item in effects.saves if isinstance(item, InsertCommand))
            effects.saves = [item for item in effects.saves if not isinstance(item, InsertCommand)]
            return effects

    made.engine = Watched(made.timetable, streaks=FailureStreaks(most))
    return made, asked
