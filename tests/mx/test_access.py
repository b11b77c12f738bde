"""Who may come in, and what for: hosts, origins, logins, roles, tokens."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.commands import CommandKind, CommandState
from synergy.core.records import uow_id_of
from synergy.core.structs import replace
from synergy.core.users import Role, User, name_problem, named
from synergy.mx.app import App
from synergy.mx.main import server_of
from synergy.mx.routes import ROUTES
from synergy.mx.web.access import COOKIE
from synergy.mx.web.address import is_open, refusal_of
from synergy.mx.web.route import Route
from synergy.mx.web.throttle import GUESSES_MAX
from synergy.operations.credentials import new_token, user_of
from tests.mx.addresses import address_of
from tests.mx.dashboard_harness import FAILED_HOUR, NOW, PASSWORD, DashboardHarness, password_hash

_CHANGE = '/change/reprocess?process=SiteHourly&first=2026112209'
CHANGING = [route for route in ROUTES if route.method == 'POST']
ROLES = [None, *Role]
#: What everybody may do by itself: log in and out, light and dark; and a stream without an end.
GUARDED = [
    route
    for route in ROUTES
    if route.endpoint not in ('events', 'submit_login', 'submit_logout', 'submit_theme')
]


@pytest.fixture
def managed(guarded: DashboardHarness) -> DashboardHarness:
    """Return a dashboard at which an admin has logged in."""
    guarded.log_in('admin')
    return guarded


@pytest.fixture(scope='module')
def one_for_all(
    tmp_path_factory: pytest.TempPathFactory, history: Path
) -> Iterator[DashboardHarness]:
    """Return a dashboard that the whole matrix asks: no case needs another's."""
    home = tmp_path_factory.mktemp('matrix')
    shutil.copy(history, home / 'store.db')
    found = DashboardHarness(home)
    found.foresees = True
    for role in Role:
        found.add_user(role.value, role)
    yield found
    found.close()


@pytest.fixture(scope='module')
def open_for_all(
    tmp_path_factory: pytest.TempPathFactory, history: Path
) -> Iterator[DashboardHarness]:
    """Return a dashboard without users, of which every change is refused."""
    home = tmp_path_factory.mktemp('open')
    shutil.copy(history, home / 'store.db')
    found = DashboardHarness(home)
    yield found
    found.close()


@pytest.mark.parametrize('role', ROLES)
@pytest.mark.parametrize('route', GUARDED, ids=lambda route: f'{route.method} {route.rule}')
def test_the_matrix_of_roles_and_routes(
    one_for_all: DashboardHarness, role: Role | None, route: Route
) -> None:
    one_for_all.client = Client(one_for_all.app)
    if role is not None:
        session = one_for_all.site.sessions.write(role.value, 1)[1]
        one_for_all.client.set_cookie(COOKIE, session, domain='localhost')
    may = route.role is None or (role is not None and role.may(route.role))
    refused = 403
    if role is None:
        # Who reads a page is led to the login; the API, and a form that came too late, say why not.
        is_page = route.method == 'GET' and not route.is_api and not route.is_scraped
        refused = 303 if is_page else 401

    answer = _answer(one_for_all, route, uow_id_of(one_for_all.key(*FAILED_HOUR), 1))

    assert (answer.status_code == refused) is not may
    # Only what is the same for everybody may be kept anywhere.
    is_kept = answer.headers.get('Cache-Control') != 'no-store'
    assert is_kept is (route.endpoint == 'static' and answer.status_code == 200)


def _answer(pages: DashboardHarness, route: Route, uow: str) -> TestResponse:
    address = address_of(route, uow)
    if route.method == 'GET':
        return pages.get(address)
    if not route.is_api:
        return pages.post(address, {})
    headers = {'X-Form-Token': pages.form_token(), 'Idempotency-Key': 'k', 'Host': 'localhost'}
    return pages.client.post(address, json={}, headers=headers)


@pytest.mark.parametrize('route', CHANGING, ids=lambda route: route.rule)
def test_every_change_without_a_token_is_refused(
    open_for_all: DashboardHarness, route: Route
) -> None:
    open_for_all.get('/')
    before = open_for_all.dump()

    answer = open_for_all.bare_post(address_of(route))

    assert answer.status_code == 403
    assert open_for_all.dump() == before


@pytest.mark.parametrize('route', CHANGING, ids=lambda route: route.rule)
def test_every_change_from_another_site_is_refused(
    open_for_all: DashboardHarness, route: Route
) -> None:
    answer = open_for_all.post(address_of(route), {}, Origin='http://evil.example')

    assert answer.status_code == 403


