"""What Watch runs: followers, each in a thread and with a connection of its own.

A follower is looked after by one process at a time, the one that holds the lease. What goes wrong
with one is logged and tried again after a while; the others go on. A follower of the journal keeps
its place there, its cursor, in the store (`synergy.watch.behind`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from threading import Event, Lock, Thread
from typing import Final, Protocol

from synergy.core.watching import WatchLease
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError, StoreUnusable
from synergy.ports.store import Store

logger = logging.getLogger(__name__)

#: Between attempts while something goes wrong, doubled up to the second.
_PAUSE_SECONDS: Final = 2.0
_PAUSE_SECONDS_MAX: Final = 15.0


class Follower(Protocol):
    """Something that Watch does again and again."""

    def look(self, store: Store, lease: WatchLease) -> float:
        """Do what there is to do now; return after how many seconds there may be more.

        lease: the right to watch, as of a moment ago. Waits for nobody for longer than a few
        seconds, or does so in threads of its own. What it raises is logged, and it is asked again.
        """
        ...

    def stop(self) -> None:
        """Prepare for the end: Watch stops, or another process watches from now on."""
        ...


class Standing:
    """What threads of Watch know of each other: whether it watches, and who has looked when."""

    def __init__(self, clock: Clock) -> None:
        """Not watch yet."""
        self._clock = clock
        self._lock = Lock()
        self._lease: WatchLease | None = None
        self._held_until = float('-inf')
        self._looked_at: dict[str, float] = {}
        self.is_ending = Event()

    def hold(self, lease: WatchLease | None, seconds: float) -> None:
        """Take note of the lease, which lasts for so long; None: another process has it."""
        with self._lock:
            self._lease = lease
            self._held_until = self._clock.monotonic() + seconds

    @property
    def lease(self) -> WatchLease | None:
        """Return the lease, if it has not run out since it was renewed."""
        with self._lock:
            return self._lease if self._clock.monotonic() < self._held_until else None

    def note_look(self, name: str) -> None:
        """Take note that a follower has looked, and nothing went wrong."""
        with self._lock:
            self._looked_at[name] = self._clock.monotonic()

    def silent_seconds(self) -> Mapping[str, float]:
        """Return for how long each follower has not looked."""
        now = self._clock.monotonic()
        with self._lock:
            return {name: now - at for name, at in self._looked_at.items()}

    def end(self) -> None:
        """Let all threads end."""
        self.is_ending.set()

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the end of the process."""
        self.is_ending.wait(seconds)


class FollowerThread:
    """One follower, looked after while this process watches."""

    def __init__(
        self,
        name: str,
        follower: Follower,
        open_store: Callable[[], Store],
        standing: Standing,
    ) -> None:
        """Prepare; `start` begins. open_store: called in the thread of the follower."""
        self.name = name
        self._follower = follower
        self._open_store = open_store
        self._standing = standing
        self._store: Store | None = None
        self._failures = 0
        self._is_watching = False
        self._thread = Thread(target=self._run, name=f'follower {name}', daemon=True)

    def start(self) -> None:
        """Begin."""
        self._standing.note_look(self.name)
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for its end, which comes once `Standing.end` was called."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._standing.is_ending.is_set():
            self._standing.wait(self.step())
        self._leave()
        if self._store is not None:
            self._store.close()

    def step(self) -> float:
        """Look once, if this process watches; return after how many seconds to look again."""
        lease = self._standing.lease
        if lease is None:
            self._leave()
            # Somebody else looks after it: that is no silence.
            self._standing.note_look(self.name)
            return 0.5
        try:
            self._store = self._store or self._open_store()
            self._is_watching = True
            seconds = self._follower.look(self._store, lease)
        except PortError as error:
            if isinstance(error, StoreUnusable):
                self._store = None
            return self._failed(str(error))
        except Exception as error:  # A fault in one follower stops neither it nor the others.
            if not self._failures:
                logger.exception('%s failed', self.name, extra={'event': 'follower_fault'})
            return self._failed(type(error).__name__)
        if self._failures:
            logger.info('%s is looked after again', self.name, extra={'event': 'follower_works'})
        self._failures = 0
        self._standing.note_look(self.name)
        return seconds

    def _failed(self, why: str) -> float:
        seconds: float = min(_PAUSE_SECONDS * 2 ** min(self._failures, 10), _PAUSE_SECONDS_MAX)
        if not self._failures:
            logger.warning(
                '%s cannot be looked after: %s; it is tried again until it can',
                self.name,
                why,
                extra={'event': 'follower_failed'},
            )
        self._failures += 1
        return seconds

    def _leave(self) -> None:
        if self._is_watching:
            self._is_watching = False
            self._follower.stop()
