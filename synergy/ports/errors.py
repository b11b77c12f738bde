"""Operating errors that adapters raise; drivers' own errors never pass a port."""

from __future__ import annotations


class PortError(Exception):
    """Something outside this process failed."""


class StoreError(PortError):
    """The store could not do what was asked."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, is locked, is full or is not writable; it may heal.

    After a write, this means "maybe applied": re-read before deciding anything.
    """


class StoreUnusable(StoreError):
    """The store will not heal by waiting: it is no store, it is damaged, or its schema is newer."""


class CommitRefused(StoreError):
    """A conditional save matched no row: somebody else wrote. Drop the index and reload."""


class LeadershipLost(StoreError):
    """The commit's term is no longer the store's: another Scheduler leads. Step down."""


class LeaseLost(StoreError):
    """The unit was cancelled, rescued or claimed anew. Discard the result; do not retry."""


class BrokerError(PortError):
    """The broker could not do what was asked."""


class BrokerUnavailable(BrokerError):
    """The broker cannot be reached, is locked or is full; it may heal. Ring again."""


class BrokerUnusable(BrokerError):
    """The broker will not heal by waiting: damaged, newer, or declared differently."""
