"""Who led when: the leadership row, looked at many times a second on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Final

from synergy.core.structs import Struct
from synergy.ports.errors import PortError
from synergy.ports.store import Store

_LOOK_SECONDS: Final = 0.05


class Reign(Struct, frozen=True):
    """owner leads in `term` from `at`, seconds of the monotonic clock, as first seen."""

    at: float
    owner: str
    term: int


class LeaderWatch:
    """Looks for as long as its block lasts; a store that is away is looked at again."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        """Watch the store that `open_store` returns; it is opened on the watching thread."""
        self._open_store = open_store
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, name='leader-watch', daemon=True)
        self.reigns: list[Reign] = []

    def __enter__(self) -> LeaderWatch:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no longer."""
        self._is_over.set()
        self._thread.join(10)

    @property
    def leader(self) -> str | None:
        """Return who was last seen to lead, as `box:pid`."""
        return self.reigns[-1].owner if self.reigns else None

    def seconds_without(self, owner: str, since: float) -> float | None:
        """Return how long after `since` another than `owner` led; None when that never happened."""
        return next(
            (item.at - since for item in self.reigns if item.at > since and item.owner != owner),
            None,
        )

    def _look(self) -> None:
        store: Store | None = None
        while not self._is_over.wait(_LOOK_SECONDS):
            try:
                store = store or self._open_store()
                found = store.leadership()
            except PortError:
                continue
            last = self.reigns[-1] if self.reigns else None
            if found is not None and (
                last is None or (last.owner, last.term) != (found.owner, found.term)
            ):
                self.reigns.append(Reign(monotonic(), found.owner, found.term))
        if store is not None:
            store.close()
