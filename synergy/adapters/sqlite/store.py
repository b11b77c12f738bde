"""The ledger on one SQLite file: for one machine, with nothing to install.

Each transition is one conditional statement; a commit is one transaction that first looks at the
leadership row. All instants by which leases are judged come from the clock given to `open`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from sqlite3 import Connection
from types import MappingProxyType
from typing import Any, Final, TypeVar

from synergy.adapters.sqlite import rows
from synergy.adapters.sqlite.boxes import SqliteBoxes
from synergy.adapters.sqlite.connection import SqliteFile, to_micros
from synergy.adapters.sqlite.index import SqliteIndex
from synergy.adapters.sqlite.saves import (
    FREERUN_EVENTS,
    INSERT_COMMAND,
    LIVE,
    OPEN,
    OPEN_COMMANDS,
    why_refused,
)
from synergy.adapters.sqlite.schema import MIGRATIONS
from synergy.adapters.sqlite.users import SqliteUsers
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import Save
from synergy.core.freerun_record import Freerun
from synergy.core.records import (
    Job,
    JobEvent,
    Leadership,
    LogLine,
    Override,
    ProcessName,
    Unit,
    UnitEnd,
    UowId,
)
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.ports.clock import Clock
from synergy.ports.errors import (
    CommitRefused,
    LeaseLost,
    RefusedSave,
    StoreUnavailable,
    StoreUnusable,
)
from synergy.ports.store import LEASES_MAX, EndedRun, JobChange, JobFilter

logger = logging.getLogger(__name__)

T = TypeVar('T')

#: Keys per statement; SQLite allows 32766 parameters.
_KEYS_PER_STATEMENT: Final = 500
_UNITS: Final = 'unit_of_work'
_STATE_BY_VALUE: Final = {state.value: state for state in JobState}

_MARK_ANNOUNCED: Final = (
    "UPDATE unit_of_work SET submitted_at = ? WHERE id = ? AND state = 'state_requested'"
)
_CLAIM: Final = (
    "UPDATE unit_of_work SET state = 'state_in_progress', fence = fence + 1, owner = ?, "
    'lease_until = ?, started_at = ?, finished_at = NULL, error = NULL '
    "WHERE id = ? AND state = 'state_requested' AND (not_before IS NULL OR not_before <= ?) "
    f'RETURNING {rows.UNIT_COLUMNS}'
)
_UNCLAIM: Final = (
    "UPDATE unit_of_work SET state = 'state_requested', owner = NULL, lease_until = NULL "
    "WHERE id = ? AND owner = ? AND state = 'state_in_progress'"
)
_FINISH: Final = (
    'UPDATE unit_of_work SET state = ?, number_of_processed_documents = ?, error = ?, '
    "finished_at = ?, lease_until = NULL WHERE id = ? AND fence = ? AND state = 'state_in_progress'"
)
_IS_FINISHED_SO: Final = (
    'SELECT 1 FROM unit_of_work WHERE id = ? AND fence = ? AND state = ? '
    'AND number_of_processed_documents = ? AND error IS ?'
)
_RELEASE: Final = (
    "UPDATE unit_of_work SET state = 'state_requested', fence = fence + 1, owner = NULL, "
    'lease_until = NULL, submitted_at = NULL, not_before = NULL '
    "WHERE id = ? AND fence = ? AND state = 'state_in_progress'"
)
_PRUNE_LOG: Final = (
    'DELETE FROM log_recording WHERE rowid IN '
    '(SELECT rowid FROM log_recording WHERE at < ? LIMIT ?)'
)
_PRUNE_FREERUN_UNITS: Final = (
    'DELETE FROM unit_of_work WHERE id IN (SELECT id FROM unit_of_work '
    "WHERE time_qualifier = '_real_time' AND finished_at < ? "
    f"AND state NOT IN {LIVE} AND state <> 'state_dead' LIMIT ?)"
)
_INSERT_LOG: Final = (
    'INSERT INTO log_recording (related_unit_of_work, attempt, at, level, text) '
    'VALUES (?, ?, ?, ?, ?)'
)
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


class SqliteStore(SqliteIndex, SqliteBoxes, SqliteUsers):
    """All roles of `synergy.ports.store` on one file."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        busy_seconds_max: float = 30.0,
        synchronous: str = 'NORMAL',
    ) -> SqliteStore:
        """Open the store at `path`, creating or migrating it if need be.

        Raises StoreUnavailable or StoreUnusable, naming the file and what to do.
        """
        file = SqliteFile(
            path,
            what='store',
            migrations=MIGRATIONS,
            unavailable=StoreUnavailable,
            unusable=StoreUnusable,
            busy_seconds_max=busy_seconds_max,
            synchronous=synchronous,
        )
        return cls(file, clock)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()

    # Ledger

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

    def commit(
        self,
        leadership: Leadership,
        saves: Sequence[Save],
        announced: Mapping[UowId, datetime] = MappingProxyType({}),
    ) -> None:
        """Apply `saves` in one transaction, all or none."""
        with self._file.transaction() as connection:
            self._check_leadership(connection, leadership)
            if announced:
                connection.executemany(
                    _MARK_ANNOUNCED,
                    [(to_micros(at), uow_id) for uow_id, at in announced.items()],
                )
            refused = []
            for save in saves:
                if (why := why_refused(connection, save, leadership.term)) is not None:
                    refused.append(RefusedSave(save, why))
                    if not connection.in_transaction:
                        break  # A trigger of the file has rolled back all of it.
            if refused:
                raise CommitRefused(*refused)

    def open_jobs(self) -> Sequence[Job]:
        """Return every job row that is not final."""
        sql = f'SELECT {rows.JOB_COLUMNS_READ} FROM job WHERE state IN {OPEN}'
        return list(self._decoded('job', rows.job_of, self._file.read(sql)))

    def jobs(self, keys: Collection[JobKey]) -> Mapping[JobKey, Job]:
        """Return the rows that exist among `keys`."""
        found: dict[JobKey, Job] = {}
        for chunk in _chunks(list(keys)):
            pairs = ', '.join(['(?, ?)'] * len(chunk))
            values = [value for key in chunk for value in (key.process, str(key.timeperiod))]
            # A join that begins with the keys: for `IN (VALUES ...)` SQLite scans all jobs.
            sql = (
                f'WITH key (process, period) AS (VALUES {pairs}) SELECT {rows.JOB_COLUMNS_READ} '
                'FROM key CROSS JOIN job ON process_name = process AND timeperiod = period'
            )
            for job in self._decoded('job', rows.job_of, self._file.read(sql, values)):
                found[job.key] = job
        return found

    def units(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Unit]:
        """Return the units that exist among `uow_ids`."""
        found: dict[UowId, Unit] = {}
        for chunk in _chunks(list(uow_ids)):
            marks = ', '.join('?' * len(chunk))
            sql = f'SELECT {rows.UNIT_COLUMNS} FROM unit_of_work WHERE id IN ({marks})'
            for unit in self._decoded(_UNITS, rows.unit_of, self._file.read(sql, chunk)):
                found[unit.id] = unit
        return found

    def live_units(self, limit: int | None = None) -> Sequence[Unit]:
        """Return units that somebody still has to act on, those that run longest first."""
        sql = (
            f'SELECT {rows.UNIT_COLUMNS} FROM unit_of_work WHERE state IN {LIVE} '
            'ORDER BY state, started_at, created_at, id'
        )
        return self._page(_UNITS, rows.unit_of, sql, (), -1 if limit is None else limit)

    def store_now(self) -> datetime:
        """Return the instant by which leases are judged: this machine's clock."""
        return self._clock.now()

    def open_commands(self, limit: int) -> Sequence[Command]:
        """Return commands that have not ended, oldest first."""
        sql = (
            f'SELECT {rows.COMMAND_COLUMNS} FROM command WHERE state IN {OPEN_COMMANDS} '
            'ORDER BY created_at, id'
        )
        return self._page('command', rows.command_of, sql, (), limit)

    def freeruns(self) -> Sequence[Freerun]:
        """Return every free run, by name."""
        sql = (
            f'SELECT {rows.FREERUN_COLUMNS} FROM freerun_process ORDER BY process_name, entry_name'
        )
        return list(self._decoded('freerun_process', rows.freerun_of, self._file.read(sql)))

    def overrides(self) -> Sequence[Override]:
        """Return what operators have changed of managed processes, by name."""
        sql = f'SELECT {rows.OVERRIDE_COLUMNS} FROM managed_process ORDER BY process_name'
        return list(self._decoded('managed_process', rows.override_of, self._file.read(sql)))

    def prune(self, before: datetime, limit: int) -> int:
        """Delete log lines, and ended units of free runs, from before an instant."""
        count = self._file.write(_PRUNE_LOG, (to_micros(before), limit))
        return count + self._file.write(_PRUNE_FREERUN_UNITS, (to_micros(before), limit))

    # UnitStore

    def claim(self, uow_ids: Sequence[UowId], owner: str, lease: timedelta) -> Sequence[Unit]:
        """Take units for `lease`."""
        now = self._clock.now()
        micros, until = to_micros(now), to_micros(now + lease)
        claims = [(owner, until, micros, uow_id, micros) for uow_id in uow_ids]
        if len(claims) == 1:
            found = self._file.write_returning(_CLAIM, claims[0])
        else:
            with self._file.transaction(is_text_checked=False) as connection:
                found = [row for claim in claims for row in connection.execute(_CLAIM, claim)]
        units = list(self._decoded(_UNITS, rows.unit_of, found))
        if len(units) < len(found):
            self._hand_back({row[0] for row in found} - {unit.id for unit in units}, owner)
        return units

    def _hand_back(self, uow_ids: Collection[UowId], owner: str) -> None:
        """Leave illegal units alone that were claimed before they could be read."""
        with self._file.transaction() as connection:
            connection.executemany(_UNCLAIM, [(uow_id, owner) for uow_id in uow_ids])

    def renew(self, uow_id: UowId, fence: int, lease: timedelta) -> None:
        """Extend a lease."""
        renewed = self._file.write(
            'UPDATE unit_of_work SET lease_until = ? '
            "WHERE id = ? AND fence = ? AND state = 'state_in_progress'",
            (to_micros(self._clock.now() + lease), uow_id, fence),
        )
        if renewed != 1:
            raise _lease_lost(uow_id, fence)

    def finish(self, ends: Sequence[UnitEnd]) -> Sequence[UowId]:
        """Record the ends of attempts, each once."""
        now = to_micros(self._clock.now())
        with self._file.transaction() as connection:
            return [end.uow_id for end in ends if not _finish(connection, end, now)]

    def release(self, uow_id: UowId, fence: int, log: Sequence[LogLine] = ()) -> None:
        """Hand a unit back unfinished."""
        with self._file.transaction() as connection:
            if connection.execute(_RELEASE, (uow_id, fence)).rowcount != 1:
                raise _lease_lost(uow_id, fence)
            connection.executemany(_INSERT_LOG, _log_values(uow_id, log))

    def append_log(self, uow_id: UowId, log: Sequence[LogLine]) -> None:
        """Append lines to the unit's log."""
        if log:
            with self._file.transaction() as connection:
                connection.executemany(_INSERT_LOG, _log_values(uow_id, log))

    # Commands

    def insert_command(self, command: Command) -> None:
        """Insert a command; the same id again is a no-op."""
        self._file.write(INSERT_COMMAND, rows.command_values(command))

    def command(self, command_id: CommandId) -> Command | None:
        """Return one command."""
        sql = f'SELECT {rows.COMMAND_COLUMNS} FROM command WHERE id = ?'
        found = self._file.read(sql, (command_id,))
        return next(self._decoded('command', rows.command_of, found), None)

    # Reader

    def find_jobs(self, where: JobFilter, limit: int, after: JobKey | None = None) -> Sequence[Job]:
        """Return at most `limit` job rows, by process and timeperiod."""
        clauses, values = _where(where)
        if after is not None:
            clauses.append('(process_name, timeperiod) > (?, ?)')
            values += [after.process, str(after.timeperiod)]
        sql = (
            f'SELECT {rows.JOB_COLUMNS_READ} FROM job WHERE {" AND ".join(clauses)} '
            'ORDER BY process_name, timeperiod'
        )
        return self._page('job', rows.job_of, sql, values, limit)

    def changed_jobs(
        self, since: datetime, limit: int, after: JobChange | None = None
    ) -> Sequence[JobChange]:
        """Return at most `limit` job rows changed at `since` or later, in the order of change."""
        start: tuple[Any, ...] = (to_micros(since), '', '')
        if after is not None:
            start = (to_micros(after.changed_at), after.key.process, str(after.key.timeperiod))
        sql = (
            f'SELECT {rows.JOB_COLUMNS_READ} FROM job INDEXED BY job_changed '
            'WHERE (changed_at, process_name, timeperiod) > (?, ?, ?) '
            'ORDER BY changed_at, process_name, timeperiod'
        )
        return self._page('job', rows.change_of, sql, start, limit)

    def count_jobs(self) -> Mapping[tuple[ProcessName, JobState], int]:
        """Return the number of job rows per process and state."""
        return {
            (ProcessName(process), _STATE_BY_VALUE[state]): count
            for process, state, count in self._file.read(
                'SELECT process_name, state, count(*) FROM job GROUP BY process_name, state'
            )
            if state in _STATE_BY_VALUE and isinstance(process, str)
        }

    def runs(self, key: JobKey) -> Sequence[Unit]:
        """Return all units of a job, by run."""
        sql = (
            f'SELECT {rows.UNIT_COLUMNS} FROM unit_of_work '
            'WHERE process_name = ? AND timeperiod = ? ORDER BY run'
        )
        found = self._file.read(sql, (key.process, str(key.timeperiod)))
        return list(self._decoded(_UNITS, rows.unit_of, found))

    def all_units(self) -> Iterable[Unit]:
        """Yield every unit, by process, timeperiod and run."""
        sql = f'SELECT {rows.UNIT_COLUMNS} FROM unit_of_work ORDER BY process_name, timeperiod, run'
        return self._decoded(_UNITS, rows.unit_of, self._file.stream(sql))

    def log(self, uow_id: UowId) -> Sequence[LogLine]:
        """Return a unit's log, oldest line first."""
        found = self._file.read(
            'SELECT attempt, at, level, text FROM log_recording '
            'WHERE related_unit_of_work = ? ORDER BY rowid',
            (uow_id,),
        )
        lines = self._rows.decoded(
            'log_recording', lambda _: f'of unit {uow_id}', rows.log_line_of, found
        )
        return list(lines)

    def events(self, key: JobKey, limit: int) -> Sequence[JobEvent]:
        """Return a job's newest events, newest first."""
        return self._events(key.process, str(key.timeperiod), limit)

    def _events(self, process: ProcessName, timeperiod: str, limit: int) -> list[JobEvent]:
        found = self._file.read(
            'SELECT at, text FROM job_event WHERE process_name = ? AND timeperiod = ? '
            'ORDER BY rev DESC LIMIT ?',
            (process, timeperiod, limit),
        )
        name = f'{process}@{timeperiod}' if timeperiod else process
        return list(self._rows.decoded('job_event', lambda _: f'of {name}', rows.event_of, found))

    def freerun_events(self, name: ProcessName, limit: int) -> Sequence[JobEvent]:
        """Return a free run's newest events, newest first."""
        return self._events(name, FREERUN_EVENTS, limit)

    def freerun_units(self, name: ProcessName, limit: int) -> Sequence[Unit]:
        """Return the newest units of a free run, newest first."""
        sql = (
            f'SELECT {rows.UNIT_COLUMNS} FROM unit_of_work WHERE process_name = ? '
            'ORDER BY timeperiod DESC, run DESC'
        )
        return self._page(_UNITS, rows.unit_of, sql, (name,), limit)

    def ended_runs(
        self, process: ProcessName, limit: int, before: Timeperiod | None = None
    ) -> Sequence[EndedRun]:
        """Return runs of a process that have ended, of the newest intervals first."""
        where, values = 'process_name = ?', list[Any]([process])
        if before is not None:
            where += ' AND timeperiod < ?'
            values.append(str(before))
        sql = (
            f'SELECT {rows.ENDED_RUN_COLUMNS} FROM unit_of_work WHERE {where} '
            f'AND state NOT IN {LIVE} AND started_at IS NOT NULL AND finished_at IS NOT NULL '
            'ORDER BY timeperiod DESC, run DESC'
        )
        return self._page(_UNITS, rows.ended_run_of, sql, values, limit)

    def ended_freerun_units(
        self,
        since: datetime,
        states: Collection[UnitState],
        limit: int,
        after: Unit | None = None,
    ) -> Sequence[Unit]:
        """Return units of all free runs that ended since, those that ended last first."""
        later, place = _later_than(after)
        sql = (
            f'SELECT {rows.UNIT_COLUMNS} FROM unit_of_work INDEXED BY unit_of_work_freerun '
            "WHERE time_qualifier = '_real_time' AND finished_at >= ? "
            f'AND state IN ({", ".join("?" * len(states))}){later} '
            'ORDER BY finished_at DESC, id'
        )
        values = (to_micros(since), *(state.value for state in states), *place)
        return self._page(_UNITS, rows.unit_of, sql, values, limit)

    def dead_units(self, limit: int, after: Unit | None = None) -> Sequence[Unit]:
        """Return dead letters, newest first."""
        later, values = _later_than(after)
        sql = (
            f"SELECT {rows.UNIT_COLUMNS} FROM unit_of_work WHERE state = 'state_dead'{later} "
            'ORDER BY finished_at DESC, id'
        )
        return self._page(_UNITS, rows.unit_of, sql, values, limit)

    def request_progress(self, command_id: CommandId) -> Mapping[JobState, int]:
        """Return in which states the jobs stand that a request has reset."""
        return {
            _STATE_BY_VALUE[state]: count
            for state, count in self._file.read(
                'SELECT state, count(*) FROM job WHERE request_id = ? GROUP BY state',
                (command_id,),
            )
            if state in _STATE_BY_VALUE
        }

    def leadership(self) -> Leadership | None:
        """Return who leads, or last led."""
        found = self._file.read('SELECT owner, term, lease_until FROM leadership')
        return next(self._decoded('leadership', rows.leadership_of, found), None)

    def commands(
        self,
        states: Collection[CommandState],
        limit: int,
        kinds: Collection[CommandKind] | None = None,
        after: Command | None = None,
    ) -> Sequence[Command]:
        """Return commands in `states`, newest first."""
        where = f'state IN ({", ".join("?" * len(states))})'
        values: list[Any] = [state.value for state in states]
        if kinds is not None:
            where += f' AND kind IN ({", ".join("?" * len(kinds))})'
            values += [kind.value for kind in kinds]
        if after is not None:
            where += ' AND (created_at < ? OR (created_at = ? AND id > ?))'
            values += [to_micros(after.created_at), to_micros(after.created_at), after.id]
        sql = (
            f'SELECT {rows.COMMAND_COLUMNS} FROM command WHERE {where} ORDER BY created_at DESC, id'
        )
        return self._page('command', rows.command_of, sql, values, limit)


