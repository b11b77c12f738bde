"""A key, or a form, is of one whole request: asked twice it is done once, also at once."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from werkzeug.test import Client, TestResponse

from synergy.core.commands import CommandState
from synergy.core.users import Role, User
from synergy.mx.app import App
from synergy.mx.main import site_of
from synergy.mx.web.access import COOKIE
from synergy.operations.credentials import is_password, new_token
from tests.mx.dashboard_harness import NOW, PASSWORD, DashboardHarness, password_hash
from tests.mx.test_confirm import form_of
from tests.mx.test_freeruns import NIGHTLY

_OTHER: Final = 'another battery staple'
_AT_ONCE: Final = 12


@pytest.fixture
def headers(guarded: DashboardHarness) -> dict[str, str]:
    """Return what an admin's program sends."""
    token, text = new_token('admin', Role.ADMIN, None, NOW, None)
    guarded.store.save_token(token)
    return {'Host': 'localhost', 'Idempotency-Key': 'one', 'Authorization': f'Bearer {text}'}


def user_named(pages: DashboardHarness, name: str) -> User:
    return next(user for user in pages.store.users() if user.name == name)


def commands(pages: DashboardHarness) -> list[Any]:
    return [*pages.store.commands(tuple(CommandState), 500)]


def at_once(send: Callable[[int], TestResponse], count: int = _AT_ONCE) -> list[TestResponse]:
    barrier = threading.Barrier(count)

    def run(number: int) -> TestResponse:
        barrier.wait(30)
        return send(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


_ADD: Final = {'name': 'carla', 'role': 'viewer', 'password': PASSWORD}
_RUN: Final = {'reason': 'late'}
_FREERUN: Final = {'name': 'Shell::hourly', 'trigger': 'every 3600'}


@pytest.mark.parametrize(
    ('address', 'body', 'others'),
    [
        ('/users', _ADD, [{'role': 'admin'}, {'password': _OTHER}, {'name': 'berta'}]),
        ('/users/viewer/password', {'password': _OTHER}, [{'password': PASSWORD}]),
        ('/users/viewer/role', {'role': 'operator'}, [{'role': 'admin'}, {'reason': 'x'}]),
        ('/tokens', {'user': 'viewer'}, [{'user': 'operator'}, {'days': 1}, {'role': 'viewer'}]),
        ('/boxes/dev/drain', _RUN, [{'reason': 'other'}]),
        ('/boxes/dev/MX/start', _RUN, [{'reason': 'other'}]),
        ('/freeruns/Shell::sweep/run', _RUN, [{'reason': 'other'}, {'uow': 'a'}]),
        ('/freeruns', _FREERUN, [{'is_on': True}, {'trigger': 'every 60'}, {'arguments': {}}]),
        ('/processes/SiteDaily/off', _RUN, [{'trigger': 'every 60'}]),
        (
            '/requests',
            {'process': 'SiteDaily', 'start': '2026112000', 'reason': 'late'},
            [{'with_children': True}, {'only': 'all'}, {'plan_hash': 'f00'}],
        ),
    ],
)
@pytest.mark.heavy
def test_a_key_covers_the_whole_body(
    guarded: DashboardHarness,
    headers: dict[str, str],
    address: str,
    body: dict[str, Any],
    others: Sequence[dict[str, Any]],
) -> None:
    def send(content: dict[str, Any], place: str = address) -> TestResponse:
        return guarded.client.post(f'/api/v1{place}', json=content, headers=headers)

    first = send(body)
    again = send(dict(reversed(body.items())))
    before = guarded.dump()

    assert first.status_code in (200, 202), first.text
    assert again.status_code == first.status_code
    assert first.json is not None
    assert again.json is not None
    name = 'request' if address == '/tokens' else 'id'
    if 'boxes' not in address:
        assert again.json['id'] == first.json[name]
    for other in others:
        refused = send({**body, **other})
        assert (refused.status_code, refused.json and refused.json['status']) == (422, 422)
    elsewhere = send({'reason': 'x'}, '/freeruns/Shell::sweep/off')
    assert elsewhere.status_code == 422
    assert guarded.dump() == before


def test_the_keys_of_two_users_do_not_meet(
    guarded: DashboardHarness, headers: dict[str, str]
) -> None:
    token, text = new_token('operator', Role.OPERATOR, None, NOW, None)
    guarded.store.save_token(token)
    address = '/api/v1/freeruns/Shell::sweep/run'

    first = guarded.client.post(address, json={}, headers=headers)
    other = {**headers, 'Authorization': f'Bearer {text}'}
    second = guarded.client.post(address, json={'reason': 'x'}, headers=other)

    assert (first.status_code, second.status_code) == (202, 202)


@pytest.mark.heavy
def test_one_key_at_once_asks_once(guarded: DashboardHarness, headers: dict[str, str]) -> None:
    known = len(commands(guarded))
    for number, (address, body) in enumerate(
        [
            ('/freeruns/Shell::sweep/run', _RUN),
            ('/users', _ADD),
            ('/tokens', {'user': 'viewer'}),
            ('/boxes/dev/drain', _RUN),
        ]
    ):
        key = {**headers, 'Idempotency-Key': str(number)}

        found = at_once(
            lambda _, address=address, body=body, key=key: Client(guarded.app).post(  # type: ignore[misc]
                f'/api/v1{address}', json=body, headers=key
            )
        )

        assert {answer.status_code for answer in found} <= {200, 202}
        assert len(commands(guarded)) == known + number + 1
    assert len(guarded.store.tokens()) == 2


def test_one_key_at_once_for_different_things_is_of_one(
    guarded: DashboardHarness, headers: dict[str, str]
) -> None:
    names = ('off', 'on', 'run')

    found = at_once(
        lambda number: Client(guarded.app).post(
            f'/api/v1/freeruns/Shell::sweep/{names[number % 3]}', json={}, headers=headers
        )
    )

    codes = Counter(answer.status_code for answer in found)
    assert codes == {202: _AT_ONCE // 3, 422: _AT_ONCE - _AT_ONCE // 3}


def test_two_dashboards_make_one_user_and_one_token_of_a_key(
    guarded: DashboardHarness, headers: dict[str, str]
) -> None:
    other = App(site_of(guarded.runtime, 'a secret of tests'))
    apps = (guarded.app, other)
    try:
        for trial in range(5):
            key = {**headers, 'Idempotency-Key': f'token {trial}'}

            found = at_once(
                lambda number, key=key: Client(apps[number % 2]).post(  # type: ignore[misc]
                    '/api/v1/tokens', json={'user': 'viewer'}, headers=key
                )
            )

            assert {answer.status_code for answer in found} == {200}
            assert len(guarded.store.tokens()) == trial + 2
            assert sum('text' in (answer.json or {}) for answer in found) == 1
    finally:
        other.site.feed.stop()
        other.site.stores.close()


def test_a_form_that_was_changed_before_it_was_sent_again_is_another(
    guarded: DashboardHarness,
) -> None:
    guarded.log_in('operator')
    form = {**NIGHTLY, 'form_id': 'f00d'}
    known = len(commands(guarded))

    places = [
        guarded.post('/freeruns/edit', {**form, 'description': text}).headers['Location']
        for text in ('one', 'one', 'two')
    ]

    assert places[0] == places[1] != places[2]
    assert len(commands(guarded)) == known + 2


def test_a_form_with_another_password_is_not_taken_for_the_one_before(
    guarded: DashboardHarness,
) -> None:
    guarded.log_in('admin')
    form = {**form_of(guarded.get('/users/viewer/password').text), 'password': _OTHER}
    assert guarded.post('/users/viewer/password', form).status_code == 303
    assert guarded.post('/users/viewer/password', form).status_code == 303

    other = guarded.post('/users/viewer/password', {**form, 'password': 'a third battery'})

    assert other.status_code == 422
    assert is_password(user_named(guarded, 'viewer'), _OTHER)


@pytest.mark.parametrize('is_api', [False, True])
def test_of_two_admins_that_remove_each_other_one_stays(
    guarded: DashboardHarness, is_api: bool
) -> None:
    guarded.store.remove_user('admin', keeps_admin=False)
    names = ('anna', 'berta')
    for trial in range(40):
        for name in names:
            guarded.add_user(name, Role.ADMIN)
        senders = [sender(guarded, name, is_api=is_api) for name in names]
        action = 'remove' if trial % 2 else 'role'

        found = at_once(
            lambda number, senders=senders, action=action: senders[number](  # type: ignore[misc]
                f'/users/{names[1 - number]}/{action}', {'reason': 'x', 'role': 'viewer'}
            ),
            2,
        )

        admins = [user for user in guarded.store.users() if user.role is Role.ADMIN]
        assert len(admins) == 1
        done = 200 if is_api else 303
        codes = {answer.status_code for answer in found}
        assert done in codes <= {done, 401, 403, 409, 429}
        assert Client(guarded.app).get('/', headers={'Host': 'localhost'}).status_code == 303
        for name in names:
            guarded.store.remove_user(name, keeps_admin=False)


def sender(
    pages: DashboardHarness, name: str, *, is_api: bool
) -> Callable[[str, dict[str, str]], TestResponse]:
    """Return what sends a change as a user: by its token, or as a form of its session."""
    if is_api:
        token, text = new_token(name, Role.ADMIN, None, NOW, None)
        assert pages.store.save_token(token)

        def ask(address: str, body: dict[str, str]) -> TestResponse:
            known = {'reason', 'role'} if address.endswith('role') else {'reason'}
            headers = {'Host': 'localhost', 'Authorization': f'Bearer {text}'}
            return Client(pages.app).post(
                f'/api/v1{address}',
                json={key: value for key, value in body.items() if key in known},
                headers={**headers, 'Idempotency-Key': token.id},
            )

        return ask
    client = Client(pages.app)
    serial = user_named(pages, name).serial
    client.set_cookie(COOKIE, pages.site.sessions.write(name, serial)[1], domain='localhost')
    shown = client.get('/users', headers={'Host': 'localhost'}).text
    form_token = re.search(r'name="form_token" value="([0-9a-f]+)"', shown)
    assert form_token is not None

    def send(address: str, body: dict[str, str]) -> TestResponse:
        form = {**body, 'form_token': form_token[1]}
        return client.post(address, data=form, headers={'Host': 'localhost'})

    return send


def test_a_password_and_a_role_changed_at_once_are_both_changed(
    guarded: DashboardHarness, headers: dict[str, str]
) -> None:
    asked = (('role', {'role': 'operator'}), ('password', {'password': _OTHER}))

    at_once(
        lambda number: Client(guarded.app).post(
            f'/api/v1/users/viewer/{asked[number][0]}',
            json=asked[number][1],
            headers={**headers, 'Idempotency-Key': str(number)},
        ),
        2,
    )

    found = user_named(guarded, 'viewer')
    assert found.role is Role.OPERATOR
    assert is_password(found, _OTHER)
    assert found.password_hash != password_hash()
