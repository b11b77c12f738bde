"""Addresses of the API that show any past instant, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from synergy.core.structs import replace
from synergy.mx.web.route import Parameter, Route

_INSTANT: Final = 'as everything stood at this past instant, in UTC: 2026-11-27T07:10, yesterday'
AT: Final = Parameter('at', _INSTANT)
AS_OF: Final = Parameter('as_of', _INSTANT)
#: Of these it is written down how they stood.
_OF_THEN: Final = frozenset(
    {
        'api_status', 'api_overview', 'api_jobs', 'api_job_groups', 'api_job', 'api_why',
        'api_inputs', 'api_log', 'api_heatmap', 'api_graph', 'api_search', 'api_processes',
    }
)  # fmt: skip


def with_pasts(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return routes, with a past those of which there is one."""
    return tuple(with_past(route) if route.endpoint in _OF_THEN else route for route in routes)


def with_past(route: Route) -> Route:
    """Return what shows any past instant, too: that of `at`, or of `as_of` where `at` is taken."""
    has_own_at = any(item.name == AT.name for item in route.parameters)
    named = AS_OF if has_own_at else AT
    parameters = (*route.parameters, named)
    return replace(route, has_past=True, has_own_at=has_own_at, parameters=parameters)
