"""A daemon: lets flights of 2013 arrive on today's clock, for the live pipeline to follow."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import closing
from typing import Final

from db.live import feed, now, open_live_database, parse_speed, prepare

logger = logging.getLogger(__name__)

#: The environment's variable with the speed factor; see `db.live`.
SPEED_VARIABLE: Final = 'LIVE_SPEED'
_PAUSE_SECONDS: Final = 1.0


class LiveFeed:
    """Fills `flight_live` until SIGTERM or SIGINT."""

    def __init__(self, process_name: str) -> None:
        """Keep the name; the Supervisor's starter gives it."""
        self.process_name = process_name

    def start(self) -> None:
        """Let rows arrive, second by second."""
        speed = parse_speed(os.environ.get(SPEED_VARIABLE, '1'))
        is_over = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: is_over.set())
        with closing(open_live_database()) as database:
            prepare(database, now())
            logger.info('%s feeds at speed %g', self.process_name, speed)
            while not is_over.wait(_PAUSE_SECONDS):
                feed(database, now(), speed)
