"""The ledger on one SQLite file: for one machine, with nothing to install.

Each transition is one conditional statement; a commit is one transaction that first looks at the
leadership row. All instants by which leases are judged come from the clock given to `open`.
"""

from __future__ import annotations

from pathlib import Path

from synergy.adapters.sqlite.alerts import SqliteAlerts
from synergy.adapters.sqlite.archive import SqliteArchive
from synergy.adapters.sqlite.boxes import SqliteBoxes
from synergy.adapters.sqlite.claims import SqliteClaims
from synergy.adapters.sqlite.commands import SqliteCommands
from synergy.adapters.sqlite.commits import SqliteCommits
from synergy.adapters.sqlite.connection import SqliteFile
from synergy.adapters.sqlite.context import SqliteContext
from synergy.adapters.sqlite.earlier import check_not_led
from synergy.adapters.sqlite.freeruns import SqliteFreeruns
from synergy.adapters.sqlite.jobs import SqliteJobs
from synergy.adapters.sqlite.journal import SqliteJournal
from synergy.adapters.sqlite.leadership import SqliteLeadership
from synergy.adapters.sqlite.scan import SqliteScan
from synergy.adapters.sqlite.schema import MIGRATIONS
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.adapters.sqlite.timetable import SqliteTimetable
from synergy.adapters.sqlite.units import SqliteUnits
from synergy.adapters.sqlite.users import SqliteUsers
from synergy.ports.clock import Clock
from synergy.ports.errors import StoreUnavailable, StoreUnusable
from synergy.ports.store.joined import JoinedStore, Parts


class SqliteStore(JoinedStore):
    """All roles of `synergy.ports.store` on one file."""

    def __init__(self, file: SqliteFile, clock: Clock, *, is_remembering: bool = False) -> None:
        """Make the parts of a store on an open file. is_remembering: as `open` has it."""
        tables = SqliteTables(file, clock, is_remembering=is_remembering)
        leadership = SqliteLeadership(tables)
        super().__init__(
            Parts(
                leadership=leadership,
                commits=SqliteCommits(tables, leadership),
                journal=SqliteJournal(tables, leadership),
                timetable=SqliteTimetable(tables, leadership),
                context=SqliteContext(tables),
                jobs=SqliteJobs(tables),
                archive=SqliteArchive(tables),
                units=SqliteUnits(tables),
                claims=SqliteClaims(tables),
                freeruns=SqliteFreeruns(tables),
                commands=SqliteCommands(tables),
                boxes=SqliteBoxes(tables),
                users=SqliteUsers(tables),
                alerts=SqliteAlerts(tables),
                illegal=tables,
                scan=SqliteScan(tables),
                snapshots=file,
            )
        )
        self._file = file

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        busy_seconds_max: float = 30.0,
        synchronous: str = 'NORMAL',
        is_remembering: bool = False,
    ) -> SqliteStore:
        """Open the store at `path`, creating or migrating it if need be.

        is_remembering: rows that are read again unchanged are not decoded again.
        Raises StoreUnavailable or StoreUnusable, naming the file and what to do.
        """
        check_not_led(path, clock)
        file = SqliteFile(
            path,
            what='store',
            migrations=MIGRATIONS,
            unavailable=StoreUnavailable,
            unusable=StoreUnusable,
            busy_seconds_max=busy_seconds_max,
            synchronous=synchronous,
        )
        return cls(file, clock, is_remembering=is_remembering)

    @property
    def file(self) -> SqliteFile:
        """Return what all parts write to: the messages of the embedded broker lie in it, too."""
        return self._file

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()
