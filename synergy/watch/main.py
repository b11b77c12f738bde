"""Watch as a process: started by `process_starter.py Watch`, ended by SIGTERM.

Where several run, as one on each box, one watches and the others stand by: it holds a lease, by the
clock of the store. Followers begin and end with it.
"""

from __future__ import annotations

import logging
import os
import signal
from datetime import timedelta
from typing import Final

from synergy.core.exit_codes import ExitCode
from synergy.core.watching import WatchLease
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError, StoreUnusable
from synergy.ports.store import AlertStore
from synergy.watch.follower import FollowerThread, Standing
from synergy.watch.followers import made
from synergy.watch.runtime import WatchRuntime

logger = logging.getLogger(__name__)

#: How long nobody watches after one that was killed.
LEASE: Final = timedelta(seconds=10)
RENEW_SECONDS: Final = 3.0
#: Of a lease that was renewed in vain: beyond it another process may watch.
_MARGIN_SECONDS: Final = 1.0
#: How long followers may take to end.
_END_SECONDS: Final = 5.0


def start(runtime: WatchRuntime) -> int:
    """Watch until SIGTERM or SIGINT; return the exit code."""
    standing = Standing(runtime.clock)
    store = runtime.open_store()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: standing.end())
    settings = runtime.settings
    keeper = LeaseKeeper(f'{settings.box_id}:{os.getpid()}', store, runtime.clock, standing)
    threads = [
        FollowerThread(name, follower, runtime.open_store, standing)
        for name, follower in made(runtime, standing).items()
    ]
    logger.info(
        'Watch started on box %s; it looks after %s',
        settings.box_id,
        ' and '.join(thread.name for thread in threads) or 'nothing',
        extra={'event': 'started'},
    )
    for thread in threads:
        thread.start()
    runtime.tell_up()
    while not standing.is_ending.is_set():
        keeper.step()
        standing.wait(RENEW_SECONDS)
    for thread in threads:
        thread.join(_END_SECONDS)
    keeper.leave()
    logger.info('Watch stopped', extra={'event': 'stopped'})
    return ExitCode.OK


class LeaseKeeper:
    """Takes and renews the right to watch."""

    def __init__(self, owner: str, store: AlertStore, clock: Clock, standing: Standing) -> None:
        """Hold nothing yet. store: of the calling thread."""
        self._owner = owner
        self._store = store
        self._clock = clock
        self._standing = standing
        self._lease: WatchLease | None = None
        self._is_down = False

    def step(self) -> None:
        """Take the lease, or renew it, and tell the followers."""
        asked_at = self._clock.monotonic()
        try:
            lease = self._store.watch(self._owner, LEASE)
        except StoreUnusable:
            # Replaced or newer: only a new process can go on. The Supervisor starts one.
            raise
        except PortError as error:
            if not self._is_down:
                logger.warning('nothing is watched: %s', error, extra={'event': 'store_down'})
            self._is_down = True
            return
        self._is_down = False
        if lease is not None and (self._lease is None or self._lease.term != lease.term):
            logger.info('Watch watches in term %d', lease.term, extra={'event': 'watching'})
        elif lease is None and self._lease is not None:
            logger.warning('another Watch watches now', extra={'event': 'stands_by'})
        self._lease = lease
        # By the clock of this machine, from before it was asked for: never longer than the store's.
        left = LEASE.total_seconds() - _MARGIN_SECONDS - (self._clock.monotonic() - asked_at)
        self._standing.hold(lease, left)

    def leave(self) -> None:
        """Let another process watch at once."""
        if self._lease is not None:
            try:
                self._store.stop_watching(self._lease)
            except PortError as error:
                logger.warning('%s', error, extra={'event': 'store_down'})
