"""`launch.py user`: who may use the dashboard: add, change, list and remove users and tokens."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial

from synergy import bootstrap
from synergy.cli.caller import caller_of
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import agrees, is_person
from synergy.cli.console import print_json, print_table
from synergy.cli.numbers import whole
from synergy.core.commands import Command
from synergy.core.users import Role, User
from synergy.operations.caller import Caller
from synergy.operations.credentials import hashed, is_password
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.operations.users import (
    add_user,
    known_user,
    make_token,
    remove_user,
    revoke_token,
    set_password,
    set_role,
)
from synergy.ports.store import Store, UserStore


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
    parser.add_argument(
        '--days', type=whole(1, 36_500), metavar='N', help='a token ends after N days'
    )
    parser.add_argument(
        '--yes', action='store_true', help='do not ask before the last user or admin is taken away'
    )
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    settings, context = bootstrap.load(reads_sources=False)
    with bootstrap.open_runtime(settings, context) as runtime:
        store = runtime.open_store()
        if options.action == 'ls':
            return _list(store, is_json=options.json)
        if not options.name:
            raise CommandError('give a NAME', ExitCode.USAGE)
        _change(caller_of(runtime, store), options)
    return ExitCode.OK


def _change(caller: Caller, options: Namespace) -> None:
    name = options.name
    match options.action:
        case 'add':
            role = Role(options.role or Role.VIEWER)
            add_user(caller, name, role, _Typed())
            print(f'{name} may log in as {role.value}')
        case 'revoke':
            revoke_token(caller, name)
        case 'passwd':
            set_password(caller, name, _Typed())
        case 'role':
            change = partial(set_role, caller, name, Role(options.role or Role.VIEWER))
            _take(caller.store, name, options, change)
        case 'rm':
            _take(caller.store, name, options, partial(remove_user, caller, name))
        case _:
            role_of_token = options.role and Role(options.role)
            made = make_token(caller, name, role_of_token, options.label, options.days or 0)
            if sys.stdout.isatty():
                print('shown this once, never again:')
            print(made.text)


def _take(store: Store, name: str, options: Namespace, change: Callable[..., Command]) -> None:
    """Change the role of a user, or remove it; ask first when nobody would be left."""
    try:
        change()
    except OperationRefused as error:
        if error.kind is not RefusalKind.LAST_ADMIN:
            raise
        _confirm(store, known_user(store, name).name, options)
        change(keeps_admin=False)


def _confirm(store: UserStore, name: str, options: Namespace) -> None:
    """Say what follows when nobody is left, and go on only with a yes."""
    others = [user.name for user in store.users() if user.name != name]
    if options.action == 'rm' and not others:
        follows = (
            f'{name} is the only user: the dashboard and its API are then closed to everybody '
            'until a user is made with ./launch.py user add NAME --role admin'
        )
    else:
        follows = (
            f'{name} is the only admin: users and tokens can then be managed with ./launch.py user '
            'on this machine alone'
        )
    if options.yes:
        print(follows)
        return
    question = {'rm': 'remove it', 'role': 'change its role'}[options.action]
    if not is_person():
        raise CommandError(f'{follows}; give --yes to {question} all the same', ExitCode.CONFLICT)
    if not agrees(f'{follows}\n{question} all the same?'):
        raise CommandError('nothing was changed', ExitCode.CONFLICT)


class _Typed:
    """The password that is typed twice, or the first line of standard input."""

    def hashed(self) -> str:
        """Return the hash under which it is kept."""
        try:
            return hashed(_password())
        except ValueError as error:
            raise CommandError(str(error), ExitCode.USAGE) from error

    def is_of(self, user: User) -> bool:
        """Tell whether it is the user's."""
        return is_password(user, _password())


def _password() -> str:
    """Return the password that is typed twice, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip('\n')
    password = getpass.getpass('password: ')
    if password != getpass.getpass('again: '):
        raise CommandError('the two passwords differ; try again', ExitCode.USAGE)
    return password


def _list(store: UserStore, *, is_json: bool) -> ExitCode:
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
    if not users and store.had_users():
        print('there is no user any more: the dashboard is closed until one is made')
    elif not users:
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
