"""The doorbell in a SQLite file: durable queues for the processes of one machine.

A message is a row, in the file of the store where that is one. Taking marks it with the consumer's
id; acknowledging deletes it. What a dead consumer held is given back by whoever looks next; how
that is known, and how those who wait are woken, is in `bells`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from synergy.adapters.embedded.bells import Bells
from synergy.adapters.embedded.consumer import EmbeddedConsumer
from synergy.adapters.embedded.files import (
    BODY,
    INSERT,
    LentFile,
    MessageFile,
    adopt_own_file,
    own_file,
    store_file,
)
from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.records import Route
from synergy.ports.broker import Confirmation, DeadLetter, Message, QueueState
from synergy.ports.clock import Clock
from synergy.ports.message import dead_queue_of, shown_body, text_of


class EmbeddedBroker:
    """Publisher and maker of consumers, over one folder."""

    def __init__(self, file: MessageFile, folder: Path, clock: Clock) -> None:
        """Serve from an open file; see `open` and `beside`. folder: of the bells."""
        self._file = file
        self._folder = folder
        self._clock = clock
        self._bells = Bells(folder)
        self._consumers: list[EmbeddedConsumer] = []

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        clock: Clock,
        busy_seconds_max: float = 30.0,
        store: Path | None = None,
        synchronous: str = 'NORMAL',
    ) -> EmbeddedBroker:
        """Open the broker in `folder`, making it if need be.

        store: the file of the store, if that is one; messages lie in it. synchronous: of it.
        Raises BrokerUnavailable or BrokerUnusable, naming the file and what to do.
        """
        if store is None:
            return cls(own_file(folder, busy_seconds_max), folder, clock)
        file = store_file(store, clock, busy_seconds_max, synchronous)
        adopt_own_file(folder, file, busy_seconds_max)
        return cls(file, folder, clock)

    @classmethod
    def beside(
        cls, store: SqliteStore, folder: Path, *, clock: Clock, busy_seconds_max: float = 30.0
    ) -> EmbeddedBroker:
        """Return the broker whose messages lie in the file of an open store, on its connection.

        What is written to both within a block of the file is one commit. Close it before the store.
        """
        file = LentFile(store.file)
        adopt_own_file(folder, file, busy_seconds_max)
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
        """Insert messages in one transaction; ring once they are committed."""
        now = to_micros(self._clock.now())
        values = [(message.route.queue, now, text_of(message.body), None) for message in messages]
        with self._file.transaction() as connection:
            connection.executemany(INSERT, values)
        queues = {message.route.queue for message in messages}
        self._file.after(lambda: self._bells.ring(queues))

    def begin(self, messages: Sequence[Message]) -> Confirmation:
        """Insert messages at once."""
        self.publish(messages)
        return _nothing

    def consumer(self, route: Route) -> EmbeddedConsumer:
        """Start reading a queue."""
        self.declare([route])
        consumer = EmbeddedConsumer(self._file, self._folder, route.queue, self._clock, self._bells)
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
            QueueState(name, depths[name], self._bells.reader_count(name))
            for name in names
            if name in depths
        ]

    def dead_letters(self, queue: str, limit: int) -> Sequence[DeadLetter]:
        """Return messages that were moved aside."""
        rows = self._file.read(
            f'SELECT {BODY}, CAST(reason AS BLOB) FROM message WHERE queue = ? ORDER BY id LIMIT ?',
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
        self._bells.close()
        self._file.close()


def _nothing() -> None:
    """Wait for nothing: it is durable."""
