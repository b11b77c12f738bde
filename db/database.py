"""Open the illustration suite's database, which lies in the home of the installation."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from db.schema import SCHEMA
from synergy import bootstrap

#: How long a worker waits while another one writes.
BUSY_SECONDS = 30.0


def path() -> Path:
    """Return the file of this home's database."""
    return bootstrap.load_settings().home / 'illustration.db'


def open_database(file: Path | None = None) -> sqlite3.Connection:
    """Return a connection that commits each transaction by itself; make the tables if need be."""
    file = file or path()
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
    connection.execute('PRAGMA journal_mode=WAL')
    connection.execute('PRAGMA synchronous=NORMAL')
    connection.executescript(SCHEMA)
    return connection


def replace_rows(
    connection: sqlite3.Connection, table: str, timeperiod: str, rows: list[tuple[Any, ...]]
) -> None:
    """Make `rows` the only ones of an interval: a second run of it leaves the same table."""
    connection.execute('BEGIN IMMEDIATE')
    try:
        connection.execute(f'DELETE FROM {table} WHERE timeperiod = ?', (timeperiod,))
        if rows:
            marks = ', '.join('?' * len(rows[0]))
            connection.executemany(f'INSERT INTO {table} VALUES ({marks})', rows)
        connection.execute('COMMIT')
    except BaseException:
        connection.execute('ROLLBACK')
        raise
