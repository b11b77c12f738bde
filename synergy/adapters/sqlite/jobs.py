"""Jobs and their history in SQLite."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.history import job_events
from synergy.adapters.sqlite.rows.jobs import JOB_COLUMNS_READ, change_of, job_of
from synergy.adapters.sqlite.states import (
    IS_NOT_OPEN,
    IS_OPEN,
    JOB_STATE_BY_NUMBER,
    NUMBER_BY_JOB_STATE,
    SKIPPED,
)
from synergy.adapters.sqlite.tables import SqliteTables, chunks
from synergy.core.commands import CommandId
from synergy.core.records import Job, JobEvent, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from synergy.ports.store import JobChange, JobFilter

#: Two indexes in the order of change: open jobs change often, and ended ones are many.
_CHANGED: Final = (
    f'SELECT {JOB_COLUMNS_READ} FROM job INDEXED BY job_ended '
    f'WHERE {IS_NOT_OPEN} AND (changed_at, process_name, timeperiod) > (?, ?, ?) '
    f'UNION ALL SELECT {JOB_COLUMNS_READ} FROM job INDEXED BY job_open '
    f'WHERE {IS_OPEN} AND (changed_at, process_name, timeperiod) > (?, ?, ?) '
    'ORDER BY changed_at, process_name, timeperiod'
)


class SqliteJobs:
    """The role `JobReader`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file

    def open_jobs(self) -> Sequence[Job]:
        """Return every job row that is not final."""
        sql = f'SELECT {JOB_COLUMNS_READ} FROM job WHERE {IS_OPEN}'
        return list(self._tables.decoded('job', job_of, self._file.read(sql)))

    def jobs(self, keys: Collection[JobKey]) -> Mapping[JobKey, Job]:
        """Return the rows that exist among `keys`."""
        found: dict[JobKey, Job] = {}
        for chunk in chunks(list(keys)):
            pairs = ', '.join(['(?, ?)'] * len(chunk))
            values = [value for key in chunk for value in (key.process, str(key.timeperiod))]
            # A join that begins with the keys: for `IN (VALUES ...)` SQLite scans all jobs.
            sql = (
                f'WITH key (process, period) AS (VALUES {pairs}) SELECT {JOB_COLUMNS_READ} '
                'FROM key CROSS JOIN job ON process_name = process AND timeperiod = period'
            )
            for job in self._tables.decoded('job', job_of, self._file.read(sql, values)):
                found[job.key] = job
        return found

    def find_jobs(self, where: JobFilter, limit: int, after: JobKey | None = None) -> Sequence[Job]:
        """Return at most `limit` job rows, by process and timeperiod."""
        clauses, values = _where(where)
        if after is not None:
            clauses.append('(process_name, timeperiod) > (?, ?)')
            values += [after.process, str(after.timeperiod)]
        sql = (
            f'SELECT {JOB_COLUMNS_READ} FROM job WHERE {" AND ".join(clauses)} '
            'ORDER BY process_name, timeperiod'
        )
        return self._tables.page('job', job_of, sql, values, limit)

    def changed_jobs(
        self, since: datetime, limit: int, after: JobChange | None = None
    ) -> Sequence[JobChange]:
        """Return at most `limit` job rows changed at `since` or later, in the order of change."""
        start: tuple[Any, ...] = (to_micros(since), '', '')
        if after is not None:
            start = (to_micros(after.changed_at), after.key.process, str(after.key.timeperiod))
        return self._tables.page('job', change_of, _CHANGED, (*start, *start), limit)

    def count_jobs(self) -> Mapping[tuple[ProcessName, JobState], int]:
        """Return the number of job rows per process and state."""
        return {
            (ProcessName(process), JOB_STATE_BY_NUMBER[state]): count
            for process, state, count in self._file.read(
                'SELECT process_name, state, count(*) FROM job GROUP BY process_name, state'
            )
            if state in JOB_STATE_BY_NUMBER and isinstance(process, str)
        }

    def request_progress(self, command_id: CommandId) -> Mapping[JobState, int]:
        """Return in which states the jobs stand that a request has reset."""
        return {
            JOB_STATE_BY_NUMBER[state]: count
            for state, count in self._file.read(
                'SELECT state, count(*) FROM job WHERE request_id = ? GROUP BY state',
                (command_id,),
            )
            if state in JOB_STATE_BY_NUMBER
        }

    def request_failures(self, command_id: CommandId) -> int:
        """Return how many jobs of a request were skipped after failures."""
        sql = (
            'SELECT count(*) FROM job '
            f'WHERE request_id = ? AND state = {SKIPPED} AND number_of_failures > 0'
        )
        return int(self._file.read(sql, (command_id,))[0][0])

    def events(self, key: JobKey, limit: int) -> Sequence[JobEvent]:
        """Return a job's newest events, newest first."""
        return job_events(self._tables, key, limit)


def _where(where: JobFilter) -> tuple[list[str], list[Any]]:
    clauses, values = ['1'], list[Any]()
    if where.processes is not None:
        clauses.append(f'process_name IN ({", ".join("?" * len(where.processes))})')
        values += where.processes
    if where.start is not None:
        clauses.append('timeperiod >= ?')
        values.append(where.start)
    if where.end is not None:
        clauses.append('timeperiod < ?')
        values.append(where.end)
    if where.states is not None:
        clauses.append(f'state IN ({", ".join("?" * len(where.states))})')
        values += [NUMBER_BY_JOB_STATE[state] for state in where.states]
    if where.is_failed:
        clauses.append(f'(is_held OR state = {SKIPPED} AND number_of_failures > 0)')
    return clauses, values
