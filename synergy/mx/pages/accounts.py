"""Users and tokens, managed by admins: what `launch.py user` does on the machine itself.

Only one who has logged in may: the first user is made on the machine, and the last admin stays, so
that a dashboard which others can reach is never open by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, assert_never

from werkzeug.wrappers import Response

from synergy.core.commands import Command, CommandKind
from synergy.core.records import Json
from synergy.core.users import ApiToken, Role, User, UserOutcome, name_problem, named
from synergy.mx.web.errors import Refused, unknown, wrong
from synergy.mx.web.orders import done_before, record, record_of, used_before
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.operations.credentials import (
    PASSWORD_LENGTH_MAX,
    hashed,
    is_password,
    new_token,
    user_of,
)
from synergy.view.encode import instant

ROLE_WORDS: Final = tuple(role.value for role in Role)
ACTIONS: Final = ('role', 'password', 'remove')
DAYS_MAX: Final = 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeToken:
    """A new token and its text, which is shown once; None of both when it was made before."""

    command: Command
    token: ApiToken | None = None
    text: str | None = None


def add_user(request: RequestContext) -> Command:
    """Make the user that was described; return the record."""
    refuse_open(request)
    name, role = request.text('name'), Role(request.choice('role', ROLE_WORDS, Role.VIEWER.value))
    details: dict[str, Json] = {'action': 'add', 'name': name, 'role': role.value}
    if (known := done_before(request, CommandKind.USER, 'MX', details)) is not None:
        return _same_password(request, known, name)
    if (problem := name_problem(name)) is not None:
        raise wrong(f'{name!r:.80} cannot be the name of a user', problem)
    if not request.store.add_user(user_of(name, role, _hashed(request), request.now)):
        if (known := done_before(request, CommandKind.USER, 'MX', details)) is not None:
            # The same request at another dashboard was quicker.
            return _same_password(request, known, name)
        raise Refused(
            409,
            'Taken',
            f'there is a user {name!r:.80} already, be it in other case',
            'change it, or take another name',
        )
    return record(request, CommandKind.USER, 'MX', details)


def change_user(request: RequestContext, name: str, action: str) -> Command:
    """Do what `action` says; return the record."""
    refuse_open(request)
    if action not in ACTIONS:
        raise unknown(f'{action!r:.40} is nothing to do to a user', f'one of {", ".join(ACTIONS)}')
    role = Role(request.choice('role', ROLE_WORDS, Role.VIEWER.value)) if action == 'role' else None
    details: dict[str, Json] = {'action': action, 'name': name, 'role': role and role.value}
    if (known := done_before(request, CommandKind.USER, 'MX', details)) is not None:
        return _same_password(request, known, name) if action == 'password' else known
    name = known_user(request, name).name
    if role is not None:
        outcome = request.store.set_role(name, role)
    elif action == 'remove':
        outcome = request.store.remove_user(name)
    else:
        is_done = request.store.set_password(name, _hashed(request))
        outcome = UserOutcome.DONE if is_done else UserOutcome.UNKNOWN
    _refuse(name, outcome)
    return record(request, CommandKind.USER, 'MX', details)


def _refuse(name: str, outcome: UserOutcome) -> None:
    """Raise Refused unless a change was made."""
    match outcome:
        case UserOutcome.DONE:
            return
        case UserOutcome.UNKNOWN:
            raise _unknown_user(name)
        case UserOutcome.LAST:
            raise Refused(
                409,
                'The last admin stays',
                f'{name} is the only admin, or the only user',
                'make another one first, or use ./launch.py user on the machine itself',
            )
        case _:
            assert_never(outcome)


def add_token(request: RequestContext, name: str) -> MadeToken:
    """Make the token that was described, once for each form or key."""
    refuse_open(request)
    user = known_user(request, name)
    role = Role(request.choice('role', ROLE_WORDS, user.role.value))
    days = request.number('days', 0, 0, DAYS_MAX)
    label = request.optional('label')
    details: dict[str, Json] = {
        'action': 'token', 'name': user.name, 'role': role.value, 'label': label, 'days': days,
    }  # fmt: skip
    if (known := done_before(request, CommandKind.USER, 'MX', details)) is not None:
        return MadeToken(command=known)
    if not user.role.may(role):
        raise wrong(f'{user.name} is {user.role.value}', 'a token cannot do more than its user')
    lifetime = timedelta(days=days) if days else None
    token, text = new_token(user.name, role, label, request.now, lifetime)
    command = record_of(request, CommandKind.USER, 'MX', details)
    # An id of the key or the form: of two requests that are the same one makes a token, wherever.
    token = replace(token, id=command.id)
    if not request.store.save_token(token):
        if any(known.id == token.id for known in request.store.tokens()):
            return MadeToken(command=command)
        raise _unknown_user(user.name)
    text = f'{token.id}.{text.partition(".")[2]}'
    command = record(request, CommandKind.USER, 'MX', details)
    return MadeToken(command=command, token=token, text=text)


def revoke_token(request: RequestContext, token_id: str, action: str) -> Command:
    """Let a token be worth nothing from now on; return the record."""
    refuse_open(request)
    if action != 'revoke':
        raise unknown(f'{action!r:.40} is nothing to do to a token', 'revoke it')
    details: dict[str, Json] = {'revoked': token_id}
    if (known := done_before(request, CommandKind.USER, 'MX', details)) is not None:
        return known
    if not request.store.remove_token(token_id):
        raise unknown(f'there is no token {token_id!r:.40}', 'it is gone already; see the list')
    return record(request, CommandKind.USER, 'MX', details)


def refuse_open(request: RequestContext) -> None:
    """Refuse to manage users where nobody has logged in."""
    if request.visitor.via == 'open':
        raise Refused(
            409,
            'Nobody has to log in here',
            'there is no user yet',
            'make the first one on the machine itself: ./launch.py user add NAME --role admin',
        )


def known_user(request: RequestContext, name: str) -> User:
    """Return a user; raise Refused when there is none of that name."""
    user = named(request.store.users(), name)
    if user is None:
        raise _unknown_user(name)
    return user


def _unknown_user(name: str) -> Refused:
    return unknown(f'there is no user {name!r:.80}', 'choose one from the list of users')


def _same_password(request: RequestContext, known: Command, name: str) -> Command:
    """Return the record of what was done before; raise Refused if it was with another password.

    It is kept as its hash alone, so the user's present one tells.
    """
    user = named(request.store.users(), name)
    if user is not None:
        with request.site.hashing.turn():
            if not is_password(user, _password(request)):
                raise used_before(request, known)
    return known


def _hashed(request: RequestContext) -> str:
    """Return the hash of the password that was sent."""
    password = _password(request)
    try:
        with request.site.hashing.turn():
            return hashed(password)
    except ValueError as error:
        raise wrong(str(error), 'give a longer one; nothing was changed') from error


def _password(request: RequestContext) -> str:
    is_json = request.http.mimetype == 'application/json'
    value = request.body().get('password') if is_json else request.http.form.get('password')
    if not isinstance(value, str) or len(value) > PASSWORD_LENGTH_MAX:
        raise wrong('password is missing or no text', 'send it in the JSON body, or in the form')
    return value


def _done(request: RequestContext, command: Command) -> Response:
    return json_answer(request.http, {'id': command.id, **dict(command.details)})


def _encode_user(user: User) -> dict[str, Any]:
    return {
        'name': user.name,
        'role': user.role.value,
        'created_at': instant(user.created_at),
    }


def _encode_token(token: ApiToken) -> dict[str, Any]:
    return {
        'id': token.id,
        'user': token.user,
        'role': token.role.value,
        'label': token.label,
        'created_at': instant(token.created_at),
        'expires_at': instant(token.expires_at),
    }
