"""Which queues a context has."""

from __future__ import annotations

from collections.abc import Sequence

from synergy.conf.model import Context, GroupEntry, WorkerEntry
from synergy.core.records import Route
from synergy.ports.broker import REPORT_ROUTE


def routes_of(context: Context) -> Sequence[Route]:
    """Return the routes of a context, each queue once, that of reports first."""
    workers: list[WorkerEntry | GroupEntry] = [
        *context.groups.values(),
        *context.managed.values(),
        *context.freeruns.values(),
    ]
    found: dict[str, Route] = {}
    for route in (REPORT_ROUTE, *context.queues, *(entry.route for entry in workers)):
        found.setdefault(route.queue, route)
    return list(found.values())
