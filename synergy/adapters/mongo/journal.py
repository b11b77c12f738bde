"""The journal, those who follow it, and snapshots of the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.connection import Document, MongoConnection
from synergy.adapters.mongo.documents.jobs import event_of, job_of
from synergy.adapters.mongo.documents.journal import mark_of, page_of
from synergy.adapters.mongo.documents.processes import freerun_of
from synergy.adapters.mongo.leadership import MongoLeadership
from synergy.adapters.mongo.names import (
    CONTEXT,
    CURSORS,
    FREERUNS,
    JOB_COLLECTIONS,
    JOURNAL,
    SNAPSHOTS,
)
from synergy.core.freerun_record import Freerun
from synergy.core.index_snapshot import IndexSnapshot, SnapshotMark
from synergy.core.journal import JournalPage, outlived
from synergy.core.records import Job, JobEvent, Leadership, ProcessName
from synergy.ports.store.journal import NUMBER_MAX, PAGE_LINES_MAX

T = TypeVar('T')

#: Of these alone the next number follows: others were made up by somebody.
_NUMBERED: Final = {'_id': {'$gte': 1, '$lt': NUMBER_MAX}}


class MongoJournal:
    """The role `JournalStore`: one document for each page, whose id is its first number.

    So no number is used twice. None is left out, for a leader reads the next one when it begins.
    """

    def __init__(self, collections: MongoCollections, leadership: MongoLeadership) -> None:
        """Use the collections of an open connection. leadership: checked before a leader writes."""
        self._collections = collections
        self._connection = collections.connection
        self._leadership = leadership
        self.commits_are_whole = False

    def journal_span(self) -> range:
        """Return the numbers of the lines that are there."""
        first, last = self._outermost(ASCENDING, {}), self._outermost(DESCENDING, {})
        if first is None or last is None:
            return range(1, 1)
        return range(first.start, last.stop)

    def journal_pages(
        self, after: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        """Return pages with lines behind a number, in order."""
        # The page that has a number begins at it or before it; pages do not overlap.
        begin = self._outermost(DESCENDING, {'_id': {'$lte': after + 1}})
        first = begin.start if begin is not None and begin.stop > after + 1 else after + 1
        return self._pages({'_id': {'$gte': first}}, process, ASCENDING, limit)

    def journal_pages_before(
        self, before: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        """Return pages that begin before a number, newest first."""
        return self._pages({'_id': {'$lt': before}}, process, DESCENDING, limit)

    def journal_number_since(self, since: datetime) -> int:
        """Return the number from which on lines are from an instant or later."""
        if not (span := self.journal_span()):
            return span.stop  # Of a database that no leader of this version has made ready yet.
        found = self._outermost(ASCENDING, {'until': {'$gte': since}}, hint='until_1')
        return span.stop if found is None else found.start

    def journal_number_until(self, until: datetime) -> int:
        """Return the number from which on no page is from before an instant."""
        found = self._outermost(DESCENDING, {'until': {'$lt': until}})
        return self.journal_span().start if found is None else found.stop

    def recent_jobs(self, since: datetime) -> Iterator[tuple[Job, Sequence[JobEvent]]]:
        """Yield the jobs that changed since, with their events."""
        for collection in JOB_COLLECTIONS:
            found = _changed(self._connection, collection, since)
            decode = partial(_with_events, of=partial(job_of, collection=collection))
            yield from self._collections.decoded(collection, decode, found)

    def recent_freeruns(self, since: datetime) -> Iterator[tuple[Freerun, Sequence[JobEvent]]]:
        """Yield the free runs that changed since, with their events."""
        decode = partial(_with_events, of=freerun_of)
        found = _changed(self._connection, FREERUNS, since)
        yield from self._collections.decoded(FREERUNS, decode, found)

    def journal_cursor(self, name: str) -> int | None:
        """Return the number of the last line that a follower has dealt with."""
        return self.journal_cursors().get(name)

    def journal_cursors(self) -> dict[str, int]:
        """Return those of all followers."""
        with self._connection.reaching():
            cursors = self._connection.database[CURSORS]
            found = cursors.find({}, session=self._connection.session).sort('_id', ASCENDING)
            return {cursor['_id']: int(cursor['number']) for cursor in found}

    def led_text(self) -> tuple[int, str | None]:
        """Return revision and text of the context that is led."""
        with self._connection.reaching():
            contexts = self._connection.database[CONTEXT]
            found = contexts.find_one({'_id': CONTEXT}, session=self._connection.session)
        return (0, None) if found is None else (int(found['rev']), found.get('text'))

    def index_snapshots(self) -> Sequence[SnapshotMark]:
        """Return which snapshots of the index there are."""
        with self._connection.reaching():
            snapshots = self._connection.database[SNAPSHOTS]
            found = snapshots.find({'part': 0}, {'body': 0}, session=self._connection.session)
            found = found.sort([('number', ASCENDING), ('context_rev', ASCENDING)])
            return [*self._collections.decoded(SNAPSHOTS, mark_of, found)]

    def index_snapshot(self, mark: SnapshotMark) -> IndexSnapshot | None:
        """Return a snapshot."""
        with self._connection.reaching():
            snapshots = self._connection.database[SNAPSHOTS]
            where = {'number': mark.number, 'context_rev': mark.context_rev}
            found = [*snapshots.find(where, session=self._connection.session)]
        parts = sorted(found, key=lambda part: int(part['part']))
        marks = [*self._collections.decoded(SNAPSHOTS, mark_of, parts[:1])]
        return IndexSnapshot(marks[0], tuple(part['body'] for part in parts)) if marks else None

    def save_journal_cursor(self, name: str, number: int) -> bool:
        """Remember how far a follower is, unless it is further already."""
        where = {'_id': name, 'number': {'$lte': number}}
        with self._connection.reaching():
            try:
                self._connection.database[CURSORS].update_one(
                    where, self._connection.change({'number': number}, dated='at'), upsert=True
                )
            except DuplicateKeyError:
                return False
        return True

    def remove_journal_cursor(self, name: str) -> None:
        """Forget a follower."""
        with self._connection.reaching():
            self._connection.database[CURSORS].delete_one({'_id': name})

    def save_index_snapshot(self, leadership: Leadership, snapshot: IndexSnapshot) -> None:
        """Keep a snapshot of the index."""
        mark = snapshot.mark
        common = {'number': mark.number, 'at': mark.at, 'context_rev': mark.context_rev}
        with self._connection.reaching():
            self._leadership.check(leadership)
            snapshots = self._connection.database[SNAPSHOTS]
            snapshots.delete_many({'number': mark.number, 'context_rev': mark.context_rev})
            # The first part last: without it there is no snapshot.
            for part, body in reversed([*enumerate(snapshot.parts)]):
                name = f'{mark.number}/{mark.context_rev}/{part}'
                named = {'_id': name, **common, 'part': part, 'body': body}
                snapshots.replace_one({'_id': named['_id']}, named, upsert=True)

    def prune_journal(self, before: datetime, limit: int) -> int:
        """Delete pages from before an instant; return how many lines went."""
        with self._connection.reaching():
            journal = self._connection.database[JOURNAL]
            newest = journal.find_one(_NUMBERED, {'_id': 1}, sort=[('_id', DESCENDING)])
            if newest is None:
                return 0
            where = {'_id': {'$lt': newest['_id']}}
            found = journal.find(where, {'count': 1, 'until': 1}).sort('_id', ASCENDING)
            extents = [*map(_extent, found.limit(limit))]
            gone = outlived(extents, before, self._connection.store_now())
            if gone:
                journal.delete_many({'_id': {'$lte': gone[-1].start}})
            return sum(map(len, gone))

    def prune_snapshots(self, before: datetime) -> int:
        """Delete snapshots from before an instant."""
        marks = self.index_snapshots()
        old = [mark for mark in marks[:-1] if mark.at < before]
        with self._connection.reaching():
            snapshots = self._connection.database[SNAPSHOTS]
            for mark in old:
                snapshots.delete_many({'number': mark.number, 'context_rev': mark.context_rev})
        return len(old)

    def _outermost(self, direction: int, where: Document, hint: str | None = None) -> range | None:
        """Return the numbers of the lines of the first or the last page that is `where`.

        hint: name of the index by which few are looked at.
        """
        with self._connection.reaching():
            found = self._connection.database[JOURNAL].find_one(
                {'$and': [_NUMBERED, where]},
                {'count': 1},
                sort=[('_id', direction)],
                session=self._connection.session,
                hint=hint,
            )
        return None if found is None else _lines(found)

    def _pages(
        self, where: Document, process: ProcessName | None, direction: int, limit: int
    ) -> Sequence[JournalPage]:
        if process is not None:
            where = {**where, 'names': process}
        return self._collections.page(
            JOURNAL, page_of, where, order=[('_id', direction)], limit=limit
        )


def _changed(connection: MongoConnection, collection: str, since: datetime) -> Iterator[Document]:
    with connection.reaching():
        rows = connection.database[collection]
        yield from rows.find({'changed_at': {'$gte': since}}, session=connection.session)


def _lines(page: Document) -> range:
    """Return the numbers of a page's lines; what somebody has made up for it is one line."""
    first, length = int(page['_id']), page.get('count')
    if not isinstance(length, int) or not 1 <= length <= PAGE_LINES_MAX:
        length = 1
    return range(first, first + length)


def _extent(page: Document) -> tuple[range, datetime | None]:
    until = page.get('until')
    return _lines(page), until if isinstance(until, datetime) else None


def _with_events(document: Document, of: Callable[[Document], T]) -> tuple[T, Sequence[JobEvent]]:
    """Return a record and its events; those that somebody has edited are left out."""
    listed = document.get('event_log')
    events = []
    for item in listed if isinstance(listed, list) else ():
        with suppress(ValueError, TypeError):
            events.append(event_of(item))
    return of(document), events
