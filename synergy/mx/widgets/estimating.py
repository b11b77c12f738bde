"""What an estimate of a page is made from: durations that are kept, and workers seen lately."""

from __future__ import annotations

from collections.abc import Mapping

from synergy.core.records import ProcessName
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import navigation_of
from synergy.view.estimates import Estimator


def estimator_of(request: RequestContext, ahead: Mapping[ProcessName, int]) -> Estimator:
    """Return how long work takes; do not hold the lock. ahead: what is done before, by process."""
    navigation = navigation_of(request)
    return Estimator(
        hierarchy=request.model.hierarchy,
        durations=lambda process: request.model.durations(request.store, process),
        workers={} if navigation is None else navigation.workers,
        ahead=ahead,
    )
