"""`/metrics`, for Prometheus and whoever reads its formats."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.live.scrapes import ANSWERS_MAX, labels_for
from synergy.mx.web.errors import Refused
from synergy.mx.web.exposition import encoder_for
from synergy.mx.web.request_context import RequestContext


def metrics(request: RequestContext) -> Response:
    """Tell all numbers, as of a moment ago."""
    site, seconds = request.site, request.site.clock.monotonic()
    if site.scrapes.is_too_many(request.http.remote_addr or '', seconds):
        raise Refused(
            429,
            'Scraped too often',
            f'{request.http.remote_addr} has asked more than {ANSWERS_MAX} times within a second',
            'scrape every 5 s or less often, from a few places',
            {'Retry-After': '1'},
        )
    encoder = encoder_for(request.http)

    def make() -> bytes:
        settings = request.settings
        seen = site.scrapes.seen(
            request.store,
            request.model,
            labels_for(request.context, settings.metrics_processes_max),
            settings.box_vanished,
            request.now,
            seconds,
            is_broker_up=site.broker.trouble is None,
        )
        return encoder.encode(seen)

    answer = site.scrapes.answer(encoder.content_type, seconds, make)
    return Response(answer, content_type=encoder.content_type)
