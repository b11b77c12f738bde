"""Operating errors that adapters raise; drivers' own errors never pass a port."""

from __future__ import annotations

from typing import NamedTuple

from synergy.core.effects import Save, name_of
from synergy.core.records import UowId


class PortError(Exception):
    """Something outside this process failed."""


class StoreError(PortError):
    """The store could not do what was asked."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, is locked, is full or is not writable; that may pass.

    After a write, this means "maybe applied": re-read before deciding anything.
    """


class SnapshotLost(StoreUnavailable):
    """The view of a snapshot is gone, for the store was rebuilt in part; take another."""


class StoreUnusable(StoreError):
    """Waiting will not help: the store is not one, is damaged, or has a newer schema."""


class RefusedSave(NamedTuple):
    """One save of a commit that the store did not take, and why, to follow its name."""

    save: Save
    why: str

    def __str__(self) -> str:
        """Return what it is about and why it was refused."""
        return f'{name_of(self.save)} {self.why}'


class CommitRefused(StoreError):
    """Saves matched no row, or rows that cannot be stored. Drop the index and reload.

    refused: those that are known to be refused, at least one.
    """

    def __init__(self, *refused: RefusedSave) -> None:
        """Say which of them, the first in words."""
        more = f', and {len(refused) - 1} more' if len(refused) > 1 else ''
        super().__init__(f'{refused[0]}{more}')
        self.refused = refused


class LeadershipLost(StoreError):
    """The commit's term is no longer the store's: another Scheduler leads. Step down."""


class LeaseLost(StoreError):
    """The unit was cancelled, rescued or claimed again. Discard the result; do not retry."""

    @classmethod
    def of(cls, uow_id: UowId, fence: int) -> LeaseLost:
        """Say of which unit, and under which fence it was held."""
        return cls(
            f'unit {uow_id} is no longer held under fence {fence}: it was cancelled, rescued or '
            'claimed again; the result is discarded'
        )


class BrokerError(PortError):
    """The broker could not do what was asked."""


class BrokerUnavailable(BrokerError):
    """The broker cannot be reached, is locked or is full; that may pass. Ring again."""


class BrokerUnusable(BrokerError):
    """Waiting does not help the broker: damaged, newer, or declared differently."""
