"""Commits in stages, and what is deleted when it is too old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.leadership import MongoLeadership
from synergy.adapters.mongo.names import LIVE, TYPE_FREERUN, UNITS
from synergy.adapters.mongo.saves import apply
from synergy.core.effects import Save
from synergy.core.records import Leadership, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import Qualifier


class MongoCommits:
    """The role `CommitStore`."""

    def __init__(self, collections: MongoCollections, leadership: MongoLeadership) -> None:
        """Use the collections of an open connection. leadership: checked before each write."""
        self._collections = collections
        self._connection = collections.connection
        self._leadership = leadership

    def commit(
        self,
        leadership: Leadership,
        saves: Sequence[Save],
        announced: Mapping[UowId, datetime] = MappingProxyType({}),
    ) -> None:
        """Apply `saves` kind by kind; a refused commit may have applied any of the others.

        The majority is waited for once, at the end; see `synergy.adapters.mongo.chain`.
        """
        with self._connection.reaching():
            self._leadership.check(leadership)
            apply(self._connection.chain, saves, leadership.term, announced)

    def prune(self, before: datetime, limit: int) -> int:
        """Delete logs, and ended units of free runs, from before an instant."""
        logs = self._connection.logs()
        units = self._connection.database[UNITS]
        ended = {
            'unit_of_work_type': TYPE_FREERUN,
            'time_qualifier': Qualifier.REAL_TIME.value,
            'finished_at': {'$lt': before},
            'state': {'$nin': [*LIVE, UnitState.DEAD.value]},
        }
        with self._connection.reaching():
            count = 0
            for collection, where in ((logs, {'created_at': {'$lt': before}}), (units, ended)):
                ids = [item['_id'] for item in collection.find(where, ['_id']).limit(limit)]
                if ids:
                    count += collection.delete_many({'_id': {'$in': ids}, **where}).deleted_count
        return count
