"""The rows from which the dense index is built, their copy, and the context that is led."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from datetime import datetime
from sqlite3 import Connection
from typing import Final

from synergy.adapters.sqlite.connection import from_micros, to_micros
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.bounded import shortened
from synergy.core.led_context import LedContext, decode
from synergy.core.records import IndexCopy, IndexPage, Leadership, ProcessName
from synergy.core.standing import Standing, decoded, encoded
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, parse
from synergy.core.timetable import IndexRow
from synergy.ports import rows as fields
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
_MICROS_MAX: Final = to_micros(fields.INSTANT_MAX) or 0


def _problem_of(qualifier: object, text: object) -> Exception:
    """Return why a job's interval cannot be read."""
    try:
        fields.timeperiod('timeperiod', fields.word('time_qualifier', Qualifier, qualifier), text)
    except fields.Malformed as error:
        return error
    return fields.Malformed(f"field 'time_qualifier': {shortened(qualifier)} is unknown")


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
            except (KeyError, ValueError, TypeError):
                self._report(process, timeperiod, _problem_of(qualifier, timeperiod))
                continue
            if not isinstance(process, str):
                problem = fields.malformed('process_name', process, 'a text')
                self._report(process, timeperiod, problem)
                continue
            if state not in _STATES:
                # It counts as running: nothing starts it, and what waits for it goes on waiting.
                self._report(process, timeperiod, f"field 'state': {shortened(state)} is unknown")
            yield ProcessName(process), parsed, _STATES.get(state, JobState.IN_PROGRESS)

    def _report(self, process: object, timeperiod: object, problem: object) -> None:
        self._rows.report('job', fields.name_of(process, timeperiod, joined='@'), problem)

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
                    qualifier=_QUALIFIERS[qualifier],
                    first=fields.count('first', first),
                    codes=fields.unpacked(codes),
                )
                for process, qualifier, first, codes in found
            )
            instant = from_micros(fields.count('as_of', as_of[0][0], _MICROS_MAX))
        except (KeyError, ValueError, TypeError) as error:
            self._rows.report('index_page', 'the copy of the index', error)
            return None
        assert instant is not None, 'it is a number'
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
            self._rows.report('led_context', 'the context that was led', error)
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

    def report_standing(self, leadership: Leadership, standing: Standing) -> None:
        """Say how it stands with the leading Scheduler."""
        with self._file.transaction() as connection:
            self._check_leadership(connection, leadership)
            text = None if standing.is_well else json.dumps(encoded(standing))
            connection.execute('UPDATE leadership SET standing = ?', (text,))

    def standing(self) -> Standing:
        """Return what the Scheduler that leads, or last led, said of itself."""
        found = self._file.read('SELECT standing FROM leadership WHERE standing IS NOT NULL')
        try:
            return decoded(json.loads(found[0][0])) if found else Standing()
        except ValueError:
            return Standing()

    def _check_leadership(self, connection: Connection, leadership: Leadership) -> None:
        row = connection.execute('SELECT owner, term, lease_until FROM leadership').fetchone()
        now = to_micros(self._clock.now())
        assert now is not None
        is_own = row is not None and row[:2] == (leadership.owner, leadership.term)
        if not is_own or not isinstance(row[2], int) or row[2] <= now:
            raise LeadershipLost(
                f'{leadership.owner} no longer leads in term {leadership.term}'
                + ('' if row is None else f'; {row[0]} leads or led in term {row[1]}')
            )
