"""Every page in a real browser: wide and narrow, light and dark, with nothing in anyone's way.

Pictures of all pages, for people to look at, are written to the folder that
SYNERGY_TEST_SCREENSHOTS names; they take as long as all the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pytest
from playwright.sync_api import FloatRect, Page, expect

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.mx.routes import ROUTES
from tests.mx.addresses import address_of
from tests.mx.browser import NARROW, WIDE, Browser, Rules, Server, findings
from tests.mx.dashboard_harness import DashboardHarness, seed

Theme: TypeAlias = Literal['light', 'dark']
FOLDER: Final = os.environ.get('SYNERGY_TEST_SCREENSHOTS')
_NO_PAGES = ('/api/', '/static', '/events', '/scheduler', '/metrics')
ADDRESSES = {
    **{
        route.endpoint: address_of(route)
        for route in ROUTES
        if route.method == 'GET' and not route.rule.startswith(_NO_PAGES)
    },
    'api': '/api/v1/',
    'heatmap': '/t/site?z=year&at=2026',
    'heatmap_all': '/t/site?z=all',
    'heatmap_month': '/t/site?z=month&at=202611',
    'heatmap_day': '/t/site?z=day&at=20261122',
    'interval_blocked': '/i/SiteDaily/2026112200',
    'interval_running': '/i/SiteHourly/2026112310',
    'search': '/search?q=process:site*+state:failed',
    'missing': '/t/nothing',
}
#: What the themes are examined for: the second differs from the first in colours only.
THEMES: Final[dict[Theme, Rules]] = {
    'light': Rules.ALL,
    'dark': Rules.CONTRAST,
}
PICTURE_HEIGHT_MAX: Final = 6000
#: The smallest phone.
SMALLEST: Final = 320, 640


@pytest.fixture(scope='module')
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a dashboard with a history."""
    pages = DashboardHarness(tmp_path_factory.mktemp('pages'))
    pages.foresees = True
    seed(pages)
    day = pages.key('SiteDaily', '2026112100')
    asked = Command(
        id=CommandId('long'),
        kind=CommandKind.REPROCESS,
        process=day.process,
        start=day.timeperiod,
        end=day.timeperiod.shift(1),
        actor='anna',
        reason='withoutanyblank' * 25,
        created_at=pages.runtime.clock.now(),
    )
    pages.store.insert_command(asked)
    server = Server(pages.app)
    yield server.address
    server.close()
    pages.close()


@pytest.fixture(scope='module')
def tab(served: str, chromium: Browser) -> Iterator[Page]:
    yield chromium.page(served, SMALLEST, reduced_motion='reduce')
    chromium.close_pages()


def _resize(tab: Page, size: tuple[int, int]) -> None:
    tab.set_viewport_size({'width': size[0], 'height': size[1]})


def _across(tab: Page) -> int:
    return int(tab.evaluate('document.documentElement.scrollWidth'))


