"""Every screen on a store with a history: it is there, says what is so, and changes nothing."""

from __future__ import annotations

import gzip
import json
import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.conf.setting_table import SETTINGS
from synergy.core.commands import CommandId
from synergy.core.deadline import ByClock, Within
from synergy.core.effects import SaveJob
from synergy.core.records import BoxProcess, ProcessName, uow_id_of
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.mx.live.navigation import NavigationCache
from synergy.mx.routes import ROUTES
from synergy.mx.web.page_cache import LIVE_HEADER
from synergy.mx.web.route import Route
from synergy.ports.errors import StoreUnavailable
from tests.mx.addresses import OLD, address_of
from tests.mx.dashboard_harness import FAILED_HOUR, NOW, REQUEST_ID, DashboardHarness
from tests.pipelines.pages import HOSTILE

#: Steps before changes of users, which an open dashboard has not.
OF_USERS = ('confirm_user', 'confirm_user_action', 'confirm_token_action')
#: Of a process that has not changed there is nothing to recut.
OF_RECUTS = (
    'confirm_recut',
    'api_preview_recut',
    'confirm_tree_recut',
    'api_preview_tree_recut',
)
READING = [route for route in ROUTES if route.method == 'GET' and route.endpoint != 'events']


def dead_uow(pages: DashboardHarness) -> str:
    return uow_id_of(pages.key(*FAILED_HOUR), 1)


@pytest.mark.parametrize('route', READING, ids=lambda route: route.rule)
def test_each_screen_answers(pages: DashboardHarness, route: Route) -> None:
    pages.foresees = 'forecast' in route.endpoint
    answer = pages.get(address_of(route, dead_uow(pages)))

    is_refused = route.endpoint in (*OF_USERS, *OF_RECUTS)
    expected = 301 if route.endpoint in OLD else 409 if is_refused else 200
    assert answer.status_code == expected, answer.text


def test_no_get_changes_a_row(pages: DashboardHarness) -> None:
    before = pages.dump()

    for route in READING:
        pages.get(address_of(route, dead_uow(pages)))

    assert pages.dump() == before


def test_hostile_texts_are_shown_as_texts(pages: DashboardHarness) -> None:
    for route in READING:
        answer = pages.get(address_of(route, dead_uow(pages)))

        if answer.mimetype == 'text/html':
            assert HOSTILE not in answer.text, route.rule
            assert '<script>' not in answer.text, route.rule


def test_hostile_addresses_are_shown_as_texts(pages: DashboardHarness) -> None:
    for address in ('/i/{}/1', '/t/{}', '/requests/{}', '/search?q={}', '/p/{}', '/{}'):
        assert '<script>' not in pages.get(address.format(HOSTILE)).text


def test_secrets_are_masked(pages: DashboardHarness) -> None:
    for address in ('/freeruns/Shell::sweep', '/api/v1/freeruns', '/api/v1/freeruns/Shell::sweep'):
        answer = pages.get(address)

        assert 'hush-hush' not in answer.text
        assert 'api_token' in answer.text


def test_the_overview_says_what_needs_a_person(pages: DashboardHarness) -> None:
    text = pages.get('/').text

    assert 'Needs you' in text
    assert '/change/reprocess?process=SiteHourly&amp;first=2026112209' in text


def test_the_day_that_waits_leads_to_the_hour_that_failed(pages: DashboardHarness) -> None:
    text = pages.get('/i/SiteDaily/2026112200').text

    assert 'Why is this waiting?' in text
    assert 'Root cause' in text
    assert 'Log of the root cause' in text
    assert 'reading visits_2026112209.csv' in text


def files_of(text: str) -> list[str]:
    """Return the addresses of what a page brings with it."""
    return re.findall(r'/static/[^"]+', text)


def weight_of(pages: DashboardHarness, text: str) -> int:
    """Return how many bytes go to a browser that has nothing of a page yet."""
    packed = {'Accept-Encoding': 'gzip'}
    return len(text.encode()) + sum(len(pages.get(f, **packed).data) for f in files_of(text))


