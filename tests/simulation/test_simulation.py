"""A few hundred histories in which everything goes wrong; and proof that faults in us are found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite import claims
from synergy.adapters.sqlite.states import IN_PROGRESS, REQUESTED
from synergy.adapters.sqlite.store import SqliteStore
from synergy.adapters.sqlite.units import SqliteUnits
from synergy.core import readiness, undo
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.effects import CancelUnit, Effects, MoveUnit, Save
from synergy.core.engine import Engine
from synergy.core.freerun import Freeruns
from synergy.core.freerun_record import base_of
from synergy.core.hierarchy import build
from synergy.core.records import ProcessName, UowId
from synergy.core.states import UnitState
from synergy.core.structs import replace as replaced
from synergy.core.timetable import Timetable
from synergy.ports.broker import REPORT_ROUTE
from synergy.scheduler import clock_steps, sweeper
from synergy.scheduler.outbox import Outbox
from synergy.scheduler.sweeper import Sweeper
from synergy.simulation import runs
from synergy.simulation.broker import Exchange
from synergy.simulation.faults import usual
from synergy.simulation.monitor import Broken, Monitor
from synergy.simulation.runs import History, plot, simulate, simulate_calendars, simulate_contexts
from synergy.simulation.world import World
from synergy.workers.batch import Batch
from synergy.workers.runner import Runner
from tests.builders import instant, key
from tests.depth import deep

#: Every mutant below dies within them.
SEEDS = deep(60)
#: Histories in which the context changes, too.
CONTEXT_SEEDS = deep(20)
#: Histories of weeks, minutes and days of 25 hours.
CALENDAR_SEEDS = deep(8)
#: Histories of each poisonous process, none of them also of another one.
POISON_SEEDS = deep(4)
#: In one test: those that run beside each other share them out.
SEEDS_AT_ONCE = 10
CALENDAR_SEEDS_AT_ONCE = 4
POISONS = ['SiteHourly', 'SiteDaily', 'SiteMonthly', 'AlertHourly', 'AlertDaily', 'Cleaner::tick']
#: A mutant must be found within so many histories.
SEEDS_FOR_MUTANTS = 60


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_some_histories_have_a_group_of_workers_and_some_form_and_dissolve_one() -> None:
    grouped = plot(has_group=True)

    assert list(grouped.crew.groups.values()) == [['AlertHourly', 'AlertDaily', 'Cleaner']]
    assert sorted(grouped.crew.processes) == sorted(plot().crew.processes)
    queues = {grouped.pipeline.route_of(name).queue for name in grouped.crew.processes}
    assert queues == {'SiteHourly', 'SiteDaily', 'SiteMonthly', 'etl'}


def broken_of(histories: Sequence[History]) -> list[str]:
    return [f'seed {item.seed}: {item.broken}' for item in histories if item.broken]


@pytest.mark.parametrize('first', range(0, SEEDS, SEEDS_AT_ONCE))
def test_no_promise_is_broken_in_any_history(first: int) -> None:
    histories = [simulate(seed) for seed in range(first, first + SEEDS_AT_ONCE)]

    assert broken_of(histories) == []
    assert sum(item.start_count for item in histories) > SEEDS_AT_ONCE * 40


@pytest.mark.parametrize('first', range(0, CONTEXT_SEEDS, SEEDS_AT_ONCE))
def test_no_promise_is_broken_while_contexts_change(first: int) -> None:
    histories = [simulate_contexts(seed) for seed in range(first, first + SEEDS_AT_ONCE)]

    assert broken_of(histories) == []


@pytest.mark.parametrize('first', range(0, CALENDAR_SEEDS, CALENDAR_SEEDS_AT_ONCE))
def test_no_promise_is_broken_in_a_weekend_in_which_clocks_change(first: int) -> None:
    seeds = range(first, first + CALENDAR_SEEDS_AT_ONCE)
    histories = [simulate_calendars(seed) for seed in seeds]

    assert broken_of(histories) == []
    assert sum(item.start_count for item in histories) > len(seeds) * 100


@pytest.mark.parametrize(
    ('poison', 'first'),
    [(poison, number * POISON_SEEDS) for number, poison in enumerate(POISONS)],
    ids=POISONS,
)
def test_a_poisonous_process_breaks_no_promise_and_holds_up_only_what_waits_for_it(
    poison: str, first: int
) -> None:
    histories = [simulate(seed, poison=poison) for seed in range(first, first + POISON_SEEDS)]

    assert broken_of(histories) == []


@pytest.mark.parametrize('seed', range(10))
def test_an_outage_longer_than_any_attempt_may_be_gives_nothing_up(seed: int) -> None:
    """Of 60 hours: to rows and leases it is a leap of the clock in the midst of everything."""
    world = World(plot(), seed, usual())
    try:
        world.run(60)
        while not world.store.live_units():
            assert world.stage.seconds < 10_000
            world.run(1)
        world.stage.set_clock(timedelta(hours=60))
        world.run(60)
        world.faults.stop()
        while not world.monitor.is_finished():
            assert world.stage.seconds < 10_000
            world.run(60)

        assert world.store.dead_units(10) == []
    finally:
        world.close()


def half_done(world: World) -> str | None:
    """Return what of a commit to store and broker is there without the rest of it."""
    queues = world.exchange.queues
    units = {unit.id: unit for unit in world.store.live_units()}
    for unit in units.values():
        if unit.state is UnitState.REQUESTED and unit.announced_at and not unit.not_before:
            queue = world.plot.pipeline.route_of(base_of(unit.process)).queue
            if unit.id not in {item.body['uow'] for item in queues[queue]}:
                return f'{unit} waits, and its message is gone'
    for queue, held in queues.items():
        for item in held:
            is_known = 'uow' not in item.body or world.store.units([UowId(item.body['uow'])])
            if queue != REPORT_ROUTE.queue and not is_known:
                return f'{item.body} was announced, and is not saved'
    return None


def first_half_done(seeds: range) -> str | None:
    """Return the first thing that is half done where store and broker are one file."""
    for seed in seeds:
        faults = replace(usual(), message_lost=0.0, death=0.01, store_lost=0.02, store_unheard=0.02)
        world = World(replaced(plot(), is_one_file=True), seed, faults)
        try:
            for _ in range(200):
                world.run(1)
                if found := half_done(world):
                    return found
            assert len(world.monitor.starts) > 20
        finally:
            world.close()
    return None


def test_what_is_written_to_store_and_broker_in_one_file_is_there_or_not_as_a_whole() -> None:
    assert first_half_done(range(8)) is None


def ring_for_what_is_not_saved(patch: pytest.MonkeyPatch) -> None:
    """Let messages stand of a commit that does not."""
    patch.setattr(Exchange, 'undo', Exchange.stand)


def acknowledge_apart(patch: pytest.MonkeyPatch) -> None:
    """Forget messages before what they are about is claimed, in a commit of its own."""

    def step(self: Runner) -> bool:
        deliveries = self._consumer.take(1)
        self._consumer.ack(deliveries)
        for unit in self._claim_safely(deliveries):
            self._work_all(Batch([unit]), self._clock.monotonic())
        return bool(deliveries)

    patch.setattr(Runner, 'step', step)


def mark_what_is_not_rung(patch: pytest.MonkeyPatch) -> None:
    """Say of all that is saved that it was rung for, and ring in a commit of its own."""
    ring_and_mark = Outbox._ring_and_mark

    def later(self: Outbox, now: datetime, marked: Collection[UowId]) -> None:
        self._one_commit.after(lambda: ring_and_mark(self, now, marked))

    patch.setattr(Outbox, '_ring_and_mark', later)


@pytest.mark.parametrize(
    'mutate', [ring_for_what_is_not_saved, acknowledge_apart, mark_what_is_not_rung]
)
def test_a_mutant_that_does_one_half_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)

    assert first_half_done(range(20)) is not None


def test_the_same_seed_makes_the_same_history() -> None:
    assert simulate(7) == simulate(7)
    assert simulate(7) != simulate(8)


def test_a_history_goes_on_until_each_request_is_applied() -> None:
    """One that is paused may have reset an input and not yet what waits for it."""
    at = instant('202611240030')
    timeperiod = key('SiteHourly@2026112200').timeperiod
    late = Command(
        id=CommandId('late'),
        kind=CommandKind.REPROCESS,
        process=ProcessName('SiteHourly'),
        start=timeperiod,
        end=timeperiod.shift(1),
        is_paused=True,
        actor='anna',
        created_at=at,
    )
    store = SqliteStore.open(Path(':memory:'), clock=SystemClock())
    try:
        monitor = Monitor(store, build([], []))
        assert monitor.is_finished()

        store.insert_command(late)

        assert not monitor.is_finished()
        with pytest.raises(Broken, match='I8 reprocess late is requested'):
            monitor.check_finished()
    finally:
        store.close()


def first_broken(first: int) -> str | None:
    """Return what the first failing history from `first` on found.

    `first` is near one that fails, for those before it only take time.
    """
    for seed in range(first, first + SEEDS_FOR_MUTANTS):
        if broken := simulate(seed).broken:
            return broken
    return None


def no_fence_at_finish(patch: pytest.MonkeyPatch) -> None:
    """Let anybody finish a unit, under whatever fence; many oversleep the end of their lease."""
    patch.setattr(runs, 'usual', lambda: replace(usual(), oversleep=0.2))
    assert simulate(0).broken is None
    patch.setattr(
        claims,
        '_FINISH',
        claims._FINISH.replace(
            f'id = ? AND fence = ? AND state = {IN_PROGRESS}', 'id = ? AND ? >= 0'
        ),
    )


def announce_before_save(patch: pytest.MonkeyPatch) -> None:
    """Ring first and save then."""
    apply = Outbox.apply

    def swapped(self: Outbox, timetable: Timetable, effects: Effects) -> None:
        now = self._clock.now()
        self._announcer.add(effects.announcements, now)
        self._announcer.ring(now)
        apply(self, timetable, effects)

    patch.setattr(Outbox, 'apply', swapped)


def no_sweep(patch: pytest.MonkeyPatch) -> None:
    """Trust that every message arrives and no worker dies."""
    patch.setattr(Sweeper, '_of_units', lambda *_: iter(()))
    patch.setattr(Sweeper, '_of_jobs', lambda *_: iter(()))
    patch.setattr(Freeruns, 'waiting_for', lambda *_: [])


def rings_are_believed_for_ever(patch: pytest.MonkeyPatch) -> None:
    """Ring for a unit once, whoever has lost its message."""
    patch.setattr(sweeper, 'REPUBLISH_AFTER', timedelta(days=365))


def without(kind: type[Save]) -> Callable[[pytest.MonkeyPatch], None]:
    """Forget one sort of effect."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        on = Engine.on

        def forgetful(self: Engine, *arguments: Any) -> Effects:
            effects = on(self, *arguments)
            effects.saves = [save for save in effects.saves if not isinstance(save, kind)]
            return effects

        patch.setattr(Engine, 'on', forgetful)

    return mutate