def _finish(connection: Connection, end: UnitEnd, now: int | None) -> bool:
    """Record one end; tell whether it stands."""
    state, count, error = end.outcome.state.value, end.outcome.count, end.outcome.error
    ended = (state, count, error, now, end.uow_id, end.fence)
    if connection.execute(_FINISH, ended).rowcount == 1:
        if end.log:
            connection.executemany(_INSERT_LOG, _log_values(end.uow_id, end.log))
        return True
    same = connection.execute(_IS_FINISHED_SO, (end.uow_id, end.fence, state, count, error))
    return same.fetchone() is not None


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
        values += [state.value for state in where.states]
    if where.is_failed:
        clauses.append("(is_held OR state = 'state_skipped' AND number_of_failures > 0)")
    return clauses, values


def _later_than(after: Unit | None) -> tuple[str, list[Any]]:
    """Return the condition for what comes after a unit, those that ended last first."""
    if after is None:
        return '', []
    ended_at = to_micros(after.finished_at)
    return ' AND (finished_at < ? OR (finished_at = ? AND id > ?))', [ended_at, ended_at, after.id]


def _log_values(uow_id: UowId, log: Sequence[LogLine]) -> list[tuple[Any, ...]]:
    return [(uow_id, line.attempt, to_micros(line.at), line.level, line.text) for line in log]


def _lease_lost(uow_id: UowId, fence: int) -> LeaseLost:
    return LeaseLost(
        f'unit {uow_id} is no longer held under fence {fence}: it was cancelled, rescued or '
        'claimed again; the result is discarded'
    )


def _chunks(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), _KEYS_PER_STATEMENT):
        yield items[start : start + _KEYS_PER_STATEMENT]
