"""Alerts by the store of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from synergy.cli.local_asking import LocalAsking
from synergy.core.alert_requests import AlertRequestState
from synergy.operations import alerts
from synergy.view.alert_documents import (
    AlertDeliveryDocument,
    AlertRequestDocument,
    AlertsDocument,
    encode_alerts,
    encode_request,
    encode_told,
)
from synergy.view.alerts import ToldMessage, view_of, watcher_of
from synergy.view.encode import instant

#: How long to wait until Watch has looked.
ANSWER_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1


class LocalAlerting(LocalAsking):
    """`synergy.cli.interface.Alerting`, bound to a store."""

    def alerts(self) -> AlertsDocument:
        """Return what is open, and who is told of what."""
        now = self.store.store_now()
        return encode_alerts(view_of(self.store, self.runtime.context.alerts, now), instant(now))

    def alert_history(
        self, limit: int, named: str | None = None
    ) -> Sequence[AlertDeliveryDocument]:
        """Return at most `limit` messages, the newest first."""
        rules = self.runtime.context.alerts
        found: list[ToldMessage] = []
        before: int | None = None
        while len(found) < limit:
            page = alerts.told(self.store, rules, limit - len(found), before, named)
            found += page.items
            before = page.cursor
            if before is None:
                break
        return [encode_told(item) for item in found]

    def ask_alert(
        self, action: str, alert: str, until: str | None, reason: str | None
    ) -> AlertRequestDocument:
        """Acknowledge, mute, unmute or test."""
        request = alerts.ask(self._caller(reason), action, alert, until)
        give_up_at = self.clock.monotonic() + ANSWER_SECONDS
        while (
            request.state is AlertRequestState.WAITING
            and self.clock.monotonic() < give_up_at
            and watcher_of(self.store, self.store.store_now()) is not None
        ):
            self.clock.sleep(_LOOK_SECONDS)
            request = self.store.alert_request(request.id) or request
        return encode_request(request)