def test_a_token_of_another_visitor_is_refused(pages: DashboardHarness) -> None:
    stolen = pages.form_token()
    pages.client = Client(pages.app)
    pages.get('/')

    answer = pages.post('/freeruns/Shell::sweep/run', {'form_token': stolen})

    assert answer.status_code == 403


def test_unknown_host_names_are_refused(pages: DashboardHarness) -> None:
    assert pages.get('/', Host='rebound.example').status_code == 400
    assert pages.get('/', Host='127.0.0.1:5000').status_code == 200


def test_the_open_dashboard_says_so_on_each_page(pages: DashboardHarness) -> None:
    assert 'Nobody has to log in here' in pages.get('/').text


def test_who_has_not_logged_in_is_led_there_and_back(guarded: DashboardHarness) -> None:
    answer = guarded.get('/search?q=state:failed since:3d')

    assert answer.status_code == 303
    shown = guarded.get(answer.headers['Location'])
    assert 'name="next" value="/search?q=state:failed%20since:3d"' in shown.text
    assert guarded.get('/api/v1/jobs').status_code == 401
    for headers in ({'X-Live': '1'}, {'Sec-Fetch-Dest': 'empty'}, {'Accept': 'text/event-stream'}):
        assert guarded.get('/runs', **headers).status_code == 401


def test_a_viewer_is_offered_nothing_that_is_refused(guarded: DashboardHarness) -> None:
    guarded.log_in('viewer')

    shown = guarded.get('/').text

    assert 'href="/logs"' not in shown
    assert guarded.get('/freeruns/edit?name=Shell::sweep').status_code == 403
    guarded.log_in('operator')
    assert 'href="/logs"' in guarded.get('/').text


def test_one_logs_in_and_out(guarded: DashboardHarness) -> None:
    assert guarded.get('/').status_code == 303

    answer = guarded.post('/login', {'name': 'operator', 'password': PASSWORD, 'next': '/runs'})

    assert (answer.status_code, answer.headers['Location']) == (303, '/runs')
    assert guarded.get('/').status_code == 200
    left = guarded.post('/logout', {})
    assert (left.status_code, left.headers['Cache-Control']) == (303, 'no-store')
    assert left.headers['Clear-Site-Data'] == '"cache"'
    assert guarded.get('/').status_code == 303


def test_the_cookie_is_out_of_reach(guarded: DashboardHarness) -> None:
    cookie = guarded.log_in('viewer').headers['Set-Cookie']

    assert all(part in cookie for part in (COOKIE, 'HttpOnly', 'SameSite=Lax', 'Max-Age=43200'))


def test_nobody_is_led_elsewhere_after_the_login(guarded: DashboardHarness) -> None:
    for address in ('//evil.example', 'http://evil.example', '/\\evil.example'):
        answer = guarded.post('/login', {'name': 'viewer', 'password': PASSWORD, 'next': address})

        assert answer.headers['Location'] == '/'


def test_a_new_password_ends_sessions(guarded: DashboardHarness) -> None:
    guarded.log_in('viewer')

    assert guarded.store.set_password('viewer', password_hash())

    assert guarded.get('/').status_code == 303


def test_a_cookie_is_worth_nothing_after_logging_out(guarded: DashboardHarness) -> None:
    guarded.log_in('operator')
    copied = guarded.client.get_cookie(COOKIE, domain='localhost')
    assert copied is not None

    guarded.post('/logout', {})
    guarded.client.set_cookie(COOKIE, copied.value, domain='localhost')

    assert guarded.get('/').status_code == 303
    guarded.log_in('operator')
    assert guarded.get('/').status_code == 200


def test_a_new_user_of_an_old_name_takes_over_no_session() -> None:
    first, second = (user_of('x', Role.VIEWER, 'hash', NOW) for _ in range(2))

    assert first.serial != second.serial


def test_a_session_that_ended_in_the_middle_of_a_form_changes_nothing(
    guarded: DashboardHarness,
) -> None:
    guarded.log_in('operator')
    token = guarded.form_token()
    guarded.client.delete_cookie(COOKIE, domain='localhost')

    before = guarded.dump()
    place = 'http://localhost/freeruns/edit?name=Shell::sweep'

    form = {'form_token': token, 'name': 'Shell::sweep', 'trigger': 'every 5'}
    answer = guarded.post('/freeruns/edit', form, Referer=place)

    assert answer.status_code == 401
    assert 'nothing was changed' in answer.text
    assert 'name="next" value="/freeruns/edit?name=Shell::sweep"' in answer.text
    assert guarded.dump() == before
    elsewhere = guarded.post('/freeruns/edit', form, Referer='http://evil.example/x')
    assert 'evil' not in elsewhere.text


