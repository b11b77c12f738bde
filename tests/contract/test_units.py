"""Units in the hands of workers: claim, renew, release and finish under a fence; and logs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.effects import (
    CancelUnit,
    InsertUnit,
    MoveUnit,
)
from synergy.core.records import (
    LogLine,
    Outcome,
    UnitEnd,
    UowId,
    uow_id_of,
)
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey
from synergy.ports.errors import LeaseLost
from synergy.ports.store import Store
from tests.builders import key
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, LEASE, claim, finish, leader, start, unit_of


def test_only_one_claim_succeeds(open_store: Callable[[], Store]) -> None:
    first, second = open_store(), open_store()
    unit = start(first)

    claimed = claim(first, unit.id, 'w1')

    assert claimed is not None
    assert (claimed.state, claimed.fence, claimed.owner) == (UnitState.IN_PROGRESS, 1, 'w1')
    assert claimed.lease_until == NOW + LEASE
    assert claimed.started_at == NOW
    assert claim(second, unit.id, 'w2') is None


def test_a_unit_is_not_claimed_before_its_time(store: Store, clock: SimulatedClock) -> None:
    unit = unit_of(not_before=NOW + timedelta(seconds=5))
    store.commit(leader(store), [InsertUnit(unit)])

    assert claim(store, unit.id, 'w') is None

    clock.advance(timedelta(seconds=5))
    assert claim(store, unit.id, 'w') is not None


def test_an_unknown_unit_is_not_claimed(store: Store) -> None:
    assert claim(store, uow_id_of(HOUR, 9), 'w') is None


def test_finish_is_recorded_once_and_repeating_it_does_nothing(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    log = [LogLine(attempt=1, at=NOW, level='INFO', text='counted')]

    assert finish(store, unit.id, 1, Outcome.processed(7), log)
    assert finish(store, unit.id, 1, Outcome.processed(7), log)

    ended = store.units([unit.id])[unit.id]
    assert (ended.state, ended.processed_count) == (UnitState.PROCESSED, 7)
    assert (ended.finished_at, ended.lease_until) == (NOW, None)
    assert list(store.log(unit.id)) == log


@pytest.mark.parametrize('outcome', [Outcome.processed(8), Outcome.noop(), Outcome.failed('x')])
def test_a_second_different_finish_is_refused(store: Store, outcome: Outcome) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    finish(store, unit.id, 1, Outcome.processed(7))

    assert not finish(store, unit.id, 1, outcome)


def test_those_that_were_processed_are_told_in_brief(store: Store, clock: SimulatedClock) -> None:
    outcomes = [
        Outcome.processed(3),
        Outcome.processed(),
        Outcome.noop(),
        Outcome.cancelled('no'),
        Outcome.failed('no'),
    ]
    units = [unit_of(JobKey(HOUR.process, HOUR.timeperiod.shift(n))) for n in range(7)]
    store.commit(leader(store), [InsertUnit(unit) for unit in units])
    for unit, outcome in zip(units, outcomes, strict=False):
        claimed = claim(store, unit.id, 'w')
        assert claimed is not None
        clock.advance(timedelta(seconds=1.5))
        assert finish(store, unit.id, claimed.fence, outcome)
    assert claim(store, units[-1].id, 'w') is not None
    unknown = [uow_id_of(HOUR, 9), UowId(''), UowId('no id of ours'), UowId('é' * 24)]

    assert store.processed([*(unit.id for unit in units), *unknown]) == {
        units[0].id: (3, 1.5),
        units[1].id: (0, 1.5),
    }
    assert store.processed(unknown) == store.processed([]) == {}


def test_several_are_claimed_and_finished_at_once_each_on_its_own(store: Store) -> None:
    units = [start(store, key(f'SiteHourly@201311010{hour}')) for hour in range(4)]
    claim(store, units[1].id, 'other')

    claimed = store.claim([unit.id for unit in units], 'w', LEASE)

    assert [unit.id for unit in claimed] == [units[0].id, units[2].id, units[3].id]
    store.commit(leader(store), [CancelUnit(units[2].id, 'skipped', NOW)])
    line = LogLine(attempt=1, at=NOW, level='INFO', text='counted')
    ends = [
        UnitEnd(uow_id=unit.id, fence=1, outcome=Outcome.processed(3), log=(line,))
        for unit in claimed
    ]
    assert list(store.finish(ends)) == [units[2].id]
    found = store.units([unit.id for unit in units])
    assert [found[unit.id].state for unit in units] == [
        UnitState.PROCESSED,
        UnitState.IN_PROGRESS,
        UnitState.CANCELED,
        UnitState.PROCESSED,
    ]
    assert [len(store.log(unit.id)) for unit in units] == [1, 0, 0, 1]


def test_zombie_finish_renew_and_release_are_refused_after_a_rescue(store: Store) -> None:
    unit = start(store)
    claimed = claim(store, unit.id, 'w')
    assert claimed is not None
    rescue = MoveUnit(
        uow_id=unit.id,
        from_state=UnitState.IN_PROGRESS,
        from_fence=1,
        to_state=UnitState.REQUESTED,
        at=NOW,
        raises_fence=True,
        attempt=2,
    )
    store.commit(leader(store), [rescue])

    assert not finish(store, unit.id, 1, Outcome.processed(1))
    with pytest.raises(LeaseLost):
        store.renew(unit.id, 1, LEASE)
    with pytest.raises(LeaseLost):
        store.release(unit.id, 1)
    again = claim(store, unit.id, 'w2')
    assert again is not None
    assert (again.fence, again.attempt) == (3, 2)
    finish(store, unit.id, 3, Outcome.processed(1))


def test_renew_extends_the_lease(store: Store, clock: SimulatedClock) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    clock.advance(timedelta(seconds=5))

    store.renew(unit.id, 1, LEASE)

    assert store.units([unit.id])[unit.id].lease_until == NOW + timedelta(seconds=15)


def test_a_released_unit_is_requested_again_in_the_same_attempt(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    store.commit(leader(store), [], announced={unit.id: NOW})

    store.release(unit.id, 1, [LogLine(attempt=1, at=NOW, level='INFO', text='stopped')])

    released = store.units([unit.id])[unit.id]
    assert (released.state, released.attempt, released.fence) == (UnitState.REQUESTED, 1, 2)
    assert (released.owner, released.announced_at) == (None, None)
    assert [line.text for line in store.log(unit.id)] == ['stopped']


def test_logs_keep_their_order_over_appends(store: Store) -> None:
    unit = start(store)
    lines = [LogLine(attempt=1, at=NOW, level='INFO', text=f'line {n}') for n in range(5)]

    store.append_log(unit.id, lines[:2])
    store.append_log(unit.id, lines[2:])

    assert list(store.log(unit.id)) == lines


def test_old_logs_are_pruned_and_new_ones_kept(store: Store) -> None:
    unit = start(store)
    for days, text in ((100, 'old'), (1, 'new')):
        at = NOW - timedelta(days=days)
        store.append_log(unit.id, [LogLine(attempt=1, at=at, level='INFO', text=text)])

    assert store.prune(NOW - timedelta(days=90), 100) == 1

    assert [line.text for line in store.log(unit.id)] == ['new']


def test_dead_letters_are_listed_in_brief_newest_first(store: Store) -> None:
    leadership = leader(store)
    hours = [key(f'SiteHourly@202611220{hour}') for hour in range(3)]
    day = key('SiteDaily@2026112200')
    saves = [
        InsertUnit(
            unit_of(
                job_key,
                state=UnitState.DEAD,
                error=f'host {number} is away',
                finished_at=NOW + timedelta(seconds=number),
            )
        )
        for number, job_key in enumerate([*hours, day])
    ]
    store.commit(leadership, [*saves, InsertUnit(unit_of(key('SiteHourly@2026112209')))])

    found = store.dead_letters()

    assert [(letter.process, letter.timeperiod) for letter in found] == [
        (item.process, item.timeperiod) for item in [day, *reversed(hours)]
    ]
    assert [letter.error for letter in found][:2] == ['host 3 is away', 'host 2 is away']
    assert found[0].finished_at == NOW + timedelta(seconds=3)
    assert found[0].id == uow_id_of(day, 1)
    assert store.dead_letters(day.process) == [found[0]]
    assert list(store.dead_letters(key('AlertDaily@2026112200').process)) == []