def _picture(tab: Page, width: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height = min(tab.evaluate('document.documentElement.scrollHeight'), PICTURE_HEIGHT_MAX)
    clip: FloatRect = {'x': 0, 'y': 0, 'width': width, 'height': height}
    tab.screenshot(path=path, full_page=True, clip=clip)


@pytest.mark.parametrize('name', ADDRESSES)
def test_a_page_is_whole_on_every_screen_in_both_themes(
    tab: Page, chromium: Browser, name: str
) -> None:
    _resize(tab, SMALLEST)
    tab.goto(ADDRESSES[name])
    across = {SMALLEST[0]: _across(tab)}
    found = []
    # Windows grow: what scripts draw anew is never too wide in between.
    for size in (NARROW, WIDE):
        _resize(tab, size)
        for theme, rules in THEMES.items():
            tab.emulate_media(color_scheme=theme)
            if FOLDER is not None:
                _picture(tab, size[0], Path(FOLDER) / f'{name}-{theme}-{size[0]}.png')
            found += [f'{size[0]} {theme}: {finding}' for finding in findings(tab, rules)]
        across[size[0]] = _across(tab)

    assert found == []
    too_wide = {width: needed for width, needed in across.items() if needed > width}
    assert too_wide == {}, 'the page scrolls sideways'
    assert chromium.errors == []
    assert chromium.outside == []


def test_of_a_long_page_each_sort_of_element_is_looked_at(served: str, chromium: Browser) -> None:
    page = chromium.page(served)
    page.goto('/logs')
    rows = ''.join(f'<p class="row">line {number}</p>' for number in range(1100))
    page.evaluate('text => { document.querySelector("main").innerHTML += text }', rows)

    assert findings(page) == []
    # By a script, for no page may bring styles of its own.
    page.locator('.row').nth(600).evaluate('row => { row.style.color = "#bbb" }')
    (found,) = findings(page)
    assert 'color-contrast' in found
    assert 'line 600' in found
    chromium.close_pages()


def test_the_theme_can_be_chosen_against_the_system(served: str, chromium: Browser) -> None:
    page = chromium.page(served, color_scheme='light')
    page.goto('/')
    light = page.evaluate('getComputedStyle(document.body).backgroundColor')

    page.get_by_role('button', name='Dark').click()

    page.wait_for_selector('html[data-theme=dark]')
    assert page.evaluate('getComputedStyle(document.body).backgroundColor') != light
    chromium.close_pages()


def test_a_search_is_completed_word_by_word(served: str, chromium: Browser) -> None:
    page = chromium.page(served)
    page.goto('/')
    offered = "() => [...document.querySelector('#q').list.options].map((option) => option.value)"
    assert 'process:SiteHourly' in page.evaluate(offered)

    page.fill('#q', 'process:site* sta')
    then = page.evaluate(offered)
    assert 'process:site* state:failed' in then
    assert all(text.startswith('process:site* ') for text in then)
    assert not any('process:Site' in text for text in then)
    page.fill('#q', 'process:site* state:failed si')
    assert 'process:site* state:failed since:3d' in page.evaluate(offered)
    page.fill('#q', 'st')

    assert 'state:failed' in page.evaluate(offered)
    page.goto('/search?q=state:failed')
    assert 'state:failed' in page.evaluate(offered.replace('#q', '#q2'))
    chromium.close_pages()
    assert chromium.errors == []


def test_a_short_page_does_not_scroll(served: str, chromium: Browser) -> None:
    page = chromium.page(served)
    page.goto('/logs')

    assert page.evaluate('document.documentElement.scrollHeight') == WIDE[1]
    chromium.close_pages()


@pytest.mark.parametrize(
    ('address', 'labels'),
    [
        ('/config', {'depends on', 'starts', 'ends', 'trigger', 'machine', 'blocking', 'queue'}),
        ('/runs', {'run', 'lease until'}),
    ],
)
def test_values_have_names_on_a_phone(
    served: str, chromium: Browser, address: str, labels: set[str]
) -> None:
    page = chromium.page(served, NARROW)
    page.goto(address)
    seen = page.evaluate(
        """() => [...document.querySelectorAll('.stack .lb')].map((cell) =>
            getComputedStyle(cell, '::before').content.replaceAll('"', '').trim())"""
    )

    assert labels <= set(seen)
    chromium.close_pages()


def test_the_theme_can_be_chosen_on_a_phone(served: str, chromium: Browser) -> None:
    page = chromium.page(served, NARROW, color_scheme='light')
    page.goto('/')

    page.get_by_role('button', name='Dark').click()

    page.wait_for_selector('html[data-theme=dark]')
    chromium.close_pages()


def test_nothing_moves_for_those_who_asked_for_that(served: str, chromium: Browser) -> None:
    page = chromium.page(served, reduced_motion='reduce')
    page.goto('/')
    page.locator('.strip .c').first.evaluate('cell => cell.classList.add("is-new")')

    moving = page.evaluate('document.getAnimations().length')

    assert moving == 0
    chromium.close_pages()


def test_nothing_is_promised_that_only_scripts_do(served: str, chromium: Browser) -> None:
    seen = []
    for has_scripts in (True, False):
        page = chromium.page(served, java_script_enabled=has_scripts)
        page.goto('/t/site?z=day&at=20261122')
        if has_scripts:
            expect(page.locator('[data-status-word]')).to_have_text('Live')
        hints = page.locator('main kbd, .keys, .keyhint, .by-key')
        dot = page.locator('[data-status] i').evaluate('dot => getComputedStyle(dot).background')
        seen.append((any(hint.is_visible() for hint in hints.all()), dot))
    chromium.close_pages()

    assert [are_hints_shown for are_hints_shown, _ in seen] == [True, False]
    assert seen[0][1] != seen[1][1]


def test_every_page_can_be_read_without_scripts(served: str, chromium: Browser) -> None:
    page = chromium.page(served, java_script_enabled=False)
    for name, address in ADDRESSES.items():
        page.goto(address)
        assert page.locator('main h1').first.inner_text().strip(), name
    chromium.close_pages()


@pytest.mark.parametrize(
    'address', ['/change/reprocess?process=SiteHourly&first=2026111000', '/graph']
)
def test_a_drawing_of_four_levels_fits(served: str, chromium: Browser, address: str) -> None:
    page = chromium.page(served)
    page.goto(address)
    room = '(box) => box.scrollWidth - box.clientWidth'

    assert page.locator('.casc').get_attribute('data-cols') == '4'
    assert page.locator('.box:has(.casc)').evaluate(room) == 0

    # On a phone it scrolls, and does not shrink to what nobody can read.
    page.set_viewport_size({'width': NARROW[0], 'height': NARROW[1]})
    assert page.locator('.box:has(.casc)').evaluate(room) > 0
    assert page.locator('.casc').evaluate('(drawing) => drawing.clientWidth') >= 640
    chromium.close_pages()
