"""What every part of the ledger on MongoDB stands on: the connection, documents that are decoded.

A document that somebody edited into something illegal is reported once, by name and field, and
left out; the job of such a document counts as running, so that nothing starts it and what waits
for it goes on waiting until somebody fixes the document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from pymongo import ASCENDING

from synergy.adapters.mongo.connection import Document, MongoConnection
from synergy.adapters.mongo.documents.fields import name_of
from synergy.ports.rows import IllegalRow, Rows

T = TypeVar('T')
BY_KEY: Final = [('process_name', ASCENDING), ('timeperiod', ASCENDING)]
WITHOUT_EVENTS: Final = {'event_log': 0}
BATCH: Final = 5000
#: A page is filled up behind illegal documents by this many more reads, each of twice as many.
_REFILLS_MAX: Final = 12


class MongoCollections:
    """One open connection, and the documents behind it that have been reported as illegal."""

    def __init__(self, connection: MongoConnection) -> None:
        """Use an open connection."""
        self.connection = connection
        self.rows = Rows(connection.place)

    def illegal_rows(self) -> Sequence[IllegalRow]:
        """Return the documents that could not be read since the last `forget_illegal_rows`."""
        return self.rows.met

    def forget_illegal_rows(self) -> None:
        """Forget which documents could not be read."""
        self.rows.forget()

    def decoded(
        self, collection: str, decode: Callable[[Document], T], found: Iterable[Document]
    ) -> Iterator[T]:
        """Yield the records of documents; one that is illegal is reported and left out."""
        return self.rows.decoded(collection, partial(name_of, collection), decode, found)

    def page(
        self,
        collection: str,
        decode: Callable[[Document], T],
        where: Document,
        *,
        order: Sequence[tuple[str, int]],
        limit: int,
        fields: Document | Sequence[str] | None = None,
    ) -> list[T]:
        """Return `limit` records, fewer only at the end: illegal documents take no place."""
        found: list[T] = []
        asked, offset = limit, 0
        for _ in range(_REFILLS_MAX):
            cursor = self.connection.database[collection].find(
                where, fields, skip=offset, limit=asked, session=self.connection.session
            )
            got = list(cursor.sort(list(order)))
            found += self.decoded(collection, decode, got)
            if limit == 0 or len(found) >= limit or len(got) < asked:
                break
            offset += len(got)
            asked *= 2
        return found[:limit] if limit else found

    def stream(self, collection: str, where: Document, fields: Sequence[str]) -> Iterator[Document]:
        """Yield the documents of a collection by process and timeperiod."""
        with self.connection.reaching():
            yield from (
                self.connection.database[collection]
                .find(where, fields, batch_size=BATCH, session=self.connection.session)
                .sort(BY_KEY)
            )

    def report(self, collection: str, document: Mapping[str, Any], problem: object) -> None:
        """Take a document down as illegal."""
        self.rows.report(collection, name_of(collection, document), problem)


def later(field: str, at: datetime | None, row_id: Any) -> Document:
    """Return what comes after a row in the order of `field`, falling, and id."""
    return {'$or': [{field: {'$lt': at}}, {field: at, '_id': {'$gt': row_id}}]}


def millis(duration: timedelta) -> int:
    """Return a duration as the server reckons."""
    return duration // timedelta(milliseconds=1)
