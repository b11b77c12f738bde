"""Alerts by the API of a dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synergy.cli.http_client import LOOK_SECONDS
from synergy.cli.remote_asking import ANSWER_SECONDS, RemoteAsking
from synergy.core.alert_requests import AlertRequestState
from synergy.view.alert_documents import (
    AlertDeliveryDocument,
    AlertRequestDocument,
    AlertsDocument,
)


class RemoteAlerting(RemoteAsking):
    """`synergy.cli.interface.Alerting`, bound to a dashboard."""

    def alerts(self) -> AlertsDocument:
        """Return what is open, and who is told of what."""
        found: AlertsDocument = self.server.get('alerts')
        return found

    def alert_history(
        self, limit: int, named: str | None = None
    ) -> Sequence[AlertDeliveryDocument]:
        """Return at most `limit` messages, the newest first."""
        return list(self.server.items('alerts', 'history', limit=limit, alert=named))

    def ask_alert(
        self, action: str, alert: str, until: str | None, reason: str | None
    ) -> AlertRequestDocument:
        """Acknowledge, mute, unmute or test."""
        body: dict[str, Any] = {'alert': alert, 'until': until, 'reason': reason}
        asked: AlertRequestDocument = self.server.post('alerts', action, **body)
        give_up_at = self.clock.monotonic() + ANSWER_SECONDS
        while self._is_awaited(asked) and self.clock.monotonic() < give_up_at:
            self.clock.sleep(LOOK_SECONDS)
            asked = self.server.get('alerts', 'requests', asked['id'])
        return asked

    def _is_awaited(self, asked: AlertRequestDocument) -> bool:
        return asked['state'] == AlertRequestState.WAITING.value and (
            self.alerts()['watcher'] is not None
        )
