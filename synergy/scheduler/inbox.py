"""What workers report and operators ring for: taken here, acknowledged once it is dealt with.

A message carries only ids. What is taken stays here, unacknowledged, until the turn that dealt
with it is saved; closing gives it back to the broker.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Final

from synergy.core.records import Route, UowId
from synergy.ports.broker import REPORT_ROUTE, Broker, Consumer, Delivery
from synergy.ports.clock import Clock
from synergy.ports.errors import BrokerUnavailable
from synergy.ports.message import units_of
from synergy.ports.one_commit import OneCommit
from synergy.scheduler.bad_messages import BadMessages

logger = logging.getLogger(__name__)

#: Without a consumer nothing rings: naps are so short that a stop is heard.
NAP_SECONDS: Final = 0.5


class Inbox:
    """The messages of the turn under way."""

    def __init__(
        self, broker: Broker, routes: Sequence[Route], batch_max: int, one_commit: OneCommit
    ) -> None:
        """Take at most `batch_max` at a time; `routes` are declared first. Nothing is taken yet."""
        self._broker = broker
        self._routes = routes
        self._batch_max = batch_max
        self._one_commit = one_commit
        self._consumer: Consumer | None = None
        self._unacked: list[Delivery] = []
        self._bad_messages = BadMessages()
        self._is_deaf = False

    def take(self) -> None:
        """Take what waits; without a broker go on without."""
        if len(self._unacked) >= self._batch_max:
            return
        try:
            if self._consumer is None:
                self._broker.declare(self._routes)
                self._consumer = self._broker.consumer(REPORT_ROUTE)
            self._unacked += self._consumer.take(self._bad_messages.limit(self._batch_max))
        except BrokerUnavailable as error:
            if not self._is_deaf:
                logger.warning('no messages: %s', error, extra={'event': 'broker_down'})
            self._is_deaf = True
            return
        self._is_deaf = False

    def has_more(self) -> bool:
        """Tell whether more messages may be there to be taken."""
        try:
            return self._consumer is not None and self._consumer.wait(0.0)
        except BrokerUnavailable:
            return False

    @property
    def uow_ids(self) -> Collection[UowId]:
        """Return the units of which messages tell."""
        return {uow_id for item in self._unacked for uow_id in units_of(item.body)}

    @property
    def has_command(self) -> bool:
        """Tell whether somebody rings for a command."""
        return any('command' in item.body for item in self._unacked)

    def acknowledge(self) -> None:
        """Let the broker forget what was taken: its consequences are saved, or are with this."""
        if not self._unacked or self._consumer is None:
            return
        try:
            self._consumer.ack(self._unacked)
        except BrokerUnavailable as error:
            logger.warning('messages may come twice: %s', error, extra={'event': 'broker_down'})
        self._one_commit.after(self._forget)

    def _forget(self) -> None:
        self._bad_messages.passed(self._unacked)
        self._unacked.clear()

    def may_be_to_blame(self, error: Exception) -> bool:
        """Tell whether a turn may have failed because of a message; if so, close afterwards."""
        return self._bad_messages.failed(self._consumer, self._unacked, error)

    def close(self) -> None:
        """Give back what was taken, and stop reading; `take` begins again."""
        self._unacked.clear()
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def wake(self) -> None:
        """End a wait under way; safe in a signal handler."""
        if self._consumer is not None:
            self._consumer.wake()

    def wait(self, seconds: float, clock: Clock) -> None:
        """Wait for a message, a wake, or some seconds."""
        if self._consumer is None:
            clock.sleep(min(seconds, NAP_SECONDS))
            return
        try:
            self._consumer.wait(seconds)
        except BrokerUnavailable:
            clock.sleep(min(seconds, NAP_SECONDS))
