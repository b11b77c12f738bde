"""A SQLite store as a whole: look at it, bring it up to date, empty it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.schema import MIGRATIONS
from synergy.adapters.sqlite.states import NUMBER_BY_QUALIFIER
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.changed_levels import RowsByLevel
from synergy.core.led_context import LedContext
from synergy.core.records import Leadership, ProcessName
from synergy.core.timeperiod import Qualifier
from synergy.ports.administration import Findings, FormerProcess
from synergy.ports.clock import Clock
from synergy.ports.errors import StoreUnavailable, StoreUnusable
from synergy.ports.stored import led_context

_TABLES = ('job', 'unit_of_work', 'freerun_process', 'command', 'log_recording')
#: As words until schema version 18, and as numbers since.
_QUALIFIERS: Final[Mapping[object, Qualifier]] = {
    known: qualifier
    for qualifier, number in NUMBER_BY_QUALIFIER.items()
    for known in (qualifier.value, number)
}
_ROWS_BY_LEVEL: Final = (
    'SELECT process_name, time_qualifier, count(*) FROM job GROUP BY process_name, time_qualifier'
)
_SUFFIXES = ('', '-wal', '-shm')


class SqliteAdministration:
    """The administration of one file."""

    def __init__(self, path: Path, *, clock: Clock, busy_seconds_max: float) -> None:
        """Name the file; nothing is opened."""
        self._path = path
        self._clock = clock
        self._busy_seconds_max = busy_seconds_max

    @property
    def place(self) -> str:
        """Return what it is and where."""
        return f'store {self._path}'

    def close(self) -> None:
        """Nothing is held between two calls."""

    def check(self) -> Findings:
        """Look, and change nothing."""
        newest = len(MIGRATIONS)
        if not self._path.exists():
            return Findings(
                found=['the file does not exist yet'],
                changes=[f'it is made, with schema version {newest}'],
            )
        try:
            with closing(self._connect()) as connection:
                version = int(connection.execute('PRAGMA user_version').fetchone()[0])
                answers = [row[0] for row in connection.execute('PRAGMA integrity_check')]
                counts = {
                    table: connection.execute(f'SELECT count(*) FROM {table}').fetchone()[0]
                    for table in self._tables(connection)
                }
        except sqlite3.DatabaseError as error:
            raise StoreUnusable(
                f'{self.place} cannot be read ({error}); restore it from a backup, or move it away '
                'to start over'
            ) from error
        if version > newest:
            raise StoreUnusable(
                f'{self.place} has schema version {version}, but this program knows {newest} at '
                'most; use the newer program'
            )
        damage = [] if answers == ['ok'] else answers
        return Findings(
            found=[
                f'schema version {version}',
                *(f'{count} in {table}' for table, count in counts.items()),
            ],
            changes=[f'schema version becomes {newest}'] if version < newest else [],
            problems=[f'damaged: {answer}; restore it from a backup' for answer in damage],
        )

    def rows_by_level(self) -> RowsByLevel:
        """Return how many job rows each process has at each level."""
        found: dict[ProcessName, dict[Qualifier, int]] = {}
        for process, qualifier, count in self._read('job', _ROWS_BY_LEVEL):
            if qualifier in _QUALIFIERS:
                found.setdefault(ProcessName(process), {})[_QUALIFIERS[qualifier]] = count
        return found

    def led_context(self) -> LedContext | None:
        """Return the context that the store was last led with."""
        found = self._read('led_context', 'SELECT rev, text FROM led_context')
        if not found:
            return None
        try:
            return led_context.decode(found[0][1])
        except (ValueError, TypeError):
            return LedContext(rev=found[0][0])

    def _read(self, table: str, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query finds; nothing where there is no such table yet."""
        if not self._path.exists():
            return []
        try:
            with closing(self._connect()) as connection:
                named = 'SELECT 1 FROM sqlite_master WHERE name = ?'
                if connection.execute(named, (table,)).fetchone() is None:
                    return []
                return connection.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(f'{self.place} cannot be read now ({error})') from error
        except sqlite3.DatabaseError as error:
            raise StoreUnusable(
                f'{self.place} cannot be read ({error}); ./launch.py db --check tells more'
            ) from error

    def update(self) -> Findings:
        """Bring the file up to date, as opening it does."""
        before = self.check()
        self._open().close()
        return Findings(changes=before.changes, problems=before.problems)

    def former(self) -> Sequence[FormerProcess]:
        """Return nothing: Synergy 2.x wrote no such file."""
        return ()

    def reset(self) -> None:
        """Remove the file and make an empty one."""
        for suffix in _SUFFIXES:
            Path(f'{self._path}{suffix}').unlink(missing_ok=True)
        self._open().close()

    def leader(self) -> Leadership | None:
        """Return the Scheduler whose lease holds now, if any."""
        if not self._path.exists():
            return None
        try:
            with closing(self._connect()) as connection:
                if 'job' not in self._tables(connection):
                    return None
                found = connection.execute(
                    'SELECT owner, term FROM leadership WHERE lease_until > ?',
                    (to_micros(self._clock.now()),),
                ).fetchone()
        except sqlite3.DatabaseError:
            # Nobody leads by a file that is not a database.
            return None
        if found is None:
            return None
        return Leadership(owner=found[0], term=found[1], until=self._clock.now())

    def _open(self) -> SqliteStore:
        return SqliteStore.open(
            self._path, clock=self._clock, busy_seconds_max=self._busy_seconds_max
        )

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            f'file:{quote(str(self._path))}?mode=ro', uri=True, timeout=self._busy_seconds_max
        )

    def _tables(self, connection: sqlite3.Connection) -> list[str]:
        found = {row[0] for row in connection.execute('SELECT name FROM sqlite_master')}
        return [table for table in _TABLES if table in found]
