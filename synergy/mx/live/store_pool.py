"""Store connections for a pool of threads: each is lent to one thread at a time.

A store object belongs to one thread; the server's threads come and go between requests. As many
connections are opened as requests ever ran at once, and one that has failed is not used again.

Once the store is away, one thread tries now and then to reach it; the others are told at once, so
that they do not all wait, one after the other, for what does not come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from threading import Lock
from typing import Final

from synergy.ports.errors import PortError, StoreUnavailable, StoreUnusable
from synergy.ports.store import Store

#: How soon after a try that failed the next one is made, by whoever then asks.
TRY_AGAIN_SECONDS: Final = 2.0


class StorePool:
    """Idle connections, the last used first."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        """Open nothing yet."""
        self._open_store = open_store
        self._idle: LifoQueue[Store] = LifoQueue()
        self._trying = Lock()
        self._trouble: StoreUnavailable | None = None
        self._tried_at = float('-inf')

    @contextmanager
    def lent(self) -> Iterator[Store]:
        """Lend a connection for a block; raise StoreError when none can be opened."""
        store = self._taken() if self._trouble is None else self._tried()
        # What one page has met is no matter of the next.
        store.forget_illegal_rows()
        try:
            yield store
        except PortError as error:
            # It may be that it cannot be written alone: whoever is next finds that out.
            self._note(error)
            store.close()
            raise
        except BaseException:
            self._idle.put(store)
            raise
        self._idle.put(store)

    def check(self) -> None:
        """Raise StoreUnavailable while the store is away, as far as is known."""
        if (trouble := self._trouble) is not None:
            # Of its own: several threads raise it.
            raise StoreUnavailable(*trouble.args)

    def close(self) -> None:
        """Close what is idle."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _taken(self) -> Store:
        try:
            return self._idle.get_nowait()
        except Empty:
            pass
        try:
            return self._open_store()
        except PortError as error:
            self._tried_at = time.monotonic()
            self._note(error)
            raise

    def _tried(self) -> Store:
        """Return a connection that has just answered."""
        if time.monotonic() - self._tried_at < TRY_AGAIN_SECONDS:
            self.check()
        if not self._trying.acquire(blocking=False):
            self.check()
            # Another thread has just reached it.
            return self._taken()
        try:
            store = self._taken()
            try:
                store.leadership()
            except PortError as error:
                self._tried_at = time.monotonic()
                self._note(error)
                store.close()
                raise
            self._trouble = None
            return store
        finally:
            self._trying.release()

    def _note(self, error: PortError) -> None:
        """Remember that the store is away; what is idle was connected to what is gone."""
        if isinstance(error, StoreUnavailable):
            self._trouble = error
        if isinstance(error, StoreUnavailable | StoreUnusable):
            self.close()
