"""The chart of how long runs took, in a real browser: drawn by uPlot under the strict policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page

from tests.mx.browser import NARROW, WIDE, Browser, Server, findings
from tests.mx.dashboard_harness import DashboardHarness, seed
from tests.pipelines.pages import HOSTILE

HOUR_PAGE = '/i/SiteHourly/2026112208'
RUNNING_PAGE = '/i/SiteHourly/2026112310'
#: Pixels of the canvas that are not empty, and the sum of all: another drawing, another sum.
INK = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0, sum = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3]) { count += 1; sum += data[at] + data[at + 1] + data[at + 2]; }
  }
  return [count, sum];
}"""


@pytest.fixture(scope='module')
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DashboardHarness, str]]:
    pages = DashboardHarness(tmp_path_factory.mktemp('pages'))
    seed(pages)
    server = Server(pages.app)
    yield pages, server.address
    server.close()
    pages.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def tab(
    stage: tuple[DashboardHarness, str], chromium: Browser, complaints: list[str]
) -> Iterator[Page]:
    page = chromium.page(stage[1])
    page.on('console', lambda message: complaints.append(message.text))
    yield page
    chromium.close_pages()


def canvas_of(page: Page) -> Locator:
    page.wait_for_selector('.is-drawn .plot canvas')
    return page.locator('.plot canvas')


def data_of(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.get_attribute('[data-dots]', 'data-dots') or '')
    return found


def test_points_are_drawn_and_the_policy_is_kept(
    tab: Page, chromium: Browser, complaints: list[str]
) -> None:
    for address in (HOUR_PAGE, '/t/SiteHourly'):
        tab.goto(address)

        count, _ = canvas_of(tab).evaluate(INK)

        assert count > 2000
        assert not tab.locator('svg.dots').is_visible(), 'one drawing is enough'
    assert complaints == [], 'nothing was refused by the Content-Security-Policy'
    assert chromium.errors == []
    assert chromium.outside == []


def test_a_point_under_the_mouse_tells_more_and_leads_to_its_interval(tab: Page) -> None:
    tab.goto(HOUR_PAGE)
    canvas_of(tab)
    box = tab.locator('.plot .u-over').bounding_box()
    assert box is not None
    data = data_of(tab)
    at, seconds = data['at'].split(' ')[0], data['y'][0]
    x = box['x'] + box['width'] * 0.01 / 1.02
    y = box['y'] + box['height'] * (1 - seconds / data['top'])

    tab.mouse.move(x, y)

    tip = tab.locator('.plot .tip')
    assert tip.inner_text().split('\n') == [f'SiteHourly {at}', f'{seconds:.0f} s, processed']
    tab.mouse.click(x, y)
    tab.wait_for_url(f'**/i/SiteHourly/{at}')


def test_nothing_is_told_far_from_every_point(tab: Page) -> None:
    tab.goto(HOUR_PAGE)
    canvas_of(tab)
    box = tab.locator('.plot .u-over').bounding_box()
    assert box is not None

    tab.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] * 0.95)

    assert tab.locator('.plot .tip').is_hidden()


def test_arrows_move_from_run_to_run_and_enter_opens_one(tab: Page) -> None:
    tab.goto(HOUR_PAGE)
    canvas_of(tab)
    link = tab.locator('.plot .at')

    link.focus()

    assert '2026112208' in (link.get_attribute('aria-label') or '')
    tab.keyboard.press('ArrowLeft')
    assert '2026112207' in (link.get_attribute('aria-label') or '')
    assert '2026112207' in tab.locator('#note').inner_text()
    tab.keyboard.press('Home')
    first = data_of(tab)['at'].split(' ')[0]
    assert first in tab.locator('.plot .tip').inner_text()
    tab.keyboard.press('ArrowLeft')
    assert first in (link.get_attribute('aria-label') or '')
    tab.keyboard.press('Enter')
    tab.wait_for_url(f'**/i/SiteHourly/{first}')


