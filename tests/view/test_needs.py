"""What waits for a person: each kind, with the one action that helps."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from synergy.core.commands import CommandId, CommandKind
from synergy.core.effects import SaveCommand, SaveOverride
from synergy.core.overrides import override_of
from synergy.core.records import BoxProcess, ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.view.boxes import box_views
from synergy.view.need import Need, NeedKind, Seen
from synergy.view.needs import needs
from synergy.view.untaken import UNTAKEN_AFTER
from synergy.view.usual import usual_of
from synergy.view.workload import workload_of
from tests.mx.conftest import history as history  # The store with a past that pages are tested on.
from tests.mx.dashboard_harness import BOX, NOW, REQUEST_ID, DashboardHarness
from tests.mx.test_workload import queue
from tests.view.test_why import leading, recorded
from tests.view.test_why import pages as pages


def found(pages: DashboardHarness, kind: NeedKind) -> list[Need]:
    model, store = pages.site.model, pages.store
    model.look(store)
    with model.lock:
        seen = Seen(
            timetable=model.timetable,
            store=store,
            views=box_views(store, timedelta(seconds=15)),
            vanished_after=timedelta(seconds=15),
            work=workload_of(model.timetable, model.looking(pages.runtime.clock.now()).runs),
            usual=partial(usual_of, store),
            now=pages.runtime.clock.now(),
        )
        return [need for need in needs(seen) if need.kind is kind]


def test_a_paused_request_says_who_paused_it_and_why(pages: DashboardHarness) -> None:
    request = pages.store.command(CommandId(REQUEST_ID))
    assert request is not None
    assert found(pages, NeedKind.PAUSED) == []
    pages.store.commit(leading(pages), [SaveCommand(replace(request, is_paused=True))])
    recorded(pages, CommandKind.PAUSE, 'SiteDaily', target=request.id)

    (need,) = found(pages, NeedKind.PAUSED)

    assert 'is paused since 2026' in need.text
    assert need.text.endswith(' by root: migration')
    assert need.action is not None
    assert need.action.address == f'/requests/{REQUEST_ID}/resume'


def test_a_process_that_does_not_come_up_says_its_last_words(pages: DashboardHarness) -> None:
    row = BoxProcess(
        box_id='dev',
        process='SiteHourly',
        is_on=True,
        state='running',
        pids=(9,),
        reason="ModuleNotFoundError: No module named 'x' (exit code 70)",
        log_file=str(pages.runtime.settings.log_directory / 'mx.log'),
    )
    pages.store.report_actual([row])

    (need,) = found(pages, NeedKind.NOT_UP)

    assert "does not start: ModuleNotFoundError: No module named 'x'" in need.text
    text = pages.get('/').text
    assert '/logs?file=mx.log' in text
    assert 'does not start' in text
    assert 'No module named' in pages.get('/boxes').text

    pages.store.report_actual([replace(row, reason=None, log_file=None)])
    assert found(pages, NeedKind.NOT_UP) == []


def test_a_box_that_vanished_is_told(pages: DashboardHarness) -> None:
    assert found(pages, NeedKind.VANISHED) == []
    pages.runtime.clock.advance(timedelta(minutes=1))

    (need,) = found(pages, NeedKind.VANISHED)

    assert 'box dev' in need.text
    assert './launch.py super --forget dev' in need.advice
    assert need.action is not None
    assert need.action.address == '/boxes/dev/forget'
    assert 'href="/boxes/dev/forget' in pages.get('/').text


@pytest.mark.parametrize(('minutes', 'count'), [(1, 0), (30, 1)])
def test_a_run_over_ten_times_its_usual_time_is_told(
    pages: DashboardHarness, minutes: int, count: int
) -> None:
    pages.runtime.clock.advance(timedelta(minutes=minutes))

    told = found(pages, NeedKind.OVERLONG)

    assert len(told) == count
    for need in told:
        assert 'SiteHourly@2026112310 runs for 30 min' in need.text
        assert need.address == '/i/SiteHourly/2026112310'


@pytest.mark.parametrize(('running', 'reads'), [(3, [20]), (30, [20, 200])])
def test_as_many_runs_are_looked_at_as_run_for_long(
    pages: DashboardHarness, running: int, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.runtime.clock.advance(timedelta(minutes=30))
    (unit,) = (unit for unit in pages.store.live_units() if unit.state is UnitState.IN_PROGRESS)
    units, asked = [unit] * running, list[int]()

    def live_units(limit: int) -> list[Unit]:
        asked.append(limit)
        return units[:limit]

    monkeypatch.setattr(pages.store, 'live_units', live_units)

    assert len(found(pages, NeedKind.OVERLONG)) == running
    assert asked[-len(reads) :] == reads


def test_a_process_that_is_off_is_told_only_when_others_wait_for_it(
    pages: DashboardHarness,
) -> None:
    assert found(pages, NeedKind.OFF) == []
    node = pages.runtime.context.hierarchy.nodes[ProcessName('SiteDaily')]
    override = override_of(node, {'is_on': False}, None, 'anna', NOW)
    assert override is not None
    pages.store.commit(leading(pages), [SaveOverride(override)])
    pages.runtime.clock.advance(timedelta(seconds=5))

    (need,) = found(pages, NeedKind.OFF)

    assert need.text.startswith('SiteDaily is switched off since')
    assert 'SiteMonthly' in need.text
    assert need.action is not None
    assert need.action.address == '/processes/SiteDaily/on'


def test_work_that_waits_for_a_process_of_which_is_told_is_told_there(
    pages: DashboardHarness,
) -> None:
    queue(pages)
    given_up = BoxProcess(
        box_id='dev', process='AlertDaily', is_on=True, state='fatal', reason='exit code 70'
    )
    pages.store.report_actual([given_up])
    pages.runtime.clock.advance(UNTAKEN_AFTER)
    pages.store.heartbeat(BOX, timedelta(seconds=15))

    (need,) = found(pages, NeedKind.NOT_UP)

    assert need.text.endswith('; 1 queued run of AlertDaily waits for that')
    assert found(pages, NeedKind.NO_WORKER) == []

    pages.runtime.clock.advance(timedelta(minutes=1))

    (need,) = found(pages, NeedKind.VANISHED)
    assert need.text.endswith('; 1 queued run of AlertDaily waits for that')
    assert found(pages, NeedKind.NO_WORKER) == []


def test_work_for_a_worker_that_somebody_stopped_says_so_and_starts_it(
    pages: DashboardHarness,
) -> None:
    queue(pages)
    off = BoxProcess(box_id='dev', process='AlertDaily', is_on=False, state='stopped')
    pages.store.report_actual([off])
    pages.store.set_desired('dev', 'AlertDaily', is_on=False)
    pages.runtime.clock.advance(UNTAKEN_AFTER)
    pages.store.heartbeat(BOX, timedelta(seconds=15))

    (need,) = found(pages, NeedKind.NO_WORKER)

    assert 'AlertDaily is switched off on box dev' in need.text
    assert need.action is not None
    assert need.action.address == '/boxes/dev/AlertDaily/start'
    assert 'href="/i/AlertDaily/2026112200">Why</a>' in pages.get('/').text


def test_a_box_that_vanished_is_forgotten_on_its_page_and_one_that_lives_is_not(
    pages: DashboardHarness,
) -> None:
    assert '/boxes/dev/forget' not in pages.get('/boxes').text
    assert pages.get('/boxes/dev/forget').status_code == 409
    pages.runtime.clock.advance(timedelta(minutes=1))
    assert '/boxes/dev/forget' in pages.get('/boxes').text
    assert 'Forget box dev' in pages.get('/boxes/dev/forget').text

    assert pages.post('/boxes/dev/forget', {'reason': 'scrapped'}).status_code == 303

    assert found(pages, NeedKind.VANISHED) == []
    assert 'forget' in pages.get('/audit').text
