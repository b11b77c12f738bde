"""Names in texts lead to their pages, and nothing else in them becomes HTML."""

from __future__ import annotations

from synergy.mx.web.links import linked
from tests.mx.dashboard_harness import DashboardHarness


def test_intervals_and_requests_are_links() -> None:
    text = str(linked('waits for child Site-Hourly@2026112209 (failed and held); request 3f9c0a1b'))

    assert '<a class="link" href="/i/Site-Hourly/2026112209">Site-Hourly@2026112209</a>' in text
    assert '<a class="link tp" href="/requests/3f9c0a1b">3f9c0a1b</a>' in text


def test_texts_of_others_stay_texts() -> None:
    text = str(linked('<b>x@2026112209</b> a@1 "quoted" request <i>'))

    assert '<b>' not in text
    assert '&lt;b&gt;' in text
    assert 'a@1' in text
    assert text.count('<a ') == 1


def test_the_chain_of_a_wait_is_walked_by_its_links(pages: DashboardHarness) -> None:
    text = pages.get('/i/SiteDaily/2026112200').text

    assert '<a class="link" href="/i/SiteHourly/2026112209">SiteHourly@2026112209</a>' in text
