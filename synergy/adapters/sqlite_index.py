"""The rows from which the dense index is built, their copy, and the context that is led."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from sqlite3 import Connection
from typing import Final

from synergy.adapters.sqlite_connection import from_micros, to_micros
from synergy.adapters.sqlite_tables import SqliteTables
from synergy.core.led_context import LedContext, decode
from synergy.core.records import IndexCopy, IndexPage, Leadership, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, parse
from synergy.core.timetable import IndexRow
from synergy.ports.errors import LeadershipLost

_QUALIFIERS: Final = {qualifier.value: qualifier for qualifier in Qualifier}
_STATES: Final = {state.value: state for state in JobState}
_ALL_ROWS: Final = (
    'SELECT process_name, timeperiod, time_qualifier, state FROM job '
    'ORDER BY process_name, timeperiod'
)
_ROWS_SINCE: Final = (
    'SELECT process_name, timeperiod, time_qualifier, state FROM job INDEXED BY job_changed '
    'WHERE changed_at >= ?'
)
_SAVE_PAGE: Final = (
    'INSERT OR REPLACE INTO index_page (process_name, time_qualifier, first, codes) '
    'VALUES (?, ?, ?, ?)'
)
#: Most of a page is one state: the fastest level packs a year into a few hundred bytes.
_ZLIB_LEVEL: Final = 1


class SqliteIndex(SqliteTables):
    """The part of the role `Ledger` that is about the index, and the check of who leads."""

    def index_rows(self, since: datetime | None = None) -> Iterator[IndexRow]:
        """Yield (process, timeperiod, state) of every job row, or of those changed since."""
        found = (
            self._file.stream(_ALL_ROWS)
            if since is None
            else self._file.stream(_ROWS_SINCE, (to_micros(since),))
        )
        for process, timeperiod, qualifier, state in found:
            try:
                parsed = parse(_QUALIFIERS[qualifier], timeperiod)
            except (KeyError, ValueError) as error:
                self._report(f'job {process}@{timeperiod}', error)
                continue
            if state not in _STATES:
                # It counts as running: nothing starts it, and what waits for it goes on waiting.
                self._report(f'job {process}@{timeperiod}', f'state {state!r} is none')
            yield process, parsed, _STATES.get(state, JobState.IN_PROGRESS)

    def index_copy(self) -> IndexCopy | None:
        """Return the copy of the dense index that was saved last."""
        as_of = self._file.read('SELECT as_of FROM index_copy')
        if not as_of:
            return None
        instant = from_micros(as_of[0][0])
        assert instant is not None, 'the column is NOT NULL'
        found = self._file.read('SELECT process_name, time_qualifier, first, codes FROM index_page')
        try:
            pages = tuple(
                IndexPage(
                    process=ProcessName(process),
                    qualifier=_QUALIFIERS[qualifier],
                    first=first,
                    codes=zlib.decompress(codes),
                )
                for process, qualifier, first, codes in found
            )
        except (KeyError, zlib.error, TypeError) as error:
            self._report('the copy of the index', error)
            return None
        return IndexCopy(as_of=instant, pages=pages)

    def led_context(self) -> LedContext | None:
        """Return the context that the store was last led with."""
        found = self._file.read('SELECT rev, text FROM led_context')
        if not found:
            return None
        rev, text = found[0]
        try:
            return decode(text)
        except (ValueError, TypeError) as error:
            self._report('the context that was led', error)
            return LedContext(rev=rev)

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
            self._check_leadership(connection, leadership)
            connection.executemany(_SAVE_PAGE, values)
            connection.execute(
                'INSERT OR REPLACE INTO index_copy (id, as_of) VALUES (1, ?)',
                (to_micros(copy.as_of),),
            )

    def _check_leadership(self, connection: Connection, leadership: Leadership) -> None:
        row = connection.execute('SELECT owner, term, lease_until FROM leadership').fetchone()
        now = to_micros(self._clock.now())
        assert now is not None
        if row is None or row[:2] != (leadership.owner, leadership.term) or row[2] <= now:
            raise LeadershipLost(
                f'{leadership.owner} no longer leads in term {leadership.term}'
                + ('' if row is None else f'; {row[0]} leads or led in term {row[1]}')
            )
