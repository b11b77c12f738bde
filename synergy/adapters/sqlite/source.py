"""A source in a SQLite table."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from synergy.ports.source import RowId


class SqliteSource:
    """Rows of one table."""

    def __init__(self, path: Path, table: str, *, key: str = 'rowid', time: str) -> None:
        """Read `table` of the database at `path`.

        key: its primary key. time: column with hourly timeperiods, `YYYYMMDDHH`. Names are those of
        the programmer, not of a user: they are put into the statement as they are.
        """
        self._connection = sqlite3.connect(path, timeout=30)
        self._sql = f'SELECT min({key}), max({key}) FROM {table} WHERE {time} >= ? AND {time} < ?'

    def bounds(self, start_timeperiod: str, end_timeperiod: str) -> tuple[RowId, RowId] | None:
        """Return the lowest and highest key of rows in [start, end)."""
        low, high = self._connection.execute(
            self._sql, (start_timeperiod, end_timeperiod)
        ).fetchone()
        return None if low is None else (low, high)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
