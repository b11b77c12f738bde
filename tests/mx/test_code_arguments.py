"""An operator who may write arguments of a shell process would be an administrator."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from msgspec.structs import force_setattr

from synergy.core.commands import Command, CommandState
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.operations.credentials import new_token
from tests.mx.dashboard_harness import NOW, DashboardHarness

#: What the history has: an entry that was made at run time.
ENTRY = 'Shell::sweep'
FORM = {
    'name': ENTRY, 'process': 'Shell', 'entry': 'sweep', 'trigger': 'every 60', 'overlap': 'queue',
    'misfire': 'once', 'misfire_max': '10', 'is_on': 'on', 'description': 'new',
}  # fmt: skip
OTHER = {'command': 'id'}


def asked(pages: DashboardHarness) -> list[Command]:
    return list(pages.store.commands((CommandState.REQUESTED,), 100))


def shown_arguments(text: str) -> str:
    """Return what the form of an entry shows."""
    return unescape(re.search(r'readonly>(.*?)</textarea>', text, re.S)[1])  # type: ignore[index]


def posted(pages: DashboardHarness, role: Role, path: str, **body: Any) -> Any:
    token, text = new_token(role.value, role, None, NOW, None)
    pages.store.save_token(token)
    headers = {'Host': 'localhost', 'Authorization': f'Bearer {text}', 'Idempotency-Key': 'k'}
    return pages.client.post(f'/api/v1{path}', json=body, headers=headers)


@pytest.mark.parametrize('role', [Role.OPERATOR, Role.ADMIN])
@pytest.mark.parametrize(
    'body',
    [
        {'name': ENTRY, 'arguments': OTHER},
        {'name': ENTRY, 'arguments': {}},
        {'name': ENTRY, 'trigger': 'every 60', 'is_on': False, 'arguments': OTHER},
        {'name': 'Shell::mine', 'trigger': 'every 60', 'arguments': OTHER},
        {'name': 'Shell::mine', 'trigger': 'every 60', 'arguments': {'host': 'elsewhere'}},
    ],
)
def test_arguments_that_are_code_are_an_admins(
    guarded: DashboardHarness, role: Role, body: Any
) -> None:
    before = len(asked(guarded))

    answer = posted(guarded, role, '/freeruns', **body)

    if role is Role.ADMIN:
        assert answer.status_code == 202
        assert asked(guarded)[0].details['arguments'] == body['arguments']
        return
    assert answer.status_code == 403
    assert 'the arguments of Shell are code' in answer.json['detail']
    assert 'role admin' in answer.json['detail']
    assert len(asked(guarded)) == before


@pytest.mark.parametrize(
    'body',
    [
        {'name': ENTRY, 'trigger': 'every 60'},
        {'name': ENTRY, 'is_on': False, 'overlap': 'queue', 'description': 'x'},
        {'name': 'Shell::mine', 'trigger': 'every 60'},
        {'name': 'Shell::mine', 'trigger': 'every 60', 'arguments': {}},
    ],
)
def test_operators_time_and_switch_such_entries(guarded: DashboardHarness, body: Any) -> None:
    assert posted(guarded, Role.OPERATOR, '/freeruns', **body).status_code == 202
    assert 'arguments' not in asked(guarded)[0].details


def test_a_form_that_sends_arguments_as_they_are_changes_the_rest(
    guarded: DashboardHarness,
) -> None:
    guarded.log_in('operator')
    arguments = shown_arguments(guarded.get(f'/freeruns/edit?name={ENTRY}').text)

    answer = guarded.post('/freeruns/edit', {**FORM, 'arguments': arguments})

    assert answer.status_code == 303
    details = asked(guarded)[0].details
    assert details['description'] == 'new'
    # An older form must not bring back what an admin has changed since.
    assert 'arguments' not in details


@pytest.mark.parametrize('form', [FORM, {**FORM, 'name': '', 'entry': 'mine'}])
def test_a_form_with_other_arguments_is_refused(
    guarded: DashboardHarness, form: dict[str, str]
) -> None:
    guarded.log_in('operator')
    before = len(asked(guarded))

    answer = guarded.post('/freeruns/edit', {**form, 'arguments': json.dumps(OTHER)})

    assert answer.status_code == 403
    assert 'the arguments of Shell are code' in answer.text
    assert len(asked(guarded)) == before


def test_the_form_says_why_arguments_cannot_be_written(guarded: DashboardHarness) -> None:
    guarded.log_in('operator')
    edit = guarded.get(f'/freeruns/edit?name={ENTRY}').text
    fresh = guarded.get('/freeruns/edit').text

    assert ' readonly>' in edit
    assert 'Shell runs what its arguments say; only an admin may change them.' in edit
    assert 'Arguments of Shell are an admin' in fresh
    guarded.log_in('admin')
    assert ' readonly>' not in guarded.get(f'/freeruns/edit?name={ENTRY}').text


@pytest.mark.parametrize(
    ('said', 'arguments', 'status'),
    [
        (None, {'depth': 3}, 202),
        (None, OTHER, 403),
        (None, {'shell': True}, 403),
        (None, {'environment': {'PATH': '/tmp'}}, 403),
        (False, OTHER, 202),
        (True, {'depth': 3}, 403),
    ],
)
def test_a_process_of_which_nothing_is_said_is_judged_by_names(
    guarded: DashboardHarness, said: bool | None, arguments: Any, status: int
) -> None:
    context = guarded.site.context
    changed = {
        key: replace(entry, arguments_are_code=said) if entry.name == 'Shell' else entry
        for key, entry in context.freeruns.items()
    }
    force_setattr(guarded.site, 'context', replace(context, freeruns=changed))
    assert any(name == ProcessName('Shell') for name, _ in changed)

    answer = posted(
        guarded, Role.OPERATOR, '/freeruns', name='Shell::mine', trigger='every 60',
        arguments=arguments,
    )  # fmt: skip

    assert answer.status_code == status


def test_where_nobody_logs_in_everybody_is_an_admin(pages: DashboardHarness) -> None:
    answer = pages.post('/freeruns/edit', {**FORM, 'arguments': json.dumps(OTHER)})

    assert answer.status_code == 303
    assert asked(pages)[0].details['arguments'] == OTHER
