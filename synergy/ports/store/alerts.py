"""Who watches, what it remembers of alerts, what is on its way, and what operators ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from synergy.core.alert_outbox import Delivery
from synergy.core.alert_requests import AlertRequest
from synergy.core.watching import AlertMemory, AlertOutcome, WatchLease

#: The follower of the journal that makes alerts of it.
ALERTS_CURSOR: Final = 'alerts'


class AlertReader(Protocol):
    """Alerts as they are remembered, and messages of them."""

    def watching(self) -> WatchLease | None:
        """Return who watches, or last did; None when nobody ever has."""
        ...

    def alert_memory(self) -> AlertMemory:
        """Return what is remembered."""
        ...

    def waiting_deliveries(self) -> Sequence[Delivery]:
        """Return what has neither arrived nor been given up, the oldest first."""
        ...

    def count_waiting_deliveries(self) -> Mapping[str, int]:
        """Return how many those are, by receiver."""
        ...

    def deliveries(
        self, limit: int, before: int | None = None, group: str | None = None
    ) -> Sequence[Delivery]:
        """Return at most `limit` deliveries, newest first.

        before: those whose number is below. group: those of a group of alerts, or of a test.
        """
        ...

    def alert_request(self, request_id: str) -> AlertRequest | None:
        """Return one request."""
        ...

    def open_alert_requests(self, limit: int) -> Sequence[AlertRequest]:
        """Return requests that have not ended, oldest first."""
        ...

    def alert_requests(
        self, limit: int, after: AlertRequest | None = None
    ) -> Sequence[AlertRequest]:
        """Return at most `limit` requests, newest first, that come after `after`.

        The order is (at falling, id).
        """
        ...


class AlertRequestStore(AlertReader, Protocol):
    """What web and CLI may write."""

    def insert_alert_request(self, request: AlertRequest) -> None:
        """Insert a request; inserting the same id again is a no-op."""
        ...


class AlertStore(AlertRequestStore, Protocol):
    """What Watch needs."""

    def watch(self, owner: str, lease: timedelta) -> WatchLease | None:
        """Take or renew the right to watch for `lease` from now; None when another's lease holds.

        One statement. As with `lead`: taking it newly raises the term by one; what ends later than
        LEASES_MAX leases from now does not hold. What was saved by halves before is made whole.
        """
        ...

    def stop_watching(self, lease: WatchLease) -> None:
        """Give the right to watch up at once, if it is still this one."""
        ...

    def save_alerts(self, lease: WatchLease, rev: int, outcome: AlertOutcome) -> bool:
        """Save what one look comes to, all of it or nothing.

        False, and nothing is changed: the lease is no longer this one or has run out, or what is
        remembered has been saved since revision `rev`.
        """
        ...

    def save_delivery(self, delivery: Delivery) -> bool:
        """Save what has become of a delivery; False: it had ended, or was tried more often."""
        ...

    def prune_alerts(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` deliveries and requests each that ended before an instant.

        Returns how many went.
        """
        ...
