"""What recuts have archived in SQLite: rows of the same columns, with the request that did it."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final

from synergy.adapters.sqlite.rows.jobs import JOB_COLUMNS_READ
from synergy.adapters.sqlite.rows.units import UNIT_COLUMNS
from synergy.adapters.sqlite.states import QUALIFIER_BY_NUMBER
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.effects import ArchiveRows
from synergy.core.records import ProcessName
from synergy.core.timeperiod import Qualifier
from synergy.core.unit_ids import id_prefixes_of
from synergy.ports.store import Archived

_JOB_COLUMNS: Final = f'{JOB_COLUMNS_READ}, event, history'
_IS_LED_SO: Final = 'SELECT 1 FROM led_context WHERE rev = ?'
_REMOVE_PAGE: Final = 'DELETE FROM index_page WHERE process_name = ?'
#: The first rows of a process.
_JOBS: Final = 'SELECT timeperiod FROM job WHERE process_name = ?1 ORDER BY timeperiod LIMIT ?2'
_COPY_JOBS: Final = (
    f'INSERT OR REPLACE INTO job_archived (request_of_recut, {_JOB_COLUMNS}) '
    f'SELECT ?3, {_JOB_COLUMNS} FROM job WHERE process_name = ?1 AND timeperiod IN ({_JOBS})'
)
_REMOVE_JOBS: Final = f'DELETE FROM job WHERE process_name = ?1 AND timeperiod IN ({_JOBS})'
#: Units by ids that begin with a text; the last condition is for others whose ids begin so, too.
_UNITS_BY_ID: Final = (
    "SELECT id FROM unit_of_work WHERE id >= ? AND id < ? || 'g' AND process_name = ? LIMIT ?"
)
#: What is left: ids that are digests. No index leads to all of them.
_OTHER_UNITS: Final = 'SELECT id FROM unit_of_work WHERE process_name = ? LIMIT ?'
_COPY_UNIT: Final = (
    f'INSERT OR REPLACE INTO unit_of_work_archived (request_of_recut, {UNIT_COLUMNS}) '
    f'SELECT ?2, {UNIT_COLUMNS} FROM unit_of_work WHERE id = ?1'
)
_REMOVE_UNIT: Final = 'DELETE FROM unit_of_work WHERE id = ?'
_ARCHIVED: Final = (
    'SELECT request_of_recut, time_qualifier, count(*), min(timeperiod), max(timeperiod), max(run) '
    'FROM job_archived WHERE process_name = ? GROUP BY 1, 2 ORDER BY 1, 2'
)
_ARCHIVED_RUNS: Final = (
    'SELECT max(run) FROM unit_of_work_archived '
    'WHERE request_of_recut = ? AND process_name = ? AND time_qualifier = ?'
)


class SqliteArchive:
    """The role `ArchiveReader`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._file = tables.file

    def archived(self, process: ProcessName) -> Sequence[Archived]:
        """Return what is archived of a process, by request and level."""
        return [
            Archived(
                request=str(request),
                process=process,
                qualifier=QUALIFIER_BY_NUMBER.get(level, Qualifier.REAL_TIME),
                count=count,
                first=str(first),
                last=str(last),
                runs=max(_whole(runs), _whole(self._runs(request, process, level))),
            )
            for request, level, count, first, last, runs in self._file.read(_ARCHIVED, (process,))
        ]

    def has_rows(self, process: ProcessName) -> bool:
        """Tell whether there are rows of jobs or of units that are not archived."""
        return bool(self._file.read(_JOBS, (process, 1))) or any(
            self._file.read(sql, values) for sql, values in _searches(process, 1)
        )

    def _runs(self, request: str, process: ProcessName, level: int) -> object:
        return self._file.read(_ARCHIVED_RUNS, (request, process, level))[0][0]


def archive(connection: Connection, save: ArchiveRows) -> bool:
    """Move rows of a process to the archive; tell whether the context is led as was said."""
    if connection.execute(_IS_LED_SO, (save.rev,)).fetchone() is None:
        return False
    connection.execute(_REMOVE_PAGE, (save.process,))
    connection.execute(_COPY_JOBS, (save.process, save.most, save.request))
    connection.execute(_REMOVE_JOBS, (save.process, save.most))
    for sql, values in _searches(save.process, save.most):
        if ids := [row[0] for row in connection.execute(sql, values)]:
            connection.executemany(_COPY_UNIT, [(uow_id, save.request) for uow_id in ids])
            connection.executemany(_REMOVE_UNIT, [(uow_id,) for uow_id in ids])
            break
    return True


def _searches(process: ProcessName, most: int) -> Sequence[tuple[str, tuple[Any, ...]]]:
    """Return what finds units of a process, the last one by looking at all units."""
    by_id = [(_UNITS_BY_ID, (text, text, process, most)) for text in id_prefixes_of(process)]
    return [*by_id, (_OTHER_UNITS, (process, most))]


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
