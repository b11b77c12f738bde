"""What an operator does, in a real browser, on a system of real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from synergy.core.states import JobState
from synergy.core.users import Role, User
from tests.mx.browser import NARROW, Browser, findings
from tests.mx.dashboard_harness import NOW, PASSWORD, password_hash
from tests.pipelines.repaired import FAILING
from tests.system_harness import SystemHarness

FAILED = f'/i/SiteHourly/{FAILING}'


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as other:
        return int(other.getsockname()[1])


@pytest.fixture(scope='module')
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemHarness]:
    """Return a system in which one hour has failed, and its day waits."""
    home, port = tmp_path_factory.mktemp('browser'), free_port()
    with SystemHarness(home, 'tests.pipelines.repaired', SYNERGY_MX_PORT=str(port)) as found:
        found.start('Supervisor')
        key = found.key('SiteHourly', FAILING)
        last = found.key('SiteHourly', '2026110123')
        found.wait_final(last)
        found.wait_for(lambda: found.store.jobs([key])[key].is_held, 'the failure')
        found.wait_for(lambda: is_listening(port), 'MX listening')
        yield found


@pytest.fixture
def page(system: SystemHarness, chromium: Browser) -> Iterator[Page]:
    """Return a tab, and look afterwards whether its scripts were content and it stayed at home."""
    yield chromium.page(address_of(system))
    chromium.close_pages()
    assert chromium.errors == []
    assert chromium.outside == []


def address_of(system: SystemHarness) -> str:
    return f'http://127.0.0.1:{system.environ["SYNERGY_MX_PORT"]}'


def is_listening(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(('127.0.0.1', port)) == 0


def pid_of(system: SystemHarness, process: str) -> int | None:
    rows = system.store.box_processes(None)
    pids = [pid for row in rows if row.process == process for pid in row.pids]
    return pids[0] if pids else None


def tab_into_map(page: Page) -> None:
    for _ in range(80):
        page.keyboard.press('Tab')
        if page.evaluate('Boolean(document.activeElement.closest("#r-map td.c"))'):
            return
    raise AssertionError('Tab never reached the heat map')


def focused(page: Page) -> str:
    return str(page.evaluate('document.activeElement.dataset.tp'))


def test_keys_alone_lead_to_a_range_and_to_its_preview(page: Page) -> None:
    page.goto('/')
    page.keyboard.press('?')
    expect(page.get_by_role('dialog', name='Keys')).to_be_visible()
    page.keyboard.press('Escape')
    page.keyboard.press('/')
    expect(page.locator('#q')).to_be_focused()
    page.keyboard.press('Escape')
    for key, place in (('f', '/freeruns'), ('w', '/boxes'), ('r', '/runs'), ('h', '/t/')):
        page.keyboard.press('g')
        page.keyboard.press(key)
        page.wait_for_url(f'**{place}')
    page.goto('/t/SiteHourly?z=year&at=2026')
    tab_into_map(page)
    assert focused(page) == '2026110100'  # The day in which an hour failed comes first.
    page.keyboard.press('Enter')
    page.wait_for_url(re.compile('z=day'))
    tab_into_map(page)
    assert focused(page) == FAILING
    page.keyboard.press('Home')
    for _ in range(9):
        page.keyboard.press('ArrowRight')
    assert focused(page) == FAILING
    page.keyboard.press('x')
    expect(page.locator('#r-map .is-sel')).to_have_count(1)
    page.keyboard.press('Shift+ArrowRight')
    page.keyboard.press('Shift+ArrowRight')
    expect(page.locator('#r-map .is-sel')).to_have_count(3)
    expect(page.locator('#note')).to_contain_text('3 hours')
    page.keyboard.press('r')
    page.wait_for_url(re.compile(f'/change/reprocess.*first={FAILING}&last=2026110111'))
    page.go_back()
    tab_into_map(page)
    page.keyboard.press('Backspace')
    page.wait_for_url(re.compile('z=month'))
    page.goto('/')
    page.keyboard.press('j')
    first = page.evaluate('document.activeElement.textContent')
    page.keyboard.press('j')
    page.keyboard.press('k')
    assert page.evaluate('document.activeElement.textContent') == first


def test_a_drag_selects_a_range(page: Page) -> None:
    page.goto('/t/site?z=day&at=20261101')
    page.locator('[data-k="SiteHourly@2026110103"]').hover()
    page.mouse.down()
    page.locator('[data-k="SiteHourly@2026110106"]').hover()
    page.mouse.up()

    expect(page.locator('#r-map .is-sel')).to_have_count(4)
    expect(page.locator('#bulk [name=first]')).to_have_value('2026110103')
    expect(page.locator('#bulk [name=last]')).to_have_value('2026110106')


def test_a_wait_is_explained_down_to_the_log_of_its_root(page: Page) -> None:
    page.goto('/')
    page.get_by_role('link', name='held, or skipped').click()
    page.get_by_role('link', name=re.compile(FAILING)).first.click()
    page.wait_for_url(f'**{FAILED}')
    page.goto('/i/SiteDaily/2026110100')

    expect(page.locator('#r-why')).to_contain_text('waits for child')
    expect(page.locator('#r-why')).to_contain_text('Root cause')
    expect(page.locator('#log')).to_contain_text('is not a number')
    page.locator('#r-why').get_by_role('link', name=f'Run {FAILING} again').click()
    page.wait_for_url('**/change/reprocess*')


def test_a_dropped_connection_shows_and_recovers(page: Page, system: SystemHarness) -> None:
    page.goto('/')
    word = page.locator('[data-status-word]')
    expect(word).to_have_text('Live')

    pid = pid_of(system, 'MX')
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    expect(word).to_have_text('Connecting again, as of')
    expect(word).to_have_text('Live')


def test_following_pauses_while_the_tab_is_hidden(page: Page) -> None:
    page.goto('/t/site?z=day&at=20261101')
    word = page.locator('[data-status-word]')
    expect(word).to_have_text('Live')

    hide = """is => {
        Object.defineProperty(document, 'hidden', {value: is, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, True)
    expect(word).to_have_text('Paused, as of')
    page.evaluate(hide, False)
    expect(word).to_have_text('Live')


def test_an_open_menu_and_what_is_typed_in_it_survive_events(page: Page) -> None:
    page.goto('/processes')
    status = page.locator('[data-status-word]')
    expect(status).to_have_text('Live')
    menu = page.locator('details', has=page.locator('#r-SiteHourly'))
    menu.locator('summary').click()
    page.fill('#r-SiteHourly', 'the feed is late')
    page.locator('h1').click()

    # Every 10 seconds at the latest the page would be read again.
    expect(status).to_have_text('Paused while you work, as of')
    expect(page.locator('#r-SiteHourly')).to_have_value('the feed is late')

    page.fill('#r-SiteHourly', '')
    menu.locator('summary').click()
    expect(status).to_have_text('Live')


def test_the_time_of_here_survives_events(chromium: Browser, system: SystemHarness) -> None:
    page = chromium.page(address_of(system), timezone_id='America/New_York')
    page.goto(FAILED)
    local = page.locator('time[data-local]').first
    expect(local).to_contain_text('America/New_York')

    swapped = """async () => {
        const region = document.querySelector('#r-facts');
        region.querySelector('time[data-local]').textContent = 'old';
        await new Promise((done) => region.addEventListener('mx:swapped', done, {once: true}));
    }"""
    page.evaluate(swapped)

    expect(local).to_contain_text('America/New_York')
    chromium.close_pages()


def test_a_worker_is_stopped_and_started(page: Page, system: SystemHarness) -> None:
    page.goto('/boxes')
    page.get_by_role('link', name='Stop Shell').click()
    expect(page.get_by_role('heading', level=1)).to_have_text('Stop Shell on dev?')
    page.get_by_label('Reason').fill('new release')
    page.get_by_role('button', name='Stop').click()
    expect(page.locator('#r-flash')).to_contain_text('stop Shell')
    expect(page.get_by_role('link', name='Start Shell')).to_be_visible()
    system.wait_for(lambda: pid_of(system, 'Shell') is None, 'the end of Shell')

    page.get_by_role('link', name='Start Shell').click()
    page.get_by_role('button', name='Start').click()

    expect(page.get_by_role('link', name='Stop Shell')).to_be_visible()
    system.wait_for(lambda: pid_of(system, 'Shell') is not None, 'the start of Shell')


def test_a_free_run_is_created_after_its_fires_were_shown(page: Page) -> None:
    page.goto('/freeruns')
    page.get_by_role('link', name='New free run').click()
    page.get_by_label('Entry').fill('tidy')
    page.get_by_label('Trigger').fill('at 09:30')
    page.get_by_label('Arguments (JSON)').fill('{"command": ["true"]}')
    page.get_by_role('button', name='Show next fires').click()
    expect(page.locator('.fires li')).to_have_count(5)
    expect(page.locator('.fires li').first).to_contain_text('09:30:00')

    page.get_by_label('Reason').fill('nightly')
    page.get_by_role('button', name='Save').click()

    page.wait_for_url('**/freeruns/Shell::tidy*')
    expect(page.get_by_role('heading', level=1)).to_contain_text('Shell::tidy')
    assert findings(page) == []


def test_without_scripts_pages_are_read_and_forms_work(
    system: SystemHarness, chromium: Browser
) -> None:
    page = chromium.page(address_of(system), NARROW, java_script_enabled=False)
    page.goto('/t/site?z=day&at=20261101')
    page.locator('[data-k="SiteHourly@2026110105"]').click()
    expect(page.get_by_role('heading', level=1)).to_contain_text('2026110105')
    page.get_by_role('link', name='Reprocess').first.click()
    page.get_by_label('Reason').fill('without scripts')
    page.get_by_role('button', name=re.compile('^Reprocess')).click()

    page.wait_for_url('**/requests/*')
    expect(page.get_by_role('heading', level=1)).to_contain_text('SiteHourly')
    chromium.close_pages()


def test_a_fixed_hour_is_reprocessed_and_finishes_before_our_eyes(
    page: Page, system: SystemHarness, chromium: Browser
) -> None:
    watched = chromium.page(address_of(system))
    watched.goto('/t/site?z=day&at=20261101')
    cell = watched.locator('td.c', has=watched.locator(f'[data-k="SiteHourly@{FAILING}"]'))
    expect(cell).to_have_class(re.compile(r'\bheld\b'))
    watched.evaluate('window.isSame = true')
    watched.locator('[data-k="SiteDaily@2026110100"]').focus()
    system.tell('fixed')

    page.goto(f'/change/reprocess?process=SiteHourly&first={FAILING}')
    page.get_by_label('Reason').fill('row 4 corrected')
    page.get_by_role('button', name=re.compile('^Reprocess')).click()
    page.wait_for_url('**/requests/*')

    expect(cell).to_have_class(re.compile(r'\bok\b'))
    day = watched.locator('td.c', has=watched.locator('[data-k="SiteDaily@2026110100"]'))
    expect(day).to_have_class(re.compile(r'\bok\b'))
    assert watched.evaluate('window.isSame') is True  # Nothing was loaded anew.
    expect(watched.locator('[data-k="SiteDaily@2026110100"]')).to_be_focused()
    expect(page.locator('main')).to_contain_text('done')
    assert system.state(system.key('SiteDaily', '2026110100')) is JobState.PROCESSED


def test_a_viewer_may_look_and_is_refused_changes(page: Page, system: SystemHarness) -> None:
    for role in (Role.ADMIN, Role.VIEWER):
        user = User(name=role.value, role=role, password_hash=password_hash(), created_at=NOW)
        assert system.store.add_user(user)

    page.goto('/')
    page.get_by_label('Name').fill('viewer')
    page.get_by_label('Password').fill(PASSWORD)
    page.get_by_role('button', name='Log in').click()
    expect(page.get_by_role('heading', name='Overview')).to_be_visible()
    page.goto(FAILED)
    expect(page.get_by_role('link', name='Reprocess')).to_have_count(0)

    page.goto(f'/change/reprocess?process=SiteHourly&first={FAILING}')
    expect(page.locator('main')).to_contain_text('needs the role operator')
    answer = page.request.post(page.url, form={'reason': 'me'})
    assert answer.status == 403
    page.get_by_role('button', name='Log out').click()
    expect(page.get_by_role('button', name='Log in')).to_be_visible()