def test_a_page_of_the_overview_is_light(pages: DashboardHarness) -> None:
    page = pages.get('/')

    assert weight_of(pages, page.text) < 300_000


def test_nothing_is_fetched_from_elsewhere(pages: DashboardHarness) -> None:
    for route in READING:
        answer = pages.get(address_of(route, dead_uow(pages)))

        if answer.mimetype == 'text/html':
            assert 'src="http' not in answer.text
            assert 'style="' not in answer.text
            assert 'onclick' not in answer.text


@pytest.mark.parametrize(
    ('address', 'status', 'said'),
    [
        ('/i/SiteHourle/2026112209', 404, 'did you mean'),
        ('/i/SiteHourly/2026112299', 404, 'names no real date'),
        ('/t/nowhere', 404, 'no tree or process'),
        ('/t/site?z=week', 400, 'one of all, year, month, day'),
        ('/t/site?z=day&at=2026023100', 400, 'names no real date'),
        ('/t/site?z=year&at=9999', 400, 'is outside 1970-2999'),
        ('/t/site?z=month&at=0001', 400, 'is outside 1970-2999'),
        ('/graph?at=19500101', 400, 'is outside 1970-2999'),
        ('/graph?at=1970', 400, 'give a year from 1971 to 2998'),
        ('/p/nothing', 404, 'no page'),
        ('/scheduler/a_page_that_was/', 404, 'no page'),
        ('/requests/f00', 404, 'no request'),
        ('/search?q=colour:red', 400, 'nothing to search by'),
        ('/search?q=state:blue', 400, 'not a state'),
        ('/change/reprocess?process=SiteHourly&first=2026112209&last=2026112200', 400, 'upside'),
        ('/change/reprocess?process=SiteHourly&first=1990010100&last=2200010100', 400, 'at most'),
        ('/change/reprocess?process=SiteHourly&first=1990010100', 422, 'Nothing to do'),
        ('/change/burn?process=SiteHourly&first=2026112209', 400, 'reprocess, skip or cancel'),
        ('/change/skip', 400, 'process is missing'),
        ('/runs?limit=9999999', 400, 'from 1 to 1,000'),
        ('/logs?file=../store.db', 404, 'no log'),
        ('/nowhere', 404, 'check the address'),
    ],
)
def test_bad_input_gets_a_clear_page(
    pages: DashboardHarness, address: str, status: int, said: str
) -> None:
    answer = pages.get(address)

    assert answer.status_code == status
    assert said in answer.text
    assert 'What to do:' in answer.text


@pytest.mark.parametrize(
    ('address', 'link'),
    [
        ('/i/Nothing/2026112209', '/processes'),
        ('/t/nothing', '/'),
        ('/requests/f00', '/requests'),
        ('/logs?file=../store.db', '/logs'),
    ],
)
def test_an_error_leads_on(pages: DashboardHarness, address: str, link: str) -> None:
    text = pages.get(address).text

    assert f'What to do:</strong> <a class="link" href="{link}">' in text
    assert '<a href="/processes">Processes</a>' in text
    assert 'data-status' not in text  # There is nothing to follow.


def test_an_error_is_said_to_those_whom_no_navigation_leads_anywhere(
    guarded: DashboardHarness,
) -> None:
    answer = guarded.post('/change/skip', {})

    assert answer.status_code == 401
    assert 'What to do:' in answer.text
    assert '<nav' not in answer.text


