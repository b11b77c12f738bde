"""Addresses of Synergy 2.x: pages lead on to what shows the same, JSON says where to ask now."""

from __future__ import annotations

from typing import Final

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from synergy.mx.web.errors import Refused, unknown
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import problem, see
from synergy.mx.widgets.cells import href_of

_PAGES: Final = {
    'scheduler/dashboard/overview': '/',
    'scheduler/dashboard/managed': '/processes',
    'scheduler/dashboard/freerun': '/freeruns/runs',
    'scheduler/managed/entries': '/processes',
    'scheduler/freerun/entries': '/freeruns',
    'scheduler/viewer/object': '/processes',
    'scheduler/viewer/schedulable': '/freeruns',
    'scheduler/mx_page_tiles': '/',
    'supervisor/entries': '/boxes',
    'flow/viewer': '/graph',
}
#: Pages that showed one thing, named by their parameters.
_OF_ONE: Final = ('scheduler/viewer/object', 'scheduler/viewer/schedulable', 'flow/viewer')
#: What answered in JSON, and what does now: the longest beginning counts.
_APIS: Final = {
    'scheduler': '/api/v1/',
    'scheduler/jobs': '/api/v1/jobs',
    'scheduler/trees': '/api/v1/overview',
    'scheduler/tree': '/api/v1/overview',
    'scheduler/tree/node/reprocess': '/api/v1/requests',
    'scheduler/tree/node/skip': '/api/v1/requests',
    'scheduler/managed': '/api/v1/processes',
    'scheduler/managed/uow': '/api/v1/jobs/PROCESS/TIMEPERIOD',
    'scheduler/managed/timeline': '/api/v1/jobs/PROCESS/TIMEPERIOD',
    'scheduler/freerun': '/api/v1/freeruns',
    'scheduler/gc': '/api/v1/dead',
    'scheduler/gc/log': '/api/v1/logs',
    'scheduler/mx': '/api/v1/logs',
    'scheduler/scheduler': '/api/v1/logs',
    'supervisor': '/api/v1/boxes',
    'flow': '/api/v1/jobs/PROCESS/TIMEPERIOD',
}


def legacy_scheduler(request: RequestContext, rest: str) -> Response:
    """Lead on from an address below /scheduler/."""
    name = rest.strip('/')
    if request.visitor.role is not None and any(
        node.tree.mx_page == name for node in request.model.hierarchy
    ):
        return redirect(request.url('tree_page', name=name), 301)
    return _lead_on(request, f'scheduler/{name}')


def legacy_supervisor(request: RequestContext, rest: str) -> Response:
    """Lead on from an address below /supervisor/."""
    return _lead_on(request, f'supervisor/{rest.strip("/")}')


def legacy_flow(request: RequestContext, rest: str) -> Response:
    """Lead on from an address below /flow/."""
    return _lead_on(request, f'flow/{rest.strip("/")}')


def _lead_on(request: RequestContext, old: str) -> Response:
    if old in _PAGES:
        return redirect((_one(request) if old in _OF_ONE else None) or _PAGES[old], 301)
    parts = old.split('/')
    beginnings = ['/'.join(parts[:count]) for count in range(len(parts), 0, -1)]
    found = next(item for item in beginnings if item in _APIS)
    if found == 'scheduler' and len(parts) == 2:
        # A page of trees, as the context called it then: who may read knows whether there is one.
        if request.visitor.role is None:
            return see(request.url('login', next=request.http.path))
        raise unknown(f'there is no page {parts[1]!r:.80}', 'see the overview')
    gone = Refused(
        410,
        'Gone',
        f'/{old}/ was an address of Synergy 2.x',
        f'ask {_APIS[found]}, which /api/v1/ describes; a change is a POST with a token',
    )
    return problem(request.http, gone)


def _one(request: RequestContext) -> str | None:
    """Return the page of the one thing that the parameters name, if it is there."""
    process, entry = request.optional('process_name'), request.optional('entry_name')
    timeperiod = request.optional('timeperiod')
    if process is None:
        return None
    if entry is not None:
        return request.url('freerun', name=f'{process}::{entry}')
    try:
        return None if timeperiod is None else href_of(request.key(process, timeperiod))
    except Refused:
        return None
