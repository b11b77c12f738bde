"""The page of a search: how much was found, what can be done about all of it, and each interval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from synergy.core.commands import CommandKind
from synergy.core.letter_groups import ERROR
from synergy.core.readiness import readiness
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.mx.pages import search
from synergy.mx.pages.search_totals import Total, groups_of, totals_of
from synergy.mx.web.errors import Refused
from synergy.mx.web.paging import older
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.cells import Cell, Painter, href_of
from synergy.view.conditions import FAILED, HELD
from synergy.view.letter_groups import GroupView
from synergy.view.offers import Offer, Standings, offers

#: Kinds of errors that one page shows, the most frequent ones.
GROUPS_MAX: Final = 50
#: What an empty search means.
EVERYTHING: Final = 'process:*'


class FoundRow(Struct, frozen=True, kw_only=True):
    """One interval that was found.

    reason: of what has run, why it stands so; of what waits, what it waits for first. since: when
    it came to stand so; of what has not begun, when it may or might start.
    """

    key: JobKey
    cell: Cell
    reason: str | None
    since: datetime


class FoundGroup(Struct, frozen=True, kw_only=True):
    """Failures among what was found that are one trouble. text: of the search.

    offers: requests about all of them; not empty.
    """

    view: GroupView
    text: str
    offers: Sequence[Offer]

    def address(self, kind: CommandKind) -> str:
        """Return the preview of one request about all of them."""
        group = self.view.group
        place = {'process': group.process, 'q': self.text, ERROR: group.kind.error}
        return f'/change/{kind.value}?{urlencode(place)}'


def search_page(request: RequestContext) -> Response:
    """Find intervals; a single one is gone to at once."""
    text = request.optional('q') or ''
    try:
        query = search.parse_query(request, text)
    except Refused as error:
        return page(
            request,
            'search.html',
            error.status,
            text=text,
            error=error,
            rows=[],
            totals=[],
            groups=[],
            older=None,
        )
    text = text or EVERYTHING
    if isinstance(query, JobKey):
        return redirect(href_of(query), 302)
    request.look()
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    with request.model.lock:
        found = search.find(request, query, limit, search.cursor_of(request))
        rows = rows_of(request, found.keys)
        totals = totals_of(request, query)
        groups = [] if request.optional('cursor') else _groups(request, totals, text)
    # Where no two failures are alike, the list says as much.
    is_told = any(found.view.group.count > 1 for found in groups)
    return page(
        request,
        'search.html',
        text=request.optional('q') or '',
        sought=text,
        error=None,
        query=query,
        rows=rows,
        totals=totals,
        groups=groups[:GROUPS_MAX] if is_told else [],
        group_count=len(groups),
        failed_count=sum(found.view.group.count for found in groups),
        looks=search.BOX_LOOKS_MAX,
        states=', '.join(search.STATES),
        older=older(request, None if found.after is None else str(found.after)),
    )


def rows_of(request: RequestContext, keys: Sequence[JobKey]) -> Sequence[FoundRow]:
    """Return intervals as they are listed; hold the lock of the read model."""
    painter, nodes = Painter(request), request.model.hierarchy.nodes
    jobs = request.store.jobs(keys)
    rows = []
    for key in keys:
        node, job = nodes[key.process], jobs.get(key)
        is_begun = job is not None and job.state is not JobState.EMBRYO
        over_at = request.model.hierarchy.over_at(node, key.timeperiod.ordinal)
        rows.append(
            FoundRow(
                key=key,
                cell=painter.cell(node, key.timeperiod.ordinal),
                reason=job.reason if job is not None and is_begun else _waits(request, key),
                since=job.changed_at if job is not None and is_begun else over_at,
            )
        )
    return rows


def _groups(request: RequestContext, totals: Sequence[Total], text: str) -> Sequence[FoundGroup]:
    """Return the failures among what was found, by what is wrong; hold the lock."""
    found = []
    for view in groups_of(request, totals):
        group = view.group
        standings: Standings = {HELD: view.held_count, FAILED: group.count - view.held_count}
        found.append(FoundGroup(view=view, text=text, offers=offers(standings)))
    return found


def _waits(request: RequestContext, key: JobKey) -> str | None:
    """Return what an interval waits for first; None where it has nothing to wait for but time."""
    if request.model.timetable.state(key) is None:
        return None
    culprits = readiness(request.model.timetable, key, request.now).culprits
    others = [item for item in culprits if item.key != key]
    return f'waits for {others[0].kind.value} {others[0].key}' if others else None
