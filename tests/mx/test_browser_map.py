"""Heat maps in a real browser: what is selected is what is asked for, by mouse and by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.mx.browser import NARROW, Browser, Server, findings
from tests.mx.dashboard_harness import DashboardHarness, seed

MONTH = '/t/site?z=month&at=202611'


@pytest.fixture(scope='module')
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a dashboard with a history."""
    pages = DashboardHarness(tmp_path_factory.mktemp('maps'))
    seed(pages)
    server = Server(pages.app)
    yield server.address
    server.close()
    pages.close()


@pytest.fixture
def page(served: str, chromium: Browser) -> Iterator[Page]:
    yield chromium.page(served, reduced_motion='reduce')
    chromium.close_pages()
    assert chromium.errors == []


def cell(page: Page, key: str) -> Locator:
    """Return the link of the cell whose first interval is `key`."""
    return page.locator(f'#r-map a[data-k^="{key}"]')


def drag(page: Page, first: str, last: str) -> None:
    cell(page, first).hover()
    page.mouse.down()
    cell(page, last).hover()
    page.mouse.up()


def focused(page: Page) -> str:
    return str(page.evaluate('document.activeElement.dataset.k'))


def test_a_drag_over_days_asks_for_all_their_hours(page: Page) -> None:
    page.goto(MONTH)

    drag(page, 'SiteHourly@2026111000', 'SiteHourly@2026111300')

    expect(page.locator('[data-count]')).to_have_text('4 days, 96 hours')
    page.keyboard.press('r')
    page.wait_for_url('**/change/reprocess?process=SiteHourly&first=2026111000&last=2026111323')
    expect(page.locator('main')).to_contain_text('96')


def test_a_drag_backwards_is_the_same_range(page: Page) -> None:
    page.goto(MONTH)

    drag(page, 'SiteHourly@2026111300', 'SiteHourly@2026111000')

    expect(page.locator('#bulk [name=first]')).to_have_value('2026111000')
    expect(page.locator('#bulk [name=last]')).to_have_value('2026111323')


@pytest.mark.parametrize(
    ('address', 'key', 'last', 'said'),
    [
        (MONTH, 'SiteHourly@2026111000', '2026111023', '1 day, 24 hours'),
        ('/t/site?z=all', 'SiteHourly@2026100100', '2026103123', '1 month, 744 hours'),
        ('/t/SiteDaily?z=all', 'SiteDaily@2026100100', '2026103100', '1 month, 31 days'),
    ],
)
def test_one_rolled_up_cell_is_all_its_intervals(
    page: Page, address: str, key: str, last: str, said: str
) -> None:
    page.goto(address)

    cell(page, key).focus()
    page.keyboard.press('x')

    expect(page.locator('#bulk [name=last]')).to_have_value(last)
    expect(page.locator('[data-count]')).to_have_text(said)


def test_the_address_holds_the_selection(page: Page) -> None:
    page.goto(f'{MONTH}&state=failed')
    drag(page, 'SiteHourly@2026111000', 'SiteHourly@2026111200')
    assert page.url.endswith('&state=failed&process=SiteHourly&first=2026111000&last=2026111223')

    page.reload()
    expect(page.locator('#r-map .is-sel')).to_have_count(3)
    expect(page.locator('[data-count]')).to_have_text('3 days, 72 hours')
    page.keyboard.press('ArrowRight')  # Leads into the map, to the selection.
    assert focused(page).startswith('SiteHourly@2026111000')
    page.keyboard.press('Shift+ArrowRight')
    expect(page.locator('[data-count]')).to_have_text('2 days, 48 hours')

    page.get_by_role('link', name='Clear').click()
    expect(page.locator('#r-map .is-sel')).to_have_count(0)
    expect(page.get_by_role('link', name='Clear')).to_be_hidden()
    assert page.url.endswith('&state=failed')


def test_a_selection_stays_while_the_page_is_live(page: Page) -> None:
    page.goto(MONTH)
    drag(page, 'SiteHourly@2026111000', 'SiteHourly@2026111200')

    page.evaluate('document.getElementById("r-map").tBodies[0].lastElementChild.remove()')
    page.evaluate('document.dispatchEvent(new Event("visibilitychange"))')

    expect(cell(page, 'AlertDaily@2026112200')).to_be_visible()
    expect(page.locator('#r-map .is-sel')).to_have_count(3)