def test_an_error_is_said_while_the_store_goes_away(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise StoreUnavailable('store /nowhere is gone; bring it back')

    monkeypatch.setattr(NavigationCache, 'of', gone)
    answer = pages.get('/i/Nothing/2026112209')

    assert answer.status_code == 404
    assert 'no managed process' in answer.text
    assert '<nav' not in answer.text


def test_a_mistyped_search_stays_to_be_fixed(pages: DashboardHarness) -> None:
    answer = pages.get('/search?q=proces:site*')

    assert answer.status_code == 400
    assert 'list="q-list" value="proces:site*" aria-invalid="true"' in answer.text
    assert 'did you mean' in answer.text


def test_a_store_that_is_gone_is_said(pages: DashboardHarness) -> None:
    pages.site.stores.close()
    pages.runtime.is_store_down = True

    page, document = pages.get('/'), pages.get('/api/v1/jobs')

    assert (page.status_code, document.status_code) == (503, 503)
    assert 'store /nowhere is gone; bring it back' in page.text
    assert document.mimetype == 'application/problem+json'
    assert document.headers['Retry-After'] == '5'


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('/scheduler/traffic/', '/p/traffic'),
        ('/scheduler/dashboard/freerun/', '/freeruns/runs'),
        ('/scheduler/managed/entries/', '/processes'),
        ('/supervisor/entries/', '/boxes'),
        ('/flow/viewer/', '/graph'),
        (
            '/flow/viewer/?process_name=SiteHourly&timeperiod=2026112209',
            '/i/SiteHourly/2026112209',
        ),
        ('/scheduler/viewer/object/', '/processes'),
        (
            '/scheduler/viewer/schedulable/?process_name=Shell&entry_name=sweep',
            '/freeruns/Shell::sweep',
        ),
    ],
)
def test_addresses_of_synergy_2_lead_on(pages: DashboardHarness, old: str, new: str) -> None:
    answer = pages.get(old)

    assert (answer.status_code, answer.headers['Location']) == (301, new)
    assert pages.get(new).status_code == 200


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('/scheduler/jobs/', '/api/v1/jobs'),
        ('/scheduler/tree/nodes/', '/api/v1/overview'),
        ('/scheduler/managed/uow/log/', '/api/v1/jobs/PROCESS/TIMEPERIOD'),
        ('/scheduler/gc/flush/all/', '/api/v1/dead'),
        ('/supervisor/entry/start/', '/api/v1/boxes'),
        ('/scheduler/whatever/else/', '/api/v1/'),
    ],
)
def test_json_of_synergy_2_is_gone_and_says_where_to(
    guarded: DashboardHarness, old: str, new: str
) -> None:
    answer = guarded.get(old)

    assert answer.status_code == 410
    assert answer.mimetype == 'application/problem+json'
    assert new in (answer.json or {})['advice']


def test_an_old_page_of_trees_is_told_of_after_the_login(guarded: DashboardHarness) -> None:
    answer = guarded.get('/scheduler/traffic/')

    assert answer.status_code == 303
    assert answer.headers['Location'] == '/login?next=/scheduler/traffic/'


def test_search_goes_to_the_one_interval(pages: DashboardHarness) -> None:
    answer = pages.get('/search?q=sitehourly 2026112209')

    assert answer.headers['Location'].endswith('/i/SiteHourly/2026112209')


def test_search_finds_what_failed(pages: DashboardHarness) -> None:
    assert '/i/SiteHourly/2026112209' in pages.get('/search?q=process:site* state:failed').text


def test_search_finds_what_a_box_has_run(pages: DashboardHarness) -> None:
    here = pages.get('/search?q=process:site* state:failed box:de*')
    elsewhere = pages.get('/search?q=process:site* state:failed box:w2')

    assert '/i/SiteHourly/2026112209' in here.text
    assert 'No interval matches search' in elsewhere.text


def test_the_map_of_all_years_rolls_up(pages: DashboardHarness) -> None:
    text = pages.get('/t/site?z=all').text

    assert 'SiteHourly, November 2026: failed and held' in text
    assert re.search(
        r'SiteHourly, September 2026: processed, \d+ of 720 skipped, 720 of 720 hours', text
    )
    assert 'class="c ok corner part"' in text


