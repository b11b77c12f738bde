"""Jobs as JSON: lists, one with its runs and events, and why it stands where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, start_utc
from synergy.mx.api.answers import groups_listed, listed
from synergy.mx.pages.search import cursor_of
from synergy.mx.web.errors import wrong
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import json_answer
from synergy.view.conditions import SOUGHT
from synergy.view.encode import (
    encode_causes,
    encode_job,
    encode_page,
)
from synergy.view.inputs import encode_inputs
from synergy.view.jobs import JobQuery, failed_keys, job_page, ordinals_of, without_row
from synergy.view.letter_groups import failure_groups
from synergy.view.standing import Wanted, looked_at
from synergy.view.why import explain

_WANTED: Final[Mapping[str, Wanted]] = {
    **{item.value: item for item in JobState},
    **SOUGHT,
}
STATE_WORDS: Final = tuple(_WANTED)
#: Which intervals of a process come first.
ORDERS: Final = ('oldest', 'newest')
#: Embryos of one page of jobs that are asked whether they are blocked.
LOOKS_MAX: Final = 5_000


def api_jobs(request: RequestContext) -> Response:
    """List jobs, those without a history included, by process and time, or the newest first."""
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    request.look()
    with request.model.lock:
        keys, after = _found(request, limit)
    rows = request.store.jobs(keys)
    with request.model.lock:
        looking = request.model.looking(request.now)
        jobs = [rows.get(key) or without_row(looking.timetable, key, request.now) for key in keys]
        items = [masked(encode_job(looking, job)) for job in jobs]
    return listed(request, items, None if after is None else str(after))


def api_job_groups(request: RequestContext) -> Response:
    """List the failed ones of these jobs by process and kind of error, the largest groups first.

    One request about all of a group takes its process, its range of intervals and its `error`.
    """
    name = request.optional('process')
    query = replace(
        _query(request), process=None if name is None else request.node(name).process.name
    )
    request.look()
    with request.model.lock:
        keys = failed_keys(request.model.looking(request.now), query)
        found = failure_groups(request.model.timetable, request.store, keys)
    return groups_listed(request, found)


def api_job(request: RequestContext, process: str, timeperiod: str) -> Response:
    """Return one job with its runs, logs, events and neighbours."""
    key = request.key(process, timeperiod)
    request.look()
    with request.model.lock:
        found = job_page(request.model.timetable, request.store, key, request.now)
        document = encode_page(request.model.looking(request.now), found)
    return json_answer(request.http, masked(document))


def api_why(request: RequestContext, process: str, timeperiod: str) -> Response:
    """Tell why a job stands where it stands, followed to the root.

    Each cause has depth (0: the job itself), kind, text, since and expected_at (null: not known),
    and action: label, method and address of the dashboard, the role it needs, and the command that
    does the same in a terminal; null where nothing helps but time.
    """
    key = request.key(process, timeperiod)
    request.look()
    with request.model.lock:
        vanished_after = request.settings.box_vanished
        causes = explain(request.model.timetable, request.store, key, request.now, vanished_after)
    return json_answer(request.http, {'causes': masked(encode_causes(causes))})


def api_inputs(request: RequestContext, process: str, timeperiod: str) -> Response:
    """Tell what a job waits for: each input with the intervals that it means, and what it lacks."""
    key = request.key(process, timeperiod)
    request.look()
    with request.model.lock:
        found = encode_inputs(
            request.model.looking(request.now), request.node(key.process), key.timeperiod.ordinal
        )
    return json_answer(request.http, found)


def _found(request: RequestContext, limit: int) -> tuple[list[JobKey], JobKey | None]:
    """Return at most `limit` jobs that the filters leave, and where to go on; hold the lock."""
    name, query = request.optional('process'), _query(request)
    nodes = [request.node(name)] if name else list(request.model.hierarchy)
    is_newest = request.choice('order', ORDERS, ORDERS[0]) == 'newest'
    cursor = cursor_of(request)
    if cursor is not None:
        at = request.model.hierarchy.nodes[cursor.process]
        if at not in nodes:
            raise wrong(
                f'cursor is of {cursor.process}, which is not listed', 'drop one of the two'
            )
        nodes = nodes[nodes.index(at) :]
    looking = request.model.looking(request.now)
    keys: list[JobKey] = []
    looks = 0
    for node in nodes:
        ordinals = ordinals_of(request.model.timetable, node, query)
        if cursor is not None and cursor.process == node.process.name:
            ordinals = _from(cursor.timeperiod.ordinal, ordinals, newest_first=is_newest)
        found = looked_at(looking, node, ordinals, query.state, newest_first=is_newest)
        for ordinal, is_wanted in found:
            # A page may be shorter than its limit: nobody else is kept waiting for the lock.
            if len(keys) == limit or looks == LOOKS_MAX:
                return keys, request.model.key(node, ordinal)
            looks += 1
            if is_wanted:
                keys.append(request.model.key(node, ordinal))
    return keys, None


def _query(request: RequestContext) -> JobQuery:
    """Return which jobs the filters leave, of whatever process."""
    word = request.optional('state')
    wanted = None if word is None else _WANTED[request.choice('state', STATE_WORDS, word)]
    query = JobQuery(start=request.written('start'), end=request.written('end'), state=wanted)
    if (
        query.start is not None
        and query.end is not None
        and start_utc(query.start) > start_utc(query.end)
    ):
        raise wrong(
            f'start is {request.text("start")}, which is later than end, {request.text("end")}',
            'swap the two',
        )
    return query


def _from(cursor: int, ordinals: range, *, newest_first: bool) -> range:
    """Return those of `ordinals` that come at a cursor or after it."""
    if newest_first:
        return range(ordinals.start, max(min(ordinals.stop, cursor + 1), ordinals.start))
    start = max(ordinals.start, cursor)
    return range(start, max(ordinals.stop, start))
