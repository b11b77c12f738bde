"""A right that one process has at a time: a row with owner, term and end of the lease."""

from __future__ import annotations

from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Any, NamedTuple

from synergy.adapters.sqlite.connection import SqliteFile, to_micros
from synergy.ports.store.leadership import LEASES_MAX


class Taken(NamedTuple):
    """What was taken."""

    term: int
    until: datetime


class LeaseTable:
    """The one row of a table."""

    def __init__(self, file: SqliteFile, table: str) -> None:
        """Use a table of an open file."""
        self._file = file
        self._table = table
        # One statement, so that two claimants cannot both win. The term rises unless the lease is
        # our own and still runs.
        self._take = f"""
INSERT INTO {table} (id, owner, term, lease_until) VALUES (1, :owner, 1, :until)
ON CONFLICT (id) DO UPDATE SET
    term = term + (owner IS NOT :owner OR lease_until <= :now),
    owner = :owner,
    lease_until = :until
WHERE owner IS :owner OR lease_until <= :now OR lease_until > :until_max
RETURNING term
"""

    def take(self, owner: str, lease: timedelta, now: datetime) -> Taken | None:
        """Take or renew it for `lease` from now; None when another owner's lease holds."""
        until = now + lease
        found = self._file.write_returning(
            self._take,
            {
                'owner': owner,
                'now': to_micros(now),
                'until': to_micros(until),
                'until_max': to_micros(now + LEASES_MAX * lease),
            },
        )
        return Taken(found[0][0], until) if found else None

    def give_up(self, owner: str, term: int, now: datetime) -> None:
        """End it at once, if it is still this one."""
        self._file.write(
            f'UPDATE {self._table} SET lease_until = ? WHERE owner = ? AND term = ?',
            (to_micros(now), owner, term),
        )

    def read(self, connection: Connection) -> Any:
        """Return owner, term and end of the lease, within a transaction; None: nobody ever had."""
        return connection.execute(f'SELECT owner, term, lease_until FROM {self._table}').fetchone()


def holds(row: Any, owner: str, term: int, now: datetime) -> bool:
    """Tell whether what was read is this one, and has not run out."""
    now_micros = to_micros(now)
    assert now_micros is not None
    is_own = row is not None and row[:2] == (owner, term)
    return is_own and isinstance(row[2], int) and row[2] > now_micros
