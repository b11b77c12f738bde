"""Users, tokens and the secret of the dashboard, in MongoDB.

That an admin remains, that names differ and that a token has a user is a matter of several
documents. So changes of users and new tokens, which are rare, are the one use of transactions in
this store: each writes the same document first, so that of two at the same time the server lets one
wait or begin again, and each finds what the other has left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import pymongo
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError, OperationFailure
from pymongo.read_concern import ReadConcern

from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import name_of
from synergy.adapters.mongo.documents.users import token_of, user_of
from synergy.core.users import ApiToken, Role, User, UserOutcome, alike, nobody, outcome_of
from synergy.ports.rows import Malformed

_USERS: Final = 'mx_user'
_TOKENS: Final = 'mx_token'
_SECRET: Final = 'mx_secret'
#: Source: MongoDB, error_codes.yml.
_NAMESPACE_EXISTS: Final = 48
#: In the collection of the secret: the document that every change of users writes.
_GUARD: Final = {'_id': _USERS}
T = TypeVar('T')


class MongoUsers:
    """The role `UserStore`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def users(self) -> Sequence[User]:
        """Return every user, by name."""
        with self._connection.reaching():
            return self._users(None)

    def _users(self, session: ClientSession | None) -> Sequence[User]:
        found = self._connection.database[_USERS].find(session=session).sort('_id')
        return [*self._collections.decoded(_USERS, self._user_of, found)]

    def _user_of(self, document: Document) -> User:
        try:
            return user_of(document)
        except Malformed as error:
            self._collections.report(_USERS, document, error)
            return nobody(name_of(_USERS, document))

    def had_users(self) -> bool:
        """Tell whether there is a user, or ever was one."""
        with self._connection.reaching():
            return (
                self._connection.database[_USERS].find_one({}, {'_id': 1}) is not None
                or self._connection.database[_SECRET].find_one({**_GUARD, 'had_users': True})
                is not None
            )

    def add_user(self, user: User) -> bool:
        """Insert a user, unless there is one whose name is alike."""

        def add(session: ClientSession) -> bool:
            if any(alike(user.name) == alike(known.name) for known in self._users(session)):
                return False
            self._remember(session)
            self._connection.database[_USERS].insert_one(
                {
                    '_id': user.name,
                    'role': user.role.value,
                    'password_hash': user.password_hash,
                    'serial': user.serial,
                    'created_at': user.created_at,
                },
                session=session,
            )
            return True

        return self._alone(add)

    def set_role(self, name: str, role: Role, *, keeps_admin: bool = True) -> UserOutcome:
        """Change the role of a user and raise its serial."""

        def change(session: ClientSession) -> UserOutcome:
            outcome = outcome_of(self._users(session), name, role, keeps_admin=keeps_admin)
            if outcome is UserOutcome.DONE:
                self._connection.database[_USERS].update_one(
                    {'_id': name},
                    {'$set': {'role': role.value}, '$inc': {'serial': 1}},
                    session=session,
                )
            return outcome

        return self._alone(change)

    def set_password(self, name: str, password_hash: str) -> bool:
        """Change the password of a user and raise its serial."""
        with self._connection.reaching():
            done = self._connection.database[_USERS].update_one(
                {'_id': name}, {'$set': {'password_hash': password_hash}, '$inc': {'serial': 1}}
            )
            return done.matched_count == 1

    def end_sessions(self, name: str) -> None:
        """Raise the serial of a user, if there is one."""
        with self._connection.reaching():
            self._connection.database[_USERS].update_one({'_id': name}, {'$inc': {'serial': 1}})

    def remove_user(self, name: str, *, keeps_admin: bool = True) -> UserOutcome:
        """Delete a user and all tokens of that name."""

        def remove(session: ClientSession) -> UserOutcome:
            outcome = outcome_of(self._users(session), name, None, keeps_admin=keeps_admin)
            if outcome is UserOutcome.DONE:
                self._remember(session)
                self._connection.database[_TOKENS].delete_many({'user_name': name}, session=session)
                self._connection.database[_USERS].delete_one({'_id': name}, session=session)
            return outcome

        return self._alone(remove)

    def _remember(self, session: ClientSession) -> None:
        self._connection.database[_SECRET].update_one(
            _GUARD, {'$set': {'had_users': True}}, session=session
        )

    def _alone(self, change: Callable[[ClientSession], T]) -> T:
        """Run a change of users in a transaction that no other such change overlaps."""
        guard = self._connection.database[_SECRET]

        def guarded(session: ClientSession) -> T:
            guard.update_one(_GUARD, {'$inc': {'changes': 1}}, session=session)
            return change(session)

        with self._connection.reaching(), pymongo.timeout(self._connection.busy_seconds_max):
            # Not in the transaction, in which two could each make it, and in which servers before
            # 4.4 make no collection. Another may just have.
            for name in (_USERS, _TOKENS):
                self._make(name)
            with suppress(DuplicateKeyError):
                guard.update_one(_GUARD, {'$setOnInsert': {'changes': 0}}, upsert=True)
            client: Any = self._connection.database.client
            with client.start_session() as session:
                return session.with_transaction(  # type: ignore[no-any-return] # Of `change`.
                    guarded,
                    read_concern=ReadConcern('snapshot'),
                    write_concern=self._connection.database.write_concern,
                )

    def _make(self, collection: str) -> None:
        try:
            self._connection.database.create_collection(collection, check_exists=False)
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise

    def tokens(self) -> Sequence[ApiToken]:
        """Return every token, newest first."""
        with self._connection.reaching():
            found = self._connection.database[_TOKENS].find().sort([('created_at', -1), ('_id', 1)])
            return [*self._collections.decoded(_TOKENS, token_of, found)]

    def save_token(self, token: ApiToken) -> bool:
        """Insert a token if its user is there and no token has its id."""

        def save(session: ClientSession) -> bool:
            tokens = self._connection.database[_TOKENS]
            is_known = any(token.user == user.name for user in self._users(session))
            if not is_known or tokens.find_one({'_id': token.id}, session=session) is not None:
                return False
            tokens.insert_one(
                {
                    '_id': token.id,
                    'user_name': token.user,
                    'role': token.role.value,
                    'digest': token.digest,
                    'label': token.label,
                    'created_at': token.created_at,
                    'expires_at': token.expires_at,
                },
                session=session,
            )
            return True

        return self._alone(save)

    def remove_token(self, token_id: str) -> bool:
        """Delete a token."""
        with self._connection.reaching():
            return (
                self._connection.database[_TOKENS].delete_one({'_id': token_id}).deleted_count == 1
            )

    def kept_secret(self, fresh: str) -> str:
        """Return the secret kept before, else `fresh`, kept from now on."""
        with self._connection.reaching():
            found = self._connection.database[_SECRET].find_one_and_update(
                {'_id': _SECRET},
                {'$setOnInsert': {'text': fresh}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        assert found is not None, 'an upsert returns what it wrote'
        return str(found['text'])
