"""Who leads, and what the leader says of itself: one row of the file."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from sqlite3 import Connection

from synergy.adapters.sqlite.leases import LeaseTable, holds
from synergy.adapters.sqlite.rows.leadership import leadership_of
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.leader_counts import LeaderCounts
from synergy.core.leader_standing import LeaderStanding
from synergy.core.records import Leadership
from synergy.ports.errors import LeadershipLost
from synergy.ports.stored import leader_counts
from synergy.ports.stored import leader_standing as standings


class SqliteLeadership:
    """The role `LeadershipStore`, and the check of who leads for those who write."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file
        self._clock = tables.clock
        self._lease = LeaseTable(tables.file, 'leadership')

    def lead(self, owner: str, lease: timedelta) -> Leadership | None:
        """Take or renew leadership."""
        taken = self._lease.take(owner, lease, self._clock.now())
        return taken and Leadership(owner=owner, term=taken.term, until=taken.until)

    def resign(self, leadership: Leadership) -> None:
        """Give leadership up at once, if it is still this one."""
        self._lease.give_up(leadership.owner, leadership.term, self._clock.now())

    def report_standing(self, leadership: Leadership, standing: LeaderStanding) -> None:
        """Say how it stands with the leading Scheduler."""
        with self._file.transaction() as connection:
            self.check(connection, leadership)
            text = None if standing.is_well else json.dumps(standings.encode(standing))
            connection.execute('UPDATE leadership SET standing = ?', (text,))

    def report_counts(self, leadership: Leadership, counts: LeaderCounts) -> None:
        """Say what was counted."""
        with self._file.transaction() as connection:
            self.check(connection, leadership)
            connection.execute(
                'INSERT INTO leader_counts (id, text) VALUES (1, ?) '
                'ON CONFLICT (id) DO UPDATE SET text = excluded.text',
                (leader_counts.encode(counts),),
            )

    def counts(self) -> LeaderCounts:
        """Return what leaders have counted."""
        found = self._file.read("SELECT text FROM leader_counts WHERE typeof(text) = 'text'")
        return leader_counts.decode(found[0][0] if found else None)

    def leadership(self) -> Leadership | None:
        """Return who leads, or last led."""
        found = self._file.read('SELECT owner, term, lease_until FROM leadership')
        return next(self._tables.decoded('leadership', leadership_of, found), None)

    def standing(self) -> LeaderStanding:
        """Return what the Scheduler that leads, or last led, said of itself."""
        found = self._file.read('SELECT standing FROM leadership WHERE standing IS NOT NULL')
        try:
            return standings.decode(json.loads(found[0][0])) if found else LeaderStanding()
        except ValueError:
            return LeaderStanding()

    def store_now(self) -> datetime:
        """Return the instant by which leases are judged: this machine's clock."""
        return self._clock.now()

    def check(self, connection: Connection, leadership: Leadership) -> None:
        """Raise LeadershipLost unless this leadership holds, within a transaction."""
        row = self._lease.read(connection)
        if not holds(row, leadership.owner, leadership.term, self._clock.now()):
            raise LeadershipLost(
                f'{leadership.owner} no longer leads in term {leadership.term}'
                + ('' if row is None else f'; {row[0]} leads or led in term {row[1]}')
            )
