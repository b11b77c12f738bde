"""A connection to one SQLite file that many processes write: waiting, versions, errors.

SQLite's own busy handler sleeps up to 100 ms at a time; with a dozen short writers that is most
of the time lost. So it is switched off, and a busy statement is tried again after short, growing,
jittered pauses. Transactions here are short; whoever holds the lock longer than the limit is
named by pid in the error.

Durability: WAL with synchronous=NORMAL keeps every commit through the death of any process; a power
cut may lose the last commits but never their order. FULL waits for the disk at every commit.
Source: SQLite docs, PRAGMA synchronous.

An open file that is moved away or replaced goes on to be written where nobody looks, and SQLite
does not mind. So each call first looks whether the path still names the file that was opened; a
transaction looks when it begins and when it ends.
Source: SQLite docs, How To Corrupt, 4.2.

What is written within a block is one commit: see `SqliteFile.one_commit`.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from synergy.adapters.sqlite.block import Block
from synergy.adapters.sqlite.migrations import statements_after
from synergy.adapters.sqlite.place import Place
from synergy.adapters.sqlite.refusals import Refusals, is_busy
from synergy.ports.errors import PortError

T = TypeVar('T')
Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PAUSE_SECONDS_MIN: Final = 0.00005
_PAUSE_SECONDS_MAX: Final = 0.002

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
        self._migrations = migrations
        self._refusals = Refusals(path, what, unavailable, unusable, busy_seconds_max)
        self._place = Place(path, self._refusals)
        self._block: Block | None = None
        self._connection = self._open(synchronous)
        self._place.remember()
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
        """Execute one conditional statement, by itself or in the block; return its row count."""
        self._begin_write()
        return self._guarded(lambda: self._connection.execute(sql, parameters).rowcount)

    def write_returning(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Execute one statement with a RETURNING clause; return its rows."""
        self._begin_write()
        # All rows are fetched: only then is the statement finished and its transaction committed.
        # It must not end at a text that is not UTF-8: what it has changed would not be known.
        with self._unchecked_text():
            return self._guarded(lambda: self._connection.execute(sql, parameters).fetchall())

    @contextmanager
    def one_commit(self) -> Iterator[None]:
        """Let all that is written within a block be one commit; an exception undoes all of it.

        The write lock is taken by the first write, so a block that only reads disturbs nobody. A
        block within a block joins it. A failure within, even one that was caught there, fails the
        whole block: nobody outside could tell what belongs together.
        """
        if (outer := self._block) is not None:
            try:
                yield
            except sqlite3.Error as error:
                raise outer.spoilt_by(self._refusals.translated(error)) from error
            except BaseException as error:
                outer.spoilt_by(error)
                raise
            return
        block = self._block = Block()
        try:
            yield
            if block.error is not None:
                raise block.error
            if block.writes:
                self._place.check()
                self._guarded(lambda: self._connection.execute('COMMIT'))
        except BaseException as error:
            self._rollback()
            if isinstance(error, sqlite3.Error):
                raise self._refusals.translated(error) from error
            raise
        finally:
            self._block = None
        for action in block.afterwards:
            action()

    @property
    def is_in_block(self) -> bool:
        """Tell whether what is written now belongs to a block that is not committed yet."""
        return self._block is not None

    def after(self, action: Callable[[], object]) -> None:
        """Do something once the block under way is committed, and never if it is not.

        Without a block it is done at once.
        """
        if self._block is None:
            action()
        else:
            self._block.afterwards.append(action)

    @contextmanager
    def transaction(self, *, is_text_checked: bool = True) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for a block, or for the rest of the one under way.

        is_text_checked: False lets a text that is not UTF-8 come as its bytes.
        """
        with self.one_commit():
            self._begin_write()
            with nullcontext() if is_text_checked else self._unchecked_text():
                yield self._connection

    def begin_again(self) -> None:
        """Go on in a transaction that a trigger of the file has rolled back.

        What the block has written before that is lost, so a block of more than this fails.
        """
        block = self._block
        assert block is not None, 'what was not begun cannot be begun again'
        self._connection.execute('BEGIN IMMEDIATE')
        if block.writes > 1:
            block.spoilt_by(self._refusals.undone())

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

    def _begin_write(self) -> None:
        """Take the write lock if a block is under way that has not got it."""
        block = self._block
        if block is None:
            return
        block.check_thread()
        if not block.writes:
            self._guarded(lambda: self._connection.execute('BEGIN IMMEDIATE'))
        elif not self._connection.in_transaction:
            # By itself, it would be committed at once, without what belongs to it.
            raise block.spoilt_by(self._refusals.undone())
        block.writes += 1

    def _failed(self, error: PortError) -> PortError:
        return error if self._block is None else self._block.spoilt_by(error)

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
        self._place.prepare()
        try:
            connection = sqlite3.connect(
                self.path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._refusals.translated(error) from error
        self._connection = connection
        try:
            # Changing to WAL needs the file for a moment to oneself; once made, it stays.
            self._guarded(lambda: connection.execute('PRAGMA journal_mode=WAL').fetchall())
            self._guarded(lambda: connection.execute(f'PRAGMA synchronous={synchronous}'))
        except BaseException:
            connection.close()
            raise
        return connection

    def _version(self) -> int:
        return int(self.read('PRAGMA user_version')[0][0])

    def _migrate(self) -> None:
        newest = len(self._migrations)
        if self._version() == newest:
            return
        with self.transaction() as connection:
            found = self._version()
            if found > newest:
                raise self._refusals.newer(found, newest)
            for statement in statements_after(found, self._migrations):
                connection.execute(statement)
            connection.execute(f'PRAGMA user_version={newest}')

    def _guarded(self, action: Callable[[], T]) -> T:
        """Run `action`, repeatedly while the file is busy; translate what cannot be waited out."""
        if self._block is None or not self._block.writes:
            self._place.check()
        deadline: float | None = None
        pause = _PAUSE_SECONDS_MIN
        while True:
            try:
                return action()
            except sqlite3.Error as error:
                if str(error).startswith(_NOT_UTF8_TEXT):
                    raise _NotUtf8 from error
                if not is_busy(error):
                    raise self._failed(self._refusals.translated(error)) from error
                now = time.monotonic()
                deadline = deadline or now + self._refusals.busy_seconds_max
                if now >= deadline:
                    raise self._failed(self._refusals.locked()) from error
                time.sleep(pause * (0.5 + random.random()))
                pause = min(pause * 1.5, _PAUSE_SECONDS_MAX)


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
