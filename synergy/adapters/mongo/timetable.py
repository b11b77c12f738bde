"""The documents from which the dense index is built, and their copy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Final

from pymongo import ReplaceOne

from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.jobs import level_of
from synergy.adapters.mongo.documents.timetable import as_of, page_document, page_of
from synergy.adapters.mongo.leadership import MongoLeadership
from synergy.adapters.mongo.names import INDEX, JOB_COLLECTIONS, LEVEL
from synergy.core.bounded import shortened
from synergy.core.index_pages import IndexCopy, IndexStretch
from synergy.core.index_stretches import StoredRow, stretches
from synergy.core.records import Leadership, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import Timeperiod, parse
from synergy.ports.rows import Malformed, malformed

_STATE_BY_VALUE: Final = {state.value: state for state in JobState}


class MongoTimetable:
    """The role `TimetableStore`."""

    def __init__(self, collections: MongoCollections, leadership: MongoLeadership) -> None:
        """Use the collections of an open connection. leadership: checked before each write."""
        self._collections = collections
        self._connection = collections.connection
        self._leadership = leadership

    def index_stretches(self, since: datetime | None = None) -> Iterator[IndexStretch]:
        """Yield process, timeperiod and state of every job row, or of those changed since."""
        where = {} if since is None else {'changed_at': {'$gte': since}}
        for collection in JOB_COLLECTIONS:
            yield from stretches(
                self._stored_rows(collection, where),
                _STATE_BY_VALUE,
                partial(self._index_row, collection),
                partial(map, str),
            )

    def index_copy(self) -> IndexCopy | None:
        """Return the copy of the dense index that was saved last."""
        with self._connection.reaching():
            pages, session = self._connection.database[INDEX], self._connection.session
            dated = pages.find_one({'_id': INDEX}, session=session)
            # After its date: pages may be newer than it says, never older.
            found = [*pages.find({'_id': {'$ne': INDEX}}, session=session)]
        if dated is None:
            return None
        try:
            return IndexCopy(as_of=as_of(dated), pages=tuple(map(page_of, found)))
        except Malformed as error:
            self._collections.report(INDEX, dated, str(error))
            return None

    def save_index_copy(self, leadership: Leadership, copy: IndexCopy) -> None:
        """Replace the pages that `copy` has, and take over `as_of`."""
        with self._connection.reaching():
            self._leadership.check(leadership)
            # The date last: pages newer than it are right as well.
            self._connection.database[INDEX].bulk_write(
                [
                    *(
                        ReplaceOne({'_id': page.process}, page_document(page), upsert=True)
                        for page in copy.pages
                    ),
                    ReplaceOne({'_id': INDEX}, {'as_of': copy.as_of}, upsert=True),
                ]
            )

    def _stored_rows(self, collection: str, where: Document) -> Iterator[StoredRow]:
        """Yield the rows of a collection; without a state those that are to be looked at."""
        fields = ['process_name', 'timeperiod', LEVEL, 'state', 'rev', 'run']
        for document in self._collections.stream(collection, where, fields):
            get = document.get
            state = get('state')
            if not (type(state) is str and type(get('rev')) is int and type(get('run')) is int):
                state = None
            yield get('process_name'), get('timeperiod'), get(LEVEL), state, document

    def _index_row(
        self, collection: str, row: StoredRow
    ) -> tuple[ProcessName, Timeperiod, JobState] | None:
        process, text, _, _, document = row
        try:
            qualifier = level_of(document, collection)
        except Malformed as error:
            self._collections.report(collection, document, str(error))
            return None
        try:
            timeperiod = parse(qualifier, text if isinstance(text, str) else shortened(text))
        except ValueError as error:
            self._collections.report(collection, document, f"field 'timeperiod': {error!s:.200}")
            return None
        if not isinstance(process, str):
            self._collections.report(
                collection, document, malformed('process_name', process, 'a text')
            )
            return None
        said = document.get('state')
        state = _STATE_BY_VALUE.get(said) if isinstance(said, str) else None
        field = next(
            (name for name in ('rev', 'run') if not isinstance(document.get(name), int)), None
        )
        if state is None or field is not None:
            field = 'state' if state is None else field
            shown = shortened(document.get(field or ''))
            self._collections.report(collection, document, f'field {field!r} is {shown}')
            state = JobState.IN_PROGRESS
        return ProcessName(process), timeperiod, state
