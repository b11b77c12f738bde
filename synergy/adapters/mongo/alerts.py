"""Alerts in MongoDB: who watches, what is remembered, what is on its way, and what is asked for.

Who watches and what is remembered is one document, so that one conditional update saves what a look
comes to. What belongs into other collections (deliveries, requests that have ended, the cursor)
lies in it as a list, until it has been written there: by whoever wrote the list, or by whoever
watches next. Each of these writes changes nothing where it was done before.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.errors import DuplicateKeyError

from synergy.adapters.mongo import leases
from synergy.adapters.mongo.bulks import repeated
from synergy.adapters.mongo.collections import MongoCollections, later
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.leadership import lease_of
from synergy.adapters.mongo.names import ALERT_REQUESTS, CURSORS, DELIVERIES, WATCH
from synergy.core.alert_outbox import Delivery
from synergy.core.alert_records import Alerts
from synergy.core.alert_requests import AlertRequest
from synergy.core.watching import AlertMemory, AlertOutcome, WatchLease
from synergy.ports.errors import StoreUnusable
from synergy.ports.rows import Malformed
from synergy.ports.store.alerts import ALERTS_CURSOR
from synergy.ports.stored import alerts as stored

#: More is not decompressed.
_TEXT_MAX: Final = 100_000_000
_decode: Final = msgspec.json.Decoder(AlertOutcome).decode


class MongoAlerts:
    """The role `AlertStore`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def watching(self) -> WatchLease | None:
        """Return who watches, or last did."""
        found = self._memory({'owner': 1, 'term': 1, 'lease_until': 1})
        # Of one that somebody has made otherwise there may be no lease.
        found_ones = [] if found is None or 'owner' not in found else [found]
        return next(self._collections.decoded(WATCH, _lease_of, found_ones), None)

    def watch(self, owner: str, lease: timedelta) -> WatchLease | None:
        """Take or renew the right to watch; write what is left to be written."""
        found = leases.take(self._connection, WATCH, WATCH, owner, lease, {'text': 0})
        if found is None:
            return None
        try:
            taken = _lease_of(found)
        except Malformed as error:
            raise StoreUnusable(
                f'{self._connection.place}: the document of {WATCH} was made illegal ({error}); '
                'delete it: what is still so is then told once more'
            ) from error
        if found.get('unsettled') is not None:
            self._settle(found['unsettled'])
        return taken

    def stop_watching(self, lease: WatchLease) -> None:
        """Give the right to watch up at once, if it is still this one."""
        leases.give_up(self._connection, WATCH, WATCH, lease.owner, lease.term)

    def alert_memory(self) -> AlertMemory:
        """Return what is remembered."""
        found = self._memory({'rev': 1, 'text': 1})
        if found is None or 'text' not in found:
            return AlertMemory()
        return stored.memory_of(found.get('rev'), _inflated(found['text']))

    def save_alerts(self, lease: WatchLease, rev: int, outcome: AlertOutcome) -> bool:
        """Save what one look comes to."""
        values: Document = {'rev': rev + 1}
        if outcome.alerts is not None or not rev:
            values['text'] = _deflated(stored.encode(outcome.alerts or Alerts()))
        rest = msgspec.json.encode(msgspec.structs.replace(outcome, alerts=None))
        values['unsettled'] = unsettled = zlib.compress(rest, 1)
        where = {
            '_id': WATCH,
            'owner': lease.owner,
            'term': lease.term,
            'rev': rev or {'$in': [None, 0]},
            # What an earlier look came to is written first.
            'unsettled': None,
            '$expr': {'$gt': ['$lease_until', self._connection.now]},
        }
        with self._connection.reaching():
            done = self._connection.database[WATCH].update_one(where, {'$set': values})
        if done.matched_count:
            self._settle(unsettled)
        return bool(done.matched_count)

    def _settle(self, unsettled: bytes) -> None:
        """Write what belongs into other collections, then forget that it is to be written."""
        outcome = _decode(_inflated(unsettled) or b'{}')
        with self._connection.reaching():
            database = self._connection.database
            if outcome.deliveries:
                added = [
                    UpdateOne(
                        {'_id': delivery.number},
                        {'$setOnInsert': _delivery_document(delivery)},
                        upsert=True,
                    )
                    for delivery in outcome.deliveries
                ]
                repeated(lambda: database[DELIVERIES].bulk_write(added))
            for request in outcome.requests:
                where = {'_id': request.id, 'ended_at': None}
                database[ALERT_REQUESTS].update_one(where, {'$set': _request_document(request)})
            if outcome.cursor is not None:
                self._save_cursor(outcome.cursor)
            database[WATCH].update_one(
                {'_id': WATCH, 'unsettled': unsettled}, {'$unset': {'unsettled': 1}}
            )

    def _save_cursor(self, number: int) -> None:
        where = {'_id': ALERTS_CURSOR, 'number': {'$lte': number}}
        change = self._connection.change({'number': number}, dated='at')
        try:
            self._connection.database[CURSORS].update_one(where, change, upsert=True)
        except DuplicateKeyError:
            return  # It is further.

    def save_delivery(self, delivery: Delivery) -> bool:
        """Save what has become of a delivery."""
        where = {
            '_id': delivery.number,
            'ended_at': None,
            'attempts': {'$lte': delivery.attempts},
        }
        with self._connection.reaching():
            done = self._connection.database[DELIVERIES].update_one(
                where, {'$set': _delivery_document(delivery)}
            )
        return done.matched_count == 1

    def waiting_deliveries(self) -> Sequence[Delivery]:
        """Return what has neither arrived nor been given up, the oldest first."""
        return self._deliveries({'ended_at': None}, ASCENDING, 0)

    def count_waiting_deliveries(self) -> Mapping[str, int]:
        """Return how many those are, by receiver."""
        counted: list[Document] = [
            {'$match': {'ended_at': None}},
            {'$group': {'_id': '$receiver', 'count': {'$sum': 1}}},
        ]
        with self._connection.reaching():
            deliveries = self._connection.database[DELIVERIES]
            found = deliveries.aggregate(counted, session=self._connection.session)
            return {str(item['_id']): item['count'] for item in found}

    def deliveries(
        self, limit: int, before: int | None = None, group: str | None = None
    ) -> Sequence[Delivery]:
        """Return deliveries, newest first."""
        where: Document = {}
        if before is not None:
            where['_id'] = {'$lt': before}
        if group is not None:
            where['alert_group'] = group
        return self._deliveries(where, DESCENDING, limit)

    def insert_alert_request(self, request: AlertRequest) -> None:
        """Insert a request; the same id again is a no-op."""
        document = {'_id': request.id, **_request_document(request)}
        with self._connection.reaching():
            try:
                self._connection.database[ALERT_REQUESTS].insert_one(document)
            except DuplicateKeyError:
                return

    def alert_request(self, request_id: str) -> AlertRequest | None:
        """Return one request."""
        found = self._requests({'_id': request_id}, [('_id', ASCENDING)], 1)
        return found[0] if found else None

    def open_alert_requests(self, limit: int) -> Sequence[AlertRequest]:
        """Return requests that have not ended, oldest first."""
        return self._requests({'ended_at': None}, [('at', ASCENDING), ('_id', ASCENDING)], limit)

    def alert_requests(
        self, limit: int, after: AlertRequest | None = None
    ) -> Sequence[AlertRequest]:
        """Return requests, newest first."""
        where = {} if after is None else later('at', after.at, after.id)
        return self._requests(where, [('at', DESCENDING), ('_id', ASCENDING)], limit)

    def prune_alerts(self, before: datetime, limit: int) -> int:
        """Delete deliveries and requests that ended before an instant."""
        gone = 0
        for collection in (DELIVERIES, ALERT_REQUESTS):
            with self._connection.reaching():
                rows = self._connection.database[collection]
                where = {'ended_at': {'$lt': before}}
                found = rows.find(where, {'_id': 1}).sort('ended_at', ASCENDING).limit(limit)
                if ids := [row['_id'] for row in found]:
                    gone += rows.delete_many({'_id': {'$in': ids}}).deleted_count
        return gone

    def _memory(self, fields: Document) -> Any:
        with self._connection.reaching():
            return self._connection.database[WATCH].find_one(
                {'_id': WATCH}, fields, session=self._connection.session
            )

    def _deliveries(self, where: Document, direction: int, limit: int) -> list[Delivery]:
        with self._connection.reaching():
            return self._collections.page(
                DELIVERIES, _delivery_of, where, order=[('_id', direction)], limit=limit
            )

    def _requests(
        self, where: Document, order: Sequence[tuple[str, int]], limit: int
    ) -> list[AlertRequest]:
        with self._connection.reaching():
            return self._collections.page(
                ALERT_REQUESTS, _request_of, where, order=order, limit=limit
            )


def _lease_of(document: Document) -> WatchLease:
    owner, term, until = lease_of(document)
    return WatchLease(owner=owner, term=term, until=until)


def _delivery_document(delivery: Delivery) -> Document:
    return {
        'alert_group': delivery.group,
        'receiver': delivery.receiver,
        'attempts': delivery.attempts,
        'ended_at': delivery.ended_at,
        'text': stored.encode_row(delivery),
    }


def _delivery_of(document: Document) -> Delivery:
    return stored.delivery_of(document.get('text'))


def _request_document(request: AlertRequest) -> Document:
    return {
        'at': request.at,
        'ended_at': request.ended_at,
        'text': stored.encode_row(request),
    }


def _request_of(document: Document) -> AlertRequest:
    return stored.request_of(document.get('text'))


def _deflated(text: str) -> bytes:
    """Return a text so that 100,000 alerts of one kind fit into one document."""
    return zlib.compress(text.encode(), 1)


def _inflated(body: object) -> str | None:
    """Return what was compressed; None for anything else."""
    if not isinstance(body, bytes):
        return None
    try:
        return zlib.decompressobj().decompress(body, _TEXT_MAX).decode()
    except (zlib.error, UnicodeDecodeError):
        return None
