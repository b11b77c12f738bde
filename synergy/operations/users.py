"""Users of the dashboard and their tokens for the API: add, change, remove, make and revoke.

The audit record of each says `action`, of ACTIONS, and the `name` of the user, or of the token that
is revoked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Protocol

from synergy.conf.names import PROCESS_MX
from synergy.core.commands import Command, CommandKind
from synergy.core.nearest import nearest
from synergy.core.records import Json
from synergy.core.structs import Struct, replace
from synergy.core.users import ApiToken, Role, User, UserOutcome, name_problem, named
from synergy.operations.caller import Caller
from synergy.operations.credentials import new_token, user_of
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.submission import asked_before, record_for, used_before, write_down
from synergy.ports.store import UserStore

ACTIONS: Final = ('add', 'role', 'password', 'remove', 'token', 'revoke')


class Password(Protocol):
    """A password that was given; looking at it is slow, and may be refused."""

    def hashed(self) -> str:
        """Return the hash under which it is kept; raise OperationRefused when it is too short."""
        ...

    def is_of(self, user: User) -> bool:
        """Tell whether it is the user's."""
        ...


class MadeToken(Struct, frozen=True, kw_only=True):
    """A new token and its text, which is shown once; None of both when it was made before."""

    command: Command
    token: ApiToken | None = None
    text: str | None = None


def add_user(caller: Caller, name: str, role: Role, password: Password) -> Command:
    """Make a user; return the audit record."""
    store = caller.store
    record = _record(caller, 'add', name, role)
    if (known := asked_before(caller, record)) is not None:
        return _same_password(caller, known, name, password)
    if named(store.users(), name) is None:
        if (problem := name_problem(name)) is not None:
            raise malformed(
                f'{name!r:.80} cannot be the name of a user',
                problem,
                f'{name!r:.80} cannot be the name of a user: {problem}',
            )
        if store.add_user(user_of(name, role, password.hashed(), caller.now)):
            return write_down(caller, record)
    if (known := asked_before(caller, record)) is not None:
        # The same request at another dashboard was quicker.
        return _same_password(caller, known, name, password)
    raise _taken(name)


def set_role(caller: Caller, name: str, role: Role, *, keeps_admin: bool = True) -> Command:
    """Change the role of a user, whose logins end; return the audit record."""
    record = _record(caller, 'role', name, role)
    if (known := asked_before(caller, record)) is not None:
        return known
    name = known_user(caller.store, name).name
    _refuse(caller.store, name, caller.store.set_role(name, role, keeps_admin=keeps_admin))
    return write_down(caller, record)


def remove_user(caller: Caller, name: str, *, keeps_admin: bool = True) -> Command:
    """Remove a user, whose logins end; return the audit record."""
    record = _record(caller, 'remove', name)
    if (known := asked_before(caller, record)) is not None:
        return known
    name = known_user(caller.store, name).name
    _refuse(caller.store, name, caller.store.remove_user(name, keeps_admin=keeps_admin))
    return write_down(caller, record)


def set_password(caller: Caller, name: str, password: Password) -> Command:
    """Change the password of a user, whose logins end; return the audit record."""
    record = _record(caller, 'password', name)
    if (known := asked_before(caller, record)) is not None:
        return _same_password(caller, known, name, password)
    name = known_user(caller.store, name).name
    if not caller.store.set_password(name, password.hashed()):
        raise _unknown_user(caller.store, name)
    return write_down(caller, record)


def make_token(
    caller: Caller, name: str, role: Role | None, label: str | None, days: int
) -> MadeToken:
    """Make a token of the API for a user, once for each form or key.

    role: None is the user's. days: that it holds; 0: for ever.
    """
    store = caller.store
    user = known_user(store, name)
    role = role or user.role
    record = _record(caller, 'token', user.name, role, label=label, days=days)
    if (known := asked_before(caller, record)) is not None:
        return MadeToken(command=known)
    if not user.role.may(role):
        raise malformed(
            f'{user.name} is {user.role.value}',
            'a token cannot do more than its user',
            f'{user.name} is {user.role.value}; a token cannot be {role.value}',
        )
    lifetime = timedelta(days=days) if days else None
    token, text = new_token(user.name, role, label, caller.now, lifetime)
    # An id of the key or the form: of two requests that are the same one makes a token, wherever.
    token = replace(token, id=record.id)
    if not store.save_token(token):
        if any(known.id == token.id for known in store.tokens()):
            return MadeToken(command=record)
        raise _unknown_user(store, user.name)
    text = f'{token.id}.{text.partition(".")[2]}'
    return MadeToken(command=write_down(caller, record), token=token, text=text)


def revoke_token(caller: Caller, token_id: str) -> Command:
    """Let a token be worth nothing from now on; return the audit record."""
    record = _record(caller, 'revoke', token_id)
    if (known := asked_before(caller, record)) is not None:
        return known
    if not caller.store.remove_token(token_id):
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'there is no token {token_id!r:.40}',
            'it is gone already; see the list',
            in_terminal=f'there is no token {token_id!r}; ./launch.py user ls lists them',
        )
    return write_down(caller, record)


def known_user(store: UserStore, name: str) -> User:
    """Return a user; raise OperationRefused when there is none of that name."""
    user = named(store.users(), name)
    if user is None:
        raise _unknown_user(store, name)
    return user


def _record(
    caller: Caller, action: str, name: str, role: Role | None = None, **more: Json
) -> Command:
    assert action in ACTIONS, action
    details: dict[str, Json] = {'action': action, 'name': name, 'role': role and role.value}
    return record_for(caller, CommandKind.USER, PROCESS_MX, {**details, **more})


def _refuse(store: UserStore, name: str, outcome: UserOutcome) -> None:
    """Raise OperationRefused unless a change was made."""
    if outcome is UserOutcome.UNKNOWN:
        raise _unknown_user(store, name)
    if outcome is UserOutcome.LAST:
        raise OperationRefused(
            RefusalKind.LAST_ADMIN,
            f'{name} is the only admin, or the only user',
            'make another one first, or use ./launch.py user on the machine itself',
        )


def _same_password(caller: Caller, known: Command, name: str, password: Password) -> Command:
    """Return the record of what was done before; refuse it if it was with another password.

    It is kept as its hash alone, so the user's present one tells.
    """
    user = named(caller.store.users(), name)
    if user is not None and not password.is_of(user):
        raise used_before(caller, known)
    return known


def _taken(name: str) -> OperationRefused:
    return OperationRefused(
        RefusalKind.CONFLICT,
        f'there is a user {name!r:.80} already, be it in other case',
        'change it, or take another name',
        title='Taken',
        in_terminal=f'user {name!r} exists, be it in other case; change it with passwd or role',
    )


def _unknown_user(store: UserStore, name: str) -> OperationRefused:
    known: Sequence[str] = [user.name for user in store.users()]
    return OperationRefused(
        RefusalKind.UNKNOWN,
        f'there is no user {name!r:.80}',
        'choose one from the list of users',
        in_terminal=f'there is no user {name!r}{nearest(name, known)}; ./launch.py user ls lists '
        'them',
    )
