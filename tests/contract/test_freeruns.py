"""Free runs, their units, and overrides of managed processes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.effects import (
    InsertUnit,
    RemoveFreerun,
    RemoveOverride,
    SaveFreerun,
    SaveOverride,
)
from synergy.core.freerun_record import Freerun
from synergy.core.lanes import CatchUp
from synergy.core.records import (
    Outcome,
    Override,
    ProcessName,
    UnitEnd,
    uow_id_of,
)
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from synergy.ports.errors import CommitRefused
from synergy.ports.store import Store
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, LEASE, leader, unit_of


def freerun_of(**fields: object) -> Freerun:
    made = Freerun(
        name=ProcessName('Cleaner::nightly'),
        trigger=parse_trigger('at 02:30'),
        arguments={'depth': 2},
        definition='abc',
        rev=1,
        last_fire=NOW,
        last_run=3,
        live=(uow_id_of(HOUR, 1),),
        queued_at=NOW + LEASE,
        changed_at=NOW,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_free_run_is_saved_only_over_the_rev_before_and_can_be_removed(store: Store) -> None:
    store.commit(leader(store), [SaveFreerun(freerun_of(), 'added')])

    assert list(store.freeruns()) == [freerun_of()]
    # Pages look at thousands of them each time: what has not changed is not decoded again.
    assert store.freeruns()[0] is store.freeruns()[0]
    assert store.freerun(freerun_of().name) == freerun_of()
    assert store.freerun(ProcessName('Cleaner::daily')) is None
    with pytest.raises(CommitRefused, match='Cleaner::nightly'):
        store.commit(leader(store), [SaveFreerun(freerun_of(), 'again')])
    store.commit(leader(store), [SaveFreerun(freerun_of(rev=2, is_on=False), 'switched off')])
    assert list(store.freeruns()) == [freerun_of(rev=2, is_on=False)]
    events = store.freerun_events(freerun_of().name, 10)
    assert [event.text for event in events] == ['switched off', 'added']
    store.commit(leader(store), [RemoveFreerun(freerun_of())])
    assert list(store.freeruns()) == []


def test_ended_units_of_all_free_runs_are_found_those_that_ended_last_first(
    store: Store, clock: SimulatedClock
) -> None:
    stamp = containing_utc(Qualifier.REAL_TIME, NOW)
    names = [ProcessName('Cleaner::a'), ProcessName('Cleaner::b'), ProcessName('Cleaner::c')]
    units = [unit_of(JobKey(name, stamp), 1) for name in names]
    store.commit(leader(store), [InsertUnit(unit) for unit in units])
    for unit, outcome in zip(units[:2], (Outcome.processed(1), Outcome.noop()), strict=True):
        (claimed,) = store.claim([unit.id], 'w', LEASE)
        store.finish([UnitEnd(uow_id=unit.id, fence=claimed.fence, outcome=outcome)])
        clock.advance(timedelta(seconds=1))
    states = (UnitState.PROCESSED, UnitState.NOOP)

    found = store.ended_freerun_units(NOW, states, 9)

    assert [unit.process for unit in found] == ['Cleaner::b', 'Cleaner::a']
    assert [unit.process for unit in store.ended_freerun_units(NOW, states, 1)] == ['Cleaner::b']
    after = store.ended_freerun_units(NOW, states, 9, found[0])
    assert [unit.process for unit in after] == ['Cleaner::a']
    later = NOW + timedelta(seconds=1)
    assert [unit.process for unit in store.ended_freerun_units(later, states, 9)] == ['Cleaner::b']
    found = store.ended_freerun_units(NOW, [UnitState.PROCESSED], 9)
    assert [unit.process for unit in found] == ['Cleaner::a']


def test_units_of_a_free_run_are_found_newest_first(store: Store) -> None:
    stamps = [containing_utc(Qualifier.REAL_TIME, NOW + timedelta(seconds=n)) for n in range(3)]
    name = freerun_of().name
    for run, stamp in enumerate(stamps, 1):
        job_key = JobKey(name, stamp)
        store.commit(leader(store), [InsertUnit(unit_of(job_key, run))])

    assert [unit.run for unit in store.freerun_units(name, 2)] == [3, 2]


def override_of(**fields: Any) -> Override:
    made = Override(
        process=ProcessName('SiteHourly'),
        is_on=False,
        is_on_at=NOW,
        is_on_by='anna: migration',
        definition='f00',
    )
    return replace(made, **fields)


def test_an_override_is_kept_changed_and_removed(store: Store) -> None:
    store.commit(leader(store), [SaveOverride(override_of())])
    assert list(store.overrides()) == [override_of()]
    with pytest.raises(CommitRefused):
        store.commit(leader(store), [SaveOverride(override_of())])

    trigger = parse_trigger('at 17:00')
    later = override_of(rev=2, is_on=None, trigger=trigger, trigger_at=NOW, trigger_by='bob')
    later = replace(
        later, catch_up=CatchUp.NONE, catch_up_at=NOW, catch_up_by='carla: we have that'
    )
    store.commit(leader(store), [SaveOverride(later)])
    assert list(store.overrides()) == [later]
    with pytest.raises(CommitRefused):
        store.commit(leader(store), [SaveOverride(override_of(rev=4))])

    store.commit(leader(store), [RemoveOverride(later.process)] * 2)
    assert list(store.overrides()) == []
    store.commit(leader(store), [SaveOverride(override_of())])
    assert list(store.overrides()) == [override_of()]
