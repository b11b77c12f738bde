"""Users and tokens under contract: each change is checked and made in one step, whoever else asks.

Two at the same time are real here: threads with connections of their own, and processes.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Barrier
from typing import Final, TypeVar

import pymongo
import pytest

from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite.schema import MIGRATIONS
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.structs import replace
from synergy.core.users import ApiToken, Role, User, UserOutcome
from synergy.ports.store import Store
from tests.contract.conftest import NOW

T = TypeVar('T')

#: Two admins who remove each other left nobody in a quarter of them.
_TRIALS: Final = 40
_FEW_TRIALS: Final = 12
_CHANGE_IN_A_PROCESS: Final = """
import sys
from pathlib import Path
from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.mongo.store import MongoStore
from synergy.adapters.sqlite.store import SqliteStore
from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite.schema import MIGRATIONS
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.users import Role
place, name = sys.argv[1:]
store = (
    MongoStore.open(place) if place.startswith('mongodb')
    else SqliteStore.open(Path(place), clock=SystemClock())
)
print('ready', flush=True)
for line in sys.stdin:
    done = store.remove_user(name) if line == 'remove\\n' else store.set_role(name, Role.VIEWER)
    print(done.value, flush=True)
"""


def user(name: str, role: Role = Role.ADMIN) -> User:
    return User(name=name, role=role, password_hash='scrypt:1', serial=7, created_at=NOW)


def token(token_id: str = 't1', name: str = 'anna') -> ApiToken:
    return ApiToken(id=token_id, user=name, role=Role.VIEWER, digest='d', created_at=NOW)


def at_once(*actions: Callable[[], T]) -> Sequence[T]:
    """Run each action on a thread of its own, all begun at the same moment."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[], T]) -> T:
        barrier.wait(10)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def roles(store: Store) -> dict[str, Role]:
    return {found.name: found.role for found in store.users()}


def test_a_user_is_kept_changed_and_removed_with_its_tokens(store: Store) -> None:
    anna, berta = user('anna'), user('berta', Role.VIEWER)
    assert not store.had_users()
    assert store.add_user(anna)
    assert store.add_user(berta)
    assert store.save_token(token())

    assert store.set_role('berta', Role.ADMIN) is UserOutcome.DONE
    assert store.set_password('anna', 'scrypt:2')

    changed = replace(berta, role=Role.ADMIN, serial=8)
    assert store.users() == [replace(anna, password_hash='scrypt:2', serial=8), changed]
    assert store.tokens() == [token()]
    assert store.remove_user('anna') is UserOutcome.DONE
    assert store.remove_user('anna') is UserOutcome.UNKNOWN
    assert store.set_role('anna', Role.ADMIN) is UserOutcome.UNKNOWN
    assert not store.set_password('anna', 'scrypt:3')
    assert (store.users(), store.tokens()) == ([changed], [])


def test_the_sessions_of_one_user_are_ended(store: Store) -> None:
    anna, berta = user('anna'), user('berta')
    store.add_user(anna)
    store.add_user(berta)

    store.end_sessions('anna')
    store.end_sessions('nobody')

    assert store.users() == [replace(anna, serial=8), berta]


@pytest.mark.parametrize(
    ('first', 'second'),
    [('anna', 'Anna'), ('anna', 'anna'), ('Straße', 'STRASSE'), ('anna', '\uff41nna')],
)
def test_names_that_are_alike_are_one_name(store: Store, first: str, second: str) -> None:
    assert store.add_user(user(first))

    assert not store.add_user(user(second, Role.VIEWER))

    assert roles(store) == {first: Role.ADMIN}


def test_the_last_admin_stays_unless_it_is_meant(store: Store) -> None:
    store.add_user(user('anna'))
    store.add_user(user('berta', Role.OPERATOR))

    assert store.remove_user('anna') is UserOutcome.LAST
    assert store.set_role('anna', Role.OPERATOR) is UserOutcome.LAST
    assert store.set_role('anna', Role.ADMIN) is UserOutcome.DONE
    assert store.remove_user('berta') is UserOutcome.DONE
    assert roles(store) == {'anna': Role.ADMIN}
    assert store.set_role('anna', Role.VIEWER, keeps_admin=False) is UserOutcome.DONE
    assert store.remove_user('anna') is UserOutcome.LAST
    assert store.remove_user('anna', keeps_admin=False) is UserOutcome.DONE
    assert store.users() == []


def test_that_there_were_users_is_remembered(open_store: Callable[[], Store]) -> None:
    store = open_store()
    assert store.remove_user('anna') is UserOutcome.UNKNOWN
    assert not store.save_token(token())
    assert not store.had_users()

    store.add_user(user('anna'))
    assert store.had_users()
    store.remove_user('anna', keeps_admin=False)

    assert open_store().had_users()


def test_a_token_needs_its_user_and_an_id_of_its_own(store: Store) -> None:
    store.add_user(user('anna'))

    assert not store.save_token(token(name='gone'))
    assert store.save_token(token())
    assert not store.save_token(replace(token(), digest='other'))

    assert store.tokens() == [token()]
    assert store.remove_token('t1')
    assert not store.remove_token('t1')


