"""Runs as JSON: those under way, and the log of one."""

from __future__ import annotations

from functools import partial

from werkzeug.wrappers import Response

from synergy.core.records import UowId
from synergy.mx.api.answers import listed, paged
from synergy.mx.web.errors import unknown
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import LIMIT_MAX, RequestContext
from synergy.view.encode import (
    encode_dead,
    instant,
)


def api_log(request: RequestContext, uow_id: str) -> Response:
    """Return the log of one run."""
    found = request.store.units([UowId(uow_id)])
    if not found:
        raise unknown(f'there is no unit {uow_id!r:.60}', 'a job lists the units of its runs')
    lines = request.store.log(UowId(uow_id))
    start = request.number('cursor', 0, 0, 10**9)
    limit = request.number('limit', LIMIT_MAX, 1, LIMIT_MAX)
    items = [
        {'attempt': line.attempt, 'at': instant(line.at), 'level': line.level, 'text': line.text}
        for line in lines[start : start + limit]
    ]
    following = str(start + limit) if len(lines) > start + limit else None
    return listed(request, masked(items), following)


def api_runs(request: RequestContext) -> Response:
    """List units under way, by id."""
    return paged(
        request,
        request.store.live_units(),
        lambda unit: unit.id,
        partial(encode_dead, now=request.now),
    )
