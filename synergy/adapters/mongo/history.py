"""The events of jobs and free runs, which lie in their documents."""

from __future__ import annotations

from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.jobs import event_of
from synergy.core.records import JobEvent


def newest_events(
    collections: MongoCollections, collection: str, where: Document, limit: int
) -> list[JobEvent]:
    """Return the newest events of the one job or free run that is `where`, newest first."""
    with collections.connection.reaching():
        found = collections.connection.database[collection].find_one(
            where, {'event_log': 1}, session=collections.connection.session
        )
    events = (found or {}).get('event_log')
    listed = events[:limit] if isinstance(events, list) else []
    name = f'history of {" ".join(map(str, where.values()))}'
    return list(collections.rows.decoded(collection, lambda _: name, event_of, listed))
