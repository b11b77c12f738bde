"""Strips of intervals: one stop for the Tab key, one target for a finger."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from synergy.mx.live.feed import QUIET_READ_SECONDS
from tests.mx.browser import NARROW, Browser, Server
from tests.mx.dashboard_harness import DashboardHarness
from tests.mx.test_browser_live import follow, let_read

STOPS = """() => [...document.querySelectorAll('.strip')].map((strip) => {
    const cells = [...strip.querySelectorAll('a.c')];
    return cells.filter((cell) => cell.tabIndex === 0).map((cell) => cell.dataset.k);
})"""
FINGER = 24  # Source: WCAG 2.2, 2.5.8, target size (minimum).


def test_a_strip_is_one_stop_and_arrows_lead_along_it(pages: DashboardHarness, page: Page) -> None:
    follow(page, '/')
    stops = page.evaluate(STOPS)
    assert [len(found) for found in stops] == [1] * 5
    newest = page.locator('.strip').last.locator('a.c').last
    assert stops[-1] == [newest.get_attribute('data-k')]

    newest.focus()
    page.keyboard.press('ArrowLeft')
    page.keyboard.press('ArrowLeft')
    before = page.locator('.strip').last.locator('a.c').nth(-3)
    expect(before).to_be_focused()
    let_read(pages, page, QUIET_READ_SECONDS + 1)

    expect(before).to_be_focused()
    assert [len(found) for found in page.evaluate(STOPS)] == [1] * 5
    assert page.evaluate(STOPS)[-1] == [before.get_attribute('data-k')]
    page.keyboard.press('End')
    expect(newest).to_be_focused()
    page.keyboard.press('Home')
    expect(page.locator('.strip').last.locator('a.c').first).to_be_focused()


def test_a_finger_meets_the_strip_as_a_whole(served: Server, chromium: Browser) -> None:
    page = chromium.page(served.address, NARROW, has_touch=True)
    page.goto('/')
    strip = page.locator('.strip', has=page.locator('[data-k^="SiteHourly@"]')).first
    strip.scroll_into_view_if_needed()
    box = strip.locator('.whole').bounding_box()
    assert box is not None
    assert box['height'] >= FINGER
    assert box['width'] >= FINGER

    page.touchscreen.tap(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)

    page.wait_for_url('**/t/SiteHourly?at=*')
    chromium.close_pages()


def test_without_scripts_every_cell_is_a_stop(served: Server, chromium: Browser) -> None:
    page = chromium.page(served.address, java_script_enabled=False)
    page.goto('/')

    assert page.locator('.strip a.c').count() > 5
    assert page.locator('.strip a.c[tabindex]').count() == 0
    chromium.close_pages()
