"""Lists that a filter leaves empty say so; those that are empty without one say something else."""

from __future__ import annotations

import html

import pytest

from tests.mx.dashboard_harness import DashboardHarness


@pytest.mark.parametrize(
    ('address', 'said'),
    [
        ('/dead?process=Nobody', "No dead letter matches process 'Nobody'."),
        ('/dead?text=away&interval=running',
         "No dead letter matches interval now 'running' and error 'away'."),
        ('/audit?who=nobody&what=skip', "No change matches who 'nobody' and what 'skip'."),
        ('/freeruns/runs?q=nobody', "No run matches entry 'nobody'."),
        ('/freeruns/runs?q=nobody&state=retrying&state=noop',
         "No run matches entry 'nobody' and state 'between attempts or noop'."),
        ('/search?q=process:nobody', "No interval matches search 'process:nobody'."),
        ('/freeruns?only=failing', 'No free run fails.'),
    ],
)  # fmt: skip
def test_a_filter_that_matches_nothing_is_said(
    pages: DashboardHarness, address: str, said: str
) -> None:
    text = html.unescape(pages.get(address).text)

    assert f'<p>{said}</p>' in text


@pytest.mark.parametrize(
    'address', ['/dead', '/audit', '/freeruns/runs', '/search', '/requests', '/logs']
)
def test_without_a_filter_none_is_blamed(pages: DashboardHarness, address: str) -> None:
    assert ' matches ' not in pages.get(address).text
