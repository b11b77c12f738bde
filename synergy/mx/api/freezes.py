"""Freezes as JSON: those that hold, freezing and thawing."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from synergy.mx.api.answers import accepted, counted, need_key
from synergy.mx.pages.freezes import ask_freeze, ask_thaw
from synergy.mx.web.errors import unknown
from synergy.mx.web.request_context import RequestContext
from synergy.operations.freezes import holding
from synergy.view.encode import encode_freeze

ACTIONS: Final = ('thaw',)


def api_freezes(request: RequestContext) -> Response:
    """List the freezes that hold now, the oldest first."""
    return counted(request, holding(request.store, request.now), encode_freeze)


def api_submit_freeze(request: RequestContext) -> Response:
    """Let nothing of a process, a tree, a pool, or at all, start until an instant."""
    need_key(request)
    return accepted(request, ask_freeze(request))


def api_submit_thaw(request: RequestContext, freeze_id: str, action: str) -> Response:
    """End a freeze before its time."""
    need_key(request)
    if action not in ACTIONS:
        raise unknown(f'{action!r:.40} cannot be done to a freeze', 'thaw')
    return accepted(request, ask_thaw(request, freeze_id))