def test_one_of_two_admins_that_remove_each_other_stays(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    for trial in range(_TRIALS):
        one.add_user(user('anna'))
        one.add_user(user('berta'))
        change = Role.VIEWER if trial % 2 else None

        def leave(store: Store, name: str, role: Role | None = change) -> UserOutcome:
            return store.remove_user(name) if role is None else store.set_role(name, role)

        found = at_once(lambda: leave(one, 'anna'), lambda: leave(other, 'berta'))

        assert sorted(item.value for item in found) == ['done', 'last']
        assert [*roles(one).values()].count(Role.ADMIN) == 1
        for name in roles(one):
            one.remove_user(name, keeps_admin=False)


def test_of_two_users_of_one_name_one_is_added(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    for trial in range(_FEW_TRIALS):
        names = f'Anna{trial}', f'anna{trial}'

        found = at_once(
            lambda: one.add_user(user(names[0])),  # noqa: B023 - run before the next trial
            lambda: other.add_user(user(names[1])),  # noqa: B023
        )

        assert sorted(found) == [False, True]
        assert len(one.users()) == trial + 1


def test_no_change_of_a_user_undoes_another(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    one.add_user(user('berta'))
    for trial in range(_FEW_TRIALS):
        one.add_user(user('anna'))

        at_once(
            lambda: one.set_role('anna', Role.VIEWER),
            lambda: other.set_password('anna', f'scrypt:{trial}'),  # noqa: B023
        )

        anna = one.users()[0]
        assert (anna.role, anna.password_hash) == (Role.VIEWER, f'scrypt:{trial}')
        assert anna.serial == 9
        one.remove_user('anna')


def test_no_token_outlives_a_user_that_is_removed_meanwhile(
    open_store: Callable[[], Store],
) -> None:
    one, other = open_store(), open_store()
    one.add_user(user('berta'))
    for trial in range(_FEW_TRIALS):
        one.add_user(user('anna'))

        at_once(
            lambda: one.remove_user('anna'),
            lambda: other.save_token(token(f't{trial}')),  # noqa: B023
        )

        assert one.tokens() == []


@pytest.fixture(params=['sqlite', 'mongodb'])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a store is, for other processes."""
    if request.param == 'sqlite':
        return str(tmp_path / 'store.db')
    return str(request.getfixturevalue('empty_mongo_uri'))


def test_one_admin_stays_whichever_processes_remove_them(
    place: str, open_at: Callable[[str], Store]
) -> None:
    store = open_at(place)
    command = [sys.executable, '-c', _CHANGE_IN_A_PROCESS, place]
    with ExitStack() as opened:
        children = [
            opened.enter_context(
                subprocess.Popen(
                    [*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for name in ('anna', 'berta')
        ]
        assert [said(child) for child in children] == ['ready', 'ready']
        for trial in range(_TRIALS):
            for name in ('anna', 'berta'):
                store.add_user(user(name))

            for child in children:
                assert child.stdin is not None
                child.stdin.write('demote\n' if trial % 2 else 'remove\n')
                child.stdin.flush()
            found = sorted(said(child) for child in children)

            assert found == ['done', 'last']
            assert [*roles(store).values()].count(Role.ADMIN) == 1
            for name in roles(store):
                store.remove_user(name, keeps_admin=False)


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_a_store_with_users_from_before_knows_that_it_had_some(tmp_path: Path) -> None:
    for has_user in (False, True):
        path = tmp_path / f'{has_user}.db'
        with closing(sqlite3.connect(path, isolation_level=None)) as old:
            for script in MIGRATIONS[:9]:
                old.executescript(script)
            old.execute('PRAGMA user_version = 9')
            if has_user:
                old.execute("INSERT INTO mx_user VALUES ('anna', 'admin', 'scrypt:1', 7, 0)")

        with closing(SqliteStore.open(path, clock=SystemClock())) as store:
            store.remove_user('anna', keeps_admin=False)
            assert store.had_users() is has_user


def test_users_from_before_are_known_without_the_document_that_guards_them(
    empty_mongo_uri: str, open_at: Callable[[str], Store]
) -> None:
    with pymongo.MongoClient[dict[str, object]](empty_mongo_uri) as client:
        client.get_default_database()['mx_user'].insert_one(
            {
                '_id': 'anna',
                'role': 'admin',
                'password_hash': 'scrypt:1',
                'serial': 7,
                'created_at': NOW,
            }
        )
    store = open_at(empty_mongo_uri)

    assert store.had_users()
    assert not store.add_user(user('Anna'))
    assert store.remove_user('anna') is UserOutcome.LAST
    assert store.remove_user('anna', keeps_admin=False) is UserOutcome.DONE
    assert store.had_users()


def test_the_first_users_of_a_new_database_are_added_at_once(
    mongo_uri: str, open_at: Callable[[str], Store]
) -> None:
    stores = [open_at(mongo_uri) for _ in range(4)]

    def adder(number: int) -> Callable[[], bool]:
        return lambda: stores[number].add_user(user(f'user{number}'))

    assert at_once(*(adder(number) for number in range(4))) == [True] * 4
    assert len(stores[0].users()) == 4


def test_the_first_secret_is_kept(open_store: Callable[[], Store]) -> None:
    assert open_store().kept_secret('one') == 'one'
    assert open_store().kept_secret('two') == 'one'
