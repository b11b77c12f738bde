"""The file in which messages lie: that of the store, or one of their own.

Where the store is a SQLite file, too, messages lie in it, and what a process writes to both within
a block becomes one commit. With a store elsewhere they have a file of their own, of the same
tables.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from synergy.adapters.sqlite.connection import Parameters, SqliteFile
from synergy.adapters.sqlite.earlier import check_not_led
from synergy.adapters.sqlite.message_tables import MESSAGE_TABLES
from synergy.adapters.sqlite.schema import MIGRATIONS
from synergy.ports.clock import Clock
from synergy.ports.errors import (
    BrokerError,
    BrokerUnavailable,
    BrokerUnusable,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
)
from synergy.ports.message import MESSAGE_BYTES_MAX

logger = logging.getLogger(__name__)

#: The file of their own, in the folder of a broker.
OWN_FILE: Final = 'broker.db'
#: What is read of a message, as bytes: others may have written anything into the file.
BODY: Final = f"coalesce(substr(CAST(body AS BLOB), 1, {MESSAGE_BYTES_MAX + 1}), x'')"
#: Values: queue, micros, body, reason. The id is later than all in the queue, and by the clock, so
#: that none comes twice and tells one message for another that is gone.
INSERT: Final = (
    'INSERT INTO message (queue, id, body, reason) VALUES (?1, '
    'max(?2, coalesce((SELECT max(id) FROM message WHERE queue = ?1), 0) + 1), ?3, ?4)'
)

_VERSION_1: Final = """
CREATE TABLE queue (
    name TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    consumer TEXT,
    is_redelivered INTEGER NOT NULL DEFAULT 0,
    published_at INTEGER NOT NULL
);
CREATE INDEX message_queue ON message (queue, consumer, id)
"""
_VERSION_2: Final = """
ALTER TABLE message ADD COLUMN reason TEXT
"""
#: The tables that a store has for them.
_VERSION_3: Final = f"""
ALTER TABLE queue RENAME TO queue_before;
ALTER TABLE message RENAME TO message_before;
DROP INDEX message_queue;
{MESSAGE_TABLES};
INSERT INTO queue SELECT name FROM queue_before;
INSERT INTO message (queue, id, body, consumer, is_redelivered, reason)
    SELECT queue, id, body, consumer, is_redelivered, reason FROM message_before;
DROP TABLE queue_before;
DROP TABLE message_before
"""
_OWN_MIGRATIONS: Final = (_VERSION_1, _VERSION_2, _VERSION_3)


class MessageFile(Protocol):
    """What a broker needs of the file with its messages; see `SqliteFile`."""

    def read(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return all rows of a SELECT."""
        ...

    def write(self, sql: str, parameters: Parameters = ()) -> int:
        """Execute one conditional statement; return its row count."""
        ...

    def write_returning(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Execute one statement with a RETURNING clause; return its rows."""
        ...

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the write lock for a block."""
        ...

    def after(self, action: Callable[[], object]) -> None:
        """Do something once what is written now is committed."""
        ...

    def close(self) -> None:
        """Close what was opened for the broker."""
        ...


def own_file(folder: Path, busy_seconds_max: float) -> SqliteFile:
    """Open the file of messages alone, in the folder of a broker; make it if need be."""
    return _opened(folder / OWN_FILE, 'broker', _OWN_MIGRATIONS, busy_seconds_max, 'NORMAL')


def store_file(path: Path, clock: Clock, busy_seconds_max: float, synchronous: str) -> SqliteFile:
    """Open the file of a store for the messages in it, past the store; make it if need be."""
    try:
        check_not_led(path, clock)
    except StoreUnavailable as error:
        raise BrokerUnavailable(str(error)) from error
    return _opened(path, 'store', MIGRATIONS, busy_seconds_max, synchronous)


def _opened(
    path: Path, what: str, migrations: tuple[str, ...], busy_seconds_max: float, synchronous: str
) -> SqliteFile:
    return SqliteFile(
        path,
        what=what,
        migrations=migrations,
        unavailable=BrokerUnavailable,
        unusable=BrokerUnusable,
        busy_seconds_max=busy_seconds_max,
        synchronous=synchronous,
    )


class JointFile:
    """The file of an open store and of the broker beside it, as `OneCommit`."""

    is_joint = True

    def __init__(self, file: SqliteFile) -> None:
        """Join what is written through this file."""
        self.block = file.one_commit
        self.after = file.after


class LentFile:
    """The file of an open store, as the broker beside it uses it: one connection, one commit.

    What fails within a block fails the whole of it, so there the store's own errors are raised.
    Elsewhere it is the broker that fails, and nobody's ledger.
    """

    def __init__(self, file: SqliteFile) -> None:
        """Use the store's file."""
        self._file = file

    def read(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return all rows of a SELECT."""
        with self._of_broker():
            return self._file.read(sql, parameters)

    def write(self, sql: str, parameters: Parameters = ()) -> int:
        """Execute one conditional statement; return its row count."""
        with self._of_broker():
            return self._file.write(sql, parameters)

    def write_returning(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Execute one statement with a RETURNING clause; return its rows."""
        with self._of_broker():
            return self._file.write_returning(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for a block."""
        with self._of_broker(), self._file.transaction() as connection:
            yield connection

    def after(self, action: Callable[[], object]) -> None:
        """Do something once what is written now is committed."""
        self._file.after(action)

    def close(self) -> None:
        """Leave the file to the store."""

    @contextmanager
    def _of_broker(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            if self._file.is_in_block:
                raise
            raise _as_broker(error) from error


def _as_broker(error: StoreError) -> BrokerError:
    kind = BrokerUnusable if isinstance(error, StoreUnusable) else BrokerUnavailable
    return kind(str(error))


def adopt_own_file(folder: Path, file: MessageFile, busy_seconds_max: float) -> None:
    """Move what lies in a file of messages alone, of earlier versions, into the store's file.

    One that cannot be read is left where it is: it held doorbells, and the Scheduler's sweep rings
    for what is still asked for.
    """
    path = folder / OWN_FILE
    if not path.exists():
        return
    try:
        before = own_file(folder, busy_seconds_max)
        try:
            _move(before, file)
        finally:
            before.close()
        for suffix in ('', '-wal', '-shm'):
            Path(f'{path}{suffix}').unlink(missing_ok=True)
    except (BrokerError, OSError) as error:
        if not path.exists():
            return  # Another process has done it meanwhile.
        logger.warning(
            'the messages of %s stay there, nobody reads them any more: %s; remove it',
            path,
            error,
            extra={'event': 'messages_left'},
        )
        return
    logger.info('the messages of %s lie in the store now', path, extra={'event': 'messages_moved'})


def _move(before: SqliteFile, file: MessageFile) -> None:
    """Copy queues and messages. Who does it twice rings twice, which does no harm."""
    queues = before.read('SELECT name FROM queue')
    messages = before.read('SELECT queue, 0, body, reason FROM message ORDER BY queue, id')
    with file.transaction() as connection:
        connection.executemany('INSERT OR IGNORE INTO queue (name) VALUES (?)', queues)
        connection.executemany(INSERT, messages)
