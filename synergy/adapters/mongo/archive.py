"""What recuts have archived in MongoDB: the documents as they were, under the request's id.

`_id` is {recut, id}: the request, and what the document had. A document is copied, then removed; a
batch that broke off in between is done again, and replaces its copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pymongo import DeleteOne, ReplaceOne
from pymongo.database import Database

from synergy.adapters.mongo.bulks import unmatched
from synergy.adapters.mongo.chain import Chain
from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.jobs import level_of
from synergy.adapters.mongo.names import (
    CONTEXT,
    INDEX,
    JOB_COLLECTIONS,
    JOBS_ARCHIVED,
    LEVEL,
    UNITS,
    UNITS_ARCHIVED,
)
from synergy.core.effects import ArchiveRows
from synergy.core.records import ProcessName
from synergy.core.timeperiod import Qualifier
from synergy.ports.rows import Malformed
from synergy.ports.store import Archived

#: Of an archived job: the collection that it was in.
_FROM: Final = 'collection'


class MongoArchive:
    """The role `ArchiveReader`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._connection = collections.connection

    def archived(self, process: ProcessName) -> Sequence[Archived]:
        """Return what is archived of a process, by request and level."""
        database, session = self._connection.database, self._connection.session
        grouped: list[Document] = [
            {'$match': {'process_name': process}},
            {
                '$group': {
                    '_id': {
                        'request': '$_id.recut',
                        _FROM: f'${_FROM}',
                        LEVEL: f'${LEVEL}',
                    },
                    'count': {'$sum': 1},
                    'first': {'$min': '$timeperiod'},
                    'last': {'$max': '$timeperiod'},
                    'runs': {'$max': '$run'},
                }
            },
            {'$sort': {'_id': 1}},
        ]
        with self._connection.reaching():
            found = [*database[JOBS_ARCHIVED].aggregate(grouped, session=session)]
            return [
                Archived(
                    request=str(item['_id'].get('request')),
                    process=process,
                    qualifier=(level := _level_of(item['_id'])),
                    count=int(item['count']),
                    first=str(item['first']),
                    last=str(item['last']),
                    runs=max(
                        _whole(item['runs']),
                        self._runs(database, str(item['_id'].get('request')), process, level),
                    ),
                )
                for item in found
            ]

    def has_rows(self, process: ProcessName) -> bool:
        """Tell whether there are documents of jobs or of units that are not archived."""
        database, session = self._connection.database, self._connection.session
        where = {'process_name': process}
        with self._connection.reaching():
            return any(
                database[name].find_one(where, ['_id'], session=session) is not None
                for name in (*JOB_COLLECTIONS, UNITS)
            )

    def _runs(
        self, database: Database[Document], request: str, process: ProcessName, level: Qualifier
    ) -> int:
        newest = database[UNITS_ARCHIVED].find_one(
            {'process_name': process, '_id.recut': request, LEVEL: level.value},
            ['run'],
            sort=[('run', -1)],
            session=self._connection.session,
        )
        return 0 if newest is None else _whole(newest.get('run'))


def apply_archive(chain: Chain, save: ArchiveRows) -> None:
    """Move documents of a process to the archive; raise CommitRefused when led otherwise."""
    # What was written before, and is looked at now, must not be rolled back.
    database = chain.confirmed()
    if database[CONTEXT].find_one({'_id': CONTEXT, 'rev': save.rev}, ['rev']) is None:
        raise unmatched(save)
    database[INDEX].delete_one({'_id': save.process})
    left = save.most
    for name in JOB_COLLECTIONS:
        left -= _move(database, name, JOBS_ARCHIVED, save, left, {_FROM: name}) if left else 0
    _move(database, UNITS, UNITS_ARCHIVED, save, save.most, {})


def _move(
    database: Database[Document],
    source: str,
    target: str,
    save: ArchiveRows,
    most: int,
    more: Document,
) -> int:
    """Copy documents, then remove them; return how many."""
    found = [*database[source].find({'process_name': save.process}).limit(most)]
    if not found:
        return 0
    copies = [
        {**document, **more, '_id': {'recut': save.request, 'id': document['_id']}}
        for document in found
    ]
    database[target].bulk_write(
        [ReplaceOne({'_id': copy['_id']}, copy, upsert=True) for copy in copies], ordered=False
    )
    removals: list[Any] = [DeleteOne({'_id': document['_id']}) for document in found]
    database[source].bulk_write(removals, ordered=False)
    return len(found)


def _level_of(said: Document) -> Qualifier:
    try:
        return level_of(said, str(said.get(_FROM)))
    except (Malformed, KeyError, ValueError):
        return Qualifier.REAL_TIME


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
