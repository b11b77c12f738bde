"""What is to be expected of the hours ahead, as JSON."""

from __future__ import annotations

from typing import Final, cast

from werkzeug.wrappers import Response

from synergy.mx.api.route_kinds import reading
from synergy.mx.live.forecasts import ForecastFailed
from synergy.mx.web.errors import Refused
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import LIMIT_MAX, RequestContext
from synergy.mx.web.responses import json_answer
from synergy.mx.web.route import Parameter, Route
from synergy.operations.forecasts import BY
from synergy.operations.foreseen import Answer, Asked, check
from synergy.view.forecast import ForecastDocument, JobForecastDocument

#: How long a program waits for a forecast; later it may ask again.
_PATIENCE_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 5


def api_forecast(request: RequestContext) -> Response:
    """Tell what is likely to be done when, which deadlines hold, and what helps most.

    It is drawn again at most every 30 seconds, and seldom enough to take a tenth of one processor.
    """
    asked = Asked(
        by=request.optional('by'),
        tree=request.optional('tree'),
        process=request.optional('process'),
    )
    found = cast('ForecastDocument', _answer(request, asked))
    limit = request.number('limit', LIMIT_MAX, 1, LIMIT_MAX)
    shown: ForecastDocument = {
        **found,
        'trees': found['trees'][:limit],
        'deadlines': found['deadlines'][:limit],
        'items': found['items'][:limit],
    }
    return json_answer(request.http, masked(shown))


def api_job_forecast(request: RequestContext, process: str, timeperiod: str) -> Response:
    """Tell when one job is likely to be done, how likely in time, and what decides it."""
    key = request.key(process, timeperiod)
    asked = Asked(by=request.optional('by'), process=key.process, timeperiod=str(key.timeperiod))
    return json_answer(request.http, masked(_answer(request, asked)))


def _answer(request: RequestContext, asked: Asked) -> Answer:
    check(asked, request.model.hierarchy, request.now)
    again = {'Retry-After': str(_AGAIN_SECONDS)}
    try:
        found = request.site.forecasts.of(asked, _PATIENCE_SECONDS)
    except ForecastFailed as error:
        raise Refused(
            503, 'No forecast', str(error), 'ask again in a moment; the log of MX says more', again
        ) from error
    if found is None:
        raise Refused(503, 'No forecast yet', 'it is being made', 'ask again in a moment', again)
    return found


_BY: Final = Parameter('by', f'how far to look, a day without: {BY}')

FORECAST_ROUTES: Final[tuple[Route, ...]] = (
    reading(
        'api_forecast',
        '/forecast',
        api_forecast,
        ForecastDocument,
        _BY,
        Parameter('tree', 'name of a tree; without, of all'),
        Parameter('process', 'name of a managed process; without, of all'),
        Parameter('limit', 'most items of each list, 1 to 1000', 'integer'),
    ),
    reading(
        'api_job_forecast',
        '/jobs/<process>/<timeperiod>/forecast',
        api_job_forecast,
        JobForecastDocument,
        _BY,
    ),
)
