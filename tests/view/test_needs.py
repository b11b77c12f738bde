"""What waits for a person: each kind, with the one action that helps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from synergy.core.commands import CommandId, CommandKind
from synergy.core.effects import SaveCommand, SaveOverride
from synergy.core.overrides import override_of
from synergy.core.records import BoxProcess, ProcessName
from synergy.view.boxes import box_views
from synergy.view.needs import Need, NeedKind, Seen, needs
from synergy.view.usual import usual_of
from tests.mx.conftest import history as history  # The store with a past that pages are tested on.
from tests.mx.dashboard_harness import NOW, REQUEST_ID, DashboardHarness
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

    assert 'is paused by root: migration since' in need.text
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


def test_a_process_that_is_off_is_told_only_when_others_wait_for_it(
    pages: DashboardHarness,
) -> None:
    assert found(pages, NeedKind.OFF) == []
    process = pages.runtime.context.hierarchy.nodes[ProcessName('SiteDaily')].process
    override = override_of(process, {'is_on': False}, None, 'anna', NOW)
    assert override is not None
    pages.store.commit(leading(pages), [SaveOverride(override)])
    pages.runtime.clock.advance(timedelta(seconds=5))

    (need,) = found(pages, NeedKind.OFF)

    assert need.text.startswith('SiteDaily is switched off since')
    assert 'SiteMonthly' in need.text
    assert need.action is not None
    assert need.action.address == '/processes/SiteDaily/on'
