"""Alerts as JSON: what is open and who is told of what, what was told, and what is asked of Watch.

No address of a receiver is told, and no link that acknowledges: whoever has that may.
"""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from synergy.core.alert_requests import AlertRequest, AlertRequestState
from synergy.core.structs import replace
from synergy.mx.api.answers import listed, need_key
from synergy.mx.api.route_kinds import action, listing, reading
from synergy.mx.pages.alerts import ask_action, before_of
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import json_answer
from synergy.mx.web.route import Parameter, Route
from synergy.operations.alerts import ACTIONS, known_request, told
from synergy.operations.freezes import UNTIL
from synergy.view.alert_documents import (
    AlertDeliveryDocument,
    AlertRequestDocument,
    AlertsDocument,
    encode_alerts,
    encode_request,
    encode_told,
)
from synergy.view.alerts import view_of
from synergy.view.encode import instant


def api_alerts(request: RequestContext) -> Response:
    """Return what is open and who was told of it, what alerts there are, and what is on its way."""
    now = request.store.store_now()
    view = view_of(request.store, request.context.alerts, now)
    return json_answer(request.http, masked(encode_alerts(view, instant(now))))


def api_alert_history(request: RequestContext) -> Response:
    """List messages, one for each receiver, the newest first."""
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    found = told(
        request.store,
        request.context.alerts,
        limit,
        before_of(request),
        request.optional('alert'),
    )
    items = [masked(encode_told(item)) for item in found.items]
    return listed(request, items, None if found.cursor is None else str(found.cursor))


def api_alert_request(request: RequestContext, request_id: str) -> Response:
    """Return how something stands that was asked of Watch."""
    found = known_request(request.store, request_id)
    return json_answer(request.http, masked(encode_request(found)))


def api_submit_alert_action(request: RequestContext, action: str) -> Response:
    """Acknowledge what is open, mute or unmute an alert, or send a test to all whom it tells.

    Watch does it, within a second or two: the answer says where to look. A test is one message for
    each receiver; the history of the alert `test/ID`, ID of the answer, tells what became of them.
    """
    need_key(request)
    return _accepted(request, ask_action(request, action))


def _accepted(request: RequestContext, asked: AlertRequest) -> Response:
    where = request.url('api_alert_request', request_id=asked.id)
    is_open = asked.state is AlertRequestState.WAITING
    body = masked(encode_request(asked))
    return json_answer(request.http, body, 202 if is_open else 200, {'Location': where})


ALERT_ROUTES: Final[tuple[Route, ...]] = (
    reading('api_alerts', '/alerts', api_alerts, AlertsDocument),
    listing(
        'api_alert_history',
        '/alerts/history',
        api_alert_history,
        AlertDeliveryDocument,
        Parameter('alert', 'of this alert of context.py, or of this group, as in night/12, alone'),
        Parameter('limit', 'most items of one answer, 1 to 1000', 'integer'),
        Parameter('cursor', 'next_cursor of the answer before'),
    ),
    reading(
        'api_alert_request',
        '/alerts/requests/<request_id>',
        api_alert_request,
        AlertRequestDocument,
    ),
    replace(
        action(
            'api_alert_action',
            '/alerts/<action>',
            api_submit_alert_action,
            AlertRequestDocument,
            ACTIONS,
            Parameter('alert', 'a name of alert_context; to ack, also a group, as in night/12'),
            Parameter('until', f'of mute: {UNTIL}'),
        ),
        required=('alert',),
    ),
)
