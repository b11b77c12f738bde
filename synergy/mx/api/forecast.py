"""What is to be expected of the hours ahead, as JSON."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from synergy.mx.api.route_kinds import reading
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.mx.web.route import Parameter, Route
from synergy.operations.forecasts import BY, foresee
from synergy.view.forecast import ForecastDocument
from synergy.view.index import load_index


def api_forecast(request: RequestContext) -> Response:
    """Tell what is likely to be done when, which deadlines hold, and what helps most.

    It is drawn anew at most every 30 seconds.
    """
    by, process = request.optional('by'), request.optional('process')

    def made() -> ForecastDocument:
        # An index of its own: the engine goes on with it on a virtual clock.
        index = load_index(request.context.hierarchy, request.store, request.now)
        vanished_after = request.settings.box_vanished
        return foresee(index, request.store, request.now, vanished_after, by, process)

    found = request.model.forecasts.of((by, process), request.now, made)
    return json_answer(request.http, masked(found))


FORECAST_ROUTES: Final[tuple[Route, ...]] = (
    reading(
        'api_forecast',
        '/forecast',
        api_forecast,
        ForecastDocument,
        Parameter('by', f'how far to look, a day without: {BY}'),
        Parameter('process', 'name of a managed process; without, of all'),
    ),
)
