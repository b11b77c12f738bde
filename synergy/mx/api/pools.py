"""Pools as JSON: who holds what of each, who waits, and another size at run time."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from synergy.mx.api import documents
from synergy.mx.api.answers import accepted, counted, need_key
from synergy.mx.api.route_kinds import action, listing
from synergy.mx.pages.pools import ask_change, views
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.route import Parameter, Route
from synergy.operations.pools import ACTIONS
from synergy.view.pool_documents import PoolDocument, encode_pool


def api_pools(request: RequestContext) -> Response:
    """List pools with who holds what of each, and who waits for it since when."""
    return counted(request, views(request), encode_pool)


def api_submit_pool_action(request: RequestContext, name: str, action: str) -> Response:
    """Change the size of a pool, or let it go by context.py again."""
    need_key(request)
    return accepted(request, ask_change(request, name, action))


POOL_ROUTES: Final[tuple[Route, ...]] = (
    listing(
        'api_pools',
        '/pools',
        api_pools,
        PoolDocument,
        Parameter('limit', 'most items of one answer, 1 to 1000', 'integer'),
        Parameter('cursor', 'next_cursor of the answer before'),
    ),
    action(
        'api_change_pool',
        '/pools/<name>/<action>',
        api_submit_pool_action,
        documents.AcceptedDocument,
        ACTIONS,
        Parameter('slots', 'of the action set: how many at once, or default'),
        Parameter('per_minute', 'of the action set: starts within a minute, unlimited, or default'),
    ),
)
