"""Work by box: runs where they were claimed, queued work wherever a worker may take it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.effects import InsertUnit
from synergy.core.records import BoxProcess
from synergy.core.structs import replace
from synergy.view import box_work as module
from synergy.view.box_work import BoxWork, box_work
from tests.mx.conftest import history as history  # The store with a past that pages are tested on.
from tests.mx.dashboard_harness import DashboardHarness
from tests.mx.test_freeruns import SWEEP, commit, unit_of
from tests.view.test_why import pages as pages


def looked(pages: DashboardHarness) -> BoxWork:
    model = pages.site.model
    model.look(pages.store)
    with model.lock:
        runs = model.looking(pages.runtime.clock.now()).runs
        return box_work(model.timetable, runs, pages.store)


def row(box_id: str, process: str = 'Shell', *, is_on: bool = True) -> BoxProcess:
    return BoxProcess(box_id=box_id, process=process, is_on=is_on)


def start(pages: DashboardHarness, count: int, owner: str) -> None:
    now = pages.runtime.clock.now()
    first = len(pages.store.freerun_units(SWEEP, 999)) + 1
    units = [unit_of(SWEEP, first + number, now) for number in range(count)]
    commit(pages, *(InsertUnit(unit) for unit in units))
    if owner:
        pages.store.claim([unit.id for unit in units], owner, timedelta(minutes=1))


def test_runs_belong_to_the_box_that_claimed_them_and_queued_ones_to_all(
    pages: DashboardHarness,
) -> None:
    start(pages, 2, 'w1:Shell.1')
    start(pages, 1, 'w2:Shell.1')
    start(pages, 3, '')
    now = pages.runtime.clock.now()
    delayed = replace(unit_of(SWEEP, 99, now), not_before=now + timedelta(hours=1))
    commit(pages, InsertUnit(delayed))

    work = looked(pages)

    assert work.of(row('w1')).by_name == {'running': 2, 'queued': 3, 'retrying': 1}
    assert work.of(row('w2')).by_name == {'running': 1, 'queued': 3, 'retrying': 1}
    assert work.of(row('w3')).by_name == {'queued': 3, 'retrying': 1}
    # Where it is off it takes none, and ends what it runs.
    assert work.of(row('w1', is_on=False)).by_name == {'running': 2}
    assert work.of(row('w1', 'Nobody')).by_name == {}


def test_all_runs_are_counted_however_many(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, '_READ_FIRST', 2)
    start(pages, 31, 'w1:Shell.1')

    assert looked(pages).of(row('w1')).by_name == {'running': 31}


def test_pages_and_the_api_show_it(pages: DashboardHarness) -> None:
    start(pages, 2, 'dev:Shell.1')
    start(pages, 3, '')

    body = pages.get('/api/v1/boxes').json
    assert body is not None
    (box,) = [item for item in body['items'] if item['box_id'] == 'dev']
    rows = {item['process']: item['conditions'] for item in box['processes']}
    assert rows['Shell'] == {'running': 2, 'queued': 3}
    assert rows['Scheduler'] == {}
    text = pages.get('/boxes').text
    assert '2 running' in text
    assert '3 queued' in text


def test_managed_processes_say_how_their_work_stands(pages: DashboardHarness) -> None:
    body = pages.get('/api/v1/processes').json
    assert body is not None
    found = {item['process']: item['conditions'] for item in body['items']}

    assert found['SiteHourly']['held'] == 1
    assert found['SiteHourly']['running'] == 1
