"""The dead man's switch: an outside service is told each minute that all is well.

When that stops, it is the service that raises the alarm: whatever has died here, with the machine.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from threading import Thread
from typing import Final

from synergy.core.records import is_led
from synergy.core.secret_url import SecretUrl
from synergy.core.watching import WatchLease
from synergy.ports.sender import Pinger
from synergy.ports.store import Store
from synergy.watch.follower import Standing

logger = logging.getLogger(__name__)

PERIOD_SECONDS: Final = 60.0
#: Looked at again so soon while all is not well.
_SOON_SECONDS: Final = 5.0
#: A follower that has not looked for so long does not work.
SILENT_SECONDS_MAX: Final = 120.0


class HeartbeatFollower:
    """Asks for `heartbeat_url` while a Scheduler leads and all followers work. It is a Follower."""

    def __init__(self, url: SecretUrl, pinger: Pinger, standing: Standing) -> None:
        """Have asked for nothing yet."""
        self._url = url
        self._pinger = pinger
        self._standing = standing
        self._asking: Thread | None = None
        self._problem: str | None = None

    def look(self, store: Store, lease: WatchLease) -> float:
        """Ask, if all is well."""
        del lease
        problem = self._not_well(store)
        if problem is not None:
            self._tell(f'is not told that all is well: {problem}')
            return _SOON_SECONDS
        if self._asking is not None and self._asking.is_alive():
            self._tell('does not answer')
            return _SOON_SECONDS
        self._asking = Thread(target=self._ask, name='heartbeat', daemon=True)
        self._asking.start()
        return PERIOD_SECONDS

    def stop(self) -> None:
        """Do nothing: what is asked for ends by itself."""

    def _not_well(self, store: Store) -> str | None:
        if not is_led(store.leadership(), store.store_now()):
            return 'nobody leads'
        for name, seconds in self._standing.silent_seconds().items():
            if seconds > SILENT_SECONDS_MAX:
                return f'{name} has not been looked after for {timedelta(seconds=int(seconds))}'
        return None

    def _ask(self) -> None:
        problem = self._pinger.ping(self._url)
        if problem is not None:
            self._tell(f'could not be told that all is well: {problem}')
        else:
            self._problem = None

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            logger.warning('%s %s', self._url, problem, extra={'event': 'heartbeat'})
        self._problem = problem
