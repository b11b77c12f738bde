"""The page of one interval: what helps is a button for those who may; attempts stand one by one."""

from __future__ import annotations

import json
import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.effects import InsertUnit, MoveUnit, SaveJob, SaveOverride
from synergy.core.engine import Engine
from synergy.core.events import Reported
from synergy.core.overrides import override_of
from synergy.core.records import (
    LogLine,
    Outcome,
    Override,
    ProcessName,
    UnitEnd,
    UowId,
    uow_id_of,
)
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.trace_ids import run_ids
from synergy.mx.pages.interval import RUNS_SHOWN
from synergy.mx.web.page_cache import LIVE_HEADER
from synergy.view.index import load_index
from tests.mx.dashboard_harness import NOW, DashboardHarness, _unit

RUNNING = 'SiteHourly', '2026112310'
RUNNING_PAGE = '/i/SiteHourly/2026112310'
OFF_PAGE = '/i/SiteHourly/2026112311'
BUTTON = 'href="/processes/SiteHourly/on?next='


def switch_off(pages: DashboardHarness) -> None:
    """Do what the Scheduler does when it is asked to."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    node = pages.runtime.context.hierarchy.nodes[pages.key(*RUNNING).process]
    override = override_of(node, {'is_on': False}, None, 'anna: migration', NOW)
    assert isinstance(override, Override)
    pages.store.commit(leadership, [SaveOverride(override)])
    pages.runtime.clock.advance(timedelta(seconds=1))


def fail(pages: DashboardHarness, error: str) -> UowId:
    """Let the attempt under way fail, and the Scheduler decide that another follows."""
    uow_id = uow_id_of(pages.key(*RUNNING), 1)
    unit = pages.store.units([uow_id])[uow_id]
    line = LogLine(attempt=unit.attempt, at=NOW, level='ERROR', text=error)
    pages.store.finish(
        [UnitEnd(uow_id=uow_id, fence=unit.fence, outcome=Outcome.failed(error), log=(line,))]
    )
    index = load_index(pages.runtime.context.hierarchy, pages.store, NOW)
    engine = Engine(index)
    effects = engine.on([Reported(pages.store.units([uow_id])[uow_id])], pages.runtime.clock.now())
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    saves = [save for save in effects.saves if isinstance(save, SaveJob | MoveUnit)]
    pages.store.commit(leadership, saves)
    pages.runtime.clock.advance(timedelta(minutes=10))
    return uow_id


def rows_of_runs(text: str) -> list[list[str]]:
    """Return the texts of the cells of the table of runs and attempts."""
    start = text.index('id="r-runs"')
    table = text[start : text.index('</section>', start)]
    rows = re.findall(r'<tr>(<td.*?)</tr>', table, re.DOTALL)
    return [
        [re.sub(r'<[^>]+>', '', cell).strip() for cell in re.findall(r'<td.*?</td>', row)]
        for row in rows
    ]


def test_what_helps_is_a_button_with_its_command_beside_it(pages: DashboardHarness) -> None:
    switch_off(pages)

    text = pages.get(OFF_PAGE).text

    assert BUTTON in text
    assert './launch.py process on SiteHourly' in text
    assert 'Root cause' in text


def test_the_button_leads_to_the_step_that_asks_why(pages: DashboardHarness) -> None:
    switch_off(pages)
    live = pages.get(OFF_PAGE, **{LIVE_HEADER: '1'}).text
    box = live.index('id="r-why"')

    assert BUTTON in live[box:]
    # A rendering that tabs share carries nobody's token.
    assert 'form_token' not in live[box : live.index('</section>', box)]
    assert 'name="reason"' in pages.get('/processes/SiteHourly/on').text


def test_who_may_not_reads_what_would_help(guarded: DashboardHarness) -> None:
    switch_off(guarded)
    guarded.log_in('viewer')

    text = guarded.get(OFF_PAGE).text

    assert 'Switch SiteHourly on' in text
    assert 'needs the role operator' in text
    assert BUTTON not in text


def test_the_refusal_speaks_of_the_role_in_good_english(guarded: DashboardHarness) -> None:
    guarded.log_in('operator')

    assert 'operator is an operator' in guarded.get('/users').text


def test_each_attempt_has_its_row_and_its_log(pages: DashboardHarness) -> None:
    uow_id = fail(pages, 'no data')
    pages.store.claim([uow_id], 'lax2:SiteHourly.1', timedelta(hours=1))
    fail(pages, 'still none')

    rows = rows_of_runs(pages.get(RUNNING_PAGE).text)

    assert [row[:3] for row in rows] == [
        ['1', '3 of 3', 'queued'],
        ['1', '2 of 3', 'attempt failed'],
        ['1', '1 of 3', 'attempt failed'],
    ]
    assert rows[1][3:5] == ['lax2:SiteHourly.1', '3']
    assert rows[2][3:8] == ['dev:SiteHourly.2', '1', '12:17:00', '0 ms', 'no data']
    found = pages.get('/api/v1/jobs/SiteHourly/2026112310').json
    assert found is not None
    run = found['runs'][0]
    assert (run['request_id'], run['trace_id']) == (None, run_ids(run['id'], None).trace)
    assert [item['owner'] for item in found['runs'][0]['attempts']] == [
        None,
        'lax2:SiteHourly.1',
        'dev:SiteHourly.2',
    ]
    first = pages.get(f'{RUNNING_PAGE}?run=1&attempt=1').text
    assert 'counting visits' in first
    assert 'still none' not in first[first.index('id="log"') : first.index('Related intervals')]


def test_the_page_tells_what_the_interval_waits_for(pages: DashboardHarness) -> None:
    text = pages.get('/i/SiteDaily/2026112200').text
    told = pages.get('/api/v1/jobs/SiteDaily/2026112200/inputs').json
    section = text[text.index('id="r-in"') : text.index('id="r-root-log"')]

    assert told is not None
    (found,) = told['inputs']
    assert (found['kind'], found['first'], found['last'], found['count']) == (
        'nested', '2026112200', '2026112223', 24,
    )  # fmt: skip
    assert '>2026112223</a> (24)' in section
    assert found['lacks'] in section
    assert '1 of 24 have not ended (1 failed and held)' in section
    assert 'id="r-in"' not in pages.get(RUNNING_PAGE).text


def test_the_graph_at_the_interval_leads_there_and_back(pages: DashboardHarness) -> None:
    for page, at in ((RUNNING_PAGE, '2026112310'), ('/i/SiteMonthly/2026100000', '2026100100')):
        address = f'/graph?at={at}'

        assert f'href="{address}"' in pages.get(page).text
        assert f'href="{page}"' in pages.get(address).text


def test_the_graph_opens_where_each_process_was_due_last(pages: DashboardHarness) -> None:
    text = pages.get('/graph').text

    for page in (
        '/i/SiteHourly/2026112311',
        '/i/SiteDaily/2026112200',
        '/i/SiteMonthly/2026100000',
        '/i/AlertDaily/2026112200',
        # The first of its years is not over.
        '/i/SiteYearly/2026000000',
    ):
        assert f'<a href="{page}"' in text
    assert 'the last of its intervals that was due' in text
    assert 'href="/graph?at=2026112311">Hour earlier</a>' in text
    shown = json.loads(pages.get('/api/v1/graph').text)
    assert shown['at'] is None
    cells = {item['process']: item['cell']['timeperiod'] for item in shown['processes']}
    assert cells['SiteDaily'] == '2026112200'


def test_the_graph_of_a_tree_that_ended_opens_at_its_last_interval(tmp_path: Path) -> None:
    with closing(DashboardHarness(tmp_path, 'tests.pipelines.years')) as pages:
        text = pages.get('/graph').text

    assert 'href="/i/EndedDaily/2025030400"' in text
    assert 'outside its tree' not in text


def test_reprocess_and_skip_are_offered_where_they_have_something_to_do(
    pages: DashboardHarness,
) -> None:
    blocked = pages.get('/i/SiteDaily/2026112200').text
    done = pages.get('/i/SiteDaily/2026112000').text

    assert 'href="/change/reprocess?process=SiteDaily&amp;first=2026112200"' not in blocked
    assert 'disabled>Reprocess: has not run yet</button>' in blocked
    assert 'data-key="s"' in blocked
    assert 'data-key="r"' in done
    assert 'disabled>Skip: nothing left to skip</button>' in done


@pytest.mark.parametrize('address', ['/i/{}', '/api/v1/jobs/{}', '/api/v1/jobs/{}/why'])
def test_an_interval_outside_of_its_tree_is_not_found(
    pages: DashboardHarness, address: str
) -> None:
    # The first look takes over what operators have changed, and the hierarchy with it.
    pages.get('/')
    hierarchy = pages.site.model.hierarchy
    name = ProcessName('SiteDaily')
    until = pages.key('SiteDaily', '2026112100').timeperiod.ordinal
    nodes = {**hierarchy.nodes, name: replace(hierarchy.nodes[name], until=until)}
    pages.site.model.hierarchy = hierarchy.replaced(nodes)

    early = pages.get(address.format('SiteHourly/2020010100'))
    late = pages.get(address.format('SiteDaily/2026112100'))

    assert (early.status_code, late.status_code) == (404, 404)
    assert 'which reaches from 2026090100 to now' in early.text
    assert 'which reaches from 2026090100 to 2026112000' in late.text


def test_nothing_is_late_before_its_tree(pages: DashboardHarness) -> None:
    found = pages.get('/api/v1/search?q=SiteHourly@2020010100').json

    assert found is not None
    assert [item['is_late'] for item in found['items']] == [False]


def test_what_runs_live_may_start_before_its_interval_is_over(pages: DashboardHarness) -> None:
    hierarchy = pages.site.model.hierarchy
    node = hierarchy.nodes[ProcessName('SiteHourly')]
    live = replace(node, process=replace(node.process, machine='recomputing'))
    assert '<dt>May start</dt>' in pages.get(RUNNING_PAGE).text

    nodes = {**hierarchy.nodes, ProcessName('SiteHourly'): live}
    pages.site.model.hierarchy = hierarchy.replaced(nodes)
    text = pages.get(RUNNING_PAGE).text

    assert '<dt>Final run from</dt>' in text
    assert 'recomputing, every 60 s' in text
    assert 'blocking_normal' not in text


def test_of_many_runs_the_newest_are_shown_and_all_on_demand(pages: DashboardHarness) -> None:
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    key = pages.key('SiteHourly', '2026112311')
    units = [_unit(key, run, state=UnitState.NOOP) for run in range(1, RUNS_SHOWN + 4)]
    pages.store.commit(leadership, [InsertUnit(unit) for unit in units])

    some = pages.get(OFF_PAGE).text
    whole = pages.get(f'{OFF_PAGE}?runs=all').text

    assert [row[0] for row in rows_of_runs(some)] == [str(n) for n in range(13, 3, -1)]
    assert 'href="?runs=all#h-at">all 13 runs</a>, 3 older ones included' in some
    assert len(rows_of_runs(whole)) == 13
    assert 'older ones included' not in whole


def test_while_it_waits_the_log_of_the_root_comes_first_and_its_own_on_demand(
    pages: DashboardHarness,
) -> None:
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    day = pages.key('SiteDaily', '2026112200')
    ran = _unit(
        day,
        state=UnitState.PROCESSED,
        owner='dev:SiteDaily.1',
        fence=1,
        started_at=NOW,
        finished_at=NOW,
    )
    pages.store.commit(leadership, [InsertUnit(ran)])
    line = LogLine(attempt=1, at=NOW, level='INFO', text='what it said itself')
    pages.store.append_log(ran.id, [line])

    text = pages.get('/i/SiteDaily/2026112200').text
    own = pages.get('/i/SiteDaily/2026112200?run=1').text

    root_log, runs = text.index('Log of the root cause'), text.index('Runs and attempts')
    assert text.index('Root cause') < root_log < runs
    assert 'reading visits_2026112209.csv' in text[root_log:runs]
    assert 'what it said itself' not in text
    assert '<a class="link" href="?run=1#log">its own log</a>' in text
    assert 'Log of the root cause' not in own
    assert 'what it said itself' in own[own.index('Runs and attempts') :]
    # Each log once, however the page is put together.
    assert text.count('id="log"') == own.count('id="log"') == 1


def test_what_runs_at_the_root_says_how_far_it_is(pages: DashboardHarness) -> None:
    text = pages.get('/i/SiteDaily/2026112300').text

    assert text.index('Log of what it waits for') < text.index('counting visits')
    assert '<div id="r-root-log" data-live data-tick>' in text
    # What depends on a day that waits for a failed hour shows the log of that hour.
    assert 'reading visits_2026112209.csv' in pages.get('/i/AlertDaily/2026112200').text
