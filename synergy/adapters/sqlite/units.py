"""Units of work in SQLite, and their logs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.newest import newest_units
from synergy.adapters.sqlite.rows.units import (
    ENDED_RUN_COLUMNS,
    LETTER_COLUMNS,
    LIVE_RUN_COLUMNS,
    UNIT_COLUMNS,
    ended_run_of,
    letter_of,
    live_run_of,
    log_line_of,
    unit_of,
)
from synergy.adapters.sqlite.states import DEAD, IS_LIVE, PROCESSED_UNIT
from synergy.adapters.sqlite.tables import UNITS, SqliteTables, chunks
from synergy.core.letter_groups import DeadLetter
from synergy.core.records import LogLine, ProcessName, Unit, UowId, uow_id_of
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.unit_ids import RUN_IN_ID_MAX
from synergy.ports.store import Done, EndedRun, LiveRun


class SqliteUnits:
    """The role `UnitReader`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file

    def units(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Unit]:
        """Return the units that exist among `uow_ids`."""
        found: dict[UowId, Unit] = {}
        for chunk in chunks(list(uow_ids)):
            marks = ', '.join('?' * len(chunk))
            sql = f'SELECT {UNIT_COLUMNS} FROM unit_of_work WHERE id IN ({marks})'
            for unit in self._tables.decoded(UNITS, unit_of, self._file.read(sql, chunk)):
                found[unit.id] = unit
        return found

    def processed(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Done]:
        """Return which of `uow_ids` are PROCESSED, how much each did, and how long it took."""
        found: dict[UowId, Done] = {}
        for chunk in chunks(list(uow_ids)):
            marks = ', '.join('?' * len(chunk))
            sql = (
                'SELECT id, processed_count, (finished_at - started_at) / 1e6 FROM unit_of_work '
                f'WHERE id IN ({marks}) AND state = {PROCESSED_UNIT} '
                "AND typeof(processed_count) = 'integer'"
            )
            for uow_id, count, seconds in self._file.read(sql, chunk):
                found[uow_id] = count, seconds
        return found

    def live_units(self, limit: int | None = None) -> Sequence[Unit]:
        """Return units that somebody still has to act on, those that run longest first."""
        sql = (
            f'SELECT {UNIT_COLUMNS} FROM unit_of_work WHERE {IS_LIVE} '
            'ORDER BY state, started_at, created_at, id'
        )
        return self._tables.page(UNITS, unit_of, sql, (), -1 if limit is None else limit)

    def live_runs(self) -> Sequence[LiveRun]:
        """Return how units stand that somebody still has to act on."""
        sql = f'SELECT {LIVE_RUN_COLUMNS} FROM unit_of_work WHERE {IS_LIVE}'
        return list(self._tables.decoded(UNITS, live_run_of, self._file.read(sql)))

    def runs(self, key: JobKey) -> Sequence[Unit]:
        """Return all units of a job, by run."""
        where = 'process_name = ? AND timeperiod = ?'
        sql = (
            f'SELECT {UNIT_COLUMNS} FROM unit_of_work WHERE {where} '
            f'AND id BETWEEN ? AND ? AND is_by_key IS NOT 1 UNION ALL '
            f'SELECT {UNIT_COLUMNS} FROM unit_of_work WHERE {where} AND is_by_key = 1 ORDER BY run'
        )
        values = (key.process, str(key.timeperiod))
        first, last = uow_id_of(key, 0), uow_id_of(key, RUN_IN_ID_MAX)
        found = self._file.read(sql, (*values, first, last, *values))
        return list(self._tables.decoded(UNITS, unit_of, found))

    def all_units(self) -> Iterable[Unit]:
        """Yield every unit, by process, timeperiod and run."""
        sql = f'SELECT {UNIT_COLUMNS} FROM unit_of_work ORDER BY process_name, timeperiod, run'
        return self._tables.decoded(UNITS, unit_of, self._file.stream(sql))

    def ended_runs(
        self, process: ProcessName, limit: int, before: Timeperiod | None = None
    ) -> Sequence[EndedRun]:
        """Return runs of a process that have ended, of the newest intervals first."""
        where = f'NOT {IS_LIVE} AND started_at IS NOT NULL AND finished_at IS NOT NULL'
        values: tuple[Any, ...] = ()
        if before is not None:
            where, values = f'{where} AND timeperiod < ?2', (str(before),)
        return newest_units(
            self._tables,
            ENDED_RUN_COLUMNS,
            ended_run_of,
            process,
            limit,
            where=where,
            values=values,
        )

    def dead_units(self, limit: int, after: Unit | None = None) -> Sequence[Unit]:
        """Return dead letters, newest first."""
        later, values = later_than(after)
        sql = (
            f'SELECT {UNIT_COLUMNS} FROM unit_of_work WHERE state = {DEAD}{later} '
            'ORDER BY finished_at DESC, id'
        )
        return self._tables.page(UNITS, unit_of, sql, values, limit)

    def dead_letters(self, process: ProcessName | None = None) -> Sequence[DeadLetter]:
        """Return dead letters in brief, newest first."""
        sql = (
            f'SELECT {LETTER_COLUMNS} FROM unit_of_work WHERE state = {DEAD} '
            'AND (? IS NULL OR process_name = ?) ORDER BY finished_at DESC, id'
        )
        found = self._file.read(sql, (process, process))
        return list(self._tables.decoded(UNITS, letter_of, found))

    def log(self, uow_id: UowId) -> Sequence[LogLine]:
        """Return a unit's log, oldest line first."""
        found = self._file.read(
            'SELECT attempt, at, level, text FROM log_recording '
            'WHERE related_unit_of_work = ? ORDER BY rowid',
            (uow_id,),
        )
        lines = self._tables.rows.decoded(
            'log_recording', lambda _: f'of unit {uow_id}', log_line_of, found
        )
        return list(lines)


def later_than(after: Unit | None) -> tuple[str, list[Any]]:
    """Return the condition for what comes after a unit, those that ended last first."""
    if after is None:
        return '', []
    ended_at = to_micros(after.finished_at)
    return ' AND (finished_at < ? OR (finished_at = ? AND id > ?))', [ended_at, ended_at, after.id]
