"""Users and tokens, managed by admins: what `launch.py user` does on the machine itself.

Only one who has logged in may: the first user is made on the machine, and the last admin stays, so
that a dashboard which others can reach is never open by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from synergy.core.commands import Command
from synergy.core.users import Role, User
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import Refused, unknown, wrong
from synergy.mx.web.request_context import RequestContext
from synergy.operations import users
from synergy.operations.credentials import PASSWORD_LENGTH_MAX, hashed, is_password
from synergy.operations.users import MadeToken

ROLE_WORDS: Final = tuple(role.value for role in Role)
ACTIONS: Final = ('role', 'password', 'remove')
DAYS_MAX: Final = 3650


def add_user(request: RequestContext) -> Command:
    """Make the user that was described; return the record."""
    refuse_open(request)
    role = Role(request.choice('role', ROLE_WORDS, Role.VIEWER.value))
    return users.add_user(caller_of(request), request.text('name'), role, SentPassword(request))


def change_user(request: RequestContext, name: str, action: str) -> Command:
    """Do what `action` says; return the record."""
    refuse_open(request)
    caller = caller_of(request)
    match action:
        case 'role':
            role = Role(request.choice('role', ROLE_WORDS, Role.VIEWER.value))
            return users.set_role(caller, name, role)
        case 'password':
            return users.set_password(caller, name, SentPassword(request))
        case 'remove':
            return users.remove_user(caller, name)
        case _:
            raise unknown(
                f'{action!r:.40} is nothing to do to a user', f'one of {", ".join(ACTIONS)}'
            )


def add_token(request: RequestContext, name: str) -> MadeToken:
    """Make the token that was described, once for each form or key."""
    refuse_open(request)
    word = request.optional('role')
    role = None if word is None else Role(request.choice('role', ROLE_WORDS, word))
    days = request.number('days', 0, 0, DAYS_MAX)
    return users.make_token(caller_of(request), name, role, request.optional('label'), days)


def revoke_token(request: RequestContext, token_id: str, action: str) -> Command:
    """Let a token be worth nothing from now on; return the record."""
    refuse_open(request)
    if action != 'revoke':
        raise unknown(f'{action!r:.40} is nothing to do to a token', 'revoke it')
    return users.revoke_token(caller_of(request), token_id)


def refuse_open(request: RequestContext) -> None:
    """Refuse to manage users where nobody has logged in."""
    if request.visitor.via == 'open':
        raise Refused(
            409,
            'Nobody has to log in here',
            'there is no user yet',
            'make the first one on the machine itself: ./launch.py user add NAME --role admin',
        )


@dataclass(frozen=True, slots=True)
class SentPassword:
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
