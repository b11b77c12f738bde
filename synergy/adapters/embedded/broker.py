"""The doorbell on one SQLite file: durable queues for the processes of one machine.

A message is a row. Taking marks it with the consumer's id; acknowledging deletes it. Each
consumer keeps an flock on a file of its own: when its process dies the kernel lets go of it, and
whoever looks next gives the messages back and removes what is left of the consumer. No pid is
ever guessed at.

Waking up: each consumer owns a named pipe; a publisher writes a byte into the pipes of the queue
after its commit. The consumer sleeps in select(2), so an idle one costs nothing, and a byte that
comes before the select still ends it. Source: fifo(7), opening read-write never blocks on Linux.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import select
import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Final

from synergy import private
from synergy.adapters.sqlite.connection import SqliteFile, to_micros
from synergy.core.records import Route
from synergy.ports.broker import DeadLetter, Delivery, Message, QueueState
from synergy.ports.clock import Clock
from synergy.ports.errors import BrokerUnavailable, BrokerUnusable
from synergy.ports.message import (
    MESSAGE_BYTES_MAX,
    NotUnderstood,
    body_of,
    dead_queue_of,
    shown_body,
    storable_reason,
)

logger = logging.getLogger(__name__)

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
_MIGRATIONS: Final = (_VERSION_1, _VERSION_2)

#: How often a consumer that has nothing to take looks for messages of dead ones.
_CARE_SECONDS: Final = 1.0
#: What is read of a message, as bytes: others may have written anything into the file.
_BODY: Final = f"coalesce(substr(CAST(body AS BLOB), 1, {MESSAGE_BYTES_MAX + 1}), x'')"
_TAKE: Final = (
    'UPDATE message SET consumer = ? WHERE id IN (SELECT id FROM message '
    'WHERE queue = ? AND consumer IS NULL ORDER BY id LIMIT ?) '
    f'RETURNING id, {_BODY}, is_redelivered'
)
_PUT_ASIDE: Final = (
    'UPDATE message SET queue = ?, consumer = NULL, reason = ? WHERE id = ? AND consumer = ?'
)
_INSERT: Final = 'INSERT INTO message (queue, body, published_at) VALUES (?, ?, ?)'


class EmbeddedBroker:
    """Publisher and maker of consumers, over one folder."""

    def __init__(self, file: SqliteFile, folder: Path, clock: Clock) -> None:
        """Serve from an open file; see `open`."""
        self._file = file
        self._folder = folder
        self._clock = clock
        self._consumers: list[EmbeddedConsumer] = []

    @classmethod
    def open(cls, folder: Path, *, clock: Clock, busy_seconds_max: float = 30.0) -> EmbeddedBroker:
        """Open the broker in `folder`, making it if need be.

        Raises BrokerUnavailable or BrokerUnusable, naming the file and what to do.
        """
        file = SqliteFile(
            folder / 'broker.db',
            what='broker',
            migrations=_MIGRATIONS,
            unavailable=BrokerUnavailable,
            unusable=BrokerUnusable,
            busy_seconds_max=busy_seconds_max,
            synchronous='NORMAL',
        )
        return cls(file, folder, clock)

    def declare(self, routes: Collection[Route]) -> None:
        """Make sure that the queues exist."""
        known = {row[0] for row in self._file.read('SELECT name FROM queue')}
        missing = {route.queue for route in routes} - known
        if missing:
            with self._file.transaction() as connection:
                connection.executemany(
                    'INSERT OR IGNORE INTO queue (name) VALUES (?)', [(name,) for name in missing]
                )

    def publish(self, messages: Sequence[Message]) -> None:
        """Insert messages in one transaction, then ring."""
        now = to_micros(self._clock.now())
        values = [
            (message.route.queue, json.dumps(dict(message.body)), now) for message in messages
        ]
        with self._file.transaction() as connection:
            connection.executemany(_INSERT, values)
        for queue in {message.route.queue for message in messages}:
            _ring(self._folder, queue)

    def consumer(self, route: Route) -> EmbeddedConsumer:
        """Start reading a queue."""
        self.declare([route])
        consumer = EmbeddedConsumer(self._file, self._folder, route.queue, self._clock)
        self._consumers.append(consumer)
        return consumer

    def depth_by_queue(self) -> Mapping[str, int]:
        """Return the number of messages in each declared queue."""
        depths = {row[0]: 0 for row in self._file.read('SELECT name FROM queue')}
        depths.update(self._file.read('SELECT queue, count(*) FROM message GROUP BY queue'))
        return depths

    def purge(self, queue: str) -> int:
        """Drop all messages of a queue that nobody holds."""
        return self._file.write(
            'DELETE FROM message WHERE queue = ? AND consumer IS NULL', (queue,)
        )

    def queue_states(self, routes: Collection[Route]) -> Sequence[QueueState]:
        """Return how the queues of routes, and those of their dead letters, stand."""
        depths = self.depth_by_queue()
        names = [name for route in routes for name in (route.queue, dead_queue_of(route.queue))]
        return [
            QueueState(name, depths[name], _reader_count(self._folder, name))
            for name in names
            if name in depths
        ]

    def dead_letters(self, queue: str, limit: int) -> Sequence[DeadLetter]:
        """Return messages that were moved aside."""
        rows = self._file.read(
            f'SELECT {_BODY}, CAST(reason AS BLOB) FROM message WHERE queue = ? '
            'ORDER BY id LIMIT ?',
            (dead_queue_of(queue), limit),
        )
        return [
            DeadLetter(shown_body(text), None if reason is None else shown_body(reason))
            for text, reason in rows
        ]

    def delete(self, queue: str) -> int:
        """Remove a queue with what is in it."""
        with self._file.transaction() as connection:
            count = connection.execute('DELETE FROM message WHERE queue = ?', (queue,)).rowcount
            connection.execute('DELETE FROM queue WHERE name = ?', (queue,))
        return count

    def close(self) -> None:
        """Close consumers and file; safe to call twice."""
        for consumer in self._consumers:
            consumer.close()
        self._consumers.clear()
        self._file.close()


class EmbeddedConsumer:
    """One reader of one queue, with a bell and a lock file of its own."""

    def __init__(self, file: SqliteFile, folder: Path, queue: str, clock: Clock) -> None:
        """Register with the queue's bells; closing the broker closes this, too."""
        self._file = file
        self._folder = folder
        self._queue = queue
        self._clock = clock
        self._id = uuid.uuid4().hex
        self._cared_at = clock.monotonic() - _CARE_SECONDS
        self._is_closed = False
        #: Tag, bytes and reason of what is held and still has to be put aside.
        self._garbage: list[tuple[int, bytes, str]] = []
        bells = _bells(folder, queue)
        self._bell_path = bells / self._id
        self._lock_path = bells / f'{self._id}.lock'
        try:
            private.make_folder(bells)
            self._lock = private.open_file(self._lock_path, os.O_RDWR)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            os.mkfifo(self._bell_path, private.FILE_MODE)
            # Read-write, so that it stays open when a publisher closes its end.
            self._bell = os.open(self._bell_path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise BrokerUnavailable(
                f'no bell could be made in {bells} ({error.strerror}); '
                'check that the folder belongs to this user and the disk has room'
            ) from error

    def take(self, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` messages without waiting."""
        # A message that comes from here on rings after this: draining first loses no bell.
        _drain(self._bell)
        if not self._has_messages():
            if self._clock.monotonic() - self._cared_at < _CARE_SECONDS:
                return []
            if not self._take_back_from_the_dead():
                return []
        found = self._file.write_returning(_TAKE, (self._id, self._queue, limit))
        deliveries = []
        for tag, text, is_redelivered in sorted(found, key=itemgetter(0)):
            try:
                deliveries.append(Delivery(tag, body_of(text), bool(is_redelivered)))
            except NotUnderstood as error:
                self._garbage.append((tag, text, str(error)))
        if len(deliveries) < len(found):
            # The bell was drained, but what lies behind the garbage has rung already.
            self.wake()
        self._clear_garbage()
        return deliveries

    def wait(self, seconds: float) -> bool:
        """Sleep until the bell rings, at most `seconds`."""
        # Never longer than it takes to care for the dead, whose messages ring no bell.
        is_patient = seconds > _CARE_SECONDS and self._are_others_holding()
        limit = _CARE_SECONDS if is_patient else seconds
        bell = select.poll()  # `select` takes no descriptor above 1,023.
        bell.register(self._bell, select.POLLIN)
        return bool(bell.poll(max(limit, 0.0) * 1000)) or is_patient

    def wake(self) -> None:
        """Make a `wait` return."""
        with suppress(OSError):
            os.write(self._bell, b'!')

    def ack(self, deliveries: Collection[Delivery]) -> None:
        """Forget messages for good."""
        tags = [delivery.tag for delivery in deliveries]
        if len(tags) == 1:
            self._file.write(
                'DELETE FROM message WHERE id = ? AND consumer = ?', (tags[0], self._id)
            )
        elif tags:
            with self._file.transaction() as connection:
                connection.executemany(
                    'DELETE FROM message WHERE id = ? AND consumer = ?',
                    [(tag, self._id) for tag in tags],
                )

    def put_aside(self, delivery: Delivery, reason: str) -> None:
        """Move a message that could not be handled to the dead queue, for good."""
        self._put_aside(delivery.tag, json.dumps(dict(delivery.body)).encode(), reason)

    def close(self) -> None:
        """Stop reading and give back what is held."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._give_back(self._id):
                _ring(self._folder, self._queue)
        finally:
            for path in (self._bell_path, self._lock_path):
                path.unlink(missing_ok=True)
            os.close(self._bell)
            os.close(self._lock)

    def _has_messages(self) -> bool:
        return bool(
            self._file.read(
                'SELECT 1 FROM message WHERE queue = ? AND consumer IS NULL LIMIT 1', (self._queue,)
            )
        )

    def _are_others_holding(self) -> bool:
        return bool(
            self._file.read(
                'SELECT 1 FROM message WHERE queue = ? AND consumer IS NOT NULL AND consumer <> ? '
                'LIMIT 1',
                (self._queue, self._id),
            )
        )

    def _take_back_from_the_dead(self) -> bool:
        """Free what dead consumers of this queue held; tell whether there was anything."""
        self._cared_at = self._clock.monotonic()
        holders = self._file.read(
            'SELECT DISTINCT consumer FROM message '
            'WHERE queue = ? AND consumer IS NOT NULL AND consumer <> ?',
            (self._queue, self._id),
        )
        dead = [
            holder
            for (holder,) in holders
            if not _is_alive(_bells(self._folder, self._queue), holder)
        ]
        return sum(self._give_back(holder) for holder in dead) > 0

    def _give_back(self, consumer: str) -> int:
        return self._file.write(
            'UPDATE message SET consumer = NULL, is_redelivered = 1 WHERE consumer = ?', (consumer,)
        )

    def _clear_garbage(self) -> None:
        """Put aside what cannot be understood; what cannot be put aside now is kept and held."""
        while self._garbage:
            try:
                self._put_aside(*self._garbage[0])
            except BrokerUnavailable as error:
                # What was taken along with it must reach its taker all the same.
                logger.warning('%s', error, extra={'event': 'broker_down'})
                return
            del self._garbage[0]

    def _put_aside(self, tag: int, text: bytes, reason: str) -> None:
        dead_queue = dead_queue_of(self._queue)
        self._file.write(_PUT_ASIDE, (dead_queue, storable_reason(reason), tag, self._id))
        self._file.write('INSERT OR IGNORE INTO queue (name) VALUES (?)', (dead_queue,))
        logger.warning(
            'message %d of %s cannot be handled: %s; it was moved to %s: %.200r',
            tag,
            self._queue,
            reason,
            dead_queue,
            text[:200],
            extra={'event': 'message_put_aside'},
        )


def _bells(folder: Path, queue: str) -> Path:
    return folder / 'bells' / queue.replace('/', '_')


def _ring(folder: Path, queue: str) -> None:
    """Write a byte into every bell of a queue; remove the bells of the dead."""
    bells = _bells(folder, queue)
    try:
        names = os.listdir(bells)  # noqa: PTH208 - names only, on every publish
    except FileNotFoundError:
        return
    for name in names:
        if name.endswith('.lock'):
            continue
        try:
            bell = os.open(bells / name, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            # Nobody reads it: its owner is dead, or about to open it and will look by itself.
            if error.errno == errno.ENXIO and not _is_alive(bells, name):
                _remove(bells, name)
            continue
        with suppress(OSError):  # A full pipe has enough bytes in it to wake its reader.
            os.write(bell, b'!')
        os.close(bell)


def _reader_count(folder: Path, queue: str) -> int:
    bells = _bells(folder, queue)
    locks = list(bells.glob('*.lock')) if bells.is_dir() else []
    return sum(_is_alive(bells, lock.stem) for lock in locks)


def _is_alive(bells: Path, consumer: str) -> bool:
    """Tell whether the consumer's process still holds its lock; removes what a dead one left."""
    try:
        lock = os.open(bells / f'{consumer}.lock', os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    _remove(bells, consumer)
    return False


def _remove(bells: Path, consumer: str) -> None:
    for name in (consumer, f'{consumer}.lock'):
        (bells / name).unlink(missing_ok=True)


def _drain(bell: int) -> None:
    with suppress(BlockingIOError):
        while len(os.read(bell, 4096)) == 4096:
            continue
