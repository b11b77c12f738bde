"""`launch.py user`: who may use the dashboard: add, change, list and remove users and tokens."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from synergy import bootstrap
from synergy.cli.asking import record
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.conf.names import PROCESS_MX
from synergy.core.commands import CommandKind
from synergy.core.nearest import nearest
from synergy.core.records import Json
from synergy.core.users import Role, User
from synergy.mx.security import new_token, user_of, with_password
from synergy.ports.clock import Clock
from synergy.ports.store import Store

_NAME_LENGTH_MAX = 64


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'action',
        nargs='?',
        choices=['ls', 'add', 'passwd', 'role', 'rm', 'token', 'revoke'],
        default='ls',
    )
    parser.add_argument('name', nargs='?', metavar='NAME', help='the user; for revoke, a token')
    parser.add_argument(
        '--role',
        choices=[role.value for role in Role],
        help='viewer looks, operator changes, admin manages users; default: viewer',
    )
    parser.add_argument('--label', metavar='TEXT', help='what a token is for')
    parser.add_argument('--days', type=int, metavar='N', help='a token ends after N days')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        store = runtime.open_store()
        if options.action == 'ls':
            return _list(store, is_json=options.json)
        if not options.name:
            raise CommandError('give a NAME', ExitCode.USAGE)
        details = _change(store, runtime.clock, options)
        record(store, runtime.clock.now(), CommandKind.USER, PROCESS_MX, details)
    return ExitCode.OK


def _change(store: Store, clock: Clock, options: Namespace) -> dict[str, Json]:
    """Do what is asked for; return what the audit keeps of it."""
    name, users = options.name, {user.name: user for user in store.users()}
    match options.action:
        case 'add':
            _add(store, clock, options, users)
        case 'revoke':
            if not store.remove_token(name):
                raise CommandError(
                    f'there is no token {name!r}; ./launch.py user ls lists them', ExitCode.UNKNOWN
                )
        case 'passwd':
            store.save_user(_guarded(partial(with_password, _known(users, name), _password())))
        case 'role':
            user = _known(users, name)
            role = Role(options.role or Role.VIEWER)
            store.save_user(replace(user, role=role, serial=user.serial + 1))
        case 'rm':
            store.remove_user(_known(users, name).name)
        case _:
            _token(store, clock, options, _known(users, name))
    return {'action': options.action, 'name': name, 'role': options.role}


def _add(store: Store, clock: Clock, options: Namespace, users: dict[str, User]) -> None:
    name = options.name
    if name in users:
        raise CommandError(
            f'user {name!r} exists; change it with passwd or role', ExitCode.CONFLICT
        )
    if len(name) > _NAME_LENGTH_MAX or not name.isprintable() or '@' in name:
        raise CommandError(
            f'{name!r:.80} is no name of a user; take at most {_NAME_LENGTH_MAX} characters, no @',
            ExitCode.USAGE,
        )
    role = Role(options.role or Role.VIEWER)
    store.save_user(_guarded(partial(user_of, name, role, _password(), clock.now())))
    print(f'{name} may log in as {role.value}')


def _token(store: Store, clock: Clock, options: Namespace, user: User) -> None:
    role = Role(options.role or user.role)
    if not user.role.may(role):
        raise CommandError(
            f'{user.name} is {user.role.value}; a token cannot be {role.value}', ExitCode.USAGE
        )
    lifetime = None if options.days is None else timedelta(days=options.days)
    token, text = new_token(user.name, role, options.label, clock.now(), lifetime)
    store.save_token(token)
    if sys.stdout.isatty():
        print('shown this once, never again:')
    print(text)


def _known(users: dict[str, User], name: str) -> User:
    user = users.get(name)
    if user is None:
        raise CommandError(
            f'there is no user {name!r}{nearest(name, users)}; ./launch.py user ls lists them',
            ExitCode.UNKNOWN,
        )
    return user


def _password() -> str:
    """Return the password that is typed twice, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip('\n')
    password = getpass.getpass('password: ')
    if password != getpass.getpass('again: '):
        raise CommandError('the two passwords differ; try again', ExitCode.USAGE)
    return password


def _guarded(make: Callable[[], User]) -> User:
    try:
        return make()
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from error


def _list(store: Store, *, is_json: bool) -> ExitCode:
    users, tokens = store.users(), store.tokens()
    if is_json:
        print_json(
            {
                'users': [{'name': user.name, 'role': user.role.value} for user in users],
                'tokens': [
                    {'id': token.id, 'user': token.user, 'role': token.role.value}
                    for token in tokens
                ],
            },
            has_secret_names=False,
        )
        return ExitCode.OK
    if not users:
        print('there is no user: on this machine everybody may use the dashboard')
    print_table(('user', 'role'), [(user.name, user.role.value) for user in users])
    if tokens:
        print_table(
            ('token', 'user', 'role', 'label', 'ends'),
            [
                (
                    token.id,
                    token.user,
                    token.role.value,
                    token.label or '',
                    '' if token.expires_at is None else f'{token.expires_at:%Y-%m-%d}',
                )
                for token in tokens
            ],
        )
    return ExitCode.OK


COMMAND = CliCommand(
    name='user',
    summary='List, add, change and remove users of the dashboard and their tokens for the API. A '
    'password is typed, or the first line of standard input; a token is printed once.',
    example='user add anna --role operator',
    add_arguments=_add_arguments,
    run=_run,
)
