"""Units of work as workers take and end them, in MongoDB."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo import DeleteMany, UpdateMany, UpdateOne

from synergy.adapters.mongo.bulks import repeated
from synergy.adapters.mongo.collections import MongoCollections, millis
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import object_id
from synergy.adapters.mongo.documents.units import log_documents, unit_of
from synergy.adapters.mongo.names import UNITS
from synergy.core.records import LogLine, LogPlace, Outcome, Unit, UnitEnd, UowId
from synergy.core.states import UnitState
from synergy.ports.errors import LeaseLost

_REQUESTED: Final = UnitState.REQUESTED.value
_IN_PROGRESS: Final = UnitState.IN_PROGRESS.value


class MongoClaims:
    """The role `UnitStore`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def claim(self, uow_ids: Sequence[UowId], owner: str, lease: timedelta) -> Sequence[Unit]:
        """Take units for `lease`: one request, and one to read which of them were taken."""
        ids = [found for uow_id in uow_ids if (found := object_id(uow_id)) is not None]
        if not ids:
            return []
        # Tells this call's units from those that the same owner took before.
        claim = ObjectId()
        units = self._connection.database[UNITS]
        free, taking = self._claim(ids, owner, claim, lease)
        with self._connection.reaching():
            # Whatever was taken bears the claim, the first time or when it is repeated.
            repeated(lambda: units.update_many(free, taking))
            mine = units.find({'_id': {'$in': ids}, 'claim': claim})
            taken = {item['_id']: item for item in mine}
        documents_taken = [taken[item] for item in ids if item in taken]
        claimed = list(self._collections.decoded(UNITS, unit_of, documents_taken))
        if len(claimed) < len(documents_taken):
            self._hand_back({str(item) for item in taken} - {unit.id for unit in claimed})
        return claimed

    def _hand_back(self, uow_ids: Collection[str]) -> None:
        """Leave illegal units alone that were claimed before they could be read."""
        where = {
            '_id': {'$in': [ObjectId(uow_id) for uow_id in uow_ids]},
            'state': _IN_PROGRESS,
        }
        free = {'state': _REQUESTED, 'owner': None, 'lease_until': None}
        with self._connection.reaching():
            self._connection.database[UNITS].update_many(where, {'$set': free})

    def _claim(
        self, ids: Sequence[ObjectId], owner: str, claim: ObjectId, lease: timedelta
    ) -> tuple[Document, Sequence[Document]]:
        """Return which of some units are free to take, and what taking them writes."""
        now = self._connection.now
        free = {
            '_id': {'$in': ids},
            'state': _REQUESTED,
            # Nothing is less than any date: a unit without `not_before` is always due.
            '$expr': {'$lte': ['$not_before', now]},
        }
        taken = {
            'state': _IN_PROGRESS,
            'fence': {'$add': ['$fence', 1]},
            'owner': {'$literal': owner},
            'claim': claim,
            'lease_until': {'$add': [now, millis(lease)]},
            'started_at': now,
            'finished_at': None,
            'error': None,
        }
        return free, [{'$set': taken}]

    def renew(self, uow_id: UowId, fence: int, lease: timedelta) -> None:
        """Extend a lease."""
        until = {'$add': [self._connection.now, millis(lease)]}
        if not self._update_held(uow_id, fence, {'lease_until': until}):
            raise LeaseLost.of(uow_id, fence)

    def finish(self, ends: Sequence[UnitEnd]) -> Sequence[UowId]:
        """Record the ends of attempts, each once: one request, and one for their logs."""
        known = [end for end in ends if object_id(end.uow_id) is not None]
        refused = {end.uow_id for end in ends} - {end.uow_id for end in known}
        if known:
            with self._connection.reaching():
                ends_alike = [self._end(*item) for item in _alike(known).items()]
                units = self._connection.database[UNITS]
                done = repeated(lambda: units.bulk_write(ends_alike, ordered=False))
                if done.matched_count != len(known):
                    refused |= self._refused(known)
        # After the ends are recorded, for a zombie's log does not count; under ids of their own,
        # for this may be a repetition after an answer that was lost.
        self._write_logs(
            {
                end.uow_id: (end.log, f'{end.uow_id}-{end.fence}')
                for end in known
                if end.uow_id not in refused
            }
        )
        return [end.uow_id for end in ends if end.uow_id in refused]

    def _end(self, end: tuple[int, Outcome], ids: Sequence[ObjectId]) -> UpdateOne | UpdateMany:
        fence, outcome = end
        ended: Document = {
            'state': outcome.state.value,
            'number_of_processed_documents': outcome.count,
            'error': outcome.error,
            'lease_until': None,
        }
        change = self._connection.change(ended, dated='finished_at')
        held = {'fence': fence, 'state': _IN_PROGRESS}
        if len(ids) == 1:
            return UpdateOne({'_id': ids[0], **held}, change)
        return UpdateMany({'_id': {'$in': ids}, **held}, change)

    def _refused(self, ends: Sequence[UnitEnd]) -> set[UowId]:
        """Return the units that did not end so: neither now nor by an earlier call."""
        ids = [object_id(end.uow_id) for end in ends]
        found = {
            str(item['_id']): _end_of(item)
            for item in self._connection.database[UNITS].find({'_id': {'$in': ids}})
        }
        return {
            end.uow_id
            for end in ends
            if found.get(end.uow_id)
            != (end.fence, end.outcome.state.value, end.outcome.count, end.outcome.error)
        }

    def release(self, uow_id: UowId, fence: int, log: Sequence[LogLine] = ()) -> None:
        """Hand a unit back unfinished."""
        released = {
            'state': _REQUESTED,
            'fence': {'$add': ['$fence', 1]},
            'owner': None,
            'lease_until': None,
            'submitted_at': None,
            'not_before': None,
        }
        if not self._update_held(uow_id, fence, released):
            raise LeaseLost.of(uow_id, fence)
        self._write_logs({uow_id: (log, f'{uow_id}-{fence}')})

    def append_log(self, uow_id: UowId, log: Sequence[LogLine]) -> None:
        """Append lines to the unit's log."""
        self._write_logs({uow_id: (log, None)})

    def _write_logs(self, logs: Mapping[UowId, tuple[Sequence[LogLine], str | None]]) -> None:
        """Insert parts of logs, under names; one that is there already stays as it is."""
        writes: list[UpdateOne | DeleteMany] = []
        for uow_id, (log, name) in logs.items():
            parts = log_documents(uow_id, log, name)
            ids = [part['_id'] for part in parts]
            writes += (
                DeleteMany(
                    {'parent_object_id': uow_id, 'tail_of': line.attempt, '_id': {'$nin': ids}}
                )
                for line in log
                if line.place is LogPlace.GAP
            )
            writes += (
                UpdateOne({'_id': part['_id']}, {'$setOnInsert': part}, upsert=True)
                for part in parts
            )
        if writes:
            with self._connection.reaching():
                self._connection.logs().bulk_write(writes, ordered=False)

    def _update_held(self, uow_id: UowId, fence: int, values: Mapping[str, Any]) -> bool:
        """Update a unit if it is held under `fence`; tell whether it was."""
        with self._connection.reaching():
            done = self._connection.database[UNITS].update_one(
                _held(uow_id, fence), [{'$set': values}]
            )
        return done.matched_count == 1


def _alike(ends: Sequence[UnitEnd]) -> Mapping[tuple[int, Outcome], Sequence[ObjectId]]:
    """Return the units that end alike, by fence and outcome: one statement for each of these."""
    found: dict[tuple[int, Outcome], list[ObjectId]] = {}
    for end in ends:
        found.setdefault((end.fence, end.outcome), []).append(ObjectId(end.uow_id))
    return found


def _held(uow_id: UowId, fence: int) -> Document:
    return {'_id': object_id(uow_id), 'fence': fence, 'state': _IN_PROGRESS}


def _end_of(document: Document) -> tuple[object, ...]:
    names = ('fence', 'state', 'number_of_processed_documents', 'error')
    return tuple(document.get(name) for name in names)
