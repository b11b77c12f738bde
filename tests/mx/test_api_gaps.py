"""The rest of the API: paging of long lists, graph, search, logs, boxes, users and tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from werkzeug.test import TestResponse

from synergy.core.commands import CommandId, CommandKind
from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.operations.credentials import new_token
from tests.mx.dashboard_harness import FREEZE_ID, NOW, REQUEST_ID, DashboardHarness


def read(pages: DashboardHarness, address: str, **headers: str) -> Any:
    answer = pages.get(f'/api/v1{address}', **headers)
    assert answer.status_code == 200, answer.text
    return answer.json


GONE = {'reason': 'has left'}


def ask(
    pages: DashboardHarness, address: str, body: dict[str, Any], key: str = 'once', **headers: str
) -> TestResponse:
    found = {'Host': 'localhost', 'Idempotency-Key': key, **headers}
    return pages.client.post(f'/api/v1{address}', json=body, headers=found)


def all_of(pages: DashboardHarness, address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ''
    while cursor is not None:
        page = read(pages, f'{address}&limit=2&cursor={cursor}')
        found += page['items']
        cursor = page['next_cursor']
    return found


def fill_audit(pages: DashboardHarness) -> None:
    known = pages.store.command(CommandId(REQUEST_ID))
    assert known is not None
    for number in range(7):
        kind = CommandKind.USER if number % 2 else CommandKind.SKIP
        at = NOW - timedelta(hours=1 + number // 3)
        actor = f'{"bob" if number < 4 else "anna"}@10.0.0.7'
        command = replace(known, id=CommandId(f'c{number}'), kind=kind, created_at=at, actor=actor)
        pages.store.insert_command(command)


def test_audit_and_requests_are_read_to_their_end(pages: DashboardHarness) -> None:
    fill_audit(pages)

    everything = [item['id'] for item in all_of(pages, '/audit?')]
    requests = [item['id'] for item in all_of(pages, '/requests?')]

    assert everything == [REQUEST_ID, FREEZE_ID, *(f'c{number}' for number in range(7))]
    assert requests == [REQUEST_ID, 'c0', 'c2', 'c4', 'c6']
    assert [item['id'] for item in all_of(pages, '/audit?who=BOB&what=user')] == ['c1', 'c3']
    assert pages.get('/api/v1/audit?cursor=never-seen').status_code == 400
    assert pages.get('/api/v1/audit?what=magic').status_code == 400


def test_live_runs_dead_letters_and_boxes_are_pages(pages: DashboardHarness) -> None:
    assert [item['timeperiod'] for item in all_of(pages, '/runs?')] == ['2026112310']
    dead = all_of(pages, '/dead?')
    assert [item['timeperiod'] for item in dead] == ['2026112209']
    assert pages.get('/api/v1/dead?cursor=x.y').status_code == 400
    (box,) = all_of(pages, '/boxes?')
    assert {row['process'] for row in box['processes']} >= {'MX', 'Scheduler'}


def test_graph_and_search_show_what_the_pages_show(pages: DashboardHarness) -> None:
    graph = read(pages, '/graph?at=2026112209')
    cells = {item['process']: item['cell'] for item in graph['processes']}
    assert cells['SiteHourly']['state'] == 'failed and held'
    assert cells['SiteHourly']['condition'] == 'held'
    arrow = {'source': 'SiteHourly', 'target': 'SiteDaily', 'kind': 'children', 'terms': ''}
    assert arrow in graph['arrows']

    found = read(pages, '/search?q=process:site* state:failed')['items']
    assert [(item['process'], item['timeperiod']) for item in found] == [
        ('SiteHourly', '2026112209')
    ]
    (one,) = read(pages, '/search?q=SiteDaily@20261120')['items']
    assert one['timeperiod'] == '2026112000'


def test_the_overview_has_its_trees(pages: DashboardHarness) -> None:
    trees = read(pages, '/overview')['trees']

    assert [tree['tree'] for tree in trees] == ['site', 'alert']
    hourly = next(row for row in trees[0]['processes'] if row['process'] == 'SiteHourly')
    assert hourly['running'] == 1
    assert hourly['strip']


def test_logs_are_for_operators_and_stay_in_their_folder(guarded: DashboardHarness) -> None:
    guarded.log_in('viewer')
    assert guarded.get('/api/v1/logs').status_code == 403
    guarded.log_in('operator')
    assert read(guarded, '/logs')['items'] == [{'file': 'mx.log'}]
    assert read(guarded, '/logs/mx.log?q=LISTENS')['lines'] == ['listens']
    assert guarded.get('/api/v1/logs/..%2fstore.db').status_code == 404


def test_a_box_is_drained_once_per_key(pages: DashboardHarness) -> None:
    first = ask(pages, '/boxes/dev/drain', {'reason': 'new kernel'}, 'one')
    assert first.json is not None
    assert first.json['is_draining'] is True
    ask(pages, '/boxes/dev/undrain', {}, 'two')

    again = ask(pages, '/boxes/dev/drain', {'reason': 'new kernel'}, 'one')

    assert again.json is not None
    assert again.json['is_draining'] is False
    assert [item['details']['action'] for item in all_of(pages, '/audit?what=box')] in (
        ['drain', 'undrain'],
        ['undrain', 'drain'],
    )


def test_one_key_for_two_different_things_is_refused(pages: DashboardHarness) -> None:
    body = {'name': 'Shell::hourly', 'trigger': 'every 3600'}
    assert ask(pages, '/freeruns', body).status_code == 202

    other = ask(pages, '/freeruns', {**body, 'trigger': 'every 60'})

    assert other.status_code == 422
    assert 'key' in (other.json or {})['title'].lower()


def admin(pages: DashboardHarness) -> dict[str, str]:
    token, text = new_token('admin', Role.ADMIN, None, NOW, None)
    pages.store.save_token(token)
    return {'Authorization': f'Bearer {text}'}


def test_an_admin_makes_changes_and_removes_users(guarded: DashboardHarness) -> None:
    bearer = admin(guarded)
    body = {'name': 'carla', 'role': 'operator', 'password': 'long enough'}
    assert ask(guarded, '/users', body, **bearer).status_code == 200
    assert ask(guarded, '/users', body, **bearer).status_code == 200
    assert ask(guarded, '/users', body, 'other', **bearer).status_code == 409
    short = {'name': 'dan', 'password': 'short'}
    assert ask(guarded, '/users', short, 'd', **bearer).status_code == 400
    assert guarded.log_in('carla', 'long enough').status_code == 303

    ask(guarded, '/users/carla/role', {'role': 'viewer'}, 'role', **bearer)
    ask(guarded, '/users/carla/password', {'password': 'another one'}, 'pw', **bearer)
    users = {item['name']: item['role'] for item in read(guarded, '/users', **bearer)['items']}
    assert users['carla'] == 'viewer'
    assert guarded.log_in('carla', 'another one').status_code == 303

    assert ask(guarded, '/users/carla/remove', GONE, 'gone', **bearer).status_code == 200
    assert ask(guarded, '/users/carla/remove', GONE, 'gone', **bearer).status_code == 200
    assert 'password' not in str(read(guarded, '/audit?what=user', **bearer)).replace(
        "'action': 'password'", ''
    )
    assert ask(guarded, '/users/carla/remove', GONE, 'again', **bearer).status_code == 404


def test_the_last_admin_stays(guarded: DashboardHarness) -> None:
    bearer = admin(guarded)

    assert ask(guarded, '/users/admin/remove', GONE, **bearer).status_code == 409
    assert ask(guarded, '/users/admin/role', {'role': 'viewer'}, **bearer).status_code == 409


def test_a_token_is_shown_once_and_revoked(guarded: DashboardHarness) -> None:
    bearer = admin(guarded)
    made = ask(guarded, '/tokens', {'user': 'viewer', 'label': 'ci'}, **bearer).json
    assert made is not None
    mine = {'Authorization': f'Bearer {made["text"]}'}
    read(guarded, '/status', **mine)

    again = ask(guarded, '/tokens', {'user': 'viewer', 'label': 'ci'}, **bearer).json
    listed = read(guarded, '/tokens', **bearer)
    too_much = ask(guarded, '/tokens', {'user': 'viewer', 'role': 'admin'}, 'k2', **bearer)

    assert 'text' not in (again or {})
    assert made['text'].partition('.')[2] not in str(listed)
    assert too_much.status_code == 400
    assert ask(guarded, f'/tokens/{made["id"]}/revoke', GONE, 'k3', **bearer).status_code == 200
    assert guarded.get('/api/v1/status', **mine).status_code == 401


def test_an_open_dashboard_makes_no_users(pages: DashboardHarness) -> None:
    body = {'name': 'eve', 'role': 'admin', 'password': 'long enough'}

    answer = ask(pages, '/users', body)

    assert answer.status_code == 409
    assert './launch.py user add' in (answer.json or {})['advice']
    assert pages.store.users() == []


def test_health_is_503_when_somebody_is_needed(pages: DashboardHarness) -> None:
    assert read(pages, '/health')['is_well'] is True
    pages.runtime.clock.advance(timedelta(days=2000))

    assert pages.get('/api/v1/health').status_code == 503


def test_the_store_gone_is_a_503_with_advice(pages: DashboardHarness) -> None:
    pages.site.stores.close()
    pages.runtime.is_store_down = True

    answer = pages.get('/api/v1/jobs')

    assert answer.status_code == 503
    assert answer.mimetype == 'application/problem+json'
    assert answer.headers['Retry-After'] == '5'
    assert pages.get('/').status_code == 503
