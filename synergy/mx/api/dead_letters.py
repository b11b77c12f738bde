"""Dead letters as JSON: the list; retry or drop one."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.api.answers import accepted, listed, need_key
from synergy.mx.pages.dead_letters import settle
from synergy.mx.web.paging import dead_page
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import RequestContext
from synergy.view.encode import (
    encode_dead,
)


def api_dead(request: RequestContext) -> Response:
    """List dead letters, newest first."""
    units, cursor = dead_page(request)
    return listed(request, [masked(encode_dead(unit)) for unit in units], cursor)


def api_submit_dead_letter_action(request: RequestContext, uow_id: str, action: str) -> Response:
    """Retry a dead letter, or drop it."""
    need_key(request)
    return accepted(request, settle(request, uow_id, action))
