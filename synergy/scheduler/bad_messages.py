"""Which message cannot be handled: after an unexpected failure one is taken at a time.

A turn that fails for a reason nobody foresaw gives its messages back; the next ones take a single
message each, and the one with which a turn fails again is put aside. A turn that fails without any
message, or many in a row, is not the fault of one message: then the process ends, as for any broken
invariant.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from synergy.ports.broker import Consumer, Delivery
from synergy.ports.errors import BrokerUnavailable

logger = logging.getLogger(__name__)

#: After this many messages in a row are put aside, the cause lies elsewhere.
_ASIDE_MAX: Final = 20


class BadMessages:
    """What is known of the messages that were taken when a turn failed."""

    def __init__(self) -> None:
        """Suspect none."""
        self._suspected = 0
        self._aside = 0

    def limit(self, count: int) -> int:
        """Return how many messages the next turn takes."""
        return 1 if self._suspected else count

    def passed(self, deliveries: Sequence[Delivery]) -> None:
        """Note that a turn went well with its messages."""
        if self._suspected and deliveries:
            self._suspected -= len(deliveries)
            self._suspected = max(self._suspected, 0)
            self._aside = 0

    def failed(
        self, consumer: Consumer | None, deliveries: Sequence[Delivery], error: Exception
    ) -> bool:
        """Note that a turn has failed; tell whether it may be a message's fault.

        Afterwards the consumer is to be closed, which gives back what is still held.
        """
        if consumer is None or not deliveries or self._aside >= _ASIDE_MAX:
            return False
        logger.error(
            'a turn with %d messages failed; looking for the one that cannot be handled',
            len(deliveries),
            exc_info=error,
            extra={'event': 'turn_failed'},
        )
        if len(deliveries) > 1:
            self._suspected = len(deliveries)
            return True
        self._aside += 1
        self._suspected = max(self._suspected - 1, 0)
        try:
            consumer.put_aside(deliveries[0], 'the Scheduler failed at it; its log says how')
        except BrokerUnavailable as error:
            # It comes again, and is put aside then.
            logger.warning('%s', error, extra={'event': 'broker_down'})
        return True
