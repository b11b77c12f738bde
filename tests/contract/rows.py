"""Rows for tests of the contract of the store: units, jobs and commands in one line each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.effects import (
    InsertUnit,
    SaveJob,
)
from synergy.core.records import (
    Job,
    Leadership,
    LogLine,
    Outcome,
    Unit,
    UnitEnd,
    UowId,
    uow_id_of,
)
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.ports.store import Store
from tests.builders import key
from tests.contract.conftest import NOW

LEASE = timedelta(seconds=10)


HOUR = key('SiteHourly@2026112200')


def leader(store: Store, owner: str = 'one') -> Leadership:
    leadership = store.lead(owner, timedelta(hours=1))
    assert leadership is not None
    return leadership


def unit_of(job_key: JobKey = HOUR, run: int = 1, **fields: object) -> Unit:
    unit = Unit(
        id=uow_id_of(job_key, run),
        process=job_key.process,
        timeperiod=job_key.timeperiod,
        start=job_key.timeperiod,
        end=job_key.timeperiod.shift(1),
        run=run,
        created_at=NOW,
        arguments={'depth': 3, 'names': ['a', 'b']},
    )
    return replace(unit, **fields)  # type: ignore[arg-type]


def job_of(job_key: JobKey = HOUR, rev: int = 1, **fields: object) -> Job:
    job = Job(
        process=job_key.process,
        timeperiod=job_key.timeperiod,
        state=JobState.IN_PROGRESS,
        rev=rev,
        run=1,
        uow_id=uow_id_of(job_key, 1),
        changed_at=NOW,
    )
    return replace(job, **fields)  # type: ignore[arg-type]


def start(store: Store, job_key: JobKey = HOUR) -> Unit:
    """Save a running job with its unit."""
    unit = unit_of(job_key)
    store.commit(leader(store), [InsertUnit(unit), SaveJob(job_of(job_key), 'started')])
    return unit


def claim(store: Store, uow_id: UowId, owner: str) -> Unit | None:
    """Claim one unit."""
    return next(iter(store.claim([uow_id], owner, LEASE)), None)


def finish(
    store: Store, uow_id: UowId, fence: int, outcome: Outcome, log: Sequence[LogLine] = ()
) -> bool:
    """Finish one unit; tell whether that was accepted."""
    return not store.finish([UnitEnd(uow_id=uow_id, fence=fence, outcome=outcome, log=tuple(log))])


def command(text: str = 'c1', **fields: object) -> Command:
    made = Command(
        id=CommandId(text),
        kind=CommandKind.REPROCESS,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(1),
        actor='anna',
        reason='late data',
        created_at=NOW,
    )
    return replace(made, **fields)  # type: ignore[arg-type]
