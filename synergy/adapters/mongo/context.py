"""What is remembered of the context: how it was led, and what operators have changed of it."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import ASCENDING

from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.processes import override_of
from synergy.adapters.mongo.names import CONTEXT, OVERRIDES, POOLS
from synergy.core.led_context import LedContext
from synergy.core.pool_record import PoolOverride
from synergy.core.records import Override
from synergy.ports.stored import led_context, pool_override


class MongoContext:
    """The role `ContextReader`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def led_context(self) -> LedContext | None:
        """Return the context that the store was last led with."""
        with self._connection.reaching():
            found = self._connection.database[CONTEXT].find_one(
                {'_id': CONTEXT}, session=self._connection.session
            )
        if found is None:
            return None
        try:
            return led_context.decode(found['text'])
        except (ValueError, TypeError, KeyError) as error:
            self._collections.report(CONTEXT, found, str(error))
            rev = found.get('rev')
            return LedContext(rev=rev if isinstance(rev, int) else 0)

    def overrides(self) -> Sequence[Override]:
        """Return what operators have changed of managed processes, by name."""
        # Rows of Synergy 2.x have no rev, and have never held over context.py.
        where: Document = {'rev': {'$exists': True}}
        with self._connection.reaching():
            overrides = self._connection.database[OVERRIDES]
            found = overrides.find(where, session=self._connection.session)
            found = found.sort('process_name', ASCENDING)
            return [*self._collections.decoded(OVERRIDES, override_of, found)]

    def pool_overrides(self) -> Sequence[PoolOverride]:
        """Return the sizes of pools that operators have set, by name."""
        with self._connection.reaching():
            found = self._connection.database[POOLS].find({}, session=self._connection.session)
            found = found.sort('_id', ASCENDING)
            return [*self._collections.decoded(POOLS, _pool_override_of, found)]


def _pool_override_of(document: Document) -> PoolOverride:
    return pool_override.decode(document['_id'], document.get('rev'), document.get('text'))
