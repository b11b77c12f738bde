"""Boxes: what is desired of them, what they report, and who holds a box id."""

from __future__ import annotations

from datetime import datetime, timedelta

from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.box_load import BoxLoad, ProcessLoad
from synergy.core.records import Box, BoxProcess
from synergy.core.structs import replace
from synergy.ports.store import Store
from tests.contract.conftest import NOW
from tests.contract.rows import LEASE


def test_desired_and_actual_state_of_a_box_do_not_overwrite_each_other(store: Store) -> None:
    store.set_desired('box', 'SiteHourly', is_on=False)
    row = BoxProcess(
        box_id='box',
        process='SiteHourly',
        is_on=True,
        state='running',
        pids=(4711,),
        restart_count=2,
        changed_at=NOW,
    )

    store.report_actual([row])

    assert list(store.box_processes('box')) == [replace(row, is_on=False)]
    store.set_desired('box', 'SiteHourly', is_on=True)
    assert list(store.box_processes('box')) == [replace(row, start_asked_at=NOW)]
    assert store.box_processes('elsewhere') == []


def test_the_newest_wish_for_a_start_is_kept_whatever_is_reported(
    store: Store, clock: SimulatedClock
) -> None:
    def asked_at() -> datetime | None:
        return store.box_processes('box')[0].start_asked_at

    store.set_desired('box', 'SiteHourly', is_on=True)
    assert asked_at() == NOW
    clock.advance(timedelta(seconds=1))
    store.set_desired('box', 'SiteHourly', is_on=True)

    store.set_desired('box', 'SiteHourly', is_on=False)
    store.report_actual([BoxProcess(box_id='box', process='SiteHourly', is_on=True)])

    assert asked_at() == NOW + timedelta(seconds=1)


def test_a_restart_is_asked_for_with_the_start_and_switches_on(
    store: Store, clock: SimulatedClock
) -> None:
    store.ask_restart('box', 'New')
    store.set_desired('box', 'SiteHourly', is_on=False)
    clock.advance(timedelta(seconds=1))
    later = NOW + timedelta(seconds=1)

    store.ask_restart('box', 'SiteHourly')
    store.report_actual([BoxProcess(box_id='box', process='SiteHourly', is_on=True)])
    store.set_desired('box', 'SiteHourly', is_on=False)

    new, old = store.box_processes('box')
    assert (new.process, new.is_on, new.restart_asked_at) == ('New', True, NOW)
    assert (old.is_on, old.start_asked_at, old.restart_asked_at) == (False, later, later)


def box_at(host: str, **fields: object) -> Box:
    box = Box(box_id='box', host=host, home='/h', pid=7, version='3.0')
    return replace(box, **fields)  # type: ignore[arg-type]


def test_a_heartbeat_is_dated_by_the_store_and_keeps_what_is_desired(
    store: Store, clock: SimulatedClock
) -> None:
    assert store.heartbeat(box_at('a'), LEASE) == box_at('a', seen_at=NOW)
    store.set_drained('box', is_draining=True)
    clock.advance(LEASE)

    again = store.heartbeat(box_at('a', pid=8, version='3.1', seen_at=NOW), LEASE)

    assert again == box_at('a', pid=8, version='3.1', seen_at=NOW + LEASE, is_draining=True)
    assert list(store.boxes()) == [again]
    store.set_drained('box', is_draining=False)
    assert not store.boxes()[0].is_draining


def test_a_heartbeat_says_how_busy_the_box_is(store: Store) -> None:
    process = ProcessLoad(
        process='MX', pid=8, started_at=NOW, cpu_percent=12.5, memory_bytes=80_000_000
    )
    load = BoxLoad(load_average=0.7, cpu_count=2, memory_percent=41.5, processes=(process,))

    found = store.heartbeat(box_at('a', load=load), LEASE)

    assert found.load == load
    assert [box.load for box in store.boxes()] == [load]
    assert store.heartbeat(box_at('a'), LEASE).load is None


def test_a_box_that_another_place_holds_is_not_taken_before_it_has_vanished(
    store: Store, clock: SimulatedClock
) -> None:
    held = store.heartbeat(box_at('a'), LEASE)
    clock.advance(LEASE - timedelta(seconds=1))

    assert store.heartbeat(box_at('b'), LEASE) == held
    assert store.heartbeat(box_at('a', home='/other'), LEASE) == held
    clock.advance(timedelta(seconds=1))
    assert store.heartbeat(box_at('b'), LEASE).host == 'b'


def test_a_box_whose_supervisor_stopped_in_order_is_free_at_once(store: Store) -> None:
    store.heartbeat(box_at('a'), LEASE)

    store.heartbeat(box_at('a', pid=None), LEASE)

    assert store.heartbeat(box_at('b'), LEASE).host == 'b'


def test_a_box_may_be_drained_before_it_is_seen_and_forgotten_at_any_time(store: Store) -> None:
    store.set_drained('box', is_draining=True)
    store.set_desired('box', 'SiteHourly', is_on=False)
    store.set_desired('alone', 'SiteHourly', is_on=True)

    assert list(store.boxes()) == [Box(box_id='box', is_draining=True)]
    assert store.heartbeat(box_at('a'), LEASE).is_draining
    assert [row.box_id for row in store.box_processes()] == ['alone', 'box']
    assert store.forget_box('box') == 2
    assert store.forget_box('box') == 0
    assert store.boxes() == []
    assert [row.box_id for row in store.box_processes()] == ['alone']


def test_the_rows_of_all_boxes_are_listed(store: Store) -> None:
    store.set_desired('b2', 'Worker', is_on=True)
    store.set_desired('b1', 'Worker', is_on=False)

    assert [row.box_id for row in store.box_processes(None)] == ['b1', 'b2']
