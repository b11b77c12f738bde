"""The store's collections and indexes in MongoDB, and the version that says what they hold.

Collections, fields and unique keys follow Synergy 2.x where it has them. Document `schema` of the
collection of that name carries the version. A database without it is empty, and is then made ready
when it is first opened, or was written by Synergy 2.x, and is then migrated by
`launch.py db --update` (`synergy.adapters.mongo.migration_from_2x`), never silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from pymongo import ASCENDING, IndexModel
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from synergy.adapters.mongo.connection import Document, MongoConnection
from synergy.adapters.mongo.names import (
    ALERT_REQUESTS,
    CURSORS,
    DELIVERIES,
    JOB_COLLECTIONS,
    JOBS_ARCHIVED,
    JOURNAL,
    LEVEL,
    QUALIFIER_BY_COLLECTION,
    SHARED_COLLECTIONS,
    SNAPSHOTS,
    TYPE_FREERUN,
    UNITS_ARCHIVED,
    WATCH,
)
from synergy.core.structs import Struct, field
from synergy.ports.errors import StoreUnavailable, StoreUnusable

VERSION: Final = 1
_SCHEMA: Final = 'schema'


class Index(Struct, frozen=True, kw_only=True):
    """One index. options: as for create_indexes."""

    collection: str
    keys: tuple[str, ...]
    is_unique: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name that MongoDB gives it."""
        return '_'.join(f'{key}_1' for key in self.keys)

    @property
    def model(self) -> IndexModel:
        """Return what creates it."""
        return IndexModel(
            [(key, ASCENDING) for key in self.keys],
            name=self.name,
            unique=self.is_unique,
            **self.options,
        )

    def __str__(self) -> str:
        """Return collection, keys and kind."""
        kind = 'unique index' if self.is_unique else 'index'
        return f'{kind} of {self.collection} on {", ".join(self.keys)}'


def _job_keys(collection: str) -> tuple[str, ...]:
    """Return by which fields no two jobs of a collection are the same."""
    level = (LEVEL,) if collection in SHARED_COLLECTIONS else ()
    return ('process_name', 'timeperiod', *level)


_JOB_INDEXES: Final = tuple(
    index
    for collection in JOB_COLLECTIONS
    for index in (
        Index(collection=collection, keys=_job_keys(collection), is_unique=True),
        Index(collection=collection, keys=('state',)),
        Index(collection=collection, keys=('changed_at', 'process_name', 'timeperiod')),
        Index(
            collection=collection,
            keys=('request_id', 'state'),
            options={'partialFilterExpression': {'request_id': {'$type': 'string'}}},
        ),
    )
)
_ARCHIVE_INDEXES: Final = tuple(
    Index(collection=name, keys=('process_name', 'timeperiod'))
    for name in (JOBS_ARCHIVED, UNITS_ARCHIVED)
)
_JOURNAL_INDEX: Final = Index(collection=JOURNAL, keys=('until',))
_ALERT_INDEXES: Final = (
    Index(collection=DELIVERIES, keys=('ended_at',)),
    Index(collection=DELIVERIES, keys=('alert_group',)),
    Index(collection=ALERT_REQUESTS, keys=('ended_at',)),
    Index(collection=ALERT_REQUESTS, keys=('at',)),
)
INDEXES: Final = (
    *_JOB_INDEXES,
    Index(collection='unit_of_work', keys=('process_name', 'timeperiod', 'run'), is_unique=True),
    Index(collection='unit_of_work', keys=('state',)),
    Index(
        collection='unit_of_work',
        keys=('finished_at',),
        options={'partialFilterExpression': {'unit_of_work_type': TYPE_FREERUN}},
    ),
    Index(collection='managed_process', keys=('process_name',), is_unique=True),
    Index(collection='freerun_process', keys=('process_name', 'entry_name'), is_unique=True),
    Index(collection='box_configuration', keys=('box_id', 'process_name'), is_unique=True),
    Index(collection='log_recording', keys=('parent_object_id',)),
    Index(collection='command', keys=('state', 'created_at')),
    *_ARCHIVE_INDEXES,
    _JOURNAL_INDEX,
    *_ALERT_INDEXES,
)
#: Those that older programs did not make.
_ADDED: Final = (JOBS_ARCHIVED, UNITS_ARCHIVED, JOURNAL, DELIVERIES, ALERT_REQUESTS)
#: What the schema document says is there.
_READY: Final = (*JOB_COLLECTIONS, *_ADDED)
#: Logs grow old by it; how old is the setting log_retention_days.
LOG_AGE: Final = Index(collection='log_recording', keys=('created_at',))
_UNINDEXED: Final = (
    'leadership',
    'box',
    'mx_user',
    'mx_token',
    'mx_secret',
    'index_copy',
    'led_context',
    'pool',
    CURSORS,
    SNAPSHOTS,
    WATCH,
    _SCHEMA,
)
COLLECTIONS: Final = tuple(dict.fromkeys([*(i.collection for i in INDEXES), *_UNINDEXED]))
#: Collections in which a database of Synergy 2.x has something.
OLD_COLLECTIONS: Final = (
    *QUALIFIER_BY_COLLECTION,
    'unit_of_work',
    'managed_process',
    'freerun_process',
    'box_configuration',
)


