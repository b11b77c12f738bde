"""All jobs and units in MongoDB, in one pass each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from synergy.adapters.mongo.collections import BATCH, BY_KEY, MongoCollections
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.jobs import job_of, level_of
from synergy.adapters.mongo.documents.plain import PLAIN_UNIT, plain_job
from synergy.adapters.mongo.documents.units import unit_of
from synergy.adapters.mongo.jobs import STATE_BY_VALUE
from synergy.adapters.mongo.names import JOB_COLLECTIONS, LEVEL, UNITS
from synergy.core.invariants import EndedJob
from synergy.core.records import Job, Unit
from synergy.core.timeperiod import parse

#: What the server says of a document that is plainly right.
_NARROW: Final = {
    'process_name': '$process_name',
    'timeperiod': '$timeperiod',
    LEVEL: f'${LEVEL}',
    'state': '$state',
    'term': '$term',
    'request_id': '$request_id',
}


class MongoScan:
    """The role `RowScan`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def scanned_jobs(self) -> Iterator[Job | EndedJob]:
        """Yield every job row, collection by collection, each by process and timeperiod."""
        for name in JOB_COLLECTIONS:
            condition = {'$cond': [plain_job(name), _NARROW, {'whole': '$$ROOT'}]}
            found = self._found(
                name, {'$sort': dict(BY_KEY)}, {'$unset': 'event_log'}, {'$replaceWith': condition}
            )
            for document in found:
                whole = document.get('whole')
                if whole is None:
                    yield _ended(document, name)
                else:
                    yield from self._collections.decoded(
                        name, partial(job_of, collection=name), [whole]
                    )

    def scanned_units(self) -> Iterator[Unit]:
        """Yield every unit but those that have ended and are plainly right."""
        found = self._found(UNITS, {'$match': {'$expr': {'$not': [PLAIN_UNIT]}}})
        return self._collections.decoded(UNITS, unit_of, found)

    def _found(self, collection: str, *stages: Any) -> Iterator[Document]:
        with self._connection.reaching():
            yield from self._connection.database[collection].aggregate(
                list(stages),
                allowDiskUse=True,
                batchSize=BATCH,
                session=self._connection.session,
            )


def _ended(document: Document, collection: str) -> EndedJob:
    return EndedJob(
        document['process_name'],
        parse(level_of(document, collection), document['timeperiod']),
        STATE_BY_VALUE[document['state']],
        document['term'],
        document.get('request_id'),
    )
