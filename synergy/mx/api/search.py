"""Search as JSON."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.core.timeperiod import JobKey
from synergy.mx.api.answers import listed
from synergy.mx.api.cells import encode_cell
from synergy.mx.pages.search import Found, cursor_of, find, parse_query
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.widgets.cells import Painter


def api_search(request: RequestContext) -> Response:
    """Find intervals, newest first: `process:site* state:failed since:3d box:w2`."""
    query, cursor = parse_query(request, request.optional('q') or ''), cursor_of(request)
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    request.look()
    with request.model.lock:
        painter = Painter(request)
        found = (
            Found([query], None)
            if isinstance(query, JobKey)
            else find(request, query, limit, cursor)
        )
        items = [
            {
                'process': key.process,
                **encode_cell(
                    painter.cell(request.model.hierarchy.nodes[key.process], key.timeperiod.ordinal)
                ),
            }
            for key in found.keys
        ]
    return listed(request, items, None if found.after is None else str(found.after))