def test_a_reset_day_that_waits_for_its_hours_counts_as_blocked(pages: DashboardHarness) -> None:
    def number(name: str) -> int:
        found = re.search(rf'{name}</span><b>(\d+)', pages.get('/').text)
        assert found is not None
        return int(found[1])

    blocked, late = number('Blocked'), number('Late')
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    for process, timeperiod in (('SiteDaily', '2026112000'), ('SiteHourly', '2026112005')):
        job = pages.store.jobs([key := pages.key(process, timeperiod)])[key]
        reset = replace(
            job,
            state=JobState.EMBRYO,
            rev=job.rev + 1,
            request_id=CommandId(REQUEST_ID),
            changed_at=NOW + timedelta(seconds=1),
        )
        pages.store.commit(leadership, [SaveJob(reset, 'reset')])
    pages.runtime.clock.advance(timedelta(seconds=1))

    # The day, and the day of alerts that depends on it is done already.
    assert number('Blocked') == blocked + 1
    # What somebody asked for is not late, and does not hide the newest intervals.
    assert number('Late') == late
    assert '/i/SiteHourly/2026112005' not in pages.get('/search?q=state:late').text
    text = pages.get('/').text
    assert 'href="/i/SiteHourly/2026112005">1 older unfinished</a>' in text
    assert 'data-k="SiteHourly@2026112311"' in text


def test_strips_show_the_newest_however_far_back_the_work_stands(tmp_path: Path) -> None:
    with closing(DashboardHarness(tmp_path, 'tests.pipelines.years')) as pages:
        text = pages.get('/').text
        shown = json.loads(pages.get('/api/v1/overview').text)

    # Nothing has run since 2024: all of it is unfinished.
    assert 'data-k="LongDaily@2026112300"' in text
    assert 'data-k="LongDaily@2024122900"' not in text
    assert 'href="/i/LongDaily/2024122900">664 older unfinished</a>' in text
    (tree,) = (tree for tree in shown['trees'] if tree['tree'] == 'long')
    assert tree['processes'][0]['older'] == 664
    assert tree['processes'][0]['strip'][-1]['timeperiod'] == '2026112300'


def test_a_row_of_the_overview_leads_to_what_failed(pages: DashboardHarness) -> None:
    text = pages.get('/').text
    shown = json.loads(pages.get('/api/v1/overview').text)

    assert '<a class="st fail" href="/search?q=process:SiteHourly+state:failed">' in text
    assert 'process:SiteDaily+state:failed' not in text
    rows = {row['process']: row for tree in shown['trees'] for row in tree['processes']}
    assert (rows['SiteHourly']['failed'], rows['SiteDaily']['failed']) == (1, 0)


def test_a_deadline_is_shown_and_then_missed(pages: DashboardHarness) -> None:
    hierarchy = pages.site.model.hierarchy
    node = hierarchy.nodes[ProcessName('SiteMonthly')]
    pages.get('/')
    process = replace(node.process, deadline=Within(length=timedelta(days=10)))
    nodes = {**hierarchy.nodes, node.process.name: replace(node, process=process)}
    pages.site.model.hierarchy = hierarchy.replaced(nodes)
    pages.site.model._drawn.clear()

    assert 'to be done in 17 d 11 h' in pages.get('/').text
    pages.runtime.clock.advance(timedelta(days=20))
    assert '1 late, by 2 d 12 h' in pages.get('/').text


def test_a_deadline_by_the_clock_is_told_on_every_door(pages: DashboardHarness) -> None:
    pages.get('/')
    hierarchy = pages.site.model.hierarchy
    node = hierarchy.nodes[ProcessName('SiteMonthly')]
    process = replace(node.process, deadline=ByClock(minute=6 * 60, days=2))
    nodes = {**hierarchy.nodes, node.process.name: replace(node, process=process)}
    pages.site.model.hierarchy = pages.site.model.timetable.hierarchy = hierarchy.replaced(nodes)
    address = 'SiteMonthly/2026110000'

    def causes() -> list[str]:
        found = json.loads(pages.get(f'/api/v1/jobs/{address}/why').text)['causes']
        return [item['text'] for item in found if item['kind'] in ('late', 'deadline')]

    text = pages.get(f'/i/{address}').text
    assert 'To be done by</dt><dd>03 Dec 2026 06:00 UTC</dd><dd>in 9 d 17 h, deadline' in text
    (said,) = causes()
    assert said.startswith('is to be done by 2026-12-03 06:00:00 UTC (in ')
    assert said.endswith('its deadline is 06:00 +2d')
    job = json.loads(pages.get(f'/api/v1/jobs/{address}').text)
    assert (job['deadline'], job['late_at']) == ('06:00 +2d', '2026-12-03T06:00:00Z')
    assert not job['is_late']
    assert 'done by 06:00 +2d' in pages.get('/processes').text

    pages.runtime.clock.advance(timedelta(days=10))

    text = pages.get(f'/i/{address}').text
    assert 'late by 6 h 17 min' in text
    # How long it has been late is not how long its cause has lasted.
    assert '>since 06:00:00, 6 h' not in text
    (said,) = causes()
    assert said.startswith('is late since 2026-12-03 06:00:00 UTC (6 h')
    (row,) = (
        row
        for tree in json.loads(pages.get('/api/v1/overview').text)['trees']
        for row in tree['processes']
        if row['process'] == 'SiteMonthly'
    )
    late = '2026-12-03T06:00:00Z'
    assert (row['late'], row['due_at'], row['late_since']) == (1, late, late)
    found = json.loads(pages.get('/api/v1/jobs?process=SiteMonthly&state=late').text)['items']
    assert [(item['timeperiod'], item['is_late']) for item in found] == [('2026110000', True)]
    (summary,) = (
        item
        for item in json.loads(pages.get('/api/v1/status').text)['processes']
        if item['process'] == 'SiteMonthly'
    )
    assert (summary['late'], summary['overdue']) == (1, 1)


