"""`verify` beside a system under load: it is silent, and still finds what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.effects import CancelUnit, InsertUnit
from synergy.core.records import Leadership, Outcome, Unit, uow_id_of
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.ports.store import Store
from synergy.scheduler.loop import Scheduler
from synergy.view.verification import advice, look, verified
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness

HOUR = key('SiteHourly@2026112200')
HOURS = 24
#: Turns before each read, and rounds of work.
TURNS, ROUNDS = 3, 2


@pytest.fixture(params=['sqlite', 'mongodb'])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SchedulerHarness]:
    uri = request.getfixturevalue('empty_mongo_uri') if request.param == 'mongodb' else None
    harness = SchedulerHarness(tmp_path, two_trees(end='2026112300'), instant('2026112401'), uri)
    yield harness
    harness.close()


class Load:
    """A Scheduler and a worker that never rest: what is done is asked for again."""

    def __init__(self, harness: SchedulerHarness) -> None:
        self.harness = harness
        self.rounds = 0

    def turn(self, scheduler: Scheduler) -> None:
        seconds = scheduler.step()
        failed = Outcome.failed('no data') if self.rounds % 7 == 3 else None
        if not self.harness.work(failed) and seconds > 0:
            self.rounds += 1
            self.harness.store.insert_command(
                Command(
                    id=CommandId(f'r{self.rounds}'),
                    kind=CommandKind.REPROCESS,
                    process=HOUR.process,
                    start=HOUR.timeperiod,
                    end=HOUR.timeperiod.shift(HOURS),
                    actor='anna',
                    created_at=self.harness.clock.now(),
                )
            )
            self.harness.clock.sleep(5)


def going_on(store: Store, turn: Callable[[], None]) -> Store:
    """Return `store`, with a system that goes on before each of its reads."""

    def before(read: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            for _ in range(TURNS):
                turn()
            return read(*arguments, **named)

        return call

    for name in ('commands', 'led_context', 'scanned_jobs', 'scanned_units'):
        setattr(store, name, before(getattr(store, name)))
    return store


def test_verify_is_silent_beside_a_system_under_load(harness: SchedulerHarness) -> None:
    load, scheduler = Load(harness), harness.scheduler()
    reader = going_on(harness.open_store(), lambda: load.turn(scheduler))
    own_clock = SimulatedClock(harness.clock.now())
    while load.rounds < ROUNDS:
        assert look(harness.hierarchy, reader, own_clock).violations == ()


def with_a_stray(harness: SchedulerHarness) -> Unit:
    """Add a live unit that no job waits for."""
    harness.run(harness.scheduler())
    ended = harness.store.runs(HOUR)[-1]
    stray = replace(
        ended,
        id=uow_id_of(HOUR, 9),
        run=9,
        state=UnitState.REQUESTED,
        announced_at=harness.clock.now(),
    )
    harness.store.commit(leadership(harness), [InsertUnit(stray)])
    return stray


def leadership(harness: SchedulerHarness) -> Leadership:
    found = harness.store.lead('one', LEASE)
    assert found is not None
    return found


def test_what_is_right_at_the_second_look_is_not_a_violation(harness: SchedulerHarness) -> None:
    stray = with_a_stray(harness)

    class Repaired(SimulatedClock):
        def sleep(self, seconds: float) -> None:
            cancel = CancelUnit(uow_id=stray.id, reason='stray', at=self.now())
            harness.store.commit(leadership(harness), [cancel])
            super().sleep(seconds)

    clock = Repaired(harness.clock.now())
    assert look(harness.hierarchy, harness.store, clock).violations
    assert verified(harness.hierarchy, harness.store, clock).violations == ()


def test_what_is_wrong_is_found_beside_a_leader(harness: SchedulerHarness) -> None:
    with_a_stray(harness)
    leadership(harness)

    found = verified(harness.hierarchy, harness.open_store(), harness.clock).violations

    assert [(item.invariant, item.key) for item in found] == [('I4', HOUR)]
    [(_, count, text)] = advice(found)
    assert count == 1
    assert 'everything may go on running' in text
    assert 'stop' not in text
