"""Free runs: fires, overlap, misfire, edits, and what survives a restart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from synergy.core.effects import Announce, CancelUnit, InsertUnit, MoveUnit, SaveFreerun
from synergy.core.events import Expired, Reported
from synergy.core.freerun import Freeruns
from synergy.core.freerun_definition import FreerunRefused, freerun_of
from synergy.core.freerun_fires import next_fire
from synergy.core.freerun_reconciliation import reconcile
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.records import ProcessName, RetryPolicy, Unit, uow_id_of
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.trigger import parse_trigger
from tests.builders import instant
from tests.core.engine_harness import Effect, listed

NOW = instant('2026112312')
NAME = ProcessName('Cleaner::nightly')
MINUTE = timedelta(minutes=1)


class Bench:
    """Free runs with the rows that their effects describe."""

    def __init__(self, trigger: str = 'every 60', attempts: int = 1, **fields: Any) -> None:
        self.now = NOW
        self.policy = RetryPolicy(max_attempts=attempts, delay=timedelta(seconds=10))
        entry = Freerun(name=NAME, trigger=parse_trigger(trigger), changed_at=NOW, **fields)
        self.rows = {NAME: entry}
        self.units: list[Unit] = []
        self.events: list[str] = []
        self.freeruns = self.loaded()

    def loaded(self) -> Freeruns:
        return Freeruns(self.rows.values(), lambda _: self.policy, self.now)

    def take(self, effects: Any) -> list[Effect]:
        taken = listed(effects)
        for effect in taken:
            match effect:
                case InsertUnit(unit):
                    self.units.append(unit)
                case SaveFreerun(freerun, event):
                    assert freerun.rev == self.rows[freerun.name].rev + 1
                    self.rows[freerun.name] = freerun
                    self.events.append(event)
        return taken

    def at(self, now: datetime) -> list[Unit]:
        """Let time come to `now`; return the units made."""
        before = len(self.units)
        self.now = now
        self.take(self.freeruns.on([], now))
        return self.units[before:]

    def end(self, unit: Unit, state: UnitState = UnitState.PROCESSED) -> list[Effect]:
        return self.take(
            self.freeruns.on([Reported(replace(unit, state=state, fence=1))], self.now)
        )


def first_fire(bench: Bench) -> datetime:
    return next_fire(bench.rows[NAME], NOW)


def test_an_entry_fires_once_each_period_without_drift() -> None:
    bench = Bench()
    first = first_fire(bench)

    for number in range(3):
        (unit,) = bench.at(first + number * MINUTE + timedelta(milliseconds=7 * number))
        bench.end(unit)

    assert [unit.run for unit in bench.units] == [1, 2, 3]
    assert bench.rows[NAME].last_fire == first + 2 * MINUTE
    assert NOW < first <= NOW + MINUTE


def test_entries_of_one_period_do_not_fire_in_one_instant() -> None:
    fires = {
        next_fire(
            Freerun(name=ProcessName(f'P::{n}'), trigger=parse_trigger('every 60'), changed_at=NOW),
            NOW,
        )
        for n in range(100)
    }

    assert len(fires) > 90


@pytest.mark.parametrize(
    ('overlap', 'made', 'said'),
    [
        (Overlap.SKIP, 1, 'suppressed: the run before is under way'),
        (Overlap.QUEUE, 1, 'queued'),
        (Overlap.ALLOW, 2, 'run 2 requested'),
    ],
)
def test_a_fire_while_a_run_is_under_way(overlap: Overlap, made: int, said: str) -> None:
    bench = Bench(overlap=overlap)
    first = first_fire(bench)
    bench.at(first)

    bench.at(first + MINUTE)

    assert len(bench.units) == made
    assert said in bench.events[-1]


def test_one_fire_is_queued_and_runs_when_the_run_before_has_ended() -> None:
    bench = Bench(overlap=Overlap.QUEUE)
    first = first_fire(bench)
    bench.at(first)
    bench.at(first + MINUTE)
    bench.at(first + 2 * MINUTE)
    assert 'one is queued already' in bench.events[-1]

    ended = bench.end(bench.units[0])

    assert [unit.run for unit in bench.units] == [1, 2]
    first_id, second_id = (unit.id for unit in bench.units)
    (saved,) = (effect for effect in ended if isinstance(effect, SaveFreerun))
    assert (saved.begun, saved.ended) == ((second_id,), (first_id,))
    bench.end(bench.units[1])
    assert len(bench.units) == 2


@pytest.mark.parametrize(
    ('misfire', 'made'), [(Misfire.ONCE, 1), (Misfire.ALL, 3), (Misfire.SKIP, 0)]
)
def test_missed_fires_are_made_up_for_as_the_policy_says(misfire: Misfire, made: int) -> None:
    bench = Bench(misfire=misfire, misfire_max=3, overlap=Overlap.ALLOW)
    first = first_fire(bench)

    units = bench.at(first + 9 * MINUTE + timedelta(seconds=1))

    assert len(units) == made
    assert f'{10 - made} fires since' in bench.events[-1]
    assert len(bench.at(first + 10 * MINUTE)) == 1


def test_what_was_missed_while_nobody_was_there_is_known_after_a_restart() -> None:
    bench = Bench(misfire=Misfire.ONCE)
    first = first_fire(bench)
    (unit,) = bench.at(first)
    bench.end(unit)

    bench.now = first + 30 * MINUTE
    bench.freeruns = bench.loaded()

    assert len(bench.at(bench.now)) == 1
    assert '29 fires since' in bench.events[-1]


def test_a_unit_that_no_entry_waits_for_is_never_announced() -> None:
    bench = Bench()
    (unit,) = bench.at(first_fire(bench))
    bench.end(unit)
    stray = replace(unit, id=uow_id_of(unit.key, 9))

    adoptable = bench.freeruns.on([Reported(replace(stray, run=2))], bench.now)
    passed = bench.freeruns.on([Reported(stray)], bench.now)

    assert listed(adoptable) == []
    assert [type(effect) for effect in listed(passed)] == [CancelUnit]


def test_a_failed_run_is_tried_again_as_often_as_allowed() -> None:
    bench = Bench(attempts=2)
    (unit,) = bench.at(first_fire(bench))

    effects = bench.end(unit, UnitState.INVALID)

    move = next(effect for effect in effects if isinstance(effect, MoveUnit))
    assert (move.to_state, move.attempt) == (UnitState.REQUESTED, 2)
    assert isinstance(effects[-1], Announce)
    last = bench.end(replace(unit, attempt=2), UnitState.INVALID)
    dead = next(effect for effect in last if isinstance(effect, MoveUnit))
    assert dead.to_state is UnitState.DEAD
    assert bench.rows[NAME].live == ()


def test_lost_workers_have_a_limit_of_their_own() -> None:
    bench = Bench()
    (unit,) = bench.at(first_fire(bench))
    held = replace(unit, state=UnitState.IN_PROGRESS, fence=1, owner='w')

    first = bench.take(bench.freeruns.on([Expired(held)], bench.now))
    held = replace(held, attempt=5, lost_count=4)
    last = bench.take(bench.freeruns.on([Expired(held)], bench.now))

    again, dead = (
        next(effect for effect in effects if isinstance(effect, MoveUnit))
        for effects in (first, last)
    )
    assert (again.to_state, again.attempt, again.lost_count) == (UnitState.REQUESTED, 2, 1)
    assert (dead.to_state, dead.lost_count) == (UnitState.DEAD, 5)
    assert 'attempt 5 of 5 lost its worker (5 of 5): lease of w ran out' in bench.events[-1]
    assert bench.rows[NAME].live == ()


def test_an_entry_that_is_off_never_fires_but_may_be_run() -> None:
    bench = Bench(is_on=False)

    assert bench.freeruns.next_at is None
    bench.take(bench.freeruns.run_now(NAME, NOW))
    assert len(bench.units) == 1


def test_a_cancelled_run_is_let_go_and_what_is_queued_behind_it_starts() -> None:
    bench = Bench(overlap=Overlap.QUEUE)
    first = first_fire(bench)
    (unit,) = bench.at(first)
    bench.at(first + MINUTE)

    effects = bench.take(bench.freeruns.cancel(NAME, [unit.id], 'anna: wrong folder', bench.now))

    assert CancelUnit(unit.id, 'cancelled by anna: wrong folder', bench.now) in effects
    assert [item.run for item in bench.units] == [1, 2]
    assert bench.rows[NAME].live == (bench.units[1].id,)
    assert 'cancelled by anna: wrong folder; run 2 requested' in bench.events[-1]


def test_an_edit_takes_effect_at_once_and_keeps_what_is_under_way() -> None:
    bench = Bench()
    (unit,) = bench.at(first_fire(bench))
    changed = freerun_of(NAME, {'trigger': 'cron 0 3 * * *'}, ['Cleaner'], bench.rows[NAME], NOW)  # type: ignore[list-item]

    bench.take(bench.freeruns.define(changed, bench.now))

    assert bench.freeruns.next_at == instant('2026112403')
    assert bench.rows[NAME].live == (unit.id,)
    bench.end(unit)
    assert bench.rows[NAME].live == ()


def test_arguments_of_one_entry_never_reach_another() -> None:
    first = Freerun(
        name=NAME, trigger=parse_trigger('every 60'), arguments={'depth': 1}, changed_at=NOW
    )
    second = replace(first, name=ProcessName('Cleaner::weekly'), arguments={})
    freeruns = Freeruns([first, second], lambda _: RetryPolicy(), NOW)

    effects = freeruns.on([], NOW + 2 * MINUTE)

    units = {
        effect.unit.process: effect.unit
        for effect in effects.saves
        if isinstance(effect, InsertUnit)
    }
    assert units[first.name].arguments == {'depth': 1}
    assert units[second.name].arguments == {}


def test_the_store_overrides_the_context_until_the_context_changes() -> None:
    defined = Freerun(name=NAME, trigger=parse_trigger('every 60'), definition='a', changed_at=NOW)
    switched_off = replace(defined, is_on=False, rev=3)

    kept, no_effects = reconcile([switched_off], [defined], NOW)
    taken, effects = reconcile([switched_off], [replace(defined, definition='b')], NOW)
    gone, removals = reconcile([switched_off], [], NOW)

    assert (list(kept), listed(no_effects)) == ([switched_off], [])
    assert (taken[0].is_on, taken[0].rev, len(listed(effects))) == (True, 4, 1)
    assert (list(gone), len(listed(removals))) == ([], 2)


@pytest.mark.parametrize(
    ('name', 'details', 'expected'),
    [
        ('Cleaner', {'trigger': 'every 60'}, 'Process::entry'),
        ('Cleener::x', {'trigger': 'every 60'}, "did you mean 'Cleaner'"),
        ('Cleaner::x', {}, 'needs a trigger'),
        ('Cleaner::x', {'trigger': 'cron 61 * * * *'}, 'not a cron expression'),
        ('Cleaner::x', {'trigger': 'cron * * *'}, 'five'),
        ('Cleaner::x', {'trigger': 'cron 0 0 30 2 *'}, 'not a cron expression'),
        ('Cleaner::x', {'trigger': 'every 60', 'arguments': [1]}, 'not a JSON object'),
        ('Cleaner::x', {'trigger': 'every 60', 'overlap': 'alow'}, "did you mean 'allow'"),
        ('Cleaner::x', {'trigger': 'every 60', 'misfire_max': 0}, 'from 1 to'),
        ('Cleaner::x', {'trigger': 'every 60', 'colour': 'red'}, 'unknown field'),
    ],
)
def test_what_makes_no_free_run_is_refused_with_a_reason(
    name: str, details: dict[str, Any], expected: str
) -> None:
    with pytest.raises(FreerunRefused, match=expected):
        freerun_of(ProcessName(name), details, [ProcessName('Cleaner')], None, NOW)


def test_a_queued_fire_starts_when_the_run_before_is_gone_from_the_store() -> None:
    bench = Bench(overlap=Overlap.QUEUE)
    first = first_fire(bench)
    (unit,) = bench.at(first)
    assert bench.at(first + MINUTE) == []

    bench.take(bench.freeruns.vanished([unit.id], bench.now))

    assert [made.run for made in bench.at(first + MINUTE)] == [2]
    assert bench.rows[NAME].queued_at is None
