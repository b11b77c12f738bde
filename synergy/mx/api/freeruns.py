"""Free runs as JSON."""

from __future__ import annotations

from typing import Any, Final

from werkzeug.wrappers import Response

from synergy.mx.api.answers import accepted, listed, need_key, paged
from synergy.mx.pages.freerun_runs import runs_of
from synergy.mx.pages.freeruns import RUNS_MAX, ask_switch, known_freerun, why_freerun
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import wrong
from synergy.mx.web.redact import SecretUnknown, masked, unmasked
from synergy.mx.web.request_context import LIMIT_MAX, RequestContext
from synergy.mx.web.responses import json_answer
from synergy.operations.freeruns import save_freerun
from synergy.ports.store import EVENTS_PER_JOB_MAX
from synergy.view.encode import (
    encode_causes,
    encode_dead,
    encode_unit,
    instant,
)
from synergy.view.freerun_encode import encode_freerun, encode_standing
from synergy.view.freeruns import FreerunView, freeruns, standing

FREERUN_FIELDS: Final = (
    'trigger', 'is_on', 'overlap', 'misfire', 'misfire_max', 'arguments', 'description', 'is_new',
)  # fmt: skip


def api_freeruns(request: RequestContext) -> Response:
    """List free runs with their next fires, by name."""
    found = freeruns(request.context, request.store, request.now)

    def encode(item: FreerunView) -> dict[str, Any]:
        return {
            **encode_freerun(item),
            **encode_standing(standing(request.store, item.freerun.name)),
        }

    return paged(request, found, lambda item: item.freerun.name, encode)


def api_freerun_runs(request: RequestContext) -> Response:
    """List the runs of all free runs: those under way, then those that ended last."""
    runs = runs_of(request)
    return listed(
        request, [masked(encode_dead(unit, request.now)) for unit in runs.units], runs.cursor
    )


def api_freerun(request: RequestContext, name: str) -> Response:
    """Return one free run with its newest runs and events."""
    view = known_freerun(request, name)
    limit = request.number('limit', RUNS_MAX, 1, LIMIT_MAX)
    units = request.store.freerun_units(view.freerun.name, limit + 1)
    events = request.store.freerun_events(view.freerun.name, EVENTS_PER_JOB_MAX)
    return json_answer(
        request.http,
        {
            **masked(encode_freerun(view)),
            **masked(encode_standing(standing(request.store, view.freerun.name))),
            'runs': [masked(encode_unit(unit, request.now)) for unit in units[:limit]],
            'has_older_runs': len(units) > limit,
            'events': masked([{'at': instant(item.at), 'text': item.text} for item in events]),
        },
    )


def api_why_freerun(request: RequestContext, name: str) -> Response:
    """Tell why the runs of a free run stand where they stand, or why none starts."""
    causes = why_freerun(request, known_freerun(request, name).freerun)
    return json_answer(request.http, {'causes': masked(encode_causes(causes))})


def api_submit_freerun(request: RequestContext) -> Response:
    """Create a free run, or change what is said of one."""
    need_key(request)
    name = request.text('name')
    details: dict[str, Any] = {
        field: value for field, value in request.body().items() if field in FREERUN_FIELDS
    }
    before = {
        str(view.freerun.name): view.freerun
        for view in freeruns(request.context, request.store, request.now)
    }.get(name)
    try:
        if 'arguments' in details:
            known = {} if before is None else dict(before.arguments)
            details['arguments'] = unmasked(details['arguments'], known)
        if before is not None and isinstance(details.get('description'), str):
            details['description'] = unmasked(details['description'], before.description)
    except SecretUnknown as error:
        raise wrong(str(error), 'correct the definition; nothing was changed') from error
    return accepted(request, save_freerun(caller_of(request), name, details))


def api_submit_freerun_action(request: RequestContext, name: str, action: str) -> Response:
    """Switch a free run on or off, run it now, cancel what runs (or one `uow`), or remove it."""
    need_key(request)
    return accepted(request, ask_switch(request, name, action))
