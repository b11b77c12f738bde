"""Reports of a worker: which units the Scheduler is to look at.

A report that the broker does not take costs no result: the Scheduler's sweep finds the units.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from synergy.core.records import UowId
from synergy.ports.broker import REPORT_ROUTE, Broker, Confirmation, Message
from synergy.ports.errors import BrokerUnavailable
from synergy.ports.message import bodies_about

logger = logging.getLogger(__name__)


class Reports:
    """What is told to the Scheduler, one batch at a time."""

    def __init__(self, broker: Broker) -> None:
        """Publish through `broker`."""
        self._broker = broker
        self._unconfirmed: tuple[Confirmation, int] | None = None

    def report(self, uow_ids: Sequence[UowId]) -> None:
        """Begin to tell of units; that the broker has it is looked at by `confirm`."""
        self.confirm()
        messages = [Message(REPORT_ROUTE, body) for body in bodies_about(uow_ids)]
        try:
            self._unconfirmed = self._broker.begin(messages), len(uow_ids)
        except BrokerUnavailable as error:
            _not_reported(len(uow_ids), error)

    def confirm(self) -> None:
        """Wait until the broker has what was begun, and say so if it has not."""
        if self._unconfirmed is None:
            return
        (confirmation, count), self._unconfirmed = self._unconfirmed, None
        try:
            confirmation()
        except BrokerUnavailable as error:
            _not_reported(count, error)


def _not_reported(count: int, error: BrokerUnavailable) -> None:
    logger.warning('%d units not reported: %s', count, error, extra={'event': 'broker_down'})
