"""A MongoDB store as a whole: look at it, bring it up to date, empty it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from synergy.adapters.mongo import schema
from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.connection import Document, MongoConnection
from synergy.adapters.mongo.context import MongoContext
from synergy.adapters.mongo.documents.jobs import Malformed, level_of
from synergy.adapters.mongo.leadership import MongoLeadership
from synergy.adapters.mongo.migration_from_2x import MigrationFrom2x, former_processes, is_left
from synergy.adapters.mongo.names import JOB_COLLECTIONS, LEVEL
from synergy.core.changed_levels import RowsByLevel
from synergy.core.led_context import LedContext
from synergy.core.records import Leadership, ProcessName
from synergy.core.timeperiod import Qualifier
from synergy.ports.administration import Findings, FormerProcess
from synergy.ports.errors import StoreUnusable


class MongoAdministration:
    """The administration of one database."""

    def __init__(self, uri: str, *, busy_seconds_max: float, log_retention: timedelta) -> None:
        """Prepare a connection. log_retention: after how long the server deletes logs."""
        self._connection = MongoConnection(uri, busy_seconds_max=busy_seconds_max)
        self._retention = log_retention

    @property
    def place(self) -> str:
        """Return what it is and where."""
        return self._connection.place

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._connection.close()

    def check(self) -> Findings:
        """Look, and change nothing."""
        database = self._connection.database
        with self._connection.reaching():
            version = self._version()
            is_of_2 = schema.is_of_2(database)
            taken = (
                MigrationFrom2x(database, self._connection.store_now(), is_dry=True).run()
                if is_of_2 or is_left(database)
                else Findings()
            )
            indexes = [f'{index} is created' for index in schema.missing(database)]
            found = [self._origin(version, is_of_2=is_of_2), *self._counts()]
        changes = [*taken.changes, *indexes]
        if version != schema.VERSION:
            changes.append(f'schema version becomes {schema.VERSION}')
        return Findings(
            found=found, changes=changes, problems=[*self._unreplicated(), *taken.problems]
        )

    def rows_by_level(self) -> RowsByLevel:
        """Return how many job rows each process has at each level."""
        found: dict[ProcessName, dict[Qualifier, int]] = {}
        by = {'process_name': '$process_name', LEVEL: f'${LEVEL}'}
        pipeline: list[Document] = [{'$group': {'_id': by, 'count': {'$sum': 1}}}]
        with self._connection.reaching():
            for collection in JOB_COLLECTIONS:
                for item in self._connection.database[collection].aggregate(pipeline):
                    # A document whose level is illegal counts for none.
                    with suppress(Malformed):
                        level = level_of(item['_id'], collection)
                        counts = found.setdefault(ProcessName(str(item['_id']['process_name'])), {})
                        counts[level] = counts.get(level, 0) + item['count']
        return found

    def led_context(self) -> LedContext | None:
        """Return the context that the store was last led with."""
        return MongoContext(MongoCollections(self._connection)).led_context()

    def update(self) -> Findings:
        """Bring the database up to date."""
        # Before anything is changed: a single server would refuse the first transaction.
        self._connection.check_is_replicated()
        database = self._connection.database
        with self._connection.reaching():
            version = self._version()
            is_of_2 = schema.is_of_2(database) or is_left(database)
            indexes = [f'{index} was created' for index in schema.missing(database)]
            taken = (
                MigrationFrom2x(database, self._connection.store_now(), is_dry=False).run()
                if is_of_2
                else Findings()
            )
            schema.update(database, self._retention)
        changes = [*taken.changes, *indexes]
        if version != schema.VERSION:
            changes.append(f'schema version is {schema.VERSION}')
        return Findings(changes=changes, problems=taken.problems)

    def reset(self) -> None:
        """Drop everything of ours and make it again; other collections are left alone."""
        self._connection.check_is_replicated()
        database = self._connection.database
        with self._connection.reaching():
            # The version goes last: what broke off halfway still says whose it is.
            for name in reversed(schema.COLLECTIONS[:-1]):
                database.drop_collection(name)
            database.drop_collection(schema.COLLECTIONS[-1])
            schema.update(database, self._retention)

    def former(self) -> Sequence[FormerProcess]:
        """Return what Synergy 2.x ran, by name; nothing once a Scheduler has led here."""
        database = self._connection.database
        with self._connection.reaching():
            if database['leadership'].find_one({}, {'_id': 1}) is not None:
                return ()
            return former_processes(database)

    def _unreplicated(self) -> list[str]:
        try:
            self._connection.check_is_replicated()
        except StoreUnusable as error:
            return [str(error)]
        return []

    def leader(self) -> Leadership | None:
        """Return the Scheduler whose lease holds now, if any."""
        leadership = MongoLeadership(MongoCollections(self._connection)).leadership()
        if leadership is None or leadership.until <= self._connection.store_now():
            return None
        return leadership

    def _version(self) -> int | None:
        version = schema.version_of(self._connection.database)
        if version is not None and version > schema.VERSION:
            raise StoreUnusable(
                f'{self.place} has schema version {version}, but this program knows '
                f'{schema.VERSION} at most; use the newer program'
            )
        return version

    def _origin(self, version: int | None, *, is_of_2: bool) -> str:
        if is_of_2:
            return f'database {self._connection.name} was written by Synergy 2.x'
        if version is None:
            return f'database {self._connection.name} is empty'
        return f'database {self._connection.name} has schema version {version}'

    def _counts(self) -> list[str]:
        database = self._connection.database
        counts = {name: database[name].estimated_document_count() for name in schema.COLLECTIONS}
        return [f'{count} in {name}' for name, count in counts.items() if count]
