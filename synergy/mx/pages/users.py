"""The pages of users and tokens, for admins: the list, and a step before each change of it."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from synergy.core.users import Role, User
from synergy.mx.pages.accounts import (
    ACTIONS,
    ROLE_WORDS,
    add_token,
    add_user,
    change_user,
    refuse_open,
    revoke_token,
)
from synergy.mx.pages.confirm import Input, Step, confirm, go_on
from synergy.mx.web.errors import unknown
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.operations.users import known_user

USER_ACTIONS: Final = (*ACTIONS, 'token')
TOKEN_ACTIONS: Final = ('revoke',)
_PASSWORD: Final = Input(name='password', label='Password', kind='password')
_SAYS: Final = {
    'role': 'Logins end, and have to be made anew. Tokens may do no more than their user.',
    'password': 'Logins end, and have to be made anew. Tokens stay.',
    'remove': 'Logins end; the tokens of the user are worth nothing any more.',
    'token': 'Its text is shown once, on the next page, and is kept nowhere.',
}


def users(request: RequestContext) -> Response:
    """List users and tokens."""
    return page(request, 'users.html', users=request.store.users(), tokens=request.store.tokens())


def confirm_user(request: RequestContext) -> Response:
    """Ask who the new user is."""
    refuse_open(request)
    step = Step(
        title='Make a user',
        button='Make the user',
        says=['It may log in at once. Viewers look, operators change, admins manage users.'],
        back='/users',
        back_text='users',
        inputs=[Input(name='name', label='Name'), _role(Role.VIEWER, ROLE_WORDS), _PASSWORD],
    )
    return confirm(request, step)


def submit_user(request: RequestContext) -> Response:
    """Make a user."""
    return go_on(request, request.url('users'), add_user(request))


def confirm_user_action(request: RequestContext, name: str, action: str) -> Response:
    """Say what changing a user, or making a token for it, would do."""
    refuse_open(request)
    if action not in USER_ACTIONS:
        known = ', '.join(USER_ACTIONS)
        raise unknown(f'{action!r:.40} is nothing to do to a user', f'one of {known}')
    user = known_user(request.store, name)
    titles = {
        'role': f'Change the role of {name}',
        'password': f'Give {name} another password',
        'remove': f'Remove the user {name}',
        'token': f'Make a token for {name}',
    }
    step = Step(
        title=titles[action],
        button={'remove': 'Remove', 'token': 'Make the token'}.get(action, 'Change it'),
        says=[_SAYS[action]],
        back='/users',
        back_text='users',
        inputs=_inputs(user, action),
    )
    return confirm(request, step)


def submit_user_action(request: RequestContext, name: str, action: str) -> Response:
    """Change a user, or make a token for it, whose text this one page shows."""
    if action != 'token':
        return go_on(request, request.url('users'), change_user(request, name, action))
    return page(request, 'token.html', made=add_token(request, name), name=name)


def confirm_token_action(request: RequestContext, token_id: str, action: str) -> Response:
    """Say what revoking a token would do."""
    refuse_open(request)
    token = next((token for token in request.store.tokens() if token.id == token_id), None)
    if token is None or action not in TOKEN_ACTIONS:
        raise unknown(f'there is no token {token_id!r:.40} to {action:.40}', 'see the list')
    step = Step(
        title=f'Revoke the token {token.id}… of {token.user}',
        button='Revoke',
        says=['Programs that use it are refused from now on. It cannot be brought back.'],
        back='/users',
        back_text='users',
    )
    return confirm(request, step)


def submit_token_action(request: RequestContext, token_id: str, action: str) -> Response:
    """Let a token be worth nothing from now on."""
    return go_on(request, request.url('users'), revoke_token(request, token_id, action))


def _inputs(user: User, action: str) -> list[Input]:
    match action:
        case 'role':
            return [_role(user.role, ROLE_WORDS)]
        case 'password':
            return [_PASSWORD]
        case 'token':
            return [
                _role(user.role, [word for word in ROLE_WORDS if user.role.may(Role(word))]),
                Input(name='label', label='What it is for', is_required=False),
                Input(name='days', label='Ends after days', is_required=False),
            ]
        case _:
            return []


def _role(role: Role, words: list[str] | tuple[str, ...]) -> Input:
    return Input(name='role', label='Role', value=role.value, choices=words)
