"""Running is what a worker has; queued and resting work is called so, and missed workers are."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from synergy.core.effects import SaveJob
from synergy.core.records import BoxProcess, ProcessName
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import LiveRun
from synergy.view.conditions import QUEUED as WAITS
from synergy.view.conditions import REPORTED, RETRYING, runs_of
from synergy.view.untaken import UNTAKEN_AFTER
from synergy.view.workload import workload_of
from tests.mx.dashboard_harness import BOX, NOW, DashboardHarness, _begun, _job, _unit

QUEUED = 'AlertDaily', '2026112200'
RESTING = 'SiteHourly', '2026112311'
HOURLY = ProcessName('SiteHourly')


def queue(pages: DashboardHarness) -> None:
    """Let a unit wait of a process that no box runs."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    unit, begun = _begun(pages.key(*QUEUED))
    assert isinstance(begun, SaveJob)
    begun = replace(begun, job=replace(begun.job, changed_at=NOW))
    pages.store.commit(leadership, [unit, begun])
    pages.runtime.clock.advance(timedelta(seconds=1))


def rest(pages: DashboardHarness) -> None:
    """Let a live interval wait for its next run."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    job = _job(pages.key(*RESTING), JobState.IN_PROGRESS, 1)
    saved = replace(job, uow_id=None, changed_at=NOW)
    pages.store.commit(leadership, [SaveJob(saved, 'run 1 is done, the interval is not')])
    pages.runtime.clock.advance(timedelta(seconds=1))


def test_queued_is_not_running(pages: DashboardHarness) -> None:
    queue(pages)

    text = pages.get('/').text
    found = pages.get('/api/v1/overview').json

    assert re.search(r'Running</span><b>1</b><small>on workers; 1 queued', text)
    assert re.search(r'aria-label="Main".*Live runs<span class="n">1<', text, re.DOTALL)
    assert found is not None
    assert (found['running'], found['queued']) == (1, 1)
    alert = found['trees'][1]['processes'][0]
    assert (alert['running'], alert['queued']) == (0, 1)
    assert '1 run on 1 worker, 1 unit waiting' in pages.get('/runs').text


def test_queued_work_that_nobody_takes_needs_somebody(pages: DashboardHarness) -> None:
    assert 'for a worker' not in pages.get('/').text
    queue(pages)
    assert 'for a worker' not in pages.get('/').text
    pages.runtime.clock.advance(UNTAKEN_AFTER)

    text = pages.get('/').text
    found = pages.get('/api/v1/overview').json

    assert '1 queued run of AlertDaily waits for a worker: ' in text
    assert 'href="/i/AlertDaily/2026112200">Why</a>' in text
    status = pages.get('/api/v1/status').json
    assert status is not None
    assert 'no_worker' in [need['kind'] for need in status['needs']]
    assert found is not None
    assert [item['process'] for item in found['untaken']] == ['AlertDaily']

    on = BoxProcess(box_id='dev', process='AlertDaily', is_on=True, state='running', pids=(7,))
    pages.store.report_actual([on])
    pages.store.heartbeat(BOX, timedelta(seconds=15))
    pages.runtime.clock.advance(timedelta(seconds=3))

    assert 'for a worker' not in pages.get('/').text


def test_an_interval_between_two_runs_is_called_so(pages: DashboardHarness) -> None:
    before = pages.get('/t/SiteHourly?z=year&at=2026').text
    rest(pages)

    status = pages.get('/api/v1/status').json
    overview = pages.get('/api/v1/overview').json
    running = pages.get('/api/v1/search?q=state:running').json

    assert 'resting' in pages.get('/i/SiteHourly/2026112311').text
    assert 'resting' in pages.get('/t/SiteHourly?z=day&at=20261123').text
    assert '1 running' in before
    assert '2 running' not in pages.get('/t/SiteHourly?z=year&at=2026').text
    assert status is not None
    assert overview is not None
    assert running is not None
    hourly = next(item for item in status['processes'] if item['process'] == 'SiteHourly')
    assert hourly['resting'] == 1
    assert overview['running'] == 1
    assert [item['timeperiod'] for item in running['items']] == ['2026112310']


@pytest.mark.parametrize('running', [0, 3, 201])
def test_all_that_run_are_counted_whatever_else_is_under_way(
    pages: DashboardHarness, running: int
) -> None:
    """However many there are, no run is counted twice, and each in its one condition."""
    timetable = Timetable(pages.site.model.hierarchy)
    timetable.extend(NOW)
    first = timetable.span(HOURLY).start
    states = [
        *[UnitState.IN_PROGRESS] * running,
        *[UnitState.REQUESTED] * 5,
        *[UnitState.INVALID] * 2,
    ]
    units = [
        replace(_unit(JobKey(HOURLY, Timeperiod(Qualifier.HOURLY, first + number))), state=state)
        for number, state in enumerate([*states, UnitState.PROCESSED])
    ]
    for unit in units:
        timetable.put(replace(_job(unit.key, JobState.IN_PROGRESS, 1), uow_id=unit.id))
    later = NOW + timedelta(seconds=1)
    delayed = units[running].id
    live = [
        LiveRun(unit.id, unit.key, unit.state, later if unit.id == delayed else None)
        for unit in units[:-1]
    ]

    found = workload_of(timetable, runs_of(live, NOW)).of(HOURLY)

    assert (found.running, found[WAITS], found[RETRYING], found[REPORTED]) == (running, 4, 3, 1)
    assert sum(count for _, count in found.shown) == timetable.running_count(HOURLY)
