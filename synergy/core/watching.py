"""Who watches: of all that could follow the journal and tell people, one process at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from synergy.core.alert_outbox import Delivery
from synergy.core.alert_records import Alerts
from synergy.core.alert_requests import AlertRequest
from synergy.core.structs import Struct


class WatchLease(Struct, frozen=True, kw_only=True):
    """The right to watch: held by `owner` in `term` until `until` by the store's clock."""

    owner: str
    term: int
    until: datetime


class AlertMemory(Struct, frozen=True, kw_only=True):
    """What is remembered of alerts. rev: how often it was saved.

    problem: why it cannot be read; there is nothing in `alerts` then.
    """

    rev: int = 0
    alerts: Alerts = Alerts()
    problem: str | None = None


class AlertOutcome(Struct, frozen=True, kw_only=True):
    """What one look comes to, which is saved as one.

    alerts: in place of what was remembered; None: that is as it was. deliveries: new ones.
    requests: those that have ended. cursor: the last line of the journal that was looked at.
    """

    alerts: Alerts | None = None
    deliveries: Sequence[Delivery] = ()
    requests: Sequence[AlertRequest] = ()
    cursor: int | None = None
