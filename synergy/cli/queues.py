"""Which queues a context has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from synergy.conf.model import Context, GroupEntry, WorkerEntry
from synergy.core.records import Route
from synergy.core.states import JobState
from synergy.ports.broker import REPORT_ROUTE
from synergy.view.status import Status


def routes_of(context: Context) -> Sequence[Route]:
    """Return the routes of a context, each queue once, that of reports first."""
    return _once(context, context.managed.values())


def routes_in_use(context: Context, seen: Status) -> Sequence[Route]:
    """Return the routes of a context without those that nobody has used yet.

    Those of managed processes that have never been given anything to do, and whose workers run
    nowhere: of five thousand the most, at first. To ask a broker for a queue that it does not have
    takes ten times as long as for one that it has.
    """
    used = {row.process for row in seen.boxes if row.pids}
    for summary in seen.processes:
        if any(
            count and state is not JobState.EMBRYO
            for state, count in summary.count_by_state.items()
        ):
            used.add(summary.process)
    return _once(context, [entry for name, entry in context.managed.items() if name in used])


def _once(context: Context, managed: Iterable[WorkerEntry]) -> Sequence[Route]:
    workers: list[WorkerEntry | GroupEntry] = [
        *context.groups.values(),
        *managed,
        *context.freeruns.values(),
    ]
    found: dict[str, Route] = {}
    for route in (REPORT_ROUTE, *context.queues, *(entry.route for entry in workers)):
        found.setdefault(route.queue, route)
    return list(found.values())
