"""By which clock a run is told: that of its tree, or of the trigger that operators have chosen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.calendar import Calendar
from synergy.core.effects import SaveFreerun
from synergy.core.freerun_record import Freerun
from synergy.core.records import ProcessName, Unit, uow_id_of
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from synergy.core.zones import UTC_CALENDAR, calendar_named
from synergy.workers.uow import uow_of
from synergy.workers.zones import Zones
from tests.builders import instant

NOW = instant('202607010530')
NAME = ProcessName('Tidy::morning')
BERLIN = calendar_named('Europe/Berlin')


def unit_of(name: ProcessName = NAME) -> Unit:
    stamp = containing_utc(Qualifier.REAL_TIME, NOW)
    return Unit(
        id=uow_id_of(JobKey(name, stamp), 1),
        process=name,
        timeperiod=stamp,
        start=stamp,
        end=stamp.shift(1),
        run=1,
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ('trigger', 'declared', 'expected', 'reads'),
    [
        ('at 07:30 Europe/Berlin', {}, 'Europe/Berlin', '07:30'),
        ('cron 30 7 * * * Asia/Kolkata', {NAME: BERLIN}, 'Asia/Kolkata', '11:00'),
        ('at 07:30', {NAME: BERLIN}, 'UTC', '05:30'),
        # A length of time follows no clock: the entry of the context says by which to tell it.
        ('every 60', {NAME: BERLIN}, 'Europe/Berlin', '07:30'),
        ('every 60', {}, 'UTC', '05:30'),
    ],
)
def test_a_free_run_is_told_by_the_clock_of_its_stored_trigger(
    tmp_path: Path, trigger: str, declared: dict[ProcessName, Calendar], expected: str, reads: str
) -> None:
    store = SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOW))
    leadership = store.lead('one', timedelta(hours=1))
    assert leadership is not None
    made = Freerun(name=NAME, trigger=parse_trigger(trigger), rev=1, changed_at=NOW)
    store.commit(leadership, [SaveFreerun(made, 'added')])
    zones = Zones(declared, store)

    zones.look([unit_of()])
    uow = uow_of(unit_of(), None, None, lambda: False, calendar=zones.of(NAME))

    assert (uow.time_zone, uow.start) == (expected, NOW)
    assert f'{uow.local_start:%H:%M}' == reads
    store.close()


def test_jobs_and_free_runs_that_are_gone_are_told_as_the_context_says(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOW))
    job = ProcessName('ShopDaily')
    zones = Zones({job: BERLIN, NAME: BERLIN}, store)

    zones.look([unit_of(), unit_of(job)])

    assert zones.of(job) is zones.of(NAME) is BERLIN
    assert zones.of(ProcessName('Tidy::evening')) is UTC_CALENDAR
    store.close()
