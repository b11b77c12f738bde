"""The ledger on a MongoDB replica set: for many boxes, through the death of any one member.

Each transition is one conditional update of one document, acknowledged by a majority with its
journals; a commit is a few bulks of such updates after one look at the leadership document, not a
transaction: what it leaves when it breaks off is repaired (`synergy.core.effects.in_stages`). Two
leaders for a moment are harmless: each write names the revision it follows and a term that must
not be lower than the row's. Leases are judged by the server's clock (`$$NOW`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from bson import ObjectId
from pymongo import ReplaceOne, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from synergy.adapters.mongo import documents
from synergy.adapters.mongo import saves as saving
from synergy.adapters.mongo.boxes import MongoBoxes
from synergy.adapters.mongo.connection import MongoConnection
from synergy.adapters.mongo.documents import Document, Malformed
from synergy.adapters.mongo.reading import INDEX, LEADER, LEADERSHIP
from synergy.adapters.mongo.saves import COMMANDS, LIVE, UNITS
from synergy.adapters.mongo.schema import make_usable
from synergy.adapters.mongo.users import MongoUsers
from synergy.core.commands import Command
from synergy.core.effects import Save
from synergy.core.records import IndexCopy, Leadership, LogLine, Unit, UnitEnd, UowId
from synergy.core.standing import Standing, encoded
from synergy.core.states import UnitState
from synergy.core.timeperiod import Qualifier
from synergy.ports.clock import Clock
from synergy.ports.errors import LeadershipLost, LeaseLost, StoreUnusable
from synergy.ports.store import LEASES_MAX

DEFAULT_RETENTION: Final = timedelta(days=90)
_REQUESTED: Final = UnitState.REQUESTED.value
_IN_PROGRESS: Final = UnitState.IN_PROGRESS.value


class MongoStore(MongoBoxes, MongoUsers):
    """All roles of `synergy.ports.store` on one database."""

    @classmethod
    def open(
        cls,
        uri: str,
        *,
        busy_seconds_max: float = 30.0,
        log_retention: timedelta = DEFAULT_RETENTION,
        create: bool = True,
        clock: Clock | None = None,
    ) -> MongoStore:
        """Connect to the database that `uri` names, making it ready if it is empty and `create`.

        clock: judges leases instead of the server's clock; for tests. Raises StoreUnavailable or
        StoreUnusable, naming the store and what to do.
        """
        connection = MongoConnection(uri, busy_seconds_max=busy_seconds_max, clock=clock)
        try:
            make_usable(connection, log_retention, create=create)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._connection.close()

    # Ledger

    def lead(self, owner: str, lease: timedelta) -> Leadership | None:
        """Take or renew leadership."""
        now = self._connection.now
        is_own = {'$eq': ['$owner', {'$literal': owner}]}
        # A missing field, of a document that is made by this very statement, is less than any date.
        is_over = {'$lte': ['$lease_until', now]}
        is_absurd = {'$gt': ['$lease_until', {'$add': [now, _millis(LEASES_MAX * lease)]}]}
        may = {'$or': [is_own, is_over, is_absurd]}
        until = {'$add': [now, _millis(lease)]}
        kept = {'$cond': [is_over, {'$add': [{'$ifNull': ['$term', 0]}, 1]}, '$term']}
        term = {'$cond': [is_own, kept, {'$add': [{'$ifNull': ['$term', 0]}, 1]}]}
        taken = [
            {
                '$set': {
                    'owner': {'$cond': [may, {'$literal': owner}, '$owner']},
                    'term': {'$cond': [may, term, '$term']},
                    'lease_until': {'$cond': [may, until, '$lease_until']},
                }
            }
        ]
        with self._connection.reaching():
            try:
                found = self._lead(taken)
            except DuplicateKeyError:
                # Two made the document at the same time; now it is there.
                found = self._lead(taken)
        if found['owner'] != owner:
            return None
        try:
            return documents.leadership_of(found)
        except Malformed as error:
            raise StoreUnusable(
                f'{self._connection.place}: the document of {LEADERSHIP} was made illegal '
                f'({error}); repair it: its term must be at least that of any job'
            ) from error

    def _lead(self, taken: Sequence[Document]) -> Document:
        found = self._database[LEADERSHIP].find_one_and_update(
            {'_id': LEADER}, taken, upsert=True, return_document=ReturnDocument.AFTER
        )
        assert found is not None, 'an upsert returns what it wrote'
        return found

    def resign(self, leadership: Leadership) -> None:
        """Give leadership up at once, if it is still this one."""
        with self._connection.reaching():
            self._database[LEADERSHIP].update_one(
                {'_id': LEADER, 'owner': leadership.owner, 'term': leadership.term},
                [{'$set': {'lease_until': self._connection.now}}],
            )

    def report_standing(self, leadership: Leadership, standing: Standing) -> None:
        """Say how it stands with the leading Scheduler."""
        with self._connection.reaching():
            self._check_leadership(leadership)
            self._database[LEADERSHIP].update_one(
                {'_id': LEADER, 'owner': leadership.owner, 'term': leadership.term},
                {'$set': {'standing': None if standing.is_well else encoded(standing)}},
            )

    def commit(
        self,
        leadership: Leadership,
        saves: Sequence[Save],
        announced: Mapping[UowId, datetime] = MappingProxyType({}),
    ) -> None:
        """Apply `saves` kind by kind; a refused commit may have applied any of the others."""
        with self._connection.reaching():
            self._check_leadership(leadership)
            saving.apply(self._database, saves, leadership.term, announced)

    def _check_leadership(self, leadership: Leadership) -> None:
        found = self._database[LEADERSHIP].find_one(
            {'_id': LEADER},
            {
                'owner': 1,
                'term': 1,
                'holds': {'$gt': ['$lease_until', self._connection.now]},
            },
        )
        if (
            found is None
            or (found.get('owner'), found.get('term')) != (leadership.owner, leadership.term)
            or not found['holds']
        ):
            raise LeadershipLost(
                f'{leadership.owner} no longer leads in term {leadership.term}'
                + (
                    ''
                    if found is None
                    else f'; {found.get("owner")} leads or led in term {found.get("term")}'
                )
            )

    def save_index_copy(self, leadership: Leadership, copy: IndexCopy) -> None:
        """Replace the pages that `copy` has, and take over `as_of`."""
        with self._connection.reaching():
            self._check_leadership(leadership)
            # The date last: pages newer than it are right as well.
            self._database[INDEX].bulk_write(
                [
                    *(
                        ReplaceOne(
                            {'_id': page.process}, documents.page_document(page), upsert=True
                        )
                        for page in copy.pages
                    ),
                    ReplaceOne({'_id': INDEX}, {'as_of': copy.as_of}, upsert=True),
                ]
            )

    def prune(self, before: datetime, limit: int) -> int:
        """Delete logs, and ended units of free runs, from before an instant."""
        logs = self._connection.logs()
        units = self._database[UNITS]
        ended = {
            'unit_of_work_type': documents.TYPE_FREERUN,
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

    # UnitStore

    def claim(self, uow_ids: Sequence[UowId], owner: str, lease: timedelta) -> Sequence[Unit]:
        """Take units for `lease`: one request, and one to read which of them were taken."""
        ids = [found for uow_id in uow_ids if (found := documents.object_id(uow_id)) is not None]
        if not ids:
            return []
        # Tells this call's units from those that the same owner took before.
        claim = ObjectId()
        units = self._database[UNITS]
        with self._connection.reaching():
            done = units.bulk_write([self._claim(item, owner, claim, lease) for item in ids])
            taken = (
                {item['_id']: item for item in units.find({'_id': {'$in': ids}, 'claim': claim})}
                if done.matched_count
                else {}
            )
        documents_taken = [taken[item] for item in ids if item in taken]
        claimed = list(self._decoded(UNITS, documents.unit_of, documents_taken))
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
            self._database[UNITS].update_many(where, {'$set': free})

    def _claim(self, item: ObjectId, owner: str, claim: ObjectId, lease: timedelta) -> UpdateOne:
        now = self._connection.now
        return UpdateOne(
            # Nothing is less than any date: a unit without `not_before` is always due.
            {'_id': item, 'state': _REQUESTED, '$expr': {'$lte': ['$not_before', now]}},
            [
                {
                    '$set': {
                        'state': _IN_PROGRESS,
                        'fence': {'$add': ['$fence', 1]},
                        'owner': {'$literal': owner},
                        'claim': claim,
                        'lease_until': {'$add': [now, _millis(lease)]},
                        'started_at': now,
                        'finished_at': None,
                        'error': None,
                    }
                }
            ],
        )

    def renew(self, uow_id: UowId, fence: int, lease: timedelta) -> None:
        """Extend a lease."""
        until = {'$add': [self._connection.now, _millis(lease)]}
        if not self._update_held(uow_id, fence, {'lease_until': until}):
            raise _lease_lost(uow_id, fence)

    def finish(self, ends: Sequence[UnitEnd]) -> Sequence[UowId]:
        """Record the ends of attempts, each once: one request, and one for their logs."""
        known = [end for end in ends if documents.object_id(end.uow_id) is not None]
        refused = {end.uow_id for end in ends} - {end.uow_id for end in known}
        if known:
            with self._connection.reaching():
                done = self._database[UNITS].bulk_write(
                    [self._end(end) for end in known], ordered=False
                )
                if done.matched_count != len(known):
                    refused |= self._refused(known)
        # After the ends are recorded, for a zombie's log does not count; under ids of their own,
        # for this may be a repetition after an answer that was lost.
        self._insert_logs(
            documents.log_document(end.uow_id, list(end.log), f'{end.uow_id}-{end.fence}')
            for end in known
            if end.log and end.uow_id not in refused
        )
        return [end.uow_id for end in ends if end.uow_id in refused]

    def _end(self, end: UnitEnd) -> UpdateOne:
        outcome = end.outcome
        return UpdateOne(
            _held(end.uow_id, end.fence),
            [
                {
                    '$set': {
                        'state': outcome.state.value,
                        'number_of_processed_documents': outcome.count,
                        'error': {'$literal': outcome.error},
                        'finished_at': self._connection.now,
                        'lease_until': None,
                    }
                }
            ],
        )

    def _refused(self, ends: Sequence[UnitEnd]) -> set[UowId]:
        """Return the units that did not end so: neither now nor by an earlier call."""
        ids = [documents.object_id(end.uow_id) for end in ends]
        found = {
            str(item['_id']): _end_of(item)
            for item in self._database[UNITS].find({'_id': {'$in': ids}})
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
            raise _lease_lost(uow_id, fence)
        if log:
            self._insert_logs([documents.log_document(uow_id, list(log), f'{uow_id}-{fence}')])

    def append_log(self, uow_id: UowId, log: Sequence[LogLine]) -> None:
        """Append lines to the unit's log."""
        if log:
            self._insert_logs([documents.log_document(uow_id, list(log), ObjectId())])

    def _insert_logs(self, parts: Iterable[Document]) -> None:
        """Insert parts of logs; one that is there already stays as it is."""
        inserts = [
            UpdateOne({'_id': part['_id']}, {'$setOnInsert': part}, upsert=True) for part in parts
        ]
        if inserts:
            with self._connection.reaching():
                self._connection.logs().bulk_write(inserts, ordered=False)

    def _update_held(self, uow_id: UowId, fence: int, values: Mapping[str, Any]) -> bool:
        """Update a unit if it is held under `fence`; tell whether it was."""
        with self._connection.reaching():
            done = self._database[UNITS].update_one(_held(uow_id, fence), [{'$set': values}])
        return done.matched_count == 1

    # Commands

    def insert_command(self, command: Command) -> None:
        """Insert a command; the same id again is a no-op."""
        document = documents.command_document(command)
        with self._connection.reaching():
            try:
                self._database[COMMANDS].insert_one(document)
            except DuplicateKeyError:
                return


def _held(uow_id: UowId, fence: int) -> Document:
    return {'_id': documents.object_id(uow_id), 'fence': fence, 'state': _IN_PROGRESS}


def _end_of(document: Document) -> tuple[object, ...]:
    names = ('fence', 'state', 'number_of_processed_documents', 'error')
    return tuple(document.get(name) for name in names)


def _millis(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _lease_lost(uow_id: UowId, fence: int) -> LeaseLost:
    return LeaseLost(
        f'unit {uow_id} is no longer held under fence {fence}: it was cancelled, rescued or '
        'claimed again; the result is discarded'
    )
