"""`launch.py user`: who may use the dashboard: add, change, list and remove users and tokens."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser, Namespace
from datetime import timedelta
from functools import partial

from synergy import bootstrap
from synergy.cli.asking import record
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.numbers import whole
from synergy.conf.names import PROCESS_MX
from synergy.core.commands import CommandKind
from synergy.core.nearest import nearest
from synergy.core.records import Json
from synergy.core.users import Role, User, UserOutcome, name_problem, named
from synergy.mx.web.security import hashed, new_token, user_of
from synergy.ports.clock import Clock
from synergy.ports.store import Store


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
    name = options.name
    match options.action:
        case 'add':
            _add(store, clock, options)
        case 'revoke':
            if not store.remove_token(name):
                raise CommandError(
                    f'there is no token {name!r}; ./launch.py user ls lists them', ExitCode.UNKNOWN
                )
        case 'passwd':
            name = _known(store, name).name
            if not store.set_password(name, _hash()):
                raise _unknown(store, name)
        case 'role' | 'rm':
            name = _known(store, name).name
            _take(store, name, options)
        case _:
            _token(store, clock, options, _known(store, name))
    return {'action': options.action, 'name': name, 'role': options.role}


def _take(store: Store, name: str, options: Namespace) -> None:
    """Change the role of a user, or remove it; ask first when nobody would be left."""
    change = partial(store.remove_user, name)
    if options.action == 'role':
        change = partial(store.set_role, name, Role(options.role or Role.VIEWER))
    match change():
        case UserOutcome.DONE:
            return
        case UserOutcome.UNKNOWN:
            raise _unknown(store, name)
        case _:
            _confirm(store, name, options)
    if change(keeps_admin=False) is UserOutcome.UNKNOWN:
        raise _unknown(store, name)


def _confirm(store: Store, name: str, options: Namespace) -> None:
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
    if not sys.stdin.isatty():
        raise CommandError(f'{follows}; give --yes to {question} all the same', ExitCode.CONFLICT)
    if input(f'{follows}\n{question} all the same? [y/N] ').strip().lower() not in ('y', 'yes'):
        raise CommandError('nothing was changed', ExitCode.CONFLICT)


def _add(store: Store, clock: Clock, options: Namespace) -> None:
    name = options.name
    if named(store.users(), name) is not None:
        raise _taken(name)
    if (problem := name_problem(name)) is not None:
        raise CommandError(f'{name!r:.80} cannot be the name of a user: {problem}', ExitCode.USAGE)
    role = Role(options.role or Role.VIEWER)
    if not store.add_user(user_of(name, role, _hash(), clock.now())):
        raise _taken(name)
    print(f'{name} may log in as {role.value}')


def _taken(name: str) -> CommandError:
    return CommandError(
        f'user {name!r} exists, be it in other case; change it with passwd or role',
        ExitCode.CONFLICT,
    )


def _token(store: Store, clock: Clock, options: Namespace, user: User) -> None:
    role = Role(options.role or user.role)
    if not user.role.may(role):
        raise CommandError(
            f'{user.name} is {user.role.value}; a token cannot be {role.value}', ExitCode.USAGE
        )
    lifetime = None if options.days is None else timedelta(days=options.days)
    token, text = new_token(user.name, role, options.label, clock.now(), lifetime)
    if not store.save_token(token):
        raise _unknown(store, user.name)
    if sys.stdout.isatty():
        print('shown this once, never again:')
    print(text)


def _known(store: Store, name: str) -> User:
    user = named(store.users(), name)
    if user is None:
        raise _unknown(store, name)
    return user


def _unknown(store: Store, name: str) -> CommandError:
    known = [user.name for user in store.users()]
    return CommandError(
        f'there is no user {name!r}{nearest(name, known)}; ./launch.py user ls lists them',
        ExitCode.UNKNOWN,
    )


def _password() -> str:
    """Return the password that is typed twice, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip('\n')
    password = getpass.getpass('password: ')
    if password != getpass.getpass('again: '):
        raise CommandError('the two passwords differ; try again', ExitCode.USAGE)
    return password


def _hash() -> str:
    """Return the hash of the password that is typed."""
    try:
        return hashed(_password())
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
