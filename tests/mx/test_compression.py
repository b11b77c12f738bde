"""Answers as they travel: compressed where that is offered, and no help to whoever guesses."""

from __future__ import annotations

import gzip
import re

import pytest

from synergy.mx.web.compression import BYTES_MIN
from synergy.mx.web.page_cache import LIVE_HEADER
from synergy.mx.web.security import Sessions
from tests.mx.dashboard_harness import NOW, DashboardHarness

PACKED = {'Accept-Encoding': 'gzip'}
TOKEN = re.compile(rb'name="form_token" value="[0-9a-f]+"')


@pytest.mark.parametrize(
    'address',
    ['/', '/processes', '/search?q=state:failed', '/i/SiteHourly/2026112209',
     '/api/v1/jobs', '/api/v1/openapi.json'],
)  # fmt: skip
def test_an_answer_is_compressed_for_whoever_reads_that(
    pages: DashboardHarness, address: str
) -> None:
    plain, packed = pages.get(address), pages.get(address, **PACKED)
    refusing = pages.get(address, **{'Accept-Encoding': 'gzip;q=0'})

    assert 'Content-Encoding' not in plain.headers
    assert 'Content-Encoding' not in refusing.headers
    assert packed.headers['Content-Encoding'] == 'gzip'
    assert int(packed.headers['Content-Length']) == len(packed.data) < len(plain.data) / 2
    assert TOKEN.sub(b'', gzip.decompress(packed.data)) == TOKEN.sub(b'', plain.data)
    for answer in (plain, packed):
        assert 'Accept-Encoding' in answer.headers['Vary']
        assert 'Cookie' in answer.headers['Vary']
        assert answer.headers['Cache-Control'] == 'no-store'


def test_what_is_small_stays_as_it_is(pages: DashboardHarness) -> None:
    answer = pages.get('/api/v1/jobs/SiteHourly/2026112299', **PACKED)

    assert 0 < len(answer.data) < BYTES_MIN
    assert 'Content-Encoding' not in answer.headers


def test_events_are_never_held_back(pages: DashboardHarness) -> None:
    answer = pages.client.get('/events', headers={'Host': 'localhost', **PACKED}, buffered=False)

    assert b'hello' in next(iter(answer.response))
    assert 'Content-Encoding' not in answer.headers
    answer.close()


def test_what_has_not_changed_is_not_sent_again_either_way(pages: DashboardHarness) -> None:
    tag = pages.get('/api/v1/jobs').headers['ETag']

    for headers in ({}, PACKED):
        answer = pages.get('/api/v1/jobs', **headers, **{'If-None-Match': tag})

        assert (answer.status_code, answer.data) == (304, b'')
        assert 'Content-Encoding' not in answer.headers


@pytest.mark.parametrize('headers', [{}, {LIVE_HEADER: '1'}])
@pytest.mark.parametrize('site', ['cross-site', 'same-site'])
def test_nothing_is_compressed_for_a_page_of_another_site(
    pages: DashboardHarness, site: str, headers: dict[str, str]
) -> None:
    answer = pages.get('/', **PACKED, **headers, **{'Sec-Fetch-Site': site})

    assert 'Content-Encoding' not in answer.headers


def test_the_form_token_is_the_same_within_an_answer_and_another_in_the_next(
    pages: DashboardHarness,
) -> None:
    first, second = (set(TOKEN.findall(pages.get('/processes').data)) for _ in range(2))

    assert len(first) == len(second) == 1
    assert first != second


def test_each_spelling_of_a_form_token_is_of_its_session_alone() -> None:
    sessions = Sessions('secret', NOW - NOW)
    mine, other = sessions.write('anna')[0], sessions.write('anna')[0]
    spelled = [sessions.form_token(mine) for _ in range(20)]

    assert len({token[:64] for token in spelled} | {token[64:] for token in spelled}) == 40
    assert all(sessions.is_form_token(mine, token) for token in spelled)
    assert not any(sessions.is_form_token(other, token) for token in spelled)
    for wrong in (None, '', '00', 'é', 'x' * 128, '00' * 64, spelled[0][:-2], spelled[0] + '00'):
        assert not sessions.is_form_token(mine, wrong)