def claim_what_is_taken(patch: pytest.MonkeyPatch) -> None:
    """Let a second worker claim a unit that is under way."""
    patch.setattr(
        claims,
        '_CLAIM',
        claims._CLAIM.replace(
            f'state = {REQUESTED}', f'state IN ({REQUESTED}, {IN_PROGRESS})'
        ).replace('fence = fence + 1, ', ''),
    )


def reported_is_processed(patch: pytest.MonkeyPatch) -> None:
    """Take every unit that a message names for one that was processed."""
    patch.setattr(SqliteUnits, 'processed', lambda _, uow_ids: dict.fromkeys(uow_ids, (0, 0.0)))


def deadlines_outlive_the_clock(patch: pytest.MonkeyPatch) -> None:
    """Wait until a clock that was set back has caught up; clocks are set more often than usual."""
    patch.setattr(runs, '_CLOCKS_SET', 0.5)
    patch.setattr(clock_steps, 'CLOCK_STEP_SECONDS', 86_400.0)


def parents_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    """Find every input final, when it is decided; the checker still looks for itself."""
    patch.setattr(readiness, '_pending', lambda *_: [])


def undo_looks_at_no_input(patch: pytest.MonkeyPatch) -> None:
    """Put back what a cancelled request has reset, whatever has run below it since."""
    patch.setattr(undo, '_is_in_the_way', lambda *_: False)


@pytest.mark.parametrize(
    ('mutate', 'found', 'first'),
    [
        (no_fence_at_finish, 'I5', 0),
        (announce_before_save, 'announced before it was saved', 0),
        (no_sweep, 'I8', 0),
        (rings_are_believed_for_ever, 'I8', 0),
        (without(CancelUnit), 'I4', 4),
        (without(MoveUnit), 'I', 0),
        (claim_what_is_taken, 'I5', 0),
        (reported_is_processed, 'I', 0),
        (deadlines_outlive_the_clock, 'I8', 56),
        (parents_do_not_wait, 'I', 0),
        (undo_looks_at_no_input, 'I2', 280),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_a_mutant_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None],
    found: str,
    first: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutate(monkeypatch)

    broken = first_broken(first)

    assert broken is not None, 'the simulation did not notice'
    assert found in broken
