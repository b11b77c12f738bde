"""The events of jobs, which stand in their own rows, and of free runs, which have rows."""

from __future__ import annotations

from functools import partial
from sqlite3 import Connection
from typing import Any, Final

from synergy.adapters.sqlite.rows.events import event_of, event_of_line, lines_of
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.records import JobEvent, ProcessName
from synergy.core.timeperiod import JobKey
from synergy.ports.store import EVENTS_PER_JOB_MAX

#: Under this timeperiod the history of a free run is kept.
_OF_FREERUN: Final = ''
_LINES: Final = (
    'SELECT changed_at, event, history FROM job WHERE process_name = ? AND timeperiod = ?'
)
_EVENTS: Final = (
    'SELECT at, text FROM job_event WHERE process_name = ? AND timeperiod = ? '
    'ORDER BY rev DESC LIMIT ?'
)
_INSERT: Final = (
    'INSERT OR REPLACE INTO job_event (process_name, timeperiod, rev, at, text) '
    'VALUES (?, ?, ?, ?, ?)'
)
_TRIM: Final = 'DELETE FROM job_event WHERE process_name = ? AND timeperiod = ? AND rev <= ?'


def job_events(tables: SqliteTables, key: JobKey, limit: int) -> list[JobEvent]:
    """Return the newest events of a job, newest first: of its row, then of earlier versions."""
    values = (key.process, str(key.timeperiod))
    lines = [line for row in tables.file.read(_LINES, values) for line in lines_of(row)]
    decode = partial(event_of_line, key)
    found = list(tables.rows.decoded('job', lambda _: f'{key}', decode, lines[:limit]))
    return found + _events(tables, *values, limit - len(lines))


def freerun_events(tables: SqliteTables, name: ProcessName, limit: int) -> list[JobEvent]:
    """Return the newest events of a free run, newest first."""
    return _events(tables, name, _OF_FREERUN, limit)


def _events(tables: SqliteTables, name: str, timeperiod: str, limit: int) -> list[JobEvent]:
    if limit <= 0:
        return []
    found: list[Any] = tables.file.read(_EVENTS, (name, timeperiod, limit))
    shown = f'{name}@{timeperiod}' if timeperiod else name
    return list(tables.rows.decoded('job_event', lambda _: f'of {shown}', event_of, found))


def add_event(connection: Connection, name: str, rev: int, at: int | None, text: str) -> None:
    """Write down the event of one revision of a free run, and forget the oldest of too many."""
    connection.execute(_INSERT, (name, _OF_FREERUN, rev, at, text))
    if rev > EVENTS_PER_JOB_MAX:
        connection.execute(_TRIM, (name, _OF_FREERUN, rev - EVENTS_PER_JOB_MAX))
