"""Search as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from werkzeug.wrappers import Response

from synergy.core.timeperiod import JobKey
from synergy.mx.api.answers import groups_listed, listed
from synergy.mx.api.cells import encode_cell
from synergy.mx.pages.search import Found, cursor_of, find, parse_query
from synergy.mx.pages.search_page import rows_of
from synergy.mx.pages.search_totals import Total, groups_of, totals_of
from synergy.mx.web.redact import masked_text
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.view.encode import instant
from synergy.view.letter_groups import GroupView, failure_groups


def api_search(request: RequestContext) -> Response:
    """Find intervals, newest first: `process:site* state:failed since:3d box:w2`.

    `totals` says of each process how many there are in all, on this page and on others: is_all is
    false where not all was counted. What was found can be previewed and asked for as `q`; `offers`
    names the requests that would change something.
    """
    query, cursor = parse_query(request, request.optional('q') or ''), cursor_of(request)
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    totals: Sequence[Total]
    request.look()
    with request.model.lock:
        if isinstance(query, JobKey):
            found, totals = Found([query], None), ()
        else:
            found, totals = find(request, query, limit, cursor), totals_of(request, query)
        items = [
            {
                'process': row.key.process,
                **encode_cell(row.cell),
                'reason': None if row.reason is None else masked_text(row.reason),
                'since': instant(row.since),
            }
            for row in rows_of(request, found.keys)
        ]
    return listed(
        request,
        items,
        None if found.after is None else str(found.after),
        totals=[
            {
                'process': total.process,
                'count': total.count,
                'is_all': total.is_all,
                'first': str(total.first),
                'last': str(total.last),
                'offers': [
                    {'kind': offer.kind.value, 'count': offer.count} for offer in total.offers
                ],
            }
            for total in totals
        ],
    )


def api_search_groups(request: RequestContext) -> Response:
    """List the failures among what a search finds, by process and kind of error.

    The largest groups first. One request about all of a group takes the search as `q` and the
    group's `error`.
    """
    query = parse_query(request, request.optional('q') or '')
    found: Sequence[GroupView]
    request.look()
    with request.model.lock:
        if isinstance(query, JobKey):
            is_failed = query.timeperiod.ordinal in request.model.failed[query.process]
            keys = [query] if is_failed else []
            found = failure_groups(request.model.timetable, request.store, keys)
        else:
            found = groups_of(request, totals_of(request, query))
    return groups_listed(request, found)
