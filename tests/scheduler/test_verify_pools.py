"""`verify` counts what is held of pools, and by the largest size that was in force since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from synergy.core.effects import InsertUnit, Save, SaveContext, SaveJob, SavePool
from synergy.core.pool_record import PoolName, PoolOverride
from synergy.core.records import ProcessName, uow_id_of
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.view.verification import ADVICE, look
from tests.builders import instant
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness
from tests.scheduler.test_pools import LAST, WAREHOUSE, pipeline, resize

LAKE = PoolName('lake')
NIGHT = ProcessName('SiteHourly')


@pytest.fixture(params=['sqlite', 'mongodb'])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SchedulerHarness]:
    uri = request.getfixturevalue('empty_mongo_uri') if request.param == 'mongodb' else None
    harness = SchedulerHarness(tmp_path, pipeline(), instant('202611221000'), uri)
    yield harness
    harness.close()


def found(harness: SchedulerHarness) -> list[tuple[str, str]]:
    violations = look(harness.hierarchy, harness.store, harness.clock).violations
    assert {item.invariant for item in violations} <= {'I9', 'I10'}
    assert ADVICE['I9']
    return [(str(item.key), item.text) for item in violations if item.invariant == 'I9']


def write(harness: SchedulerHarness, *saves: Save) -> None:
    leadership = harness.store.lead('one', LEASE)
    assert leadership is not None
    harness.store.commit(leadership, list(saves))


def begin_one_more(harness: SchedulerHarness) -> None:
    """Let a third unit hold a slot of two, as no Scheduler would."""
    started = harness.store.live_units()[0]
    jobs = {job.key: job for job in harness.store.open_jobs()}
    assert LAST not in jobs, 'else it has begun'
    unit = replace(
        started,
        id=uow_id_of(LAST, 1),
        timeperiod=LAST.timeperiod,
        start=LAST.timeperiod,
        end=LAST.timeperiod.shift(1),
        created_at=harness.clock.now(),
        state=UnitState.REQUESTED,
    )
    new = replace(jobs[started.key], timeperiod=LAST.timeperiod, uow_id=unit.id, rev=1, term=0)
    write(harness, InsertUnit(unit), SaveJob(new, 'started'))


def test_more_than_there_are_slots_is_found_and_a_smaller_pool_is_right(
    harness: SchedulerHarness,
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    harness.clock.sleep(1)
    resize(harness, slots=3)
    scheduler.step()
    assert len(harness.store.live_units()) == 3
    assert found(harness) == []

    # It is over for a while, and nobody has started too much.
    harness.clock.sleep(600)
    resize(harness, slots=1)
    scheduler.step()
    assert len(harness.store.live_units()) == 3
    assert found(harness) == []

    # One more that begins only now was one too many.
    harness.clock.sleep(600)
    begin_one_more(harness)
    assert found(harness) == [
        (str(LAST), '4 of 1 slots of pool warehouse are held, by SiteHourly (4)')
    ]


def test_what_another_context_allowed_is_not_held_against_anybody(
    harness: SchedulerHarness,
) -> None:
    harness.hierarchy = pipeline(slots=3)
    scheduler = harness.scheduler()
    scheduler.step()
    harness.clock.sleep(1)
    scheduler.close()
    harness.hierarchy = pipeline(slots=2)
    assert found(harness) == []  # Not led yet.
    harness.clock.sleep(60)
    harness.scheduler().step()
    assert len(harness.store.live_units()) == 3
    assert found(harness) == []

    harness.clock.sleep(1)
    begin_one_more(harness)
    assert [text for _, text in found(harness)] == [
        '4 of 2 slots of pool warehouse are held, by SiteHourly (4)'
    ]


def test_pools_that_nobody_defines_are_found(harness: SchedulerHarness) -> None:
    harness.scheduler().step()
    led = harness.store.led_context()
    assert led is not None
    assert led.pools is not None
    assert led.pools.sizes == {WAREHOUSE: (2, None)}
    assert found(harness) == []
    gone = ProcessName('Gone')
    demands = {**led.demands, NIGHT: ((LAKE, 2),), gone: ((LAKE, 1),)}
    override = PoolOverride(
        pool=LAKE, slots=2, at=harness.clock.now(), by='anna', definition='2 slots'
    )
    write(
        harness,
        SaveContext(replace(led, rev=led.rev + 1, demands=demands)),
        SavePool(override),
    )

    # What has left the context may have taken of a pool that has left it, too.
    assert [text for _, text in found(harness)] == [
        'takes 2 of pool lake, which nobody defines',
        'the size of pool lake is changed, which nobody defines',
    ]
