"""The dashboard with what others may have written, and headers that are not what they should be."""

from __future__ import annotations

import json
import logging
import re

import pytest

from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.mx.web.address import site_named_in
from synergy.operations.credentials import user_of
from tests import nasty_texts
from tests.mx.dashboard_harness import NOW, PASSWORD, DashboardHarness

NASTY = 'A\x1b[2JB\x9b31mC\x08D\u202eE\u2066F\u200bG\u2028\x85H\ufeff\x7fI'
RAW = re.compile(
    '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]'
)
MALFORMED = [
    'http://[',
    'http://[::1/',
    'http://localhost:no/',
    'http://localhost:99999/',
    '//[x]y/',
]


@pytest.fixture
def soiled(pages: DashboardHarness) -> DashboardHarness:
    nasty_texts.write(pages.store, NASTY, NOW, request='b1b2c3d4e5f6', box_id='other')
    logs = pages.runtime.settings.log_directory
    (logs / 'mx.log').write_text(f'{NASTY}\nlistens\n')
    return pages


@pytest.mark.parametrize(
    'address', ['/', '/requests', '/requests/b1b2c3d4e5f6', '/audit', '/boxes', '/health', '/dead']
)
def test_a_page_shows_what_would_hide_or_turn_letters(
    soiled: DashboardHarness, address: str
) -> None:
    answer = soiled.get(address)

    assert answer.status_code == 200
    assert RAW.search(answer.text) is None


def test_the_number_stands_where_the_character_was(soiled: DashboardHarness) -> None:
    assert r'B\x9b31mC\x08D\u202eE\u2066F\u200bG' in soiled.get('/requests/b1b2c3d4e5f6').text


def test_names_of_users_are_shown_too(soiled: DashboardHarness) -> None:
    user = user_of('anna', Role.ADMIN, PASSWORD, NOW)
    soiled.store.add_user(replace(user, name=f'x{NASTY}'))
    soiled.add_user('admin', Role.ADMIN)
    soiled.log_in('admin')

    assert RAW.search(soiled.get('/users').text) is None


def test_the_api_gives_texts_as_they_are_and_valid(soiled: DashboardHarness) -> None:
    found = json.loads(soiled.get('/api/v1/requests/b1b2c3d4e5f6').data)

    assert found['reason'] == NASTY


@pytest.mark.parametrize('value', MALFORMED)
@pytest.mark.parametrize('header', ['Referer', 'Origin'])
def test_a_malformed_header_is_foreign_and_leaves_no_trace_in_the_log(
    pages: DashboardHarness, header: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    form = {'process': 'SiteHourly', 'first': '2026112209', 'reason': 'why'}

    with caplog.at_level(logging.INFO):
        answer = pages.post('/change/reprocess', form, **{header: value})
        failed = pages.post('/change/reprocess', {'form_token': 'x'}, **{header: value})
        looked = pages.get('/no/such/page', **{header: value})

    assert answer.status_code == 403
    assert failed.status_code == 403
    assert looked.status_code == 404
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize('host', ['[', '[::1', 'localhost:no', 'a b', 'localhost:99999', '@', ''])
def test_a_malformed_host_is_none_of_ours(pages: DashboardHarness, host: str) -> None:
    answer = pages.client.get('/', headers={'Host': host}, environ_base=pages.place)

    assert answer.status_code in (200, 400)
    assert answer.status_code == 400 or host == ''


def test_a_site_is_named_by_whole_addresses_only() -> None:
    assert site_named_in('https://Host:80/x?y') == 'host:80'
    assert site_named_in('http://[::1]:5000/') == '[::1]:5000'
    assert [site_named_in(url) for url in MALFORMED] == [None] * len(MALFORMED)
    assert site_named_in('http://a\x1b/') is None
