"""The HTTP API: lists, pages, ETags, problems, idempotency, and its own description."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from synergy.core.commands import CommandState
from synergy.core.effects import MoveUnit
from synergy.core.states import UnitState
from synergy.mx.api import jobs
from synergy.mx.api.openapi import document
from synergy.mx.api.routes import API_ROUTES
from tests.mx.dashboard_harness import NOW, REQUEST_ID, DashboardHarness

LATE = {'process': 'SiteDaily', 'start': '2026112000', 'reason': 'late'}


def ask(pages: DashboardHarness, address: str, body: Any, key: str | None = 'once') -> TestResponse:
    headers = {'Host': 'localhost'} | ({} if key is None else {'Idempotency-Key': key})
    return pages.client.post(f'/api/v1{address}', json=body, headers=headers)


def test_lists_are_paged_by_cursor(pages: DashboardHarness) -> None:
    seen: list[str] = []
    cursor = ''
    while cursor is not None:
        query = f'process=SiteDaily&limit=30&cursor={cursor}'
        found = pages.get(f'/api/v1/jobs?{query}').json
        assert found is not None
        seen += [item['timeperiod'] for item in found['items']]
        cursor = found['next_cursor']

    assert len(seen) == len(set(seen)) == 84
    assert seen == sorted(seen)


def test_lists_are_filtered(pages: DashboardHarness) -> None:
    found = pages.get('/api/v1/jobs?state=state_in_progress').json

    assert found is not None
    assert [item['timeperiod'] for item in found['items']] == ['2026112209', '2026112310']


def test_what_is_known_already_is_not_sent_again(pages: DashboardHarness) -> None:
    tag = pages.get('/api/v1/processes').headers['ETag']

    answer = pages.get('/api/v1/processes', **{'If-None-Match': tag})

    assert (answer.status_code, answer.data) == (304, b'')


def test_a_request_is_accepted_and_followed(pages: DashboardHarness) -> None:
    preview = pages.get('/api/v1/preview?process=SiteDaily&start=2026112000').json
    assert preview is not None
    body = {'process': 'SiteDaily', 'start': '2026112000', 'reason': 'late'}
    body['plan_hash'] = preview['plan_hash']

    answer = ask(pages, '/requests', body)

    assert answer.status_code == 202
    followed = pages.get(answer.headers['Location'])
    assert followed.json is not None
    assert followed.json['state'] == 'requested'


def test_the_same_key_asks_once(pages: DashboardHarness) -> None:
    body = {'process': 'SiteDaily', 'start': '2026112000', 'reason': 'late'}

    ids = {ask(pages, '/requests', body).json['id'] for _ in range(3)}  # type: ignore[index] # is JSON

    assert len(ids) == 1
    assert len(pages.store.commands((CommandState.REQUESTED,), 9)) == 1


@pytest.mark.parametrize(
    ('address', 'body'),
    [
        ('/requests', {'process': 'SiteDaily', 'start': '2026112100', 'reason': 'late'}),
        ('/requests', {**LATE, 'end': '2026112200'}),
        ('/requests', {'process': 'AlertDaily', 'start': '2026112000', 'reason': 'late'}),
        ('/requests', {**LATE, 'reason': 'later'}),
        ('/requests', {**LATE, 'kind': 'skip'}),
        (f'/requests/{REQUEST_ID}/pause', {'reason': 'late'}),
        ('/processes/SiteDaily/off', {'reason': 'late'}),
        ('/freeruns/Shell::sweep/run', {'reason': 'late'}),
        ('/boxes/dev/drain', {'reason': 'late'}),
        ('/dead/{dead}/retry', {}),
    ],
)
def test_a_key_is_of_one_request(pages: DashboardHarness, address: str, body: Any) -> None:
    first = ask(pages, '/requests', LATE)
    assert first.status_code == 202
    before = pages.dump()

    answer = ask(pages, address.format(dead=pages.store.dead_units(1)[0].id), body)

    assert answer.status_code == 422
    assert answer.json is not None
    assert first.json is not None
    assert first.json['id'] in answer.json['detail']
    assert pages.dump() == before


def test_what_has_removed_itself_can_be_asked_for_again(pages: DashboardHarness) -> None:
    dead = pages.store.dead_units(1)[0]
    first = ask(pages, f'/dead/{dead.id}/retry', {})
    leadership = pages.store.lead('dev:4711', timedelta(days=1))
    assert leadership is not None
    gone = MoveUnit(
        uow_id=dead.id,
        from_state=UnitState.DEAD,
        from_fence=dead.fence,
        to_state=UnitState.CANCELED,
        at=NOW,
    )
    pages.store.commit(leadership, [gone])

    again = ask(pages, f'/dead/{dead.id}/retry', {})

    assert first.json is not None
    assert again.json is not None
    assert again.json['id'] == first.json['id']
    assert ask(pages, f'/dead/{dead.id}/retry', {}, key='another').status_code == 404


def test_a_change_needs_a_key(pages: DashboardHarness) -> None:
    answer = ask(pages, '/freeruns/Shell::sweep/run', {}, key=None)

    assert answer.status_code == 400
    assert 'Idempotency-Key' in answer.text


def test_another_plan_is_a_conflict(pages: DashboardHarness) -> None:
    body = {**LATE, 'plan_hash': 'f00'}

    answer = ask(pages, '/requests', body)

    assert answer.status_code == 409
    assert answer.json is not None
    assert 'plan_hash' in answer.json['advice']


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        ({'process': 'Nobody', 'start': '2026112000', 'reason': 'late'}, 404),
        ({'process': 'SiteDaily', 'start': 'some day', 'reason': 'late'}, 404),
        ({'process': 'SiteDaily', 'reason': 'late'}, 400),
        ({'process': 17, 'start': '2026112000', 'reason': 'late'}, 400),
        ({'process': 'SiteDaily', 'start': '2026112000', 'kind': 'burn', 'reason': 'late'}, 400),
        (
            {'process': 'SiteDaily', 'start': '2026112000', 'end': '2026112000', 'reason': 'late'},
            400,
        ),
        (
            {'process': 'SiteHourly', 'start': '1990010100', 'end': '2200010100', 'reason': 'late'},
            400,
        ),
        (
            {'process': 'SiteHourly', 'start': '2026112209', 'end': '2026112200', 'reason': 'late'},
            400,
        ),
        ([], 400),
        ('x', 400),
    ],
)
def test_bad_input_is_a_problem_with_advice(
    pages: DashboardHarness, body: Any, status: int
) -> None:
    before = pages.dump()

    answer = ask(pages, '/requests', body)

    assert answer.status_code == status
    assert answer.mimetype == 'application/problem+json'
    assert answer.json is not None
    assert answer.json['advice']
    assert pages.dump() == before


@pytest.mark.parametrize(
    ('address', 'text'),
    [
        ('/jobs?start=20261123&end=20261122', 'swap the two'),
        ('/jobs?start=someday', 'is not a timeperiod'),
        ('/jobs?cursor=garbage', 'next_cursor'),
        ('/jobs?process=SiteDaily&cursor=SiteHourly@2026112209', 'cursor is of SiteHourly'),
        ('/jobs?limit=1&limit=2', 'limit is given 2 times'),
        ('/preview', 'give it'),
        ('/jobs?cursor=SiteDaily@x', 'next_cursor'),
        ('/jobs?proces=SiteDaily', "did you mean 'process'?"),
        ('/jobs?state=bloked', "did you mean 'blocked'?"),
        ('/requests?all=maybe', 'true or false'),
        ('/audit?what=nope', 'one of'),
        ('/status?x=1', 'there are: at'),
    ],
)
def test_what_is_not_understood_is_no_empty_answer(
    pages: DashboardHarness, address: str, text: str
) -> None:
    answer = pages.get(f'/api/v1{address}')

    assert answer.status_code == 400
    assert text in answer.text


def test_a_mistyped_field_is_refused(pages: DashboardHarness) -> None:
    body = {'process': 'SiteDaily', 'start': '2026112000', 'with_childen': True}

    answer = ask(pages, '/requests', body)
    query = ask(pages, '/requests?with_children=true', {'process': 'SiteDaily'})
    text = ask(pages, '/requests', {**body, 'with_childen': None})

    assert (answer.status_code, query.status_code, text.status_code) == (400, 400, 400)
    assert "did you mean 'with_children'?" in answer.text
    assert pages.store.commands((CommandState.REQUESTED,), 9) == []


def test_the_newest_jobs_come_first_and_are_read_to_the_end(pages: DashboardHarness) -> None:
    query = '/api/v1/jobs?process=SiteDaily&start=20261101'
    oldest = [item['timeperiod'] for item in pages.get(query).json['items']]  # type: ignore[index]

    newest: list[str] = []
    cursor: str | None = ''
    while cursor is not None:
        page = pages.get(f'{query}&order=newest&limit=7&cursor={cursor}').json
        assert page is not None
        newest += [item['timeperiod'] for item in page['items']]
        cursor = page['next_cursor']

    assert newest == oldest[::-1]
    assert newest[0] == '2026112300'
    assert pages.get(f'{query}&order=reverse').status_code == 400


@pytest.mark.parametrize('address', ['/search?q=state:{}&limit=1000', '/jobs?state={}'])
def test_numbers_of_the_overview_can_be_listed(pages: DashboardHarness, address: str) -> None:
    numbers = pages.get('/api/v1/overview').json
    assert numbers is not None
    for state in ('failed', 'blocked', 'late'):
        found = pages.get('/api/v1' + address.format(state)).json

        assert found is not None
        assert len(found['items']) == numbers[state] > 0
    held = pages.get('/api/v1' + address.format('held')).json
    assert held is not None
    assert [item['timeperiod'] for item in held['items']] == ['2026112209']


def test_a_long_look_for_blocked_jobs_goes_on_with_the_next_page(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pages.get('/api/v1/jobs?state=blocked').json
    monkeypatch.setattr(jobs, 'LOOKS_MAX', 3)
    seen: list[Any] = []
    cursor: str | None = ''
    while cursor is not None:
        page = pages.get(f'/api/v1/jobs?state=blocked&cursor={cursor}').json
        assert page is not None
        assert len(page['items']) <= 3
        seen += page['items']
        cursor = page['next_cursor']

    assert whole is not None
    assert seen == whole['items'] != []


@pytest.mark.parametrize(
    'address',
    [
        '/boxes/dev/drain',
        '/boxes/dev/SiteHourly/stop',
        f'/requests/{REQUEST_ID}/cancel',
        '/freeruns/Shell::sweep/cancel',
        '/freeruns/Shell::sweep/remove',
        '/dead/{dead}/drop',
        '/requests',
    ],
)
def test_what_takes_something_away_is_not_done_without_a_reason(
    pages: DashboardHarness, address: str
) -> None:
    address = address.format(dead=pages.store.dead_units(1)[0].id)
    body = {'process': 'SiteHourly', 'start': '2026112209'} if address == '/requests' else {}
    before = pages.dump()

    refused = ask(pages, address, body)

    assert refused.status_code == 400
    assert (refused.json or {})['detail'] == 'the reason is missing'
    assert pages.dump() == before
    assert ask(pages, address, {**body, 'reason': 'new kernel'}).status_code in (200, 202)


def test_a_mask_is_not_saved_as_a_secret(pages: DashboardHarness) -> None:
    body = {'name': 'Shell::hourly', 'trigger': 'every 3600', 'arguments': {'password': '•••'}}

    answer = ask(pages, '/freeruns', body)

    assert answer.status_code == 400
    assert 'type the secret again' in (answer.json or {})['detail']


def test_a_free_run_is_saved(pages: DashboardHarness) -> None:
    answer = ask(pages, '/freeruns', {'name': 'Shell::hourly', 'trigger': 'every 3600'})

    assert answer.status_code == 202
    body = {'name': 'Shell::hourly', 'trigger': 'now and then'}
    refused = ask(pages, '/freeruns', body, key='another')
    assert refused.status_code == 400


def test_a_browser_of_another_site_cannot_ask(pages: DashboardHarness) -> None:
    answer = pages.client.post(
        '/api/v1/freeruns/Shell::sweep/run',
        json={},
        headers={'Host': 'localhost', 'Idempotency-Key': 'k', 'Origin': 'http://evil.example'},
    )

    assert answer.status_code == 403


def test_the_description_names_every_route(pages: DashboardHarness) -> None:
    found = document(API_ROUTES)

    operations = [op for methods in found['paths'].values() for op in methods.values()]
    assert len(operations) == sum(route.is_api for route in API_ROUTES)
    assert len({op['operationId'] for op in operations}) == len(operations)
    assert pages.get('/api/v1/openapi.json').json == found


def test_why_is_the_answer_of_the_command_line(pages: DashboardHarness) -> None:
    found = pages.get('/api/v1/jobs/SiteDaily/2026112200/why').json

    assert found is not None
    assert [cause['timeperiod'] for cause in found['causes']] == ['2026112200', '2026112209']
    assert 'SiteHourly@2026112209 (failed and held)' in found['causes'][0]['text']
    assert [cause['kind'] for cause in found['causes']] == ['waits_for', 'failed']
    assert found['causes'][0]['since'] == '2026-11-23T00:05:00Z'
    assert found['causes'][1]['action'] == {
        'label': 'Run 2026112209 again',
        'method': 'GET',
        'address': '/change/reprocess?process=SiteHourly&first=2026112209',
        'role': 'operator',
        'command': './launch.py reprocess SiteHourly 2026112209',
    }
