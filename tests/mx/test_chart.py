"""How long runs took: in words, as a drawing for those without scripts, and as data for uPlot."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from synergy.core.effects import InsertUnit
from synergy.core.records import ProcessName, Unit, uow_id_of
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.mx.widgets.chart import Chart, Point, _drawing
from synergy.view.conditions import PROCESSED
from synergy.view.usual import Usual
from tests.builders import key as key_of
from tests.mx.dashboard_harness import NOW, DashboardHarness
from tests.pipelines.pages import HOSTILE

HOUR_PAGE = '/i/SiteHourly/2026112208'
RUNNING_PAGE = '/i/SiteHourly/2026112310'


def ran(
    pages: DashboardHarness, lengths: Sequence[int], state: UnitState = UnitState.PROCESSED
) -> None:
    """Let the years from 1990 on have run for so many seconds each."""
    first = pages.key('SiteYearly', '1990000000')
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    keys = [JobKey(first.process, first.timeperiod.shift(n)) for n in range(len(lengths))]
    units = [
        Unit(
            id=uow_id_of(key, 1),
            process=key.process,
            timeperiod=key.timeperiod,
            start=key.timeperiod,
            end=key.timeperiod.shift(1),
            run=1,
            state=state,
            created_at=NOW,
            started_at=NOW,
            finished_at=NOW + timedelta(seconds=length),
        )
        for key, length in zip(keys, lengths, strict=True)
    ]
    pages.store.commit(leadership, [InsertUnit(unit) for unit in units])


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'data-dots="([^"]*)" data-here="([^"]*)"', text)
    assert found is not None, 'the page has a chart'
    data: dict[str, Any] = json.loads(unescape(found[1]))
    return {**data, 'here': json.loads(found[2])}


def section_of(text: str) -> str:
    start = text.index('id="r-took"')
    return text[start : text.index('</section>', start)]


def test_an_interval_is_shown_among_the_runs_around_it(pages: DashboardHarness) -> None:
    data = data_of(pages.get(HOUR_PAGE).text)
    at = data['at'].split(' ')

    assert len(at) == len(data['x']) == len(data['y']) == len(data['mark']) == 200
    assert [at[number] for number in data['here']] == ['2026112208']
    assert data['x'] == sorted(data['x'])
    assert {tuple(mark) for mark in data['marks']} == {('ok', 'processed'), ('fail', 'failed')}
    assert [name for name, _, _ in data['levels']] == ['p95', 'p50']


def test_what_the_chart_says_is_there_in_words(pages: DashboardHarness) -> None:
    text = section_of(pages.get(HOUR_PAGE).text)

    assert re.search(r'<p class="says">Usually 18 s, 95 of 100 within 22 s\. This run took', text)
    assert 'role="img" aria-label="How long 200 runs of SiteHourly took. Usually 18 s' in text
    assert text.count('<path class="d d-ok"') == 2, 'the drawing and its legend'


def test_a_run_under_way_counts_with_the_time_that_it_has_taken(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(minutes=14))

    text = pages.get(RUNNING_PAGE).text

    assert 'This run has taken 14 min so far, longer than all 200 others.' in text
    data = data_of(text)
    assert data['here'] == [200]
    assert data['marks'][data['mark'][200]] == ['run', 'running']
    assert '2 runs at the upper edge' not in text
    assert '1 run at the upper edge took longer still' in text


def test_an_old_interval_has_neighbours_of_its_own(pages: DashboardHarness) -> None:
    data = data_of(pages.get('/i/SiteHourly/2026091510').text)
    at = data['at'].split(' ')

    assert [at[number] for number in data['here']] == ['2026091510']
    assert at[0] < '2026091200'
    assert '2026091600' < at[-1] < '2026092000'


def test_slow_runs_in_a_row_are_named_with_the_first_of_them(pages: DashboardHarness) -> None:
    ran(pages, [10] * 20 + [15] * 9)

    text = section_of(pages.get('/t/SiteYearly').text)

    assert 'The newest 9 all took longer than usual, since <a class="link tp" href="' in text
    assert 'href="/i/SiteYearly/2010000000"' in text


def test_one_run_that_took_ages_leaves_room_for_the_others(pages: DashboardHarness) -> None:
    ran(pages, [10] * 30 + [100_000])

    data = data_of(pages.get('/t/SiteYearly').text)

    assert data['top'] < 40
    assert data['y'][-1] == 100_000


def test_a_process_that_has_hardly_run_has_no_chart(pages: DashboardHarness) -> None:
    text = pages.get('/i/SiteMonthly/2026110000').text

    assert 'It has hardly run yet.' in text
    assert 'uPlot' not in text


def test_the_library_is_loaded_only_where_there_is_a_chart(pages: DashboardHarness) -> None:
    for address, count in ((HOUR_PAGE, 2), ('/t/SiteHourly', 2), ('/t/site', 0), ('/', 0)):
        text = pages.get(address).text

        assert len(re.findall(r'/static/vendor/uPlot[^"]+', text)) == count, address
        for file in re.findall(r'/static/vendor/[^"]+', text):
            assert pages.get(file).status_code == 200
            assert 'immutable' in pages.get(file).headers['Cache-Control']


def test_what_others_have_made_stands_beside_its_licence(pages: DashboardHarness) -> None:
    licence = pages.get('/static/vendor/uPlot.LICENSE.txt')

    assert 'The MIT License' in licence.text
    assert 'uPlot.LICENSE.txt' in pages.get('/static/vendor/README.txt').text
    assert pages.get('/static/vendor/nothing.js').status_code == 404


@pytest.mark.parametrize('state', [UnitState.NOOP, UnitState.CANCELED, UnitState.DEAD])
def test_every_end_of_a_run_has_a_mark_of_its_own(
    pages: DashboardHarness, state: UnitState
) -> None:
    ran(pages, [10] * 5, state)

    text = section_of(pages.get('/t/SiteYearly').text)

    css = {UnitState.NOOP: 'noop', UnitState.CANCELED: 'skip', UnitState.DEAD: 'fail'}[state]
    assert text.count(f'<path class="d d-{css}"') == 2


def test_the_interface_tells_the_same(pages: DashboardHarness) -> None:
    shown = data_of(pages.get(HOUR_PAGE).text)

    answer = pages.get('/api/v1/processes/SiteHourly/durations').json

    assert answer is not None
    assert [run['timeperiod'] for run in answer['runs']] == shown['at'].split(' ')
    assert [run['took_seconds'] for run in answer['runs']] == shown['y']
    assert (answer['usual_seconds'], answer['p95_seconds']) == (18.0, 22.0)
    assert answer['slow_since'] is None
    old = pages.get('/api/v1/processes/SiteHourly/durations?around=2026091510').json
    assert old is not None
    assert old['runs'][0]['timeperiod'] < '2026091200'
    assert pages.get('/api/v1/processes/SiteHourly/durations?around=9').status_code == 404
    assert pages.get('/api/v1/processes/Nobody/durations').status_code == 404


def test_what_is_kept_for_a_minute_is_read_anew_then(pages: DashboardHarness) -> None:
    ran(pages, [10] * 5)
    assert len(data_of(pages.get('/t/SiteYearly').text)['x']) == 5
    unit = pages.store.runs(pages.key('SiteYearly', '1994000000'))[-1]
    key = JobKey(unit.process, unit.timeperiod.shift(1))
    later = replace(unit, id=uow_id_of(key, 1), timeperiod=key.timeperiod)
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    pages.store.commit(leadership, [InsertUnit(later)])
    assert len(data_of(pages.get('/t/SiteYearly').text)['x']) == 5

    pages.runtime.clock.advance(timedelta(minutes=2))

    assert len(data_of(pages.get('/t/SiteYearly').text)['x']) == 6


def test_a_name_is_text_wherever_it_stands(pages: DashboardHarness) -> None:
    key = key_of('SiteHourly@2026112208')._replace(process=ProcessName(HOSTILE))
    length = timedelta(seconds=1)
    points = [
        Point(key=key, run=run, at=NOW, took=length, seconds=1.0, text=HOSTILE, mark=PROCESSED)
        for run in range(3)
    ]
    drawing = _drawing(points, Usual(length, length), ())
    chart = Chart(process=key.process, drawing=drawing, here=[0], said=[HOSTILE])
    source = "{% import 'charts.html' as charts with context %}{{ charts.durations(chart, what) }}"

    text = pages.site.templates.from_string(source).render(chart=chart, what=HOSTILE)

    assert '<script' not in text
    data = data_of(text)
    assert data['process'] == HOSTILE
    assert data['took'].split('|') == [HOSTILE] * 3