def version_of(database: Database[Document]) -> int | None:
    """Return the schema version; None when the database has none."""
    found = database[_SCHEMA].find_one({'_id': _SCHEMA})
    return None if found is None else int(found['version'])


def is_of_2(database: Database[Document]) -> bool:
    """Tell whether Synergy 2.x has written here: there are rows, and no schema version."""
    return version_of(database) is None and any(
        database[name].find_one({}, {'_id': 1}) is not None for name in OLD_COLLECTIONS
    )


def make_usable(connection: MongoConnection, retention: timedelta, *, create: bool) -> None:
    """Check what `connection` leads to, and make an empty database ready if `create`."""
    connection.check_is_replicated()
    database = connection.database
    with connection.reaching():
        found = database[_SCHEMA].find_one({'_id': _SCHEMA})
        if found is not None:
            _check(connection.place, int(found['version']))
            if create and found.get('job_collections') != list(_READY):
                _add_job_collections(database)
            if found.get('log_retention_seconds') != retention.total_seconds() and create:
                keep_logs(database, retention)
        elif is_of_2(database):
            raise StoreUnusable(
                f'{connection.place}: database {connection.name} was written by Synergy 2.x; see '
                'what would change with ./launch.py db --check, then run ./launch.py db --update'
            )
        elif create:
            update(database, retention)
        else:
            raise StoreUnavailable(
                f'{connection.place}: database {connection.name} is empty; start the system with '
                './launch.py up or demo, or name the database that you mean in store_uri'
            )


def _check(place: str, found: int) -> None:
    if found > VERSION:
        raise StoreUnusable(
            f'{place} has schema version {found}, but this program knows {VERSION} at most; start '
            'the newer program, or restore an older store'
        )
    if found < VERSION:
        raise StoreUnusable(
            f'{place} has schema version {found}, but this program needs {VERSION}; see what would '
            'change with ./launch.py db --check, then run ./launch.py db --update'
        )


def missing(database: Database[Document]) -> Iterator[Index]:
    """Yield the indexes that are not there, or differ."""
    for collection in dict.fromkeys(index.collection for index in (*INDEXES, LOG_AGE)):
        found = _indexes_of(database, collection)
        for index in (*INDEXES, LOG_AGE):
            if index.collection == collection and not _is_there(index, found):
                yield index


def _add_job_collections(database: Database[Document]) -> None:
    """Make what an older program has not known ready, beside it: it goes on with its own."""
    for collection in (*SHARED_COLLECTIONS, *_ADDED):
        models = [index.model for index in INDEXES if index.collection == collection]
        database[collection].create_indexes(models)
    ready = {'job_collections': list(_READY)}
    database[_SCHEMA].update_one({'_id': _SCHEMA}, {'$set': ready})


def update(database: Database[Document], retention: timedelta) -> None:
    """Create what is missing, then write the version; may be repeated and resumed."""
    for collection in dict.fromkeys(index.collection for index in INDEXES):
        found = _indexes_of(database, collection)
        wanted = [
            index
            for index in INDEXES
            if index.collection == collection and not _is_there(index, found)
        ]
        for index in wanted:
            if index.name in found:
                database[collection].drop_index(index.name)
        if wanted:
            database[collection].create_indexes([index.model for index in wanted])
    keep_logs(database, retention)
    written = {
        'version': VERSION,
        'log_retention_seconds': retention.total_seconds(),
        'job_collections': list(_READY),
    }
    # Another process may be doing the same; then its version is there already.
    with suppress(DuplicateKeyError):
        database[_SCHEMA].update_one({'_id': _SCHEMA}, {'$set': written}, upsert=True)


def keep_logs(database: Database[Document], retention: timedelta) -> None:
    """Let the server delete logs after `retention`."""
    seconds = int(retention.total_seconds())
    found = _indexes_of(database, LOG_AGE.collection).get(LOG_AGE.name)
    if found is None or 'expireAfterSeconds' not in found:
        if found is not None:
            database[LOG_AGE.collection].drop_index(LOG_AGE.name)
        database[LOG_AGE.collection].create_index(
            [(LOG_AGE.keys[0], ASCENDING)], name=LOG_AGE.name, expireAfterSeconds=seconds
        )
    elif found['expireAfterSeconds'] != seconds:
        database.command(
            'collMod',
            LOG_AGE.collection,
            index={'name': LOG_AGE.name, 'expireAfterSeconds': seconds},
        )
    database[_SCHEMA].update_one(
        {'_id': _SCHEMA},
        {'$set': {'log_retention_seconds': retention.total_seconds()}},
    )


def _indexes_of(database: Database[Document], collection: str) -> Mapping[str, Mapping[str, Any]]:
    return database[collection].index_information()


def _is_there(index: Index, found: Mapping[str, Mapping[str, Any]]) -> bool:
    there = found.get(index.name)
    if there is None or bool(there.get('unique')) != index.is_unique:
        return False
    return index != LOG_AGE or 'expireAfterSeconds' in there
