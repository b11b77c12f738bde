"""Users, tokens and the secret of the dashboard, in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pymongo import ReturnDocument

from synergy.adapters import mongo_documents as documents
from synergy.adapters.mongo_documents import Document, Malformed
from synergy.adapters.mongo_reading import MongoReading
from synergy.core.users import ApiToken, User, nobody

_USERS: Final = 'mx_user'
_TOKENS: Final = 'mx_token'
_SECRET: Final = 'mx_secret'


class MongoUsers(MongoReading):
    """The role `Users` of `synergy.ports.store`."""

    def users(self) -> Sequence[User]:
        """Return every user, by name."""
        with self._connection.reaching():
            found = self._database[_USERS].find().sort('_id')
            return [*self._decoded(_USERS, self._user_of, found)]

    def _user_of(self, document: Document) -> User:
        try:
            return documents.user_of(document)
        except Malformed as error:
            self._report(_USERS, document, error)
            return nobody(documents.name_of(_USERS, document))

    def save_user(self, user: User) -> None:
        """Insert a user, or replace the one of that name."""
        with self._connection.reaching():
            self._database[_USERS].update_one(
                {'_id': user.name},
                {
                    '$set': {
                        'role': user.role.value,
                        'password_hash': user.password_hash,
                        'serial': user.serial,
                    },
                    '$setOnInsert': {'created_at': user.created_at},
                },
                upsert=True,
            )

    def end_sessions(self, name: str) -> None:
        """Raise the serial of a user, if there is one."""
        with self._connection.reaching():
            self._database[_USERS].update_one({'_id': name}, {'$inc': {'serial': 1}})

    def remove_user(self, name: str) -> bool:
        """Delete a user and all tokens of that name."""
        with self._connection.reaching():
            # Tokens first: a user that is gone must not leave a key behind.
            self._database[_TOKENS].delete_many({'user_name': name})
            return self._database[_USERS].delete_one({'_id': name}).deleted_count == 1

    def tokens(self) -> Sequence[ApiToken]:
        """Return every token, newest first."""
        with self._connection.reaching():
            found = self._database[_TOKENS].find().sort([('created_at', -1), ('_id', 1)])
            return [*self._decoded(_TOKENS, documents.token_of, found)]

    def save_token(self, token: ApiToken) -> None:
        """Insert a token."""
        with self._connection.reaching():
            self._database[_TOKENS].insert_one(
                {
                    '_id': token.id,
                    'user_name': token.user,
                    'role': token.role.value,
                    'digest': token.digest,
                    'label': token.label,
                    'created_at': token.created_at,
                    'expires_at': token.expires_at,
                }
            )

    def remove_token(self, token_id: str) -> bool:
        """Delete a token."""
        with self._connection.reaching():
            return self._database[_TOKENS].delete_one({'_id': token_id}).deleted_count == 1

    def kept_secret(self, fresh: str) -> str:
        """Return the secret kept before, else `fresh`, kept from now on."""
        with self._connection.reaching():
            found = self._database[_SECRET].find_one_and_update(
                {'_id': _SECRET},
                {'$setOnInsert': {'text': fresh}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        assert found is not None, 'an upsert returns what it wrote'
        return str(found['text'])