def test_what_was_typed_into_a_form_outlives_the_session(guarded: DashboardHarness) -> None:
    guarded.log_in('operator')
    form = {'process': 'SiteHourly', 'first': '2026112209', 'reason': 'the <feed> was late'}
    plan = re.search(r'name="plan_hash" value="(\w+)"', guarded.get(_CHANGE).text)
    assert plan is not None
    form |= {'plan_hash': plan[1], 'form_id': 'f00d'}
    guarded.client.delete_cookie(COOKIE, domain='localhost')

    late = guarded.post('/change/reprocess', form)
    wrong = guarded.post('/login', {**hidden(late.text), 'name': 'operator', 'password': 'wrong'})
    shown = guarded.post('/login', {**hidden(wrong.text), 'name': 'operator', 'password': PASSWORD})

    assert 'the &lt;feed&gt; was late' in late.text
    assert (wrong.status_code, shown.status_code) == (401, 200)
    assert 'action="/change/reprocess"' in shown.text
    again = hidden(shown.text.partition('action="/change/reprocess"')[2].partition('</form>')[0])
    assert again == {**form, 'form_token': again['form_token']}
    done = guarded.client.post('/change/reprocess', data=again, headers={'Host': 'localhost'})
    assert done.headers['Location'].startswith('/requests/')


def test_a_form_is_not_offered_again_to_one_who_may_not_send_it(guarded: DashboardHarness) -> None:
    guarded.log_in('operator')
    form = {'process': 'SiteHourly', 'first': '2026112209', 'reason': 'late', 'plan_hash': 'f00'}
    guarded.client.delete_cookie(COOKIE, domain='localhost')
    late = guarded.post('/change/reprocess', form)

    shown = guarded.post('/login', {**hidden(late.text), 'name': 'viewer', 'password': PASSWORD})

    assert 'action="/change/reprocess"' not in shown.text
    assert 'this needs the role operator' in shown.text


def test_a_form_from_elsewhere_is_not_kept(guarded: DashboardHarness) -> None:
    form = {'process': 'SiteHourly', 'first': '2026112209', 'reason': 'bait'}

    answer = guarded.post('/change/reprocess', form, Origin='http://evil.example')

    assert 'bait' not in answer.text
    kept = json.dumps(['//evil.example/x', [['reason', 'bait']]])
    login = {'name': 'operator', 'password': PASSWORD, 'kept': kept}
    assert guarded.post('/login', login).headers['Location'] == '/'


def hidden(text: str) -> dict[str, str]:
    """Return the hidden fields of a page or form."""
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text)
    return {name: unescape(value) for name, value in found}


def test_a_token_of_the_api_serves_programs_until_it_is_revoked(guarded: DashboardHarness) -> None:
    token, text = new_token('operator', Role.VIEWER, 'ci', NOW, timedelta(days=1))
    guarded.store.save_token(token)
    bearer = {'Authorization': f'Bearer {text}'}

    assert guarded.get('/api/v1/jobs', **bearer).status_code == 200
    assert guarded.get('/api/v1/jobs', Authorization=f'Bearer {text}x').status_code == 401
    headers = {'Host': 'localhost', 'Idempotency-Key': 'k', **bearer}
    refused = guarded.client.post('/api/v1/freeruns/Shell::sweep/run', json={}, headers=headers)
    assert refused.status_code == 403

    guarded.store.remove_token(token.id)
    assert guarded.get('/api/v1/jobs', **bearer).status_code == 401


def test_a_program_is_told_what_to_send(guarded: DashboardHarness) -> None:
    token, text = new_token('operator', Role.OPERATOR, None, NOW, None)
    guarded.store.save_token(token)
    guarded.log_in('operator')
    headers = {'Host': 'localhost', 'Idempotency-Key': 'k'}
    address = '/api/v1/freeruns/Shell::sweep/run'

    refused = guarded.client.post(address, json={}, headers=headers)
    headers['Authorization'] = f'bearer {text}'
    done = guarded.client.post(address, json={}, headers=headers)

    assert (refused.status_code, done.status_code) == (403, 202)
    assert refused.json is not None
    assert 'application/json' in refused.json['advice']
    assert 'Bearer' in refused.json['advice']


