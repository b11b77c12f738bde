"""Users and tokens on their page: each change has a step of its own, for admins alone."""

from __future__ import annotations

import re

import pytest

from synergy.core.commands import CommandKind, CommandState
from synergy.core.users import Role
from synergy.operations.credentials import new_token
from tests.mx.dashboard_harness import NOW, PASSWORD, DashboardHarness
from tests.mx.test_confirm import form_of


@pytest.fixture
def managed(guarded: DashboardHarness) -> DashboardHarness:
    """Return a dashboard at which an admin has logged in."""
    guarded.log_in('admin')
    return guarded


def roles(pages: DashboardHarness) -> dict[str, Role]:
    return {user.name: user.role for user in pages.store.users()}


def test_an_admin_makes_changes_and_removes_a_user(managed: DashboardHarness) -> None:
    form = form_of(managed.get('/users/add').text)
    form |= {'name': 'carla', 'role': 'viewer', 'password': PASSWORD}
    made = managed.post('/users/add', form)
    before = managed.dump()

    short = managed.post('/users/carla/password', {'password': 'short'})
    lone = managed.post('/users/carla/remove', {})

    assert 'Done: add user carla as' in managed.get(made.headers['Location']).text
    assert (short.status_code, lone.status_code) == (400, 400)
    assert managed.dump() == before
    assert managed.post('/users/carla/role', {'role': 'operator'}).status_code == 303
    assert roles(managed)['carla'] is Role.OPERATOR
    assert managed.post('/users/carla/remove', {'reason': 'has left'}).status_code == 303
    assert 'carla' not in roles(managed)


def test_the_last_admin_stays(managed: DashboardHarness) -> None:
    assert managed.post('/users/admin/remove', {'reason': 'x'}).status_code == 409
    assert managed.post('/users/admin/role', {'role': 'viewer'}).status_code == 409


def test_a_token_is_shown_once(managed: DashboardHarness) -> None:
    step = managed.get('/users/viewer/token').text
    form = {**form_of(step), 'role': 'viewer', 'label': 'ci'}

    made = managed.post('/users/viewer/token', form)
    again = managed.post('/users/viewer/token', form)

    assert '<option>admin' not in step
    (token,) = managed.store.tokens()
    text = re.search(rf'{token.id}\.[\w-]+', made.text)
    assert text is not None
    assert managed.get('/api/v1/jobs', Authorization=f'Bearer {text[0]}').status_code == 200
    assert f'{token.id}.' not in again.text
    assert len(managed.store.tokens()) == 1


def test_a_token_is_revoked_with_a_reason(managed: DashboardHarness) -> None:
    token, _ = new_token('viewer', Role.VIEWER, None, NOW, None)
    managed.store.save_token(token)
    address = f'/tokens/{token.id}/revoke'

    assert f'href="{address}"' in managed.get('/users').text
    step = managed.get(address)
    assert managed.post(address, form_of(step.text)).status_code == 400
    assert managed.store.tokens() == [token]

    assert managed.post(address, {**form_of(step.text), 'reason': 'leaked'}).status_code == 303
    assert managed.store.tokens() == []
    (asked,) = managed.store.commands((CommandState.DONE,), 1, (CommandKind.USER,))
    assert asked.reason == 'leaked'


def test_no_password_is_kept_through_a_login(guarded: DashboardHarness) -> None:
    form = {'name': 'eve', 'password': 'swordfish swordfish'}

    late = guarded.post('/users/add', form)

    assert late.status_code == 401
    assert 'swordfish' not in late.text


def test_an_open_dashboard_manages_nobody(pages: DashboardHarness) -> None:
    assert pages.get('/users/add').status_code == 409
    assert 'href="/users/add"' not in pages.get('/users').text
