"""Who leads, and what the leader says of itself: one row of the file."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.leadership import leadership_of
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.leader_counts import LeaderCounts
from synergy.core.leader_standing import LeaderStanding
from synergy.core.records import Leadership
from synergy.ports.errors import LeadershipLost
from synergy.ports.store import LEASES_MAX
from synergy.ports.stored import leader_counts
from synergy.ports.stored import leader_standing as standings

# One statement, so that two claimants cannot both win. The term rises unless the lease is our own
# and still runs.
_LEAD: Final = """
INSERT INTO leadership (id, owner, term, lease_until) VALUES (1, :owner, 1, :until)
ON CONFLICT (id) DO UPDATE SET
    term = term + (owner IS NOT :owner OR lease_until <= :now),
    owner = :owner,
    lease_until = :until
WHERE owner IS :owner OR lease_until <= :now OR lease_until > :until_max
RETURNING term
"""


class SqliteLeadership:
    """The role `LeadershipStore`, and the check of who leads for those who write."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file
        self._clock = tables.clock

    def lead(self, owner: str, lease: timedelta) -> Leadership | None:
        """Take or renew leadership."""
        now = self._clock.now()
        until = now + lease
        found = self._file.write_returning(
            _LEAD,
            {
                'owner': owner,
                'now': to_micros(now),
                'until': to_micros(until),
                'until_max': to_micros(now + LEASES_MAX * lease),
            },
        )
        return Leadership(owner=owner, term=found[0][0], until=until) if found else None

    def resign(self, leadership: Leadership) -> None:
        """Give leadership up at once, if it is still this one."""
        self._file.write(
            'UPDATE leadership SET lease_until = ? WHERE owner = ? AND term = ?',
            (to_micros(self._clock.now()), leadership.owner, leadership.term),
        )

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
        row = connection.execute('SELECT owner, term, lease_until FROM leadership').fetchone()
        now = to_micros(self._clock.now())
        assert now is not None
        is_own = row is not None and row[:2] == (leadership.owner, leadership.term)
        if not is_own or not isinstance(row[2], int) or row[2] <= now:
            raise LeadershipLost(
                f'{leadership.owner} no longer leads in term {leadership.term}'
                + ('' if row is None else f'; {row[0]} leads or led in term {row[1]}')
            )