def test_a_token_does_no_more_than_its_user_may_by_now(guarded: DashboardHarness) -> None:
    token, text = new_token('operator', Role.OPERATOR, None, NOW, None)
    guarded.store.save_token(token)
    headers = {'Host': 'localhost', 'Authorization': f'Bearer {text}', 'Idempotency-Key': 'k'}

    guarded.store.set_role('operator', Role.VIEWER)
    refused = guarded.client.post('/api/v1/processes/SiteDaily/on', json={}, headers=headers)

    assert refused.status_code == 403
    assert guarded.get('/api/v1/jobs', **headers).status_code == 200


def test_a_token_without_its_user_is_worth_nothing(guarded: DashboardHarness) -> None:
    guarded.add_user('gone', Role.VIEWER)
    token, text = new_token('gone', Role.VIEWER, None, NOW, None)
    guarded.store.save_token(token)
    assert guarded.get('/api/v1/jobs', Authorization=f'Bearer {text}').status_code == 200

    guarded.store.remove_user('gone')

    assert guarded.get('/api/v1/jobs', Authorization=f'Bearer {text}').status_code == 401


def test_wrong_tokens_are_slowed_down_and_shut_out_nobody_else(guarded: DashboardHarness) -> None:
    token, text = new_token('operator', Role.VIEWER, 'ci', NOW, None)
    guarded.store.save_token(token)
    answers = [
        guarded.get('/api/v1/jobs', Authorization=f'Bearer {text}{number}').status_code
        for number in range(GUESSES_MAX + 1)
    ]

    valid = guarded.get('/api/v1/jobs', Authorization=f'Bearer {text}')

    assert answers == [401] * GUESSES_MAX + [429]
    assert valid.status_code == 200


def test_an_old_token_is_worth_nothing(guarded: DashboardHarness) -> None:
    token, text = new_token('operator', Role.VIEWER, None, NOW, timedelta(days=-1))
    guarded.store.save_token(token)

    assert guarded.get('/api/v1/jobs', Authorization=f'Bearer {text}').status_code == 401


def test_every_answer_carries_the_headers(pages: DashboardHarness) -> None:
    for address in ('/', '/nowhere', '/static/mx.css', '/api/v1/jobs'):
        headers = pages.get(address).headers

        policy = headers['Content-Security-Policy']
        assert "default-src 'none'" in policy
        assert 'unsafe' not in policy
        assert headers['X-Content-Type-Options'] == 'nosniff'
        assert headers['X-Frame-Options'] == 'DENY'


@pytest.mark.parametrize('proxy', ['10.0.0.1', '10.0.0.2', None])
@pytest.mark.filterwarnings('ignore:send_bytes:DeprecationWarning')
def test_what_the_trusted_proxy_says_is_believed(
    guarded: DashboardHarness, proxy: str | None
) -> None:
    settings = replace(guarded.runtime.settings, mx_trusted_proxy=proxy)
    with socket.create_server(('127.0.0.1', 0)) as listening:
        server: Any = server_of(App(replace(guarded.site, settings=settings)), listening)
        guarded.client = Client(server.application)
        server.task_dispatcher.shutdown()
        server.close()
    guarded.place = {'REMOTE_ADDR': '10.0.0.1'}
    said = {'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https', 'Host': 'localhost'}

    form = {'name': 'operator', 'password': PASSWORD, 'form_token': guarded.form_token()}
    login = guarded.client.post('/login', data=form, headers=said, environ_base=guarded.place)
    form = {'reason': 'new kernel', 'form_token': guarded.form_token()}
    guarded.client.post('/boxes/dev/drain', data=form, headers=said, environ_base=guarded.place)

    is_trusted = proxy == '10.0.0.1'
    assert ('Secure' in login.headers['Set-Cookie']) is is_trusted
    (asked,) = guarded.store.commands(tuple(CommandState), 1, (CommandKind.BOX,))
    assert asked.actor == ('operator@192.0.2.7' if is_trusted else 'operator@10.0.0.1')


def test_an_open_dashboard_listens_on_this_machine_alone(pages: DashboardHarness) -> None:
    beyond = replace(pages.runtime.settings, mx_host='0.0.0.0')

    assert refusal_of(pages.runtime.settings, has_users=False) is None
    assert 'user add' in (refusal_of(beyond, has_users=False) or '')
    assert refusal_of(beyond, has_users=True) is None
    assert refusal_of(replace(beyond, is_mx_open_allowed=True), has_users=False) is None


