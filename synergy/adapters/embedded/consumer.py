"""One reader of one queue in a SQLite file: taking marks a row, acknowledging deletes it."""

from __future__ import annotations

import json
import logging
import select
from collections.abc import Collection, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final

from synergy.adapters.embedded.bells import Bell, Bells
from synergy.adapters.embedded.files import BODY, MessageFile
from synergy.ports.broker import Delivery
from synergy.ports.clock import Clock
from synergy.ports.errors import BrokerUnavailable, StoreError
from synergy.ports.message import NotUnderstood, body_of, dead_queue_of, storable_reason

logger = logging.getLogger(__name__)

#: How often a consumer that has nothing to take looks for messages of dead ones.
_CARE_SECONDS: Final = 1.0
_TAKE: Final = (
    'UPDATE message SET consumer = ?1 WHERE queue = ?2 AND id IN (SELECT id FROM message '
    'WHERE queue = ?2 AND consumer IS NULL ORDER BY id LIMIT ?3) '
    f'RETURNING id, {BODY}, is_redelivered'
)
_PUT_ASIDE: Final = (
    'UPDATE message SET queue = ?1, consumer = NULL, reason = ?2, '
    'id = max(id, coalesce((SELECT max(id) FROM message WHERE queue = ?1), 0) + 1) '
    'WHERE queue = ?3 AND id = ?4 AND consumer = ?5'
)
_ACK: Final = 'DELETE FROM message WHERE queue = ? AND id = ? AND consumer = ?'


class EmbeddedConsumer:
    """One reader of one queue, with a bell of its own."""

    def __init__(
        self, file: MessageFile, folder: Path, queue: str, clock: Clock, bells: Bells
    ) -> None:
        """Register with the queue's bells; closing the broker closes this, too."""
        self._file = file
        self._queue = queue
        self._clock = clock
        self._bells = bells
        self._bell = Bell(folder, queue)
        self._id = self._bell.owner
        self._cared_at = clock.monotonic() - _CARE_SECONDS
        self._is_closed = False
        #: Tag, bytes and reason of what is held and still has to be put aside.
        self._garbage: list[tuple[int, bytes, str]] = []

    def take(self, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` messages without waiting."""
        # A message that comes from here on rings after this: draining first loses no bell.
        self._bell.drain()
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
        bell.register(self._bell.pipe, select.POLLIN)
        return bool(bell.poll(max(limit, 0.0) * 1000)) or is_patient

    def wake(self) -> None:
        """Make a `wait` return."""
        self._bell.ring()

    def ack(self, deliveries: Collection[Delivery]) -> None:
        """Forget messages for good."""
        values = [(self._queue, delivery.tag, self._id) for delivery in deliveries]
        if len(values) == 1:
            self._file.write(_ACK, values[0])
        elif values:
            with self._file.transaction() as connection:
                connection.executemany(_ACK, values)

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
                self._bells.ring([self._queue])
        finally:
            self._bell.close()

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
        dead = [holder for (holder,) in holders if not self._bells.is_alive(self._queue, holder)]
        return sum(self._give_back(holder) for holder in dead) > 0

    def _give_back(self, consumer: str) -> int:
        return self._file.write(
            'UPDATE message SET consumer = NULL, is_redelivered = 1 '
            'WHERE queue = ? AND consumer = ?',
            (self._queue, consumer),
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
            except StoreError:
                # With the block of which this is a part, its taking is undone.
                self._garbage.clear()
                raise
            del self._garbage[0]

    def _put_aside(self, tag: int, text: bytes, reason: str) -> None:
        dead_queue = dead_queue_of(self._queue)
        values = (dead_queue, storable_reason(reason), self._queue, tag, self._id)
        if not self._file.write(_PUT_ASIDE, values):
            return  # It is not held any more: its taking was undone.
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
