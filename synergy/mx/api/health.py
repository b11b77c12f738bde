"""Whether everything is well, as JSON."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.pages.health import encode_health, health_of
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer


def api_health(request: RequestContext) -> Response:
    """Tell whether everything is well; 503 when no work is done, or not all that should run does.

    `needs` says why it is not well; `warnings` what may go away by itself; `waits` counts
    what waits for a person, and is not a fault.
    """
    found = health_of(request)
    return json_answer(request.http, encode_health(request, found), 200 if found.is_well else 503)