def test_a_dashboard_that_had_users_is_closed_when_the_last_is_removed(
    guarded: DashboardHarness,
) -> None:
    token, text = new_token('operator', Role.OPERATOR, None, NOW, None)
    guarded.store.save_token(token)
    guarded.log_in('admin')

    for role in (*Role,):
        guarded.store.remove_user(role.value, keeps_admin=False)

    program = {'Host': 'localhost', 'Idempotency-Key': 'k'}
    for client in (guarded.client, Client(guarded.app)):
        guarded.client = client
        page = guarded.get('/')
        assert page.status_code == 403
        assert './launch.py user add NAME --role admin' in page.text
        assert guarded.get('/events').status_code == 403
        assert guarded.get('/api/v1/jobs').status_code == 403
        assert guarded.get('/api/v1/jobs', Authorization=f'Bearer {text}').status_code == 401
        run = '/api/v1/freeruns/Shell::sweep/run'
        assert guarded.client.post(run, json={}, headers=program).status_code == 403
        assert guarded.post('/freeruns/Shell::sweep/run', {}).status_code == 403
        assert guarded.get('/login').status_code == 200
        assert guarded.log_in('admin').status_code == 401
    guarded.add_user('carla', Role.VIEWER)
    assert guarded.log_in('carla').status_code == 303


def test_where_others_reach_it_nothing_is_open_without_users(pages: DashboardHarness) -> None:
    settings = pages.runtime.settings
    beyond = replace(settings, mx_host='0.0.0.0')

    assert is_open(settings, had_users=False)
    assert not is_open(settings, had_users=True)
    assert not is_open(beyond, had_users=False)
    assert is_open(replace(beyond, is_mx_open_allowed=True), had_users=False)

    pages.app.site = replace(pages.site, settings=beyond)
    assert pages.get('/').status_code == 403


@pytest.mark.parametrize(
    'name',
    [
        'Ann@home',
        'аnna',
        'ａnna',
        'anna b',
        '..',
        '-x',
        'a/b',
        'x' * 65,
        'Nobody',
        'a\u202eb',
        '\x1b[m',
    ],
)
def test_names_of_another_alphabet_are_refused_at_every_door(
    managed: DashboardHarness, name: str
) -> None:
    before = managed.dump()

    answer = managed.post('/users/add', {'name': name, 'role': 'viewer', 'password': PASSWORD})

    assert answer.status_code == 400
    assert 'cannot be the name of a user' in answer.text
    assert managed.dump() == before
    assert name_problem(name) is not None


def test_a_name_is_one_name_in_either_case(managed: DashboardHarness) -> None:
    form = {'name': 'Carla', 'role': 'viewer', 'password': PASSWORD}
    assert managed.post('/users/add', form).status_code == 303
    assert managed.post('/users/add', {**form, 'name': 'cARLA'}).status_code == 409
    assert managed.post('/users/carla/role', {'role': 'operator'}).status_code == 303
    assert managed.log_in('CARLA').status_code == 303
    assert named(managed.store.users(), 'carla') == named(managed.store.users(), 'Carla')


def test_names_from_before_go_on_working(managed: DashboardHarness) -> None:
    for old in ('Änne B', 'Ulf', 'ulf'):
        user = User(name=old, role=Role.VIEWER, password_hash=password_hash(), created_at=NOW)
        assert isinstance(managed.store, SqliteStore)
        values = (user.name, 'viewer', user.password_hash, 1, 0)
        managed.store._file.write('INSERT INTO mx_user VALUES (?, ?, ?, ?, ?)', values)

    assert managed.post('/users/Änne B/role', {'role': 'operator'}).status_code == 303
    assert managed.post('/users/ulf/remove', {'reason': 'twice'}).status_code == 303
    assert {user.name for user in managed.store.users()} >= {'Änne B', 'Ulf'}
    assert managed.log_in('Änne B').status_code == 303


def test_nothing_that_is_not_static_is_kept(pages: DashboardHarness) -> None:
    stream = pages.get('/events')
    for answer in (
        stream,
        pages.get('/nowhere'),
        pages.get('/static/nowhere'),
        pages.get('/', Host='rebound.example'),
        pages.get('/', **{'X-Live': '1'}),
        pages.get('/api/v1/status'),
        pages.get('/api/v1/status', Authorization='Bearer x.y'),
        pages.post('/theme', {'theme': 'dark'}),
        pages.client.head('/', headers={'Host': 'localhost'}),
    ):
        assert answer.headers['Cache-Control'] == 'no-store'
    stream.close()
    tag = pages.get('/api/v1/processes').headers['ETag']
    assert pages.get('/api/v1/processes', **{'If-None-Match': tag}).status_code == 304
    assert 'max-age' in pages.get('/static/mx.css').headers['Cache-Control']
