"""All jobs and units in SQLite, in one pass each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from synergy.adapters.sqlite.rows.jobs import JOB_COLUMNS_READ, job_of
from synergy.adapters.sqlite.rows.plain import PLAIN_JOB, PLAIN_UNIT
from synergy.adapters.sqlite.rows.units import UNIT_COLUMNS, unit_of
from synergy.adapters.sqlite.states import JOB_STATE_BY_NUMBER, QUALIFIER_BY_NUMBER
from synergy.adapters.sqlite.tables import UNITS, SqliteTables
from synergy.core.index_stretches import names_after
from synergy.core.invariants import EndedJob
from synergy.core.records import Job, Unit
from synergy.core.timeperiod import Qualifier, Timeperiod, parse

#: What is to be known of a row that is plainly right; of one that is not, whose it is.
_JOBS: Final = (
    f'SELECT process_name, timeperiod, time_qualifier, state, request_id, term, {PLAIN_JOB} '
    'FROM job ORDER BY process_name, timeperiod'
)
#: A key that is no valid text comes as its bytes.
_JOB: Final = (
    f'SELECT {JOB_COLUMNS_READ} FROM job WHERE process_name IN (?1, CAST(?1 AS TEXT)) '
    'AND timeperiod IN (?2, CAST(?2 AS TEXT))'
)
# In the order of the table: by key, pages would be read by chance.
_UNITS: Final = f'SELECT {UNIT_COLUMNS} FROM unit_of_work NOT INDEXED WHERE ({PLAIN_UNIT}) IS NOT 1'


class SqliteScan:
    """The role `RowScan`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file

    def scanned_jobs(self) -> Iterator[Job | EndedJob]:
        """Yield every job row, by process and timeperiod; of one instant within a snapshot."""
        timeperiod = Timeperiod(Qualifier.YEARLY, 0)
        known_process = known_level = following = None
        names: Iterator[int] = iter(())
        for row in self._file.stream(_JOBS):
            process, number, level, state, request_id, term, is_plain = row
            is_known = is_plain == 1 and (request_id is None or type(request_id) is str)
            if (
                is_known
                and number == following
                and (process, level) == (known_process, known_level)
            ):
                # It comes after the row before, of which all was looked at.
                timeperiod = timeperiod.shift(1)
            elif is_known and (found := _timeperiod(process, number, level)) is not None:
                timeperiod = found
                known_process, known_level = process, level
                names = iter(names_after(found, number))
            else:
                yield from self._in_full(process, number)
                continue
            following = next(names, None)
            yield EndedJob(process, timeperiod, JOB_STATE_BY_NUMBER[state], term, request_id)

    def _in_full(self, process: object, number: object) -> Iterator[Job]:
        """Yield the job of one row, or report what is wrong with that."""
        found = self._file.read(_JOB, (process, number))
        rows = [row for row in found if row[:2] == (process, number)]
        return self._tables.decoded('job', job_of, rows)

    def scanned_units(self) -> Iterable[Unit]:
        """Yield every unit but those that have ended and are plainly right."""
        return self._tables.decoded(UNITS, unit_of, self._file.stream(_UNITS))


def _timeperiod(process: object, number: object, level: object) -> Timeperiod | None:
    """Return the interval of a key; None where it names none."""
    if type(process) is not str or type(number) is not int or level not in QUALIFIER_BY_NUMBER:
        return None
    try:
        return parse(QUALIFIER_BY_NUMBER[level], str(number))
    except ValueError:
        return None
