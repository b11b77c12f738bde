"""Store connections for a pool of threads: each is lent to one thread at a time.

A store object belongs to one thread; the server's threads come and go between requests. As many
connections are opened as requests ever ran at once, and one that has failed is not used again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue

from synergy.ports.errors import PortError
from synergy.ports.store import Store


class StorePool:
    """Idle connections, the last used first."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        """Open nothing yet."""
        self._open_store = open_store
        self._idle: LifoQueue[Store] = LifoQueue()

    @contextmanager
    def lent(self) -> Iterator[Store]:
        """Lend a connection for a block; raise StoreError when none can be opened."""
        try:
            store = self._idle.get_nowait()
        except Empty:
            store = self._open_store()
        try:
            yield store
        except PortError:
            store.close()
            raise
        except BaseException:
            self._idle.put(store)
            raise
        self._idle.put(store)

    def close(self) -> None:
        """Close what is idle."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return
