"""Dead letters as JSON: the list; retry or drop one."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.api.answers import accepted, listed, need_key
from synergy.mx.pages.dead_letters import letter_filter, settle
from synergy.mx.web.paging import dead_page
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import RequestContext
from synergy.view.letters import encode_letter


def api_dead(request: RequestContext) -> Response:
    """List dead letters, newest first, with how their intervals stand now."""
    letters, cursor = dead_page(request, letter_filter(request))
    return listed(request, [masked(encode_letter(letter)) for letter in letters], cursor)


def api_submit_dead_letter_action(request: RequestContext, uow_id: str, action: str) -> Response:
    """Retry a dead letter, or drop it."""
    need_key(request)
    return accepted(request, settle(request, uow_id, action))
