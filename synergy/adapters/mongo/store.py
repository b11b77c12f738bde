"""The ledger on a MongoDB replica set: for many boxes, through the death of any one member.

Each transition is one conditional update of one document, acknowledged by a majority with its
journals; a commit is a few bulks of such updates after one look at the leadership document, of
which the last waits for the majority (`synergy.adapters.mongo.chain`). It is not a transaction:
what it leaves when it breaks off is repaired (`synergy.core.effects.in_stages`). Two leaders for a
moment are harmless: each write names the revision it follows and a term that must not be lower than
the row's. Leases are judged by the server's clock (`$$NOW`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from synergy.adapters.mongo.alerts import MongoAlerts
from synergy.adapters.mongo.archive import MongoArchive
from synergy.adapters.mongo.boxes import MongoBoxes
from synergy.adapters.mongo.claims import MongoClaims
from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.commands import MongoCommands
from synergy.adapters.mongo.commits import MongoCommits
from synergy.adapters.mongo.connection import MongoConnection
from synergy.adapters.mongo.context import MongoContext
from synergy.adapters.mongo.freeruns import MongoFreeruns
from synergy.adapters.mongo.jobs import MongoJobs
from synergy.adapters.mongo.journal import MongoJournal
from synergy.adapters.mongo.leadership import MongoLeadership
from synergy.adapters.mongo.scan import MongoScan
from synergy.adapters.mongo.schema import make_usable
from synergy.adapters.mongo.timetable import MongoTimetable
from synergy.adapters.mongo.units import MongoUnits
from synergy.adapters.mongo.users import MongoUsers
from synergy.ports.clock import Clock
from synergy.ports.store.joined import JoinedStore, Parts

DEFAULT_RETENTION: Final = timedelta(days=90)


class MongoStore(JoinedStore):
    """All roles of `synergy.ports.store` on one database."""

    def __init__(self, connection: MongoConnection) -> None:
        """Make the parts of a store on an open connection."""
        collections = MongoCollections(connection)
        leadership = MongoLeadership(collections)
        super().__init__(
            Parts(
                leadership=leadership,
                commits=MongoCommits(collections, leadership),
                journal=MongoJournal(collections, leadership),
                timetable=MongoTimetable(collections, leadership),
                context=MongoContext(collections),
                jobs=MongoJobs(collections),
                archive=MongoArchive(collections),
                units=MongoUnits(collections),
                claims=MongoClaims(collections),
                freeruns=MongoFreeruns(collections),
                commands=MongoCommands(collections),
                boxes=MongoBoxes(collections),
                users=MongoUsers(collections),
                alerts=MongoAlerts(collections),
                illegal=collections,
                scan=MongoScan(collections),
                snapshots=connection,
            )
        )
        self._connection = connection

    @classmethod
    def open(
        cls,
        uri: str,
        *,
        busy_seconds_max: float = 30.0,
        log_retention: timedelta = DEFAULT_RETENTION,
        create: bool = True,
        clock: Clock | None = None,
    ) -> MongoStore:
        """Connect to the database that `uri` names, making it ready if it is empty and `create`.

        clock: judges leases instead of the server's clock; for tests. Raises StoreUnavailable or
        StoreUnusable, naming the store and what to do.
        """
        connection = MongoConnection(uri, busy_seconds_max=busy_seconds_max, clock=clock)
        try:
            make_usable(connection, log_retention, create=create)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._connection.close()
