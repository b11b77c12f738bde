"""The HTTP API: what the screens show and do, as JSON, with the keys of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from werkzeug.wrappers import Response

from synergy.core.commands import (
    JOB_KINDS,
    Command,
    CommandKind,
    CommandState,
    Only,
)
from synergy.core.freerun_definition import FreerunRefused
from synergy.core.records import Job, UowId
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from synergy.mx.api.boxes import change_box
from synergy.mx.pages.boxes import set_desired
from synergy.mx.pages.confirm import need_reason
from synergy.mx.pages.dead_letters import settle
from synergy.mx.pages.freeruns import checked_definition, known_freerun, order_switch, runs_of
from synergy.mx.pages.interval import EVENTS_MAX
from synergy.mx.pages.job_changes import job_command, preview_of
from synergy.mx.pages.processes import order_change
from synergy.mx.pages.requests import ACTIONS, known_request, request_row
from synergy.mx.pages.search import cursor_of
from synergy.mx.web.answers import accepted, commands_page, dead_page, listed, need_key, paged
from synergy.mx.web.errors import Refused, unknown, wrong
from synergy.mx.web.orders import asked_before, order, place, reason_of
from synergy.mx.web.redact import SecretUnknown, masked, unmasked
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import json_answer
from synergy.view.boxes import box_views
from synergy.view.encode import (
    encode_box_process,
    encode_box_view,
    encode_causes,
    encode_command,
    encode_dead,
    encode_freerun,
    encode_job,
    encode_page,
    encode_preview,
    encode_progress,
    encode_standing,
    encode_status,
    encode_unit,
    instant,
)
from synergy.view.freeruns import FreerunView, freeruns, standing
from synergy.view.jobs import JobQuery, job_page, ordinals_of
from synergy.view.processes import encode_process
from synergy.view.standing import Looking, Standing, looked_at
from synergy.view.status import status
from synergy.view.why import explain

JOB_KIND_WORDS: Final = tuple(kind.value for kind in JOB_KINDS)
_WANTED: Final[Mapping[str, JobState | Standing]] = {
    item.value: item for item in (*JobState, *Standing)
}
STATE_WORDS: Final = tuple(_WANTED)
#: Embryos of one page of jobs that are asked whether they are blocked.
LOOKS_MAX: Final = 5_000
ONLY_WORDS: Final = tuple(item.value for item in Only)
COMMAND_STATE_WORDS: Final = tuple(state.value for state in CommandState)
FREERUN_FIELDS: Final = (
    'trigger', 'is_on', 'overlap', 'misfire', 'misfire_max', 'arguments', 'description', 'is_new',
)  # fmt: skip


def api_status(request: RequestContext) -> Response:
    """Tell how the system stands."""
    request.look()
    with request.model.lock:
        found = status(
            request.model.timetable, request.store, None, request.now, request.settings.box_vanished
        )
    return json_answer(request.http, masked(encode_status(found)))


def api_jobs(request: RequestContext) -> Response:
    """List jobs, those without a history included, by process and time."""
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    request.look()
    with request.model.lock:
        keys, after = _found(request, limit)
    rows = request.store.jobs(keys)
    embryos = {key: Job(process=key[0], timeperiod=key[1], changed_at=request.now) for key in keys}
    items = [masked(encode_job(rows.get(key) or embryos[key])) for key in keys]
    return listed(request, items, None if after is None else str(after))


def api_job(request: RequestContext, process: str, timeperiod: str) -> Response:
    """Return one job with its runs, logs, events and neighbours."""
    key = request.key(process, timeperiod)
    request.look()
    with request.model.lock:
        found = job_page(request.model.timetable, request.store, key, request.now)
    return json_answer(request.http, masked(encode_page(found)))


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


def api_log(request: RequestContext, uow_id: str) -> Response:
    """Return the log of one run."""
    found = request.store.units([UowId(uow_id)])
    if not found:
        raise unknown(f'there is no unit {uow_id!r:.60}', 'a job lists the units of its runs')
    lines = request.store.log(UowId(uow_id))
    start = request.number('cursor', 0, 0, 10**9)
    limit = request.number('limit', LIMIT_MAX, 1, LIMIT_MAX)
    items = [
        {'attempt': line.attempt, 'at': instant(line.at), 'level': line.level, 'text': line.text}
        for line in lines[start : start + limit]
    ]
    following = str(start + limit) if len(lines) > start + limit else None
    return listed(request, masked(items), following)


def api_preview(request: RequestContext) -> Response:
    """Show what a request would touch, in which order, with the hash of that set."""
    command = _job_command(request)
    return json_answer(request.http, encode_preview(preview_of(request, command)))


def api_request_jobs(request: RequestContext) -> Response:
    """Ask for a reprocess, skip or cancel; follow it at the address that is returned."""
    need_key(request)
    command = _job_command(request)
    need_reason(request)
    known = asked_before(request, command)
    if known is None:
        planned = preview_of(request, command)
        if command.plan_hash not in (None, planned.plan.hash):
            raise Refused(
                409,
                'The plan has changed',
                f'the request would touch another set now, {planned.plan.hash}',
                'look at the preview again and send its plan_hash; nothing was done',
            )
        known = place(request, command)
    return accepted(request, known)


def api_requests(request: RequestContext) -> Response:
    """List what was asked for, newest first; with all=true the whole audit."""
    word = request.optional('state')
    states = tuple(CommandState)
    if word is not None:
        states = (CommandState(request.choice('state', COMMAND_STATE_WORDS, word)),)
    kinds = None if request.switch('all') else JOB_KINDS
    found, cursor = commands_page(request, states, kinds)
    return listed(request, [masked(encode_command(item)) for item in found], cursor)


def api_request(request: RequestContext, request_id: str) -> Response:
    """Return one request with its progress."""
    command = known_request(request, request_id)
    row = request_row(request, command)
    progress = request.store.request_progress(command.id)
    return json_answer(
        request.http,
        {
            **masked(encode_command(command)),
            **encode_progress(progress),
            'done_count': row.done,
            'left_count': row.left,
            'rest_seconds': None if row.rest is None else round(row.rest.total_seconds(), 1),
        },
    )


def api_control_request(request: RequestContext, request_id: str, action: str) -> Response:
    """Pause, resume or cancel a request."""
    need_key(request)
    target = known_request(request, request_id)
    if action not in ACTIONS:
        raise unknown(f'{action!r:.40} is nothing to do to a request', 'pause, resume or cancel')
    reason = reason_of(request)
    return accepted(
        request, order(request, ACTIONS[action], target.process, target=target.id, reason=reason)
    )


def api_runs(request: RequestContext) -> Response:
    """List units under way, by id."""
    return paged(request, request.store.live_units(), lambda unit: unit.id, encode_dead)


def api_processes(request: RequestContext) -> Response:
    """List managed processes as the Scheduler goes by them."""
    request.look()
    items = [masked(encode_process(node)) for node in request.model.hierarchy]
    return listed(request, items, None)


def api_switch_process(request: RequestContext, name: str, action: str) -> Response:
    """Switch a process on or off, change its trigger, go by context.py again, or look at it now."""
    need_key(request)
    return accepted(request, order_change(request, name, action))


def api_freeruns(request: RequestContext) -> Response:
    """List free runs with their next fires, by name."""
    found = freeruns(request.context, request.store, request.now)

    def encode(item: FreerunView) -> dict[str, Any]:
        return {
            **encode_freerun(item),
            **encode_standing(standing(request.store, item.freerun.name)),
        }

    return paged(request, found, lambda item: item.freerun.name, encode)


def api_freerun_runs(request: RequestContext) -> Response:
    """List the runs of all free runs: those under way, then those that ended last."""
    runs = runs_of(request)
    return listed(request, [masked(encode_dead(unit)) for unit in runs.units], runs.cursor)


def api_freerun(request: RequestContext, name: str) -> Response:
    """Return one free run with its newest runs and events."""
    view = known_freerun(request, name)
    units = request.store.freerun_units(view.freerun.name, EVENTS_MAX)
    events = request.store.freerun_events(view.freerun.name, EVENTS_MAX)
    return json_answer(
        request.http,
        {
            **masked(encode_freerun(view)),
            **masked(encode_standing(standing(request.store, view.freerun.name))),
            'runs': [masked(encode_unit(unit)) for unit in units],
            'events': masked([{'at': instant(item.at), 'text': item.text} for item in events]),
        },
    )


def api_save_freerun(request: RequestContext) -> Response:
    """Create a free run, or change what is said of one."""
    need_key(request)
    name = request.text('name')
    details: dict[str, Any] = {
        field: value for field, value in request.body().items() if field in FREERUN_FIELDS
    }
    before = {
        str(view.freerun.name): view.freerun
        for view in freeruns(request.context, request.store, request.now)
    }.get(name)
    try:
        if 'arguments' in details:
            known = {} if before is None else dict(before.arguments)
            details['arguments'] = unmasked(details['arguments'], known)
        if before is not None and isinstance(details.get('description'), str):
            details['description'] = unmasked(details['description'], before.description)
        checked_definition(request, name, details, before)
    except (FreerunRefused, SecretUnknown) as error:
        raise wrong(str(error), 'correct the definition; nothing was changed') from error
    return accepted(
        request,
        order(request, CommandKind.FREERUN_SAVE, name, details=details, reason=reason_of(request)),
    )


def api_switch_freerun(request: RequestContext, name: str, action: str) -> Response:
    """Switch a free run on or off, run it now, cancel what runs (or one `uow`), or remove it."""
    need_key(request)
    return accepted(request, order_switch(request, name, action))


def api_boxes(request: RequestContext) -> Response:
    """List boxes with what is wanted and what runs on them, by id."""
    found = box_views(request.store, request.settings.box_vanished)
    return paged(request, found, lambda view: view.box.box_id, encode_box_view)


def api_change_box(request: RequestContext, box_id: str, action: str) -> Response:
    """Drain a box or end that, switch on all that belongs there, forget what was wished, or it."""
    need_key(request)
    return json_answer(request.http, encode_box_view(change_box(request, box_id, action)))


def api_switch_box_process(
    request: RequestContext, box_id: str, process: str, action: str
) -> Response:
    """Say whether a process is to run on a box; the Supervisor there follows."""
    need_key(request)
    set_desired(request, box_id, process, action)
    rows = request.store.box_processes(box_id)
    row = next(row for row in rows if row.process == process)
    return json_answer(request.http, encode_box_process(row))


def api_dead(request: RequestContext) -> Response:
    """List dead letters, newest first."""
    units, cursor = dead_page(request)
    return listed(request, [masked(encode_dead(unit)) for unit in units], cursor)


def api_settle_dead(request: RequestContext, uow_id: str, action: str) -> Response:
    """Retry a dead letter, or drop it."""
    need_key(request)
    return accepted(request, settle(request, uow_id, action))


def _job_command(request: RequestContext) -> Command:
    kind = CommandKind(request.choice('kind', JOB_KIND_WORDS, 'reprocess'))
    node = request.node(request.text('process'))
    start = request.timeperiod(node, request.text('start'))
    text = request.optional('end')
    end = start.shift(1) if text is None else request.timeperiod(node, text)
    return job_command(
        request,
        kind,
        node.process.name,
        (start, end),
        only=Only(request.choice('only', ONLY_WORDS, Only.ALL.value)),
        with_children=request.switch('with_children'),
    )


def _found(request: RequestContext, limit: int) -> tuple[list[JobKey], JobKey | None]:
    """Return at most `limit` jobs that the filters leave, and where to go on; hold the lock."""
    name, word = request.optional('process'), request.optional('state')
    wanted = None if word is None else _WANTED[request.choice('state', STATE_WORDS, word)]
    query = JobQuery(start=request.instant('start'), end=request.instant('end'))
    if query.start is not None and query.end is not None and query.start > query.end:
        raise wrong(
            f'start is {request.text("start")}, which is later than end, {request.text("end")}',
            'swap the two',
        )
    nodes = [request.node(name)] if name else list(request.model.hierarchy)
    cursor = cursor_of(request)
    if cursor is not None:
        at = request.model.hierarchy.nodes[cursor.process]
        if at not in nodes:
            raise wrong(
                f'cursor is of {cursor.process}, which is not listed', 'drop one of the two'
            )
        nodes = nodes[nodes.index(at) :]
    looking = Looking(
        timetable=request.model.timetable, failed=request.model.failed, now=request.now
    )
    keys: list[JobKey] = []
    looks = 0
    for node in nodes:
        ordinals = ordinals_of(request.model.timetable, node, query)
        if cursor is not None and cursor.process == node.process.name:
            start = max(ordinals.start, cursor.timeperiod.ordinal)
            ordinals = range(start, max(ordinals.stop, start))
        for ordinal, is_wanted in looked_at(looking, node, ordinals, wanted):
            # A page may be shorter than its limit: nobody else is kept waiting for the lock.
            if len(keys) == limit or looks == LOOKS_MAX:
                return keys, request.model.key(node, ordinal)
            looks += 1
            if is_wanted:
                keys.append(request.model.key(node, ordinal))
    return keys, None
