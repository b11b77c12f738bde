"""All jobs and units in SQLite, in one pass each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from synergy.adapters.sqlite.rows.jobs import JOB_COLUMNS_READ, job_of
from synergy.adapters.sqlite.rows.plain import PLAIN_JOB, PLAIN_UNIT
from synergy.adapters.sqlite.rows.units import UNIT_COLUMNS, unit_of
from synergy.adapters.sqlite.states import JOB_STATE_BY_NUMBER, QUALIFIER_BY_NUMBER
from synergy.adapters.sqlite.tables import UNITS, SqliteTables
from synergy.core.invariants import EndedJob
from synergy.core.records import Job, Unit
from synergy.core.timeperiod import parse

_JOBS: Final = f'SELECT {JOB_COLUMNS_READ}, {PLAIN_JOB} FROM job ORDER BY process_name, timeperiod'
_COLUMNS: Final = JOB_COLUMNS_READ.split(', ')
_REQUEST: Final = _COLUMNS.index('request_id')
_TERM: Final = _COLUMNS.index('term')
# In the order of the table: by key, pages would be read by chance.
_UNITS: Final = f'SELECT {UNIT_COLUMNS} FROM unit_of_work NOT INDEXED WHERE ({PLAIN_UNIT}) IS NOT 1'


class SqliteScan:
    """The role `RowScan`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file

    def scanned_jobs(self) -> Iterator[Job | EndedJob]:
        """Yield every job row, by process and timeperiod."""
        return self._tables.decoded('job', _scanned, self._file.stream(_JOBS))

    def scanned_units(self) -> Iterable[Unit]:
        """Yield every unit but those that have ended and are plainly right."""
        return self._tables.decoded(UNITS, unit_of, self._file.stream(_UNITS))


def _scanned(row: tuple[Any, ...]) -> Job | EndedJob:
    """Return what is to be known of a row of JOB_COLUMNS_READ and whether it is plainly right."""
    process, number, qualifier, state = row[:4]
    request_id, known = row[_REQUEST], QUALIFIER_BY_NUMBER.get(qualifier)
    is_key = type(process) is str and type(number) is int
    is_none_or_text = request_id is None or type(request_id) is str
    if row[-1] == 1 and known is not None and is_key and is_none_or_text:
        try:
            parsed = parse(known, str(number))
        except ValueError:
            return job_of(row[:-1])  # Which says what is wrong with it.
        return EndedJob(process, parsed, JOB_STATE_BY_NUMBER[state], row[_TERM], request_id)
    return job_of(row[:-1])
