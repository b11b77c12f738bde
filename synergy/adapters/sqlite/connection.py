"""A connection to one SQLite file that many processes write: waiting, versions, errors.

SQLite's own busy handler sleeps up to 100 ms at a time; with a dozen short writers that is most
of the time lost. So it is switched off, and a busy statement is tried again after short, growing,
jittered pauses. Transactions here are short; whoever holds the lock longer than the limit is
named by pid in the error.

Durability: WAL with synchronous=NORMAL keeps every commit through the death of any process; a power
cut may lose the last commits but never their order. FULL waits for the disk at every commit.
Source: SQLite docs, PRAGMA synchronous.

An open file that is moved away or replaced goes on to be written where nobody looks, and SQLite
does not mind. So each call first looks whether the path still names the file that was opened.
Source: SQLite docs, How To Corrupt, 4.2.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from synergy import private
from synergy.ports.errors import PortError

logger = logging.getLogger(__name__)

T = TypeVar('T')
Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PAUSE_SECONDS_MIN: Final = 0.00005
_PAUSE_SECONDS_MAX: Final = 0.002
#: Byte of the `-shm` file that a writer of a WAL database locks. Source: SQLite docs, walformat.
_WAL_WRITE_LOCK: Final = 120


#: How the driver says that a text is not one. Source: CPython, Modules/_sqlite/cursor.c.
_NOT_UTF8_TEXT: Final = 'Could not decode to UTF-8'


class _NotUtf8(Exception):
    """A text in a row is not UTF-8."""


def _text_or_bytes(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


class SqliteFile:
    """One open database file; used by one thread at a time."""

    def __init__(  # noqa: PLR0913 - says everything about one file, once
        self,
        path: Path,
        *,
        what: str,
        migrations: Sequence[str],
        unavailable: type[PortError],
        unusable: type[PortError],
        busy_seconds_max: float,
        synchronous: str,
    ) -> None:
        """Open or create `path` and bring its schema up to date.

        what: what the file is, for messages: `store`. migrations: scripts that take the schema
        from version i to i + 1. unavailable, unusable: what to raise when waiting may or will not
        help.
        """
        self.path = path
        self._what = what
        self._migrations = migrations
        self._unavailable = unavailable
        self._unusable = unusable
        self._busy_seconds_max = busy_seconds_max
        self._identity: tuple[int, int] | None = None
        self._connection = self._open(synchronous)
        # Without one, as in memory, there is nothing to be replaced.
        with suppress(OSError):
            self._identity = _identity_of(path)
        try:
            self._migrate()
        except BaseException:
            self._connection.close()
            raise

    def read(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return all rows of a SELECT; a text that is not UTF-8 comes as its bytes."""
        try:
            return self._guarded(lambda: self._connection.execute(sql, parameters).fetchall())
        except _NotUtf8:
            with self._unchecked_text():
                return self._guarded(lambda: self._connection.execute(sql, parameters).fetchall())

    def stream(self, sql: str, parameters: Parameters = ()) -> Iterator[Any]:
        """Yield the rows of a SELECT as one consistent snapshot.

        A text that is not UTF-8 comes as its bytes; the rows are then read once more, from the
        beginning, and those that have been yielded are left out.
        """
        yielded = 0
        try:
            cursor = self._guarded(lambda: self._connection.execute(sql, parameters))
            while rows := self._guarded(lambda: cursor.fetchmany(2048)):
                for row in rows:
                    yield row
                    yielded += 1
        except _NotUtf8:
            yield from self.read(sql, parameters)[yielded:]

    def write(self, sql: str, parameters: Parameters = ()) -> int:
        """Execute one conditional statement in a transaction of its own; return its row count."""
        return self._guarded(lambda: self._connection.execute(sql, parameters).rowcount)

    def write_returning(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Execute one statement with a RETURNING clause; return its rows."""
        # All rows are fetched: only then is the statement finished and its transaction committed.
        # It must not end at a text that is not UTF-8: what it has changed would not be known.
        with self._unchecked_text():
            return self._guarded(lambda: self._connection.execute(sql, parameters).fetchall())

    @contextmanager
    def transaction(self, *, is_text_checked: bool = True) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for a block; an exception rolls everything back.

        is_text_checked: False lets a text that is not UTF-8 come as its bytes.
        """
        self._guarded(lambda: self._connection.execute('BEGIN IMMEDIATE'))
        try:
            with nullcontext() if is_text_checked else self._unchecked_text():
                yield self._connection
            self._guarded(lambda: self._connection.execute('COMMIT'))
        except BaseException as error:
            self._rollback()
            if isinstance(error, sqlite3.Error):
                raise self._translated(error) from error
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of a block see the file as of its beginning; nobody waits for it."""
        if self._connection.in_transaction:
            yield
            return
        self._guarded(lambda: self._connection.execute('BEGIN'))
        try:
            # The view is that of the first read, so there is one at once.
            self._version()
            yield
        finally:
            self._rollback()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._connection.close()

    @contextmanager
    def _unchecked_text(self) -> Iterator[None]:
        self._connection.text_factory = _text_or_bytes
        try:
            yield
        finally:
            self._connection.text_factory = str

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute('ROLLBACK')

    def _open(self, synchronous: str) -> sqlite3.Connection:
        try:
            private.make_folder(self.path.parent)
        except OSError as error:
            raise self._unavailable(
                f'folder {self.path.parent} of {self._what} {self.path} cannot be made '
                f'({error.strerror}); make it, or choose another home'
            ) from error
        self._make_private()
        try:
            connection = sqlite3.connect(
                self.path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._translated(error) from error
        self._connection = connection
        try:
            # Changing to WAL needs the file for a moment to oneself; once made, it stays.
            self._guarded(lambda: connection.execute('PRAGMA journal_mode=WAL').fetchall())
            self._guarded(lambda: connection.execute(f'PRAGMA synchronous={synchronous}'))
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_private(self) -> None:
        """Let nobody else read the file; what SQLite puts beside it gets the rights of the file."""
        if str(self.path) == ':memory:':
            return
        try:
            if not self.path.exists():
                os.close(private.open_file(self.path, os.O_RDWR))
            for path in (self.path, Path(f'{self.path}-wal'), Path(f'{self.path}-shm')):
                if told := private.narrow_file(path):
                    logger.warning('%s', told, extra={'event': 'rights_narrowed'})
        except OSError as error:
            raise self._unavailable(
                f'{self._what} {self.path} cannot be opened for writing ({error.strerror}); '
                'check that the file and its folder belong to this user'
            ) from error

    def _version(self) -> int:
        return int(self.read('PRAGMA user_version')[0][0])

    def _migrate(self) -> None:
        newest = len(self._migrations)
        if self._version() == newest:
            return
        with self.transaction() as connection:
            found = self._version()
            if found > newest:
                raise self._unusable(
                    f'{self._what} {self.path} has schema version {found}, but this program knows '
                    f'{newest} at most; start the newer program, or restore an older {self._what}'
                )
            for script in self._migrations[found:]:
                for statement in script.split(';'):
                    if statement.strip():
                        connection.execute(statement)
            connection.execute(f'PRAGMA user_version={newest}')

    def _guarded(self, action: Callable[[], T]) -> T:
        """Run `action`, repeatedly while the file is busy; translate what cannot be waited out."""
        self._check_place()
        deadline: float | None = None
        pause = _PAUSE_SECONDS_MIN
        while True:
            try:
                return action()
            except sqlite3.Error as error:
                if str(error).startswith(_NOT_UTF8_TEXT):
                    raise _NotUtf8 from error
                if not _is_busy(error):
                    raise self._translated(error) from error
                now = time.monotonic()
                deadline = deadline or now + self._busy_seconds_max
                if now >= deadline:
                    raise self._locked() from error
                time.sleep(pause * (0.5 + random.random()))
                pause = min(pause * 1.5, _PAUSE_SECONDS_MAX)

    def _check_place(self) -> None:
        """Raise when the path names another file than the one that is open, or none."""
        if self._identity is None:
            return
        try:
            found = _identity_of(self.path)
        except OSError as error:
            raise self._unavailable(
                f'{self._what} {self.path} is gone or cannot be looked at ({error.strerror}); put '
                'it back where it was, with its -wal file: all waits for it'
            ) from error
        if found != self._identity:
            raise self._unusable(
                f'{self._what} {self.path} was replaced while it was open; stop everything, put '
                'the right file there, without the -wal and -shm files of another, and start again'
            )

    def _locked(self) -> PortError:
        pid = _pid_of_writer(self.path)
        holder = f'pid {pid}' if pid is not None else 'another process'
        return self._unavailable(
            f'{self._what} {self.path} is locked by {holder} for {self._busy_seconds_max:g} s; '
            'stop that process or raise store_busy_seconds_max'
        )

    def _translated(self, error: sqlite3.Error) -> PortError:
        code = getattr(error, 'sqlite_errorcode', 0) & 0xFF
        place = f'{self._what} {self.path}'
        if _is_busy(error):
            return self._locked()
        if code == sqlite3.SQLITE_FULL:
            free = shutil.disk_usage(self.path.parent).free
            return self._unavailable(
                f'{place} cannot grow: disk full ({free // 2**20} MiB free); '
                'make room, nothing that was saved is lost'
            )
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return self._unusable(
                f'{place} is not a usable SQLite database ({error}); '
                'restore it from a backup, or move it away to start over'
            )
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return self._unavailable(
                f'{place} cannot be opened for writing ({error}); '
                'check that the file and its folder belong to this user'
            )
        if code == sqlite3.SQLITE_IOERR:
            return self._unavailable(
                f'{place} cannot be read or written ({error}); look at the disk, its quota and the '
                'limits of this process (ulimit -f), nothing that was saved is lost'
            )
        return self._unavailable(f'{place} failed ({error}); see the message of SQLite')


def _identity_of(path: Path) -> tuple[int, int]:
    found = os.stat(path)  # noqa: PTH116 - each call pays for it: half of what Path.stat takes
    return found.st_dev, found.st_ino


def to_micros(instant: datetime | None) -> int | None:
    """Return an aware instant as whole microseconds since 1970; None stays None."""
    return None if instant is None else _micros(instant)


@lru_cache(maxsize=1024)
def _micros(instant: datetime) -> int:
    # Cached: what is saved together has mostly the same instant.
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int | None) -> datetime | None:
    """Return microseconds since 1970 as an aware UTC instant; None stays None."""
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


def _is_busy(error: sqlite3.Error) -> bool:
    code = getattr(error, 'sqlite_errorcode', 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def _pid_of_writer(path: Path) -> int | None:
    """Return the pid that holds the write lock, where the kernel tells (Linux).

    Read from /proc/locks: opening the `-shm` file here and closing it again would drop the
    locks of this very process. Source: fcntl(2), advisory record locking.
    """
    try:
        inode = Path(f'{path}-shm').stat().st_ino
        lines = Path('/proc/locks').read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if len(fields) == 8 and fields[3] == 'WRITE' and fields[5].endswith(f':{inode}'):
            start, end = fields[6], fields[7]
            if int(start) <= _WAL_WRITE_LOCK and (end == 'EOF' or int(end) >= _WAL_WRITE_LOCK):
                return int(fields[4])
    return None