def without_tokens(text: str) -> str:
    return re.sub(r'name="form_token" value="[0-9a-f]+"', '', text)


def test_a_row_is_drawn_anew_when_what_it_shows_has_changed(pages: DashboardHarness) -> None:
    pages.get('/')
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    key = pages.key('SiteHourly', '2026112005')
    job = pages.store.jobs([key])[key]
    changed = replace(job, state=JobState.SKIPPED, rev=job.rev + 1, changed_at=NOW)
    pages.store.commit(leadership, [SaveJob(changed, 'skipped')])
    pages.runtime.clock.advance(timedelta(seconds=1))
    kept = without_tokens(pages.get('/').text)

    pages.site.model._drawn.clear()

    assert without_tokens(pages.get('/').text) == kept


def test_a_missing_leader_is_told(pages: DashboardHarness) -> None:
    assert 'No Scheduler leads' not in pages.get('/').text

    leadership = pages.store.leadership()
    assert leadership is not None
    pages.store.resign(leadership)

    assert 'No Scheduler leads' in pages.get('/').text


def test_more_held_jobs_than_are_shown_are_counted(pages: DashboardHarness) -> None:
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    for hour in range(12):
        key = pages.key('SiteHourly', f'20261119{hour:02d}')
        job = pages.store.jobs([key])[key]
        held = replace(
            job, state=JobState.IN_PROGRESS, is_held=True, rev=job.rev + 1, changed_at=NOW
        )
        pages.store.commit(leadership, [SaveJob(held, 'held')])
    pages.runtime.clock.advance(timedelta(seconds=1))

    text = pages.get('/').text

    assert '13 jobs held until somebody decides, the oldest 8 here' in text
    assert 'holds up SiteDaily' in text


def test_the_overview_of_a_hundred_processes_is_light(tmp_path: Path) -> None:
    pages = DashboardHarness(tmp_path, 'bench.mx_context')
    text = pages.get('/').text
    files = files_of(text)
    weight = weight_of(pages, text)
    pages.close()

    assert text.count('class="proc"') == 100
    assert len(files) == 6
    assert weight < 300_000, f'{weight} bytes'


@pytest.mark.parametrize(
    'route', [route for route in READING if route.is_shared], ids=lambda route: route.rule
)
def test_a_tab_that_is_open_reads_the_live_regions_alone(
    pages: DashboardHarness, route: Route
) -> None:
    address = address_of(route)
    whole, live = pages.get(address), pages.get(address, **{LIVE_HEADER: '1'})

    assert regions_of(live.text) == regions_of(whole.text) != set()
    assert len(live.data) < len(whole.data)
    assert '<html' not in live.text
    assert live.headers['Cache-Control'] == 'no-store'
    # Others of this role get the same.
    assert 'form_token' not in live.text


