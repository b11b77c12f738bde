"""Port: whether what one process writes to store and broker can be one commit.

Where both lie in one file, it can, and whoever dies in between leaves all of it or nothing. Where
they are two servers, nothing joins them: then the order of the writes is the contract (save, then
announce, then acknowledge), and what is left half done is found by a sweep. The code is the same
for both, and keeps that order in both.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from synergy.core.structs import Struct
from synergy.ports.broker import Broker
from synergy.ports.store import Store


class OneCommit(Protocol):
    """What joins a store and a broker that one thread of a process has open."""

    @property
    def is_joint(self) -> bool:
        """Tell whether a block is one commit to both."""
        ...

    def block(self) -> AbstractContextManager[None]:
        """Let what is written to both within be one commit, if it can; blocks within join it.

        Then an exception undoes all of it, and what fails within, even if it is caught there,
        fails the block as the store's error. What the process remembers of what it did is its own
        to take back, or better to be noted `after`.
        """
        ...

    def after(self, action: Callable[[], object]) -> None:
        """Do something once the block under way is committed, and never if it is not.

        At once where there is no block, or where blocks join nothing.
        """
        ...


class Apart:
    """Of a store and a broker that nothing joins."""

    is_joint = False

    def block(self) -> AbstractContextManager[None]:
        """Join nothing: each write stands when it is done."""
        return nullcontext()

    def after(self, action: Callable[[], object]) -> None:
        """Do it at once."""
        action()


class StoreAndBroker(Struct, frozen=True, kw_only=True):
    """Connections of one thread to both, and what joins them."""

    store: Store
    broker: Broker
    one_commit: OneCommit
