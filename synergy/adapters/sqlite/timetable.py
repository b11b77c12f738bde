"""The rows from which the dense index is built, and their copy."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from synergy.adapters.sqlite.connection import SqliteFile, from_micros, to_micros
from synergy.adapters.sqlite.leadership import SqliteLeadership
from synergy.adapters.sqlite.months import Months
from synergy.adapters.sqlite.rows.columns import MICROS_MAX, timeperiod_of
from synergy.adapters.sqlite.states import (
    IS_NOT_OPEN,
    IS_OPEN,
    JOB_STATE_BY_NUMBER,
    QUALIFIER_BY_NUMBER,
)
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.bounded import shortened
from synergy.core.index_pages import IndexCopy, IndexPage, IndexStretch
from synergy.core.index_stretches import StoredRow, stretches
from synergy.core.records import Leadership, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, Timeperiod, parse
from synergy.ports import rows as fields

#: NULL: more of a row is not needed.
_COLUMNS: Final = 'process_name, timeperiod, time_qualifier, state, NULL'
_ORDERED: Final = 'ORDER BY process_name, timeperiod'
_FROM_ROW: Final = f'SELECT {_COLUMNS} FROM job {_ORDERED} LIMIT ?1 OFFSET ?2'
_NEXT_ROWS: Final = (
    f'SELECT {_COLUMNS} FROM job WHERE (process_name, timeperiod) > (?2, ?3) {_ORDERED} LIMIT ?1'
)
_NO_LIMIT: Final = -1
#: Reads the file, and never ends.
_ENDLESS: Final = (
    'WITH RECURSIVE n (i) AS (SELECT count(*) FROM sqlite_master UNION ALL SELECT i FROM n) '
    'SELECT i FROM n'
)
#: Rows that are read before months are looked at: of a short history, all.
_ROWS: Final = 2048
_ROWS_SINCE: Final = (
    f'SELECT {_COLUMNS} FROM job INDEXED BY job_ended '
    f'WHERE {IS_NOT_OPEN} AND changed_at >= ?1 UNION ALL '
    f'SELECT {_COLUMNS} FROM job INDEXED BY job_open '
    f'WHERE {IS_OPEN} AND changed_at >= ?1'
)
_SAVE_PAGE: Final = (
    'INSERT OR REPLACE INTO index_page (process_name, time_qualifier, first, codes) '
    'VALUES (?, ?, ?, ?)'
)
_QUALIFIER_BY_VALUE: Final = {qualifier.value: qualifier for qualifier in Qualifier}
#: Most of a page is one state: the fastest level packs a year into a few hundred bytes.
_ZLIB_LEVEL: Final = 1


@contextmanager
def _steady(file: SqliteFile) -> Iterator[None]:
    """Let all that is read within it be of one state of the file, as the rows of one SELECT.

    Other than in a `snapshot`, what is written meanwhile is committed as ever.
    """
    # A statement that has not ended keeps what it sees.
    held = iter(file.stream(_ENDLESS))
    next(held)
    try:
        yield
    finally:
        del held


class SqliteTimetable:
    """The role `TimetableStore`."""

    def __init__(self, tables: SqliteTables, leadership: SqliteLeadership) -> None:
        """Use the tables of an open file. leadership: checked with each write."""
        self._tables = tables
        self._file = tables.file
        self._leadership = leadership

    def index_stretches(self, since: datetime | None = None) -> Iterator[IndexStretch]:
        """Yield process, timeperiod and state of every job row, or of those changed since."""
        if since is None:
            return self._all()
        return self._by_row(self._file.stream(_ROWS_SINCE, (to_micros(since),)))

    def _by_row(self, rows: Iterable[StoredRow]) -> Iterator[IndexStretch]:
        return stretches(rows, JOB_STATE_BY_NUMBER, self._index_row)

    def _all(self) -> Iterator[IndexStretch]:
        """Yield all rows, some one by one, and of long histories whole months."""
        with _steady(self._file):
            count = 0
            rows = self._file.read(_FROM_ROW, (_ROWS, 0))
            while rows:
                yield from self._by_row(rows)
                count += len(rows)
                process, name = rows[-1][:2]
                if len(rows) == _ROWS and process == rows[0][0]:
                    for stretch in self._months_after(process, name):
                        yield stretch
                        count += len(stretch.codes)
                        process, name = stretch.process, int(str(stretch.last))
                if not isinstance(process, str) or isinstance(name, bytes):
                    # What is not UTF-8 comes as bytes, by which nothing after it can be found.
                    yield from self._by_row(self._file.stream(_FROM_ROW, (_NO_LIMIT, count)))
                    return
                rows = self._file.read(_NEXT_ROWS, (_ROWS, process, name))

    def _months_after(self, process: Any, name: Any) -> Iterator[IndexStretch]:
        """Yield what follows a row of a process, as far as it lies there month by month."""
        months = Months(self._file)
        while isinstance(process, str) and isinstance(name, int):
            following = self._file.read(_NEXT_ROWS, (1, process, name))
            if not following or following[0][0] != process:
                return
            stretch = months.rest_from(following[0])
            if stretch is None:
                return
            yield stretch
            name = int(str(stretch.last))

    def _index_row(self, row: StoredRow) -> tuple[ProcessName, Timeperiod, JobState] | None:
        process, number, qualifier, state, _ = row
        try:
            parsed = parse(QUALIFIER_BY_NUMBER[qualifier], str(number))
        except (KeyError, ValueError):
            self._report(process, number, _problem_of(qualifier, number))
            return None
        if not isinstance(process, str):
            problem = fields.malformed('process_name', process, 'a text')
            self._report(process, number, problem)
            return None
        if state not in JOB_STATE_BY_NUMBER:
            # It counts as running: nothing starts it, and what waits for it goes on waiting.
            self._report(process, number, f"field 'state': {shortened(state)} is unknown")
        return ProcessName(process), parsed, JOB_STATE_BY_NUMBER.get(state, JobState.IN_PROGRESS)

    def index_copy(self) -> IndexCopy | None:
        """Return the copy of the dense index that was saved last."""
        as_of = self._file.read('SELECT as_of FROM index_copy')
        if not as_of:
            return None
        found = self._file.read('SELECT process_name, time_qualifier, first, codes FROM index_page')
        try:
            pages = tuple(
                IndexPage(
                    process=ProcessName(process),
                    qualifier=_QUALIFIER_BY_VALUE[qualifier],
                    first=fields.count('first', first),
                    codes=fields.unpacked(codes),
                )
                for process, qualifier, first, codes in found
            )
            instant = from_micros(fields.count('as_of', as_of[0][0], MICROS_MAX))
        except (KeyError, ValueError, TypeError) as error:
            self._tables.rows.report('index_page', 'the copy of the index', error)
            return None
        assert instant is not None, 'it is a number'
        return IndexCopy(as_of=instant, pages=pages)

    def save_index_copy(self, leadership: Leadership, copy: IndexCopy) -> None:
        """Replace the pages that `copy` has, and take over `as_of`."""
        values = [
            (
                page.process,
                page.qualifier.value,
                page.first,
                zlib.compress(page.codes, _ZLIB_LEVEL),
            )
            for page in copy.pages
        ]
        with self._file.transaction() as connection:
            self._leadership.check(connection, leadership)
            connection.executemany(_SAVE_PAGE, values)
            connection.execute(
                'INSERT OR REPLACE INTO index_copy (id, as_of) VALUES (1, ?)',
                (to_micros(copy.as_of),),
            )

    def _report(self, process: object, number: object, problem: object) -> None:
        self._tables.rows.report('job', fields.name_of(process, number, joined='@'), problem)


def _problem_of(qualifier: int, number: int) -> Exception:
    """Return why a job's interval cannot be read."""
    try:
        timeperiod_of(qualifier, number)
    except fields.Malformed as error:
        return error
    return fields.Malformed('it cannot be read')
