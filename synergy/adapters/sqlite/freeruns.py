"""Free runs in SQLite, their units and their history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.history import freerun_events
from synergy.adapters.sqlite.newest import newest_units
from synergy.adapters.sqlite.rows.processes import FREERUN_COLUMNS, freerun_of
from synergy.adapters.sqlite.rows.units import UNIT_COLUMNS, unit_of
from synergy.adapters.sqlite.states import NUMBER_BY_UNIT_STATE, REAL_TIME
from synergy.adapters.sqlite.tables import UNITS, SqliteTables
from synergy.adapters.sqlite.units import later_than
from synergy.core.freerun_record import Freerun
from synergy.core.records import JobEvent, ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.timeperiod import Qualifier


class SqliteFreeruns:
    """The role `FreerunReader`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file

    def freeruns(self) -> Sequence[Freerun]:
        """Return every free run, by name."""
        sql = f'SELECT {FREERUN_COLUMNS} FROM freerun_process ORDER BY process_name, entry_name'
        return list(self._tables.decoded('freerun_process', freerun_of, self._file.read(sql)))

    def freerun(self, name: ProcessName) -> Freerun | None:
        """Return one free run."""
        process, _, entry = name.partition('::')
        rows = self._file.read(
            f'SELECT {FREERUN_COLUMNS} FROM freerun_process '
            'WHERE process_name = ? AND entry_name = ?',
            (process, entry),
        )
        return next(iter(self._tables.decoded('freerun_process', freerun_of, rows)), None)

    def freerun_events(self, name: ProcessName, limit: int) -> Sequence[JobEvent]:
        """Return a free run's newest events, newest first."""
        return freerun_events(self._tables, name, limit)

    def freerun_units(self, name: ProcessName, limit: int) -> Sequence[Unit]:
        """Return the newest units of a free run, newest first."""
        levels = (Qualifier.REAL_TIME,)
        return newest_units(self._tables, UNIT_COLUMNS, unit_of, name, limit, levels=levels)

    def ended_freerun_units(
        self,
        since: datetime,
        states: Collection[UnitState],
        limit: int,
        after: Unit | None = None,
    ) -> Sequence[Unit]:
        """Return units of all free runs that ended since, those that ended last first."""
        later, place = later_than(after)
        sql = (
            f'SELECT {UNIT_COLUMNS} FROM unit_of_work INDEXED BY unit_of_work_freerun '
            f'WHERE time_qualifier = {REAL_TIME} AND finished_at >= ? '
            f'AND state IN ({", ".join("?" * len(states))}){later} '
            'ORDER BY finished_at DESC, id'
        )
        values = (to_micros(since), *(NUMBER_BY_UNIT_STATE[state] for state in states), *place)
        return self._tables.page(UNITS, unit_of, sql, values, limit)
