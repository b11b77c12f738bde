"""Sizes of pools that operators have set, and units made within the last minute."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from synergy.core.effects import InsertUnit, RemovePool, SaveFreerun, SaveJob, SavePool
from synergy.core.pool_record import PoolName, PoolOverride
from synergy.core.records import Job, Unit, uow_id_of
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.ports.errors import CommitRefused
from synergy.ports.recent_starts import recent_starts
from synergy.ports.store import Store
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, leader, unit_of
from tests.contract.test_freeruns import freerun_of

WAREHOUSE = PoolName('warehouse')
SECOND = timedelta(seconds=1)


def override_of(**fields: object) -> PoolOverride:
    made = PoolOverride(
        pool=WAREHOUSE, slots=4, at=NOW, by='anna: backup', definition='8 slots', rev=1
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_size_is_kept_changed_and_removed(store: Store) -> None:
    store.commit(leader(store), [SavePool(override_of())])
    assert list(store.pool_overrides()) == [override_of()]
    with pytest.raises(CommitRefused, match='size of pool warehouse'):
        store.commit(leader(store), [SavePool(override_of())])

    later = override_of(rev=2, slots=None, per_minute=0)
    store.commit(leader(store), [SavePool(later)])
    assert list(store.pool_overrides()) == [later]
    with pytest.raises(CommitRefused, match='size of pool warehouse'):
        store.commit(leader(store), [SavePool(override_of(rev=4))])

    store.commit(leader(store), [RemovePool(WAREHOUSE)])
    assert list(store.pool_overrides()) == []
    store.commit(leader(store), [SavePool(override_of())])
    assert list(store.pool_overrides()) == [override_of()]


def started(key: JobKey, run: int, at: datetime, rev: int) -> tuple[Unit, Job]:
    unit = replace(unit_of(key, run=run), created_at=at, id=uow_id_of(key, run))
    job = Job(
        process=key.process,
        timeperiod=key.timeperiod,
        state=JobState.IN_PROGRESS,
        rev=rev,
        run=run,
        uow_id=unit.id,
        changed_at=at,
    )
    return unit, job


def test_units_made_within_the_last_minute_are_found_whatever_has_become_of_them(
    store: Store,
) -> None:
    term = leader(store)
    before = HOUR.timeperiod.shift(-1)
    old = started(JobKey(HOUR.process, before), 1, NOW - 90 * SECOND, 1)
    first, second = (started(HOUR, run, NOW - (50 - run) * SECOND, run) for run in (1, 2))
    for unit, job in (old, first, second):
        store.commit(term, [InsertUnit(unit), SaveJob(job, 'started')])
    ended = replace(
        second[1], rev=3, state=JobState.PROCESSED, uow_id=None, changed_at=NOW - SECOND
    )
    store.commit(term, [SaveJob(ended, 'processed')])
    entry = freerun_of(live=(), queued_at=None, last_run=1)
    fire = JobKey(entry.name, containing_utc(Qualifier.REAL_TIME, NOW - 20 * SECOND))
    run = replace(
        unit_of(fire), created_at=NOW - 20 * SECOND, id=uow_id_of(fire, 1), process=entry.name
    )
    store.commit(term, [InsertUnit(run), SaveFreerun(entry, 'started')])

    limited = {HOUR.process, entry.name}
    found = recent_starts(store, limited, store.freeruns(), NOW)

    assert found == [
        (NOW - 49 * SECOND, HOUR.process),
        (NOW - 48 * SECOND, HOUR.process),
        (NOW - 20 * SECOND, entry.name),
    ]
    assert recent_starts(store, {entry.name}, store.freeruns(), NOW) == found[2:]
    assert list(recent_starts(store, limited, store.freeruns(), NOW + timedelta(minutes=1))) == []
    # The clock was set back: what is of later than now counts for nothing.
    assert recent_starts(store, limited, store.freeruns(), NOW - 49 * SECOND)[1:] == found[:1]
