"""The journal, those who follow it, and snapshots of the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import Any, Final

from synergy.adapters.sqlite.connection import from_micros, to_micros
from synergy.adapters.sqlite.history import freerun_events, job_events
from synergy.adapters.sqlite.leadership import SqliteLeadership
from synergy.adapters.sqlite.rows.columns import MICROS_MAX
from synergy.adapters.sqlite.rows.jobs import JOB_COLUMNS_READ, job_of
from synergy.adapters.sqlite.rows.processes import FREERUN_COLUMNS, freerun_of
from synergy.adapters.sqlite.states import IS_NOT_OPEN, IS_OPEN
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.freerun_record import Freerun
from synergy.core.index_snapshot import IndexSnapshot, SnapshotMark
from synergy.core.journal import JournalPage, outlived
from synergy.core.records import Job, JobEvent, Leadership, ProcessName
from synergy.ports import rows as fields
from synergy.ports.store import EVENTS_PER_JOB_MAX
from synergy.ports.store.journal import NUMBER_MAX, PAGE_LINES_MAX

#: Numbers that somebody has made up must not keep the next page from being added.
_BEHIND: Final = (
    "first + CASE WHEN typeof(count) = 'integer' AND count BETWEEN 1 AND "
    f'{PAGE_LINES_MAX} THEN count ELSE 1 END'
)
#: Two statements: as one, SQLite would make a table of its own for it, at ten times the cost.
_LAST: Final = (
    f'SELECT {_BEHIND} FROM journal WHERE first < {NUMBER_MAX} ORDER BY first DESC LIMIT 1'
)
_NEXT: Final = f'coalesce(({_LAST}), 1)'
_COLUMNS: Final = 'first, count, term, until, names, body'
_ADD: Final = f'INSERT INTO journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)'
#: The page that has a number begins at it or before it; pages do not overlap.
_AFTER: Final = (
    f'SELECT {_COLUMNS} FROM journal WHERE first >= coalesce('
    '(SELECT first FROM journal WHERE first <= ?1 + 1 ORDER BY first DESC LIMIT 1), 0) '
    'AND first + count > ?1 + 1 AND (?3 IS NULL OR instr(names, ?3)) ORDER BY first LIMIT ?2'
)
_BEFORE: Final = (
    f'SELECT {_COLUMNS} FROM journal WHERE first < ?1 AND (?3 IS NULL OR instr(names, ?3)) '
    'ORDER BY first DESC LIMIT ?2'
)
_OLDEST: Final = (
    f'SELECT first, {_BEHIND}, until FROM journal '
    'WHERE first < (SELECT max(first) FROM journal) ORDER BY first LIMIT ?'
)
_RECENT: Final = (
    f'SELECT {JOB_COLUMNS_READ} FROM job INDEXED BY job_ended '
    f'WHERE {IS_NOT_OPEN} AND changed_at >= ?1 '
    f'UNION ALL SELECT {JOB_COLUMNS_READ} FROM job INDEXED BY job_open '
    f'WHERE {IS_OPEN} AND changed_at >= ?1'
)
SAVE_CURSOR: Final = (
    'INSERT INTO journal_cursor (name, number, at) VALUES (?, ?, ?) ON CONFLICT (name) '
    'DO UPDATE SET number = excluded.number, at = excluded.at WHERE number <= excluded.number'
)
#: Between the names of a page, and around them.
_BETWEEN: Final = '\n'


class SqliteJournal:
    """The role `JournalStore`."""

    def __init__(self, tables: SqliteTables, leadership: SqliteLeadership) -> None:
        """Use the tables of an open file. leadership: checked with each write of a leader."""
        self._tables = tables
        self._file = tables.file
        self._leadership = leadership
        self.commits_are_whole = True

    def journal_span(self) -> range:
        """Return the numbers of the lines that are there."""
        ((first, after),) = self._file.read(f'SELECT (SELECT min(first) FROM journal), {_NEXT}')
        return range(after if first is None else first, after)

    def journal_pages(
        self, after: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        """Return pages with lines behind a number, in order."""
        found = self._file.read(_AFTER, (after, limit, _sought(process)))
        return [*self._decoded(found)]

    def journal_pages_before(
        self, before: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        """Return pages that begin before a number, newest first."""
        found = self._file.read(_BEFORE, (before, limit, _sought(process)))
        return [*self._decoded(found)]

    def journal_number_since(self, since: datetime) -> int:
        """Return the number from which on lines are from an instant or later."""
        # Not by halving: where a clock was set, instants are not in the order of numbers.
        sql = f'SELECT coalesce((SELECT min(first) FROM journal WHERE until >= ?), {_NEXT})'
        ((number,),) = self._file.read(sql, (to_micros(since),))
        return int(number)

    def journal_number_until(self, until: datetime) -> int:
        """Return the number from which on no page is from before an instant."""
        sql = (
            f'SELECT {_BEHIND} FROM journal WHERE first = '
            '(SELECT max(first) FROM journal INDEXED BY journal_until WHERE until < ?)'
        )
        found = self._file.read(sql, (to_micros(until),))
        return int(found[0][0]) if found else self.journal_span().start

    def recent_jobs(self, since: datetime) -> Iterator[tuple[Job, Sequence[JobEvent]]]:
        """Yield the jobs that changed since, with their events."""
        found = self._file.read(_RECENT, (to_micros(since),))
        for job in self._tables.decoded('job', job_of, found):
            yield job, job_events(self._tables, job.key, EVENTS_PER_JOB_MAX)

    def recent_freeruns(self, since: datetime) -> Iterator[tuple[Freerun, Sequence[JobEvent]]]:
        """Yield the free runs that changed since, with their events."""
        sql = f'SELECT {FREERUN_COLUMNS} FROM freerun_process WHERE changed_at >= ?'
        found = self._file.read(sql, (to_micros(since),))
        for freerun in self._tables.decoded('freerun_process', freerun_of, found):
            yield freerun, freerun_events(self._tables, freerun.name, EVENTS_PER_JOB_MAX)

    def journal_cursor(self, name: str) -> int | None:
        """Return the number of the last line that a follower has dealt with."""
        found = self._file.read('SELECT number FROM journal_cursor WHERE name = ?', (name,))
        return int(found[0][0]) if found else None

    def journal_cursors(self) -> dict[str, int]:
        """Return those of all followers."""
        return dict(self._file.read('SELECT name, number FROM journal_cursor ORDER BY name'))

    def led_text(self) -> tuple[int, str | None]:
        """Return revision and text of the context that is led."""
        found = self._file.read('SELECT rev, text FROM led_context')
        return found[0] if found else (0, None)

    def index_snapshots(self) -> Sequence[SnapshotMark]:
        """Return which snapshots of the index there are."""
        sql = (
            'SELECT number, at, context_rev FROM index_snapshot WHERE part = 0 '
            'ORDER BY number, context_rev'
        )
        return [*self._tables.decoded('index_snapshot', _mark_of, self._file.read(sql))]

    def index_snapshot(self, mark: SnapshotMark) -> IndexSnapshot | None:
        """Return a snapshot."""
        sql = (
            'SELECT number, at, context_rev, body FROM index_snapshot '
            'WHERE number = ? AND context_rev = ? ORDER BY part'
        )
        found = self._file.read(sql, (mark.number, mark.context_rev))
        marks = [*self._tables.decoded('index_snapshot', _mark_of, [row[:3] for row in found[:1]])]
        return IndexSnapshot(marks[0], tuple(row[3] for row in found)) if marks else None

    def save_journal_cursor(self, name: str, number: int) -> bool:
        """Remember how far a follower is, unless it is further already."""
        now = to_micros(self._tables.clock.now())
        return self._file.write(SAVE_CURSOR, (name, number, now)) == 1

    def remove_journal_cursor(self, name: str) -> None:
        """Forget a follower."""
        self._file.write('DELETE FROM journal_cursor WHERE name = ?', (name,))

    def save_index_snapshot(self, leadership: Leadership, snapshot: IndexSnapshot) -> None:
        """Keep a snapshot of the index."""
        mark = snapshot.mark
        number, at, rev = mark.number, to_micros(mark.at), mark.context_rev
        rows = [(number, part, at, rev, body) for part, body in enumerate(snapshot.parts)]
        with self._file.transaction() as connection:
            self._leadership.check(connection, leadership)
            connection.execute(
                'DELETE FROM index_snapshot WHERE number = ? AND context_rev = ?', (number, rev)
            )
            connection.executemany(
                'INSERT INTO index_snapshot (number, part, at, context_rev, body) '
                'VALUES (?, ?, ?, ?, ?)',
                rows,
            )

    def prune_journal(self, before: datetime, limit: int) -> int:
        """Delete pages from before an instant; return how many lines went."""
        oldest = [
            (range(first, behind), _instant_of(until))
            for first, behind, until in self._file.read(_OLDEST, (limit,))
        ]
        gone = outlived(oldest, before, self._tables.clock.now())
        if gone:
            self._file.write('DELETE FROM journal WHERE first <= ?', (gone[-1].start,))
        return sum(map(len, gone))

    def prune_snapshots(self, before: datetime) -> int:
        """Delete snapshots from before an instant."""
        gone = self._file.write_returning(
            'DELETE FROM index_snapshot WHERE at < ? '
            'AND (number, context_rev) < (SELECT number, context_rev FROM index_snapshot '
            'ORDER BY number DESC, context_rev DESC LIMIT 1) RETURNING part',
            (to_micros(before),),
        )
        return sum(part == 0 for (part,) in gone)

    def _decoded(self, found: Sequence[Any]) -> Iterator[JournalPage]:
        return self._tables.decoded('journal', _page_of, found)


def add_page(connection: Connection, page: JournalPage) -> bool:
    """Add a page behind the last one; tell whether it was that. The write lock must be held."""
    last = connection.execute(_LAST).fetchone()
    if page.first != (1 if last is None else last[0]):
        return False
    names = _BETWEEN.join(('', *page.names, ''))
    values = (page.first, page.count, page.term, to_micros(page.until), names, page.body)
    connection.execute(_ADD, values)
    return True


def _sought(process: ProcessName | None) -> str | None:
    return None if process is None else f'{_BETWEEN}{process}{_BETWEEN}'


def _instant_of(micros: object) -> datetime | None:
    if not isinstance(micros, int) or not 0 <= micros <= MICROS_MAX:
        return None
    return from_micros(micros)


def _page_of(row: tuple[Any, ...]) -> JournalPage:
    first, count, term, until, names, body = row
    if not isinstance(names, str) or not isinstance(body, bytes):
        raise fields.malformed('body', body, 'a page')
    at = from_micros(fields.count('until', until, MICROS_MAX))
    assert at is not None, 'it is a number'
    return JournalPage(
        first=fields.count('first', first),
        count=fields.some('count', count, PAGE_LINES_MAX),
        term=fields.count('term', term),
        until=at,
        names=tuple(map(ProcessName, names.strip(_BETWEEN).split(_BETWEEN))),
        body=body,
    )


def _mark_of(row: tuple[Any, ...]) -> SnapshotMark:
    number, at, rev = row
    instant = from_micros(fields.count('at', at, MICROS_MAX))
    assert instant is not None, 'it is a number'
    return SnapshotMark(fields.count('number', number), instant, fields.count('context_rev', rev))
