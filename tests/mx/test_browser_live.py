"""What a tab does by itself: it follows the feed, and leaves alone what somebody is busy with.

The clock of the dashboard is simulated, and its feed goes by it: nothing is told before a test lets
time pass, so that what a tab asks for can be counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, Response, Route, expect

from synergy.core.commands import CommandId
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.records import BoxProcess, Job, Unit, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.mx.app import App
from synergy.mx.live.feed import QUIET_READ_SECONDS, TICK_SECONDS
from synergy.mx.main import site_of
from synergy.mx.web.page_cache import LIVE_HEADER
from tests.mx.browser import Browser, Server
from tests.mx.dashboard_harness import PASSWORD, REQUEST_ID, DashboardHarness

WORD = '[data-status-word]'
RUNNING = 'SiteHourly', '2026112310'


def is_live(answer: Response) -> bool:
    return LIVE_HEADER.lower() in answer.request.headers


def follow(page: Page, address: str) -> list[str]:
    """Open a page until it was told to read, and has; return what it asks for then, as it grows."""
    with page.expect_response(is_live):
        page.goto(address)
    expect(page.locator(WORD)).to_have_text('Live')
    asked: list[str] = []

    def on_request(request: Request) -> None:
        parts = urlsplit(request.url)
        asked.append(f'{parts.path}?{parts.query}' if parts.query else parts.path)

    page.on('request', on_request)
    return asked


def let_read(pages: DashboardHarness, page: Page, seconds: float = QUIET_READ_SECONDS + 1) -> None:
    """Let time pass, until the page has read what is live in it."""
    with page.expect_response(is_live):
        pages.runtime.clock.advance(timedelta(seconds=seconds))


def give_up(pages: DashboardHarness, process: str) -> None:
    """Report a process that does not stay up; no job changes by it."""
    down = BoxProcess(box_id='dev', process=process, is_on=True, state='fatal', pids=())
    pages.store.report_actual([down])


def test_boxes_change_without_being_asked_for_by_a_timer(
    pages: DashboardHarness, page: Page
) -> None:
    page.clock.install()
    asked = follow(page, '/boxes')
    row = page.locator('#r-boxes tr', has=page.get_by_text('SiteDaily', exact=True))
    expect(row).to_contain_text('running')

    page.clock.run_for(60_000)
    assert asked == []
    give_up(pages, 'SiteDaily')
    let_read(pages, page, TICK_SECONDS + 0.1)

    expect(row).to_contain_text('given up')
    assert asked == ['/boxes']


def unit_of(key: JobKey, state: UnitState, at: datetime) -> Unit:
    return Unit(
        id=uow_id_of(key, 1),
        process=key.process,
        timeperiod=key.timeperiod,
        start=key.timeperiod,
        end=key.timeperiod.shift(1),
        run=1,
        created_at=at,
        state=state,
    )


def test_a_page_is_ticked_only_while_it_wants_that(pages: DashboardHarness, page: Page) -> None:
    follow(page, '/')
    assert pages.site.feed._ticked_count == 0
    key = pages.key(*RUNNING)
    with page.expect_request('**/events?ticks=on'):
        page.goto(f'/i/{key.process}/{key.timeperiod}')
    expect(page.locator(WORD)).to_have_text('Live')

    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    job = pages.store.jobs([key])[key]
    at = pages.runtime.clock.now()
    done = replace(job, state=JobState.PROCESSED, rev=job.rev + 1, changed_at=at)
    pages.store.commit(leadership, [SaveJob(done, 'done')])
    with page.expect_request('**/events'):
        let_read(pages, page)

    expect(page.locator('#r-title')).to_contain_text('processed')
    expect(page.locator(WORD)).to_have_text('Live')


@pytest.mark.parametrize(
    ('timeperiod', 'before', 'unit', 'after'),
    [
        ('2026112000', 'ok', None, 'ready'),
        ('2026112310', 'run', None, 'ready'),
        ('2026112311', 'ready', UnitState.REQUESTED, 'queue'),
        ('2026112311', 'ready', UnitState.IN_PROGRESS, 'run'),
    ],
)
def test_a_cell_is_painted_before_its_page_is_read_anew(
    pages: DashboardHarness,
    page: Page,
    timeperiod: str,
    before: str,
    unit: UnitState | None,
    after: str,
) -> None:
    address = f'/t/site?z=day&at={timeperiod[:8]}'
    follow(page, address)
    page.route(f'**{address}', lambda route: route.abort())
    cell = page.locator(f'td.c:has([data-k="SiteHourly@{timeperiod}"])')
    expect(cell).to_have_class(re.compile(rf'\b{before}\b'))

    key = pages.key('SiteHourly', timeperiod)
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    at = pages.runtime.clock.now()
    unmade = Job(process=key.process, timeperiod=key.timeperiod, changed_at=at)
    job = pages.store.jobs([key]).get(key, unmade)
    state = JobState.EMBRYO if unit is None else JobState.IN_PROGRESS
    begun = [] if unit is None else [InsertUnit(unit_of(key, unit, at))]
    uow_id = None if unit is None else uow_id_of(key, 1)
    changed = replace(job, state=state, rev=job.rev + 1, uow_id=uow_id, changed_at=at)
    pages.store.commit(leadership, [*begun, SaveJob(changed, 'changed')])
    pages.runtime.clock.advance(timedelta(seconds=QUIET_READ_SECONDS + 1))

    expect(cell).to_have_class(re.compile(rf'^c {after}\b'))
    expect(cell.locator('svg:not(.pf) use')).to_have_attribute('href', f'#{after}')
    cell_as_read = rf'<td class="c {after}\b[^>]*>\s*<a\b[^>]*data-k="SiteHourly@{timeperiod}"'
    assert re.search(cell_as_read, pages.get(address).text), 'the page, once read, agrees'


def test_the_focus_stays_on_what_it_was_on_when_rows_move(
    pages: DashboardHarness, page: Page
) -> None:
    follow(page, '/requests')
    link = page.locator(f'#r-rows a[href$="{REQUEST_ID}"]').first
    link.focus()
    page.evaluate('window.before = document.activeElement')
    known = pages.store.command(CommandId(REQUEST_ID))
    assert known is not None
    at = known.created_at + timedelta(minutes=1)

    pages.store.insert_command(replace(known, id=CommandId('f00f00f00f00'), created_at=at))
    let_read(pages, page)

    expect(page.locator('#r-rows tbody tr')).to_have_count(2)
    expect(page.locator('#r-rows tbody tr').first).to_contain_text('f00f00')
    expect(link).to_be_focused()
    assert page.evaluate('document.activeElement === window.before')
    assert page.evaluate('document.activeElement.id') == ''


def test_a_cell_that_has_the_focus_stays_the_one_that_tab_leads_to(
    pages: DashboardHarness, page: Page
) -> None:
    follow(page, '/t/site?z=day&at=20261122')
    cell = page.locator('[data-k="SiteHourly@2026112203"]')
    cell.focus()

    let_read(pages, page)

    expect(cell).to_be_focused()
    expect(cell).to_have_attribute('tabindex', '0')
    assert page.locator('#r-map td.c a[tabindex="0"]').count() == 1


def test_an_open_menu_is_not_swapped_away(pages: DashboardHarness, page: Page) -> None:
    asked = follow(page, '/processes')
    menu = page.locator('details', has=page.locator('#r-SiteHourly'))
    menu.locator('summary').click()

    pages.runtime.clock.advance(timedelta(seconds=QUIET_READ_SECONDS + 1))
    expect(page.locator(WORD)).to_have_text('Paused while you work, as of')
    expect(menu).to_have_attribute('open', '')
    assert asked == []
    with page.expect_response(is_live):
        menu.locator('summary').click()

    expect(page.locator(WORD)).to_have_text('Live')


def test_what_was_begun_while_the_page_was_read_is_left_alone(
    pages: DashboardHarness, page: Page
) -> None:
    follow(page, '/processes')
    field = page.locator('#r-SiteHourly')
    # The answer comes when somebody has typed already.
    page.evaluate(
        """() => document.addEventListener('htmx:beforeRequest', () => {
            const field = document.querySelector('#r-SiteHourly');
            field.value = 'the feed is late';
            field.isSame = true;
        }, {once: true})"""
    )

    let_read(pages, page)

    expect(page.locator(WORD)).to_have_text('Paused while you work, as of')
    expect(field).to_have_value('the feed is late')
    assert field.evaluate('field => field.isSame') is True


def test_a_log_that_is_read_at_its_end_stays_there(pages: DashboardHarness, page: Page) -> None:
    file = pages.runtime.settings.log_directory / 'mx.log'
    file.write_text(''.join(f'line {number}\n' for number in range(100)))
    follow(page, '/logs?file=mx.log')
    lines = page.locator('#r-log li')
    expect(lines.last).to_be_in_viewport()

    with file.open('a') as log:
        log.write('the newest line\n')
    let_read(pages, page, TICK_SECONDS + 0.1)
    expect(lines.last).to_have_text('the newest line')
    expect(lines.last).to_be_in_viewport()
    page.locator('#r-log').evaluate('log => log.scrollTo(0, -400)')
    with file.open('a') as log:
        log.write('one more\n')
    let_read(pages, page, TICK_SECONDS + 0.1)

    expect(lines.last).to_have_text('one more')
    expect(lines.last).not_to_be_in_viewport()


@pytest.mark.parametrize(
    ('fail', 'said'),
    [
        (lambda route: route.fulfill(status=503), 'Not brought up to date, as of'),
        (lambda route: route.abort(), 'Disconnected, as of'),
    ],
    ids=['refused', 'dropped'],
)
def test_a_page_that_could_not_be_read_says_so(
    pages: DashboardHarness, page: Page, fail: Callable[[Route], None], said: str
) -> None:
    follow(page, '/boxes')

    page.route('**/boxes', fail)
    pages.runtime.clock.advance(timedelta(seconds=TICK_SECONDS + 0.1))
    expect(page.locator(WORD)).to_have_text(said)
    page.unroute('**/boxes')
    let_read(pages, page)

    expect(page.locator(WORD)).to_have_text('Live')


def test_a_restarted_server_is_followed_again(pages: DashboardHarness, chromium: Browser) -> None:
    server = Server(pages.app)
    page = chromium.page(server.address)
    follow(page, '/boxes')

    server.close()
    expect(page.locator(WORD)).to_have_text('Connecting again, as of')
    give_up(pages, 'Shell')
    again = Server(App(site_of(pages.runtime, 'a secret of tests')), server.port)

    expect(page.locator(WORD)).to_have_text('Live')
    row = page.locator('#r-boxes tr', has=page.get_by_text('Shell', exact=True))
    expect(row).to_contain_text('given up')
    chromium.close_pages()
    again.close()
    assert chromium.errors == []


def test_an_ended_session_leads_to_the_login(guarded: DashboardHarness, page: Page) -> None:
    page.goto('/login')
    page.get_by_label('Name').fill('viewer')
    page.get_by_label('Password').fill(PASSWORD)
    page.get_by_role('button', name='Log in').click()
    page.goto('/boxes')
    expect(page.locator(WORD)).to_have_text('Live')

    guarded.store.remove_user('viewer')
    guarded.runtime.clock.advance(timedelta(seconds=TICK_SECONDS + 0.1))

    page.wait_for_url('**/login?next=%2Fboxes')


def test_nothing_that_a_page_says_is_run_as_a_script(
    pages: DashboardHarness, served: Server, chromium: Browser
) -> None:
    page = chromium.page(served.address)
    follow(page, '/t/site?z=day&at=20261122')
    let_read(pages, page)
    assert chromium.errors == []
    config = page.evaluate('htmx.config')

    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.wasRun = true';
            document.body.append(script);
        }"""
    )

    assert page.evaluate('window.wasRun') is None
    assert len(chromium.errors) == 1
    chromium.errors.clear()
    assert (config['allowEval'], config['allowScriptTags']) == (False, False)
    assert (config['selfRequestsOnly'], config['historyCacheSize']) == (True, 0)
    assert page.evaluate("sessionStorage.getItem('htmx-history-cache')") is None
    chromium.close_pages()
