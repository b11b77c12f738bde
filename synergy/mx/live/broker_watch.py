"""Whether the broker can be reached from here, and since when it cannot.

Workers learn of units from the broker alone, so that nothing is handed over while it is away. No
page waits for it: one thread looks now and then, and pages tell what it has seen. It says nothing
of whether other boxes reach the broker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from typing import Final

from synergy.core.structs import Struct
from synergy.ports.broker import REPORT_ROUTE, Broker
from synergy.ports.clock import Clock
from synergy.ports.errors import BrokerError

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0


class BrokerTrouble(Struct, frozen=True):
    """What is wrong with the broker. since: when that was first seen from here."""

    since: datetime
    text: str


class BrokerWatch:
    """Looks at the broker, on a thread of its own."""

    def __init__(self, open_broker: Callable[[], Broker], clock: Clock) -> None:
        """Look at nothing yet."""
        self._open_broker = open_broker
        self._clock = clock
        self._broker: Broker | None = None
        self._is_stopped = Event()
        self.trouble: BrokerTrouble | None = None

    def start(self) -> None:
        """Begin to look."""
        Thread(target=self._run, name='broker', daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._is_stopped.set()

    def look(self) -> None:
        """Look once; the broker may take seconds to answer, or not to."""
        try:
            # Kept over failures: it connects again by itself.
            self._broker = self._broker or self._open_broker()
            self._broker.declare([REPORT_ROUTE])
        except BrokerError as error:
            if self.trouble is None:
                logger.warning('the broker is away: %s', error, extra={'event': 'broker_down'})
            since = self._clock.now() if self.trouble is None else self.trouble.since
            self.trouble = BrokerTrouble(since, str(error))
            return
        if self.trouble is not None:
            logger.info('the broker is back', extra={'event': 'broker_up'})
        self.trouble = None

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            self.look()
            self._is_stopped.wait(LOOK_SECONDS)
