"""Users and tokens, for admins: the list, and a step before each change of it.

Only one who has logged in may: the first user is made on the machine itself by `launch.py user`,
and the last admin stays, so that a dashboard which others can reach is never open by mistake.
"""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import Command
from synergy.core.structs import Struct
from synergy.core.users import Role, User
from synergy.mx.pages.confirm import Input, Step, confirm, go_on
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import Refused, unknown, wrong
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.operations import users as operations
from synergy.operations.credentials import PASSWORD_LENGTH_MAX, hashed, is_password
from synergy.operations.users import MadeToken, known_user

ROLE_WORDS: Final = tuple(role.value for role in Role)
ACTIONS: Final = ('role', 'password', 'remove')
USER_ACTIONS: Final = (*ACTIONS, 'token')
TOKEN_ACTIONS: Final = ('revoke',)
_PASSWORD: Final = Input(name='password', label='Password', kind='password')
_SAYS: Final = {
    'role': 'Logins end, and have to be made again. Tokens may do no more than their user.',
    'password': 'Logins end, and have to be made again. Tokens stay.',
    'remove': 'Logins end; the tokens of the user are worth nothing any more.',
    'token': 'Its text is shown once, on the next page, and is kept nowhere.',
}
DAYS_MAX: Final = 3650


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
        raise unknown(f'{action!r:.40} cannot be done to a user', f'one of {known}')
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


def add_user(request: RequestContext) -> Command:
    """Make the user that was described; return the record."""
    refuse_open(request)
    role = Role(request.choice('role', ROLE_WORDS, Role.VIEWER.value))
    return operations.add_user(
        caller_of(request), request.text('name'), role, SentPassword(request)
    )


def change_user(request: RequestContext, name: str, action: str) -> Command:
    """Do what `action` says; return the record."""
    refuse_open(request)
    caller = caller_of(request)
    match action:
        case 'role':
            role = Role(request.choice('role', ROLE_WORDS, Role.VIEWER.value))
            return operations.set_role(caller, name, role)
        case 'password':
            return operations.set_password(caller, name, SentPassword(request))
        case 'remove':
            return operations.remove_user(caller, name)
        case _:
            raise unknown(
                f'{action!r:.40} cannot be done to a user', f'one of {", ".join(ACTIONS)}'
            )


def add_token(request: RequestContext, name: str) -> MadeToken:
    """Make the token that was described, once for each form or key."""
    refuse_open(request)
    word = request.optional('role')
    role = None if word is None else Role(request.choice('role', ROLE_WORDS, word))
    days = request.number('days', 0, 0, DAYS_MAX)
    return operations.make_token(caller_of(request), name, role, request.optional('label'), days)


def revoke_token(request: RequestContext, token_id: str, action: str) -> Command:
    """Let a token be worth nothing from now on; return the record."""
    refuse_open(request)
    if action != 'revoke':
        raise unknown(f'{action!r:.40} cannot be done to a token', 'revoke it')
    return operations.revoke_token(caller_of(request), token_id)


def refuse_open(request: RequestContext) -> None:
    """Refuse to manage users where nobody has logged in."""
    if request.visitor.via == 'open':
        raise Refused(
            409,
            'Nobody has to log in here',
            'there is no user yet',
            'make the first one on the machine itself: ./launch.py user add NAME --role admin',
        )


class SentPassword(Struct, frozen=True):
    """The password that came with a request. Only so many are hashed at the same time."""

    request: RequestContext

    def hashed(self) -> str:
        """Return the hash under which it is kept; raise Refused when it is too short."""
        password = self._text()
        try:
            with self.request.site.hashing.turn():
                return hashed(password)
        except ValueError as error:
            raise wrong(str(error), 'give a longer one; nothing was changed') from error

    def is_of(self, user: User) -> bool:
        """Tell whether it is the user's."""
        with self.request.site.hashing.turn():
            return is_password(user, self._text())

    def _text(self) -> str:
        http = self.request.http
        is_json = http.mimetype == 'application/json'
        value = self.request.body().get('password') if is_json else http.form.get('password')
        if not isinstance(value, str) or len(value) > PASSWORD_LENGTH_MAX:
            advice = 'send it in the JSON body, or in the form'
            raise wrong('password is missing or not a text', advice)
        return value
