"""A right that one process has at a time: a document with owner, term and end of the lease."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from synergy.adapters.mongo.collections import millis
from synergy.adapters.mongo.connection import Document, MongoConnection
from synergy.ports.store.leadership import LEASES_MAX


def take(
    connection: MongoConnection,
    collection: str,
    named: str,
    owner: str,
    lease: timedelta,
    fields: Document | None = None,
) -> Document | None:
    """Take or renew the lease of a document; return it, None when another owner's lease holds.

    fields: which of it are returned. It is made if it is not there.
    """
    now = connection.now
    is_own = {'$eq': ['$owner', {'$literal': owner}]}
    # A missing field, of a document that is made by this very statement, is less than any date.
    is_over = {'$lte': ['$lease_until', now]}
    is_absurd = {'$gt': ['$lease_until', {'$add': [now, millis(LEASES_MAX * lease)]}]}
    may = {'$or': [is_own, is_over, is_absurd]}
    until = {'$add': [now, millis(lease)]}
    kept = {'$cond': [is_over, {'$add': [{'$ifNull': ['$term', 0]}, 1]}, '$term']}
    term = {'$cond': [is_own, kept, {'$add': [{'$ifNull': ['$term', 0]}, 1]}]}
    taken: Sequence[Document] = [
        {
            '$set': {
                'owner': {'$cond': [may, {'$literal': owner}, '$owner']},
                'term': {'$cond': [may, term, '$term']},
                'lease_until': {'$cond': [may, until, '$lease_until']},
            }
        }
    ]

    def taking() -> Document:
        found = connection.database[collection].find_one_and_update(
            {'_id': named}, taken, fields, upsert=True, return_document=ReturnDocument.AFTER
        )
        assert found is not None, 'an upsert returns what it wrote'
        return found

    with connection.reaching():
        try:
            found = taking()
        except DuplicateKeyError:
            # Two made the document at the same time; now it is there.
            found = taking()
    return found if found['owner'] == owner else None


def give_up(
    connection: MongoConnection, collection: str, named: str, owner: str, term: int
) -> None:
    """End a lease at once, if it is still this one."""
    with connection.reaching():
        connection.database[collection].update_one(
            {'_id': named, 'owner': owner, 'term': term},
            [{'$set': {'lease_until': connection.now}}],
        )
