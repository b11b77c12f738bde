"""The limit on one SQLite file, which keeps units, rows and messages: three commits a batch."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.limit import SCHEDULER_BATCH, WINDOW, WORKER_BATCH, Limit, workers
from bench.spent import own_seconds

_TABLES: Final = """
    CREATE TABLE unit (
        id INTEGER PRIMARY KEY, process TEXT, timeperiod INTEGER, run INTEGER,
        state TEXT, fence INTEGER, owner INTEGER
    );
    CREATE UNIQUE INDEX unit_key ON unit (process, timeperiod, run);
    CREATE TABLE job (
        id INTEGER PRIMARY KEY, process TEXT, timeperiod INTEGER, state TEXT, unit INTEGER
    );
    CREATE UNIQUE INDEX job_key ON job (process, timeperiod);
    CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT, unit INTEGER);
    CREATE INDEX message_queue ON message (queue, id);
"""
_ANY: Final = 'SELECT 1 FROM message WHERE queue = ? LIMIT 1'
_TAKE: Final = (
    'DELETE FROM message WHERE id IN '
    '(SELECT id FROM message WHERE queue = ? ORDER BY id LIMIT ?) RETURNING unit'
)
_SEND: Final = 'INSERT INTO message (queue, unit) VALUES (?, ?)'
_CLAIM: Final = (
    "UPDATE unit SET state = 'in_progress', fence = fence + 1, owner = ? "
    "WHERE id = ? AND state = 'requested'"
)
_FINISH: Final = (
    "UPDATE unit SET state = 'processed' WHERE id = ? AND fence = 1 AND state = 'in_progress'"
)
_END: Final = "UPDATE job SET state = 'processed' WHERE id = ? AND state = 'in_progress'"
_NAP_SECONDS: Final = 0.0005


def measure(file: Path, count: int, worker_count: int) -> Limit:
    """Do `count` jobs in a new file."""
    connection = _connect(file)
    connection.executescript(_TABLES)
    with workers(_work, str(file), worker_count) as spent:
        own, began = own_seconds(), time.perf_counter()
        _schedule(connection, count)
        seconds, own = time.perf_counter() - began, own_seconds() - own
    connection.close()
    return Limit(jobs=count, seconds=seconds, spent={'Scheduler': own, 'workers': sum(spent)})


def _connect(file: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, timeout=30)
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute('PRAGMA synchronous = NORMAL')
    return connection


def _schedule(connection: sqlite3.Connection, count: int) -> None:
    begun = done = 0
    while done < count:
        if begun < count and begun - done < WINDOW:
            batch = range(begun, min(begun + SCHEDULER_BATCH, count))
            connection.execute('BEGIN IMMEDIATE')
            connection.executemany(
                "INSERT INTO unit VALUES (?, 'hourly', ?, 1, 'requested', 0, NULL)",
                [(number, number) for number in batch],
            )
            connection.executemany(
                "INSERT INTO job VALUES (?, 'hourly', ?, 'in_progress', ?)",
                [(number, number, number) for number in batch],
            )
            connection.executemany(_SEND, [('work', number) for number in batch])
            connection.execute('COMMIT')
            begun = batch.stop
        if connection.execute(_ANY, ('report',)).fetchone() is None:
            time.sleep(_NAP_SECONDS)
            continue
        connection.execute('BEGIN IMMEDIATE')
        reports = connection.execute(_TAKE, ('report', SCHEDULER_BATCH)).fetchall()
        done += connection.executemany(_END, reports).rowcount
        connection.execute('COMMIT')


def _work(
    number: int, file: str, tell_ready: Callable[[], None], has_to_stop: Callable[[], bool]
) -> None:
    connection = _connect(file)
    tell_ready()
    while not has_to_stop():
        if connection.execute(_ANY, ('work',)).fetchone() is None:
            time.sleep(_NAP_SECONDS)
            continue
        connection.execute('BEGIN IMMEDIATE')
        taken = connection.execute(_TAKE, ('work', WORKER_BATCH)).fetchall()
        claimed = [row for row in taken if connection.execute(_CLAIM, (number, *row)).rowcount]
        connection.execute('COMMIT')
        connection.execute('BEGIN IMMEDIATE')
        connection.executemany(_FINISH, claimed)
        connection.executemany(_SEND, [('report', unit) for (unit,) in claimed])
        connection.execute('COMMIT')
    connection.close()