def regions_of(text: str) -> set[str]:
    return set(re.findall(r'id="([\w-]+)"[^>]* data-live', text))


def test_a_page_that_nobody_shares_is_read_in_part_too(pages: DashboardHarness) -> None:
    live = pages.get('/processes', **{LIVE_HEADER: '1'})

    assert '<html' not in live.text
    assert regions_of(live.text) == regions_of(pages.get('/processes').text)
    assert 'name="form_token" value="' in live.text


def test_tabs_of_one_role_share_one_rendering_of_the_boxes(guarded: DashboardHarness) -> None:
    def live() -> str:
        return guarded.get('/boxes', **{LIVE_HEADER: '1'}).text

    guarded.log_in('viewer')
    first = live()
    down = BoxProcess(box_id='dev', process='Shell', is_on=True, state='fatal', pids=())
    guarded.store.report_actual([down])
    guarded.add_user('another', Role.VIEWER)
    guarded.log_in('another')
    again = live()
    guarded.log_in('operator')
    other = live()

    assert again == first
    assert 'given up' not in again
    assert 'given up' in other
    assert ('Stop Shell' in other, 'Stop Shell' in again) == (True, False)


def test_config_goes_by_the_documented_names(pages: DashboardHarness) -> None:
    shown = pages.get('/config').text
    document = pages.get('/api/v1/config').json

    assert document is not None
    names = list(document['settings'])
    assert names == [setting.name for setting in SETTINGS]
    assert document['settings']['mx_session_hours'] == 12
    assert document['settings']['mx_allow_open'] is False
    assert document['places']['home'] == 'environment variable SYNERGY_HOME'
    assert all(f'<span class="tp">{name}</span>' in shown for name in names)
    assert 'environment variable SYNERGY_HOME' in shown
    assert 'box_vanished<' not in shown


def test_config_shows_what_the_context_registers(pages: DashboardHarness) -> None:
    document = pages.get('/api/v1/config').json

    assert document is not None
    entries = {item['name']: item for item in document['processes']}
    assert entries['SiteDaily']['machine'] == 'discrete'
    assert entries['SiteDaily']['trigger'] == 'every 60'
    assert entries['SiteDaily']['blocking'] == 'blocking_children'
    assert entries['Shell::sweep']['trigger'] == 'every 600'
    assert entries['Scheduler']['trigger'] is None
    shown = pages.get('/config').text
    assert entries['SiteDaily']['queue'] in shown
    assert 'in the environment, all valid' in shown
    assert '5 managed processes, 1 free run, ' in shown
    assert 'in tests/pipelines/pages.py, all valid' in shown
    assert 'every 60 s<' in shown


def test_a_named_secret_is_shown_nowhere(pages: DashboardHarness) -> None:
    known = pages.store.command(CommandId(REQUEST_ID))
    assert known is not None
    command = replace(known, id=CommandId('5ec7e7'), reason='login with password=hunter2 failed')
    pages.store.insert_command(command)

    for address in ('/audit', '/requests', '/requests/5ec7e7', '/api/v1/audit', '/api/v1/requests'):
        text = pages.get(address).text

        assert 'login with' in text
        assert 'hunter2' not in text


def test_an_audit_of_what_there_is_not_is_no_empty_page(pages: DashboardHarness) -> None:
    assert pages.get('/audit?what=nope').status_code == 400
    assert pages.get('/audit?what=reprocess').status_code == 200


def test_files_are_compressed_for_those_who_say_that_they_read_that(
    pages: DashboardHarness,
) -> None:
    address = next(file for file in files_of(pages.get('/').text) if 'mx.css' in file)

    plain = pages.get(address)
    packed = pages.get(address, **{'Accept-Encoding': 'gzip'})
    kept = pages.get(
        address, **{'Accept-Encoding': 'gzip', 'If-None-Match': packed.headers['ETag']}
    )

    assert 'Content-Encoding' not in plain.headers
    assert packed.headers['Content-Encoding'] == 'gzip'
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers['ETag'] != plain.headers['ETag']
    assert 'Accept-Encoding' in packed.headers['Vary']
    assert kept.status_code == 304