def test_arrows_of_the_chart_leave_the_map_alone(tab: Page) -> None:
    tab.goto('/t/SiteHourly?z=day&at=20261122')
    canvas_of(tab)
    link = tab.locator('.plot .at')
    link.focus()

    tab.keyboard.press('ArrowLeft')

    assert link.evaluate('link => link === document.activeElement')


def test_another_theme_is_another_drawing(tab: Page) -> None:
    tab.emulate_media(color_scheme='light')
    tab.goto(HOUR_PAGE)
    canvas = canvas_of(tab)
    tab.wait_for_timeout(100)
    _, light = canvas.evaluate(INK)

    tab.emulate_media(color_scheme='dark')

    tab.wait_for_function(
        f'sum => ({INK})(document.querySelector(".plot canvas"))[1] !== sum', arg=light
    )


def test_a_live_update_is_drawn_and_keeps_the_point_that_one_looks_at(
    tab: Page, stage: tuple[DashboardHarness, str]
) -> None:
    pages, _ = stage
    tab.goto(RUNNING_PAGE)
    canvas_of(tab)
    before = data_of(tab)
    link = tab.locator('.plot .at')
    link.focus()
    tab.keyboard.press('Home')
    label = link.get_attribute('aria-label')

    pages.runtime.clock.advance(timedelta(seconds=20))

    tab.wait_for_function(
        'old => JSON.parse(document.querySelector("[data-dots]").dataset.dots).y.at(-1) > old',
        arg=before['y'][-1],
    )
    assert link.get_attribute('aria-label') == label
    assert link.evaluate('link => link === document.activeElement')
    tab.keyboard.press('End')
    assert ', running' in (link.get_attribute('aria-label') or '')


def test_a_name_that_looks_like_markup_is_only_told(tab: Page, chromium: Browser) -> None:
    tab.goto(HOUR_PAGE)
    canvas_of(tab)
    data = {**data_of(tab), 'process': HOSTILE}

    tab.locator('[data-dots]').evaluate(
        '(source, data) => { source.dataset.dots = data; }', json.dumps(data)
    )
    tab.locator('.plot .at').focus()

    tab.wait_for_function('document.querySelector(".tip").textContent.includes("alert(1)")')
    assert tab.locator('.plot script').count() == 0
    href = tab.locator('.plot .at').evaluate('link => link.href')
    assert urlsplit(href).path.startswith('/i/%3Cscript')
    assert chromium.errors == []


@pytest.mark.parametrize('size', [WIDE, NARROW], ids=['wide', 'narrow'])
@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_it_is_in_nobodys_way(
    stage: tuple[DashboardHarness, str], chromium: Browser, size: tuple[int, int], theme: Any
) -> None:
    page = chromium.page(stage[1], size, color_scheme=theme, reduced_motion='reduce')
    page.goto(HOUR_PAGE)
    canvas_of(page)
    page.locator('.plot .at').focus()

    assert findings(page) == []
    assert page.evaluate('document.documentElement.scrollWidth') <= size[0]
    assert page.evaluate('document.getAnimations().length') == 0
    tip = page.locator('.plot .tip').bounding_box()
    assert tip is not None
    assert tip['x'] >= 0
    assert tip['x'] + tip['width'] <= size[0]
    chromium.close_pages()


def test_a_window_that_is_made_smaller_gets_a_smaller_chart(tab: Page) -> None:
    tab.goto(HOUR_PAGE)
    canvas_of(tab)

    tab.set_viewport_size({'width': NARROW[0], 'height': NARROW[1]})

    tab.wait_for_function('document.querySelector(".plot canvas").clientWidth <= 390')
    assert tab.evaluate('document.documentElement.scrollWidth') <= NARROW[0]


def test_without_scripts_the_same_is_there_as_a_drawing(
    stage: tuple[DashboardHarness, str], chromium: Browser
) -> None:
    page = chromium.page(stage[1], java_script_enabled=False)
    page.goto(HOUR_PAGE)

    drawing = page.locator('svg.dots')

    assert drawing.is_visible()
    assert 'How long 200 runs of SiteHourly took.' in (drawing.get_attribute('aria-label') or '')
    assert page.locator('.plot').is_hidden()
    chromium.close_pages()
