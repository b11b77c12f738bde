"""Boxes in the ledger on MongoDB: who is there, what is desired, what runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.boxes import box_of, box_process_of
from synergy.adapters.mongo.names import BOXES
from synergy.core.records import Box, BoxProcess
from synergy.ports.stored import box_load

_PROCESSES: Final = 'box_configuration'
#: A box that was drained before it was ever seen.
_UNSEEN: Final = {'host': '', 'home': '', 'pid': None, 'version': '', 'seen_at': None, 'load': None}


class MongoBoxes:
    """The role `BoxStore`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def boxes(self) -> Sequence[Box]:
        """Return every box, by id."""
        with self._connection.reaching():
            found = (
                self._connection.database[BOXES].find(session=self._connection.session).sort('_id')
            )
            return [*self._collections.decoded(BOXES, box_of, found)]

    def heartbeat(self, box: Box, vanished_after: timedelta) -> Box:
        """Say that the Supervisor of a box lives, unless another place holds the box."""
        now = self._connection.now
        vanished = {'$subtract': [now, vanished_after // timedelta(milliseconds=1)]}
        is_own = {
            '$and': [
                {'$eq': ['$host', {'$literal': box.host}]},
                {'$eq': ['$home', {'$literal': box.home}]},
            ]
        }
        # A missing field, of a document that is made by this very statement, is less than any.
        is_free = {'$or': [{'$lte': ['$pid', None]}, {'$lte': ['$seen_at', vanished]}]}
        may = {'$or': [is_own, is_free]}
        wanted = {
            'host': {'$literal': box.host},
            'home': {'$literal': box.home},
            'pid': box.pid,
            'version': {'$literal': box.version},
            'seen_at': now,
            'load': {'$literal': box_load.encode(box.load)},
        }
        values = {name: {'$cond': [may, value, f'${name}']} for name, value in wanted.items()}
        kept = {'is_draining': {'$ifNull': ['$is_draining', False]}}
        written = [{'$set': {**values, **kept}}]
        with self._connection.reaching():
            try:
                found = self._beat(box.box_id, written)
            except DuplicateKeyError:
                # Two made the document at the same time; now it is there.
                found = self._beat(box.box_id, written)
        # One that somebody made illegal belongs to nobody.
        return next(self._collections.decoded(BOXES, box_of, [found]), box)

    def _beat(self, box_id: str, written: Sequence[Document]) -> Document:
        found = self._connection.database[BOXES].find_one_and_update(
            {'_id': box_id}, written, upsert=True, return_document=ReturnDocument.AFTER
        )
        assert found is not None, 'an upsert returns what it wrote'
        return found

    def set_drained(self, box_id: str, *, is_draining: bool) -> None:
        """Say whether the workers of a box are to take no more."""
        with self._connection.reaching():
            self._connection.database[BOXES].update_one(
                {'_id': box_id},
                {'$set': {'is_draining': is_draining}, '$setOnInsert': _UNSEEN},
                upsert=True,
            )

    def forget_box(self, box_id: str) -> int:
        """Delete a box and its processes."""
        with self._connection.reaching():
            return (
                self._connection.database[BOXES].delete_many({'_id': box_id}).deleted_count
                + self._connection.database[_PROCESSES]
                .delete_many({'box_id': box_id})
                .deleted_count
            )

    def box_processes(self, box_id: str | None = None) -> Sequence[BoxProcess]:
        """Return the rows of one box, or of all, by box and process."""
        where = {} if box_id is None else {'box_id': box_id}
        with self._connection.reaching():
            found = self._connection.database[_PROCESSES].find(
                where, session=self._connection.session
            )
            found = found.sort(['box_id', 'process_name'])
            return [*self._collections.decoded(_PROCESSES, box_process_of, found)]

    def set_desired(self, box_id: str, process: str, *, is_on: bool) -> None:
        """Say whether `process` is to run on `box_id`."""
        asked = {'start_asked_at': self._connection.now} if is_on else {}
        self._desire(box_id, process, {**asked, 'is_on': is_on})

    def ask_restart(self, box_id: str, process: str) -> None:
        """Say that `process` is to run on `box_id`, and that whatever runs of it ends before."""
        now = self._connection.now
        self._desire(
            box_id, process, {'is_on': True, 'start_asked_at': now, 'restart_asked_at': now}
        )

    def _desire(self, box_id: str, process: str, wanted: Document) -> None:
        unknown: Document = {
            'state': None, 'pids': [], 'restart_count': 0, 'changed_at': None,
            'start_asked_at': None, 'restart_asked_at': None,
        }  # fmt: skip
        kept = {name: {'$ifNull': [f'${name}', value]} for name, value in unknown.items()}
        with self._connection.reaching():
            self._connection.database[_PROCESSES].update_one(
                {'box_id': box_id, 'process_name': process},
                [{'$set': {**kept, **wanted}}],
                upsert=True,
            )

    def report_actual(self, actual: Sequence[BoxProcess]) -> None:
        """Write what runs; what is desired in existing rows is left alone."""
        if actual:
            with self._connection.reaching():
                self._connection.database[_PROCESSES].bulk_write(
                    [_reported(row) for row in actual], ordered=False
                )


def _reported(row: BoxProcess) -> UpdateOne:
    return UpdateOne(
        {'box_id': row.box_id, 'process_name': row.process},
        {
            '$set': {
                'state': row.state,
                'pids': list(row.pids),
                # As in Synergy 2.x.
                'pid': row.pids[0] if row.pids else None,
                'restart_count': row.restart_count,
                'changed_at': row.changed_at,
                'reason': row.reason,
                'log_file': row.log_file,
            },
            '$setOnInsert': {'is_on': row.is_on},
        },
        upsert=True,
    )
