"""Timeperiods as people write them: pages, search and API. It is 2026-11-23 12:17 there."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.mx.dashboard_harness import DashboardHarness
from tests.mx.test_api_gaps import ask, read


@pytest.mark.parametrize(
    ('text', 'place'),
    [
        ('SiteHourly 2026-11-22 09', '/i/SiteHourly/2026112209'),
        ('SiteHourly@2026-11-22T09', '/i/SiteHourly/2026112209'),
        ('sitedaily yesterday', '/i/SiteDaily/2026112200'),
        ('yesterday SiteDaily', '/i/SiteDaily/2026112200'),
        ('process:SiteHourly yesterday 09', '/i/SiteHourly/2026112209'),
        ('SiteHourly last hour', '/i/SiteHourly/2026112311'),
        ('SiteDaily 20261122', '/i/SiteDaily/2026112200'),
    ],
)
def test_a_search_for_one_interval_leads_to_it(
    pages: DashboardHarness, text: str, place: str
) -> None:
    answer = pages.get(f'/search?q={quote(text)}')

    assert answer.status_code == 302
    assert answer.location == place


@pytest.mark.parametrize(
    ('text', 'beginning'),
    [
        ('2026-11-22', '20261122'),
        ('yesterday', '20261122'),
        ('SiteHourly yesterday', '20261122'),
        ('process:site* 2026-11-22 09', '2026112209'),
        ('this month state:processed', '202611'),
        ('2026112', '2026112'),
    ],
)
def test_a_search_for_a_span_finds_what_lies_in_it(
    pages: DashboardHarness, text: str, beginning: str
) -> None:
    found = read(pages, f'/search?q={quote(text)}')['items']

    assert found
    assert all(item['timeperiod'].startswith(beginning) for item in found)


def test_since_takes_a_timeperiod_of_one_word(pages: DashboardHarness) -> None:
    for word in ('yesterday', '2026-11-22', '2026-11-22T00', '20261122'):
        found = read(pages, f'/search?q=process:SiteDaily since:{word}')['items']
        assert [item['timeperiod'] for item in found] == ['2026112300', '2026112200'], word


@pytest.mark.parametrize(
    ('text', 'part'),
    [
        ('SiteHourly 2026-13', 'is neither a timeperiod nor something to search by'),
        ('SiteHourly last weak', 'last month'),
        ('since:soon', 'neither a length of time nor a timeperiod'),
    ],
)
def test_what_a_search_cannot_read_is_said(pages: DashboardHarness, text: str, part: str) -> None:
    answer = pages.get(f'/search?q={quote(text)}')

    assert answer.status_code == 400
    assert part in answer.text


def test_an_interval_has_one_address_however_it_is_written(pages: DashboardHarness) -> None:
    for text in ('2026-11-22 09', '2026-11-22T09:00:00Z', 'yesterday 09'):
        answer = pages.get(f'/i/SiteHourly/{quote(text)}')
        assert (answer.status_code, answer.location) == (302, '/i/SiteHourly/2026112209')
        found = read(pages, f'/jobs/SiteHourly/{quote(text)}')
        assert found['timeperiod'] == '2026112209'
        assert read(pages, f'/jobs/SiteHourly/{quote(text)}/why')['causes']


def test_forms_and_queries_take_what_people_write(pages: DashboardHarness) -> None:
    shown = pages.get('/change/reprocess?process=SiteDaily&first=2026-11-20&last=2026-11-21')
    assert 'value="2026112000"' in shown.text
    assert 'value="2026112100"' in shown.text
    assert pages.get('/t/site?z=day&at=yesterday').status_code == 200


def test_queries_and_requests_take_what_people_write(pages: DashboardHarness) -> None:
    items = read(pages, '/jobs?process=SiteDaily&start=2026-11-21&end=yesterday')['items']
    assert [item['timeperiod'] for item in items] == ['2026112100']
    plan = read(pages, '/preview?kind=reprocess&process=SiteDaily&start=2026-11-20&end=2026-11-22')
    body = {'process': 'SiteDaily', 'start': '3 days ago', 'end': 'yesterday', 'reason': 'late'}
    answer = ask(pages, '/requests', body)
    assert answer.status_code == 202, answer.text
    assert answer.json is not None
    assert (answer.json['start_timeperiod'], answer.json['end_timeperiod']) == (
        '2026112000',
        '2026112200',
    )
    assert plan['plan_hash']


@pytest.mark.parametrize(
    ('address', 'status', 'part'),
    [
        ('/jobs/SiteHourly/2026-11-22', 400, 'the whole day is 2026112200 --to 2026112300'),
        ('/jobs/SiteDaily/last hour', 400, 'give its day, 2026-11-23'),
        ('/jobs/SiteDaily/22.11.2026', 404, 'the year comes first, then hyphens'),
        ('/jobs?start=22/11/2026', 400, 'the year comes first, then hyphens'),
        ('/jobs?cursor=SiteDaily@yesterday', 400, 'next_cursor'),
        ('/preview?process=SiteDaily&start=2026-11-20&end=soon', 404, 'last month'),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_can_be(
    pages: DashboardHarness, address: str, status: int, part: str
) -> None:
    answer = pages.get(f'/api/v1{quote(address, safe="/?=&@")}')

    assert answer.status_code == status
    assert part in answer.text