def test_what_is_chosen_is_explained_below_the_map(page: Page) -> None:
    page.goto(MONTH)
    cell(page, 'SiteDaily@2026112200').focus()
    expect(page.locator('#r-cell')).to_contain_text('waits for child SiteHourly@2026112209')

    drag(page, 'SiteHourly@2026112000', 'SiteHourly@2026112300')
    expect(page.locator('#r-cell')).to_contain_text('4 days, 96 hours, 81 done')
    assert findings(page) == []

    page.keyboard.press('Escape')
    expect(page.locator('#r-cell')).to_contain_text('choose a cell')


def test_enter_drills_down_to_the_interval_and_backspace_leads_up(page: Page) -> None:
    page.goto('/t/AlertDaily?z=year&at=2026')
    page.keyboard.press('ArrowUp')
    assert focused(page) == 'AlertDaily@2026112200'  # It is blocked.
    page.keyboard.press('Enter')
    page.wait_for_url(re.compile('z=day&at=20261122'))
    cell(page, 'AlertDaily@2026112200').focus()
    page.keyboard.press('Enter')
    page.wait_for_url('**/i/AlertDaily/2026112200')

    page.goto('/t/AlertDaily?z=day&at=20261122')
    for zoom in ('month', 'year', 'all'):
        page.keyboard.press('Backspace')
        page.wait_for_url(re.compile(f'z={zoom}'))


def test_why_leads_to_the_interval_that_tells(page: Page) -> None:
    page.goto('/t/SiteHourly?z=year&at=2026')
    cell(page, 'SiteHourly@2026112200').focus()
    page.keyboard.press('.')
    page.wait_for_url('**/i/SiteHourly/2026112209#r-why')

    page.goto('/t/alert?z=month&at=202611')
    cell(page, 'AlertDaily@2026112200').focus()
    page.keyboard.press('.')
    page.wait_for_url('**/i/AlertDaily/2026112200#r-why')


def test_keys_are_left_to_fields(page: Page) -> None:
    page.goto(MONTH)
    page.locator('#bulk [name=first]').fill('2026')
    for key in ('Backspace', 'ArrowLeft', 'r', 'x'):
        page.keyboard.press(key)

    expect(page.locator('#bulk [name=first]')).to_be_focused()
    assert page.url.endswith(MONTH)


@pytest.mark.parametrize(
    ('key', 'place'),
    [
        ('r', '/change/reprocess?process=SiteHourly&first=2026112209'),
        ('s', '/change/skip?process=SiteHourly&first=2026112209'),
        ('.', '/i/SiteHourly/2026112209#r-why'),
    ],
)
@pytest.mark.parametrize('address', ['/', '/search?q=process:site*+state:failed', '/dead'])
def test_keys_act_on_the_row_of_a_list(page: Page, address: str, key: str, place: str) -> None:
    page.goto(address)
    page.keyboard.press(key)  # No row is chosen yet.
    page.keyboard.press('j')
    page.keyboard.press(key)

    page.wait_for_url(f'**{place}')


@pytest.mark.parametrize('state', ['failed', 'due'])
def test_a_filter_is_a_link_that_leaves_all_readable(page: Page, state: str) -> None:
    page.goto('/t/site?z=day&at=20261122')
    page.locator(f'.legend a[href$="state={state}"]').click()
    page.wait_for_url(f'**&state={state}')

    assert page.locator('#r-map td.dim').count() > 0
    for theme in ('light', 'dark'):
        page.emulate_media(color_scheme='dark' if theme == 'dark' else 'light')
        assert findings(page) == []


@pytest.mark.parametrize('width', [1281, 1440, 1920])
def test_a_year_fits(served: str, chromium: Browser, width: int) -> None:
    page = chromium.page(served, (width, 900))
    page.goto('/t/site?z=year&at=2024')

    across, room = page.evaluate(
        '(box => [box.scrollWidth, box.clientWidth])(document.querySelector(".box"))'
    )
    chromium.close_pages()

    assert across <= room


@pytest.mark.parametrize('zoom', ['day', 'month', 'year'])
def test_a_phone_shows_what_failed_and_the_labels(
    served: str, chromium: Browser, zoom: str
) -> None:
    page = chromium.page(served, NARROW)
    page.goto(f'/t/SiteHourly?z={zoom}&at=20261122')

    failed = page.locator('#r-map td.held').bounding_box()
    label = page.locator('#r-map td.wide .lb').first.bounding_box()
    chromium.close_pages()

    assert failed is not None
    assert label is not None
    assert 80 < failed['x'] < NARROW[0] - failed['width']
    assert 80 < label['x'] < 160
