"""The events of jobs and free runs, which lie in one table."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final

from synergy.adapters.sqlite.rows.jobs import event_of
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.records import JobEvent
from synergy.ports.store import EVENTS_PER_JOB_MAX

#: Under this timeperiod the history of a free run is kept.
OF_FREERUN: Final = ''
_EVENTS: Final = (
    'SELECT at, text FROM job_event WHERE process_name = ? AND timeperiod = ? '
    'ORDER BY rev DESC LIMIT ?'
)
_INSERT: Final = (
    'INSERT OR REPLACE INTO job_event (process_name, timeperiod, rev, at, text) '
    'VALUES (?, ?, ?, ?, ?)'
)
_TRIM: Final = 'DELETE FROM job_event WHERE process_name = ? AND timeperiod = ? AND rev <= ?'


def newest_events(tables: SqliteTables, name: str, timeperiod: str, limit: int) -> list[JobEvent]:
    """Return the newest events of a job or free run, newest first."""
    found = tables.file.read(_EVENTS, (name, timeperiod, limit))
    shown = f'{name}@{timeperiod}' if timeperiod else name
    return list(tables.rows.decoded('job_event', lambda _: f'of {shown}', event_of, found))


def add_event(
    connection: Connection, name: str, timeperiod: str, rev: int, at: int | None, text: str
) -> None:
    """Write down the event of one revision, and forget the oldest of too many."""
    add_events(connection, [(name, timeperiod, rev, at, text)])


def add_events(
    connection: Connection, events: Sequence[tuple[str, str, int, int | None, str]]
) -> None:
    """Write down events: (name, timeperiod, revision, microseconds, text)."""
    connection.executemany(_INSERT, events)
    for name, timeperiod, rev, _, _ in events:
        if rev > EVENTS_PER_JOB_MAX:
            connection.execute(_TRIM, (name, timeperiod, rev - EVENTS_PER_JOB_MAX))
