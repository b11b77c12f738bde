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
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, Ask
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


def api_status(ask: Ask) -> Response:
    """Tell how the system stands."""
    ask.look()
    with ask.model.lock:
        found = status(ask.model.timetable, ask.store, None, ask.now, ask.settings.box_vanished)
    return json_answer(ask.request, masked(encode_status(found)))


def api_jobs(ask: Ask) -> Response:
    """List jobs, those without a history included, by process and time."""
    limit = ask.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    ask.look()
    with ask.model.lock:
        keys, after = _found(ask, limit)
    rows = ask.store.jobs(keys)
    embryos = {key: Job(process=key[0], timeperiod=key[1], changed_at=ask.now) for key in keys}
    items = [masked(encode_job(rows.get(key) or embryos[key])) for key in keys]
    return listed(ask, items, None if after is None else str(after))


def api_job(ask: Ask, process: str, timeperiod: str) -> Response:
    """Return one job with its runs, logs, events and neighbours."""
    key = ask.key(process, timeperiod)
    ask.look()
    with ask.model.lock:
        found = job_page(ask.model.timetable, ask.store, key, ask.now)
    return json_answer(ask.request, masked(encode_page(found)))


def api_why(ask: Ask, process: str, timeperiod: str) -> Response:
    """Tell why a job stands where it stands, followed to the root.

    Each cause has depth (0: the job itself), kind, text, since and expected_at (null: not known),
    and action: label, method and address of the dashboard, the role it needs, and the command that
    does the same in a terminal; null where nothing helps but time.
    """
    key = ask.key(process, timeperiod)
    ask.look()
    with ask.model.lock:
        vanished_after = ask.settings.box_vanished
        causes = explain(ask.model.timetable, ask.store, key, ask.now, vanished_after)
    return json_answer(ask.request, {'causes': masked(encode_causes(causes))})


def api_log(ask: Ask, uow_id: str) -> Response:
    """Return the log of one run."""
    found = ask.store.units([UowId(uow_id)])
    if not found:
        raise unknown(f'there is no unit {uow_id!r:.60}', 'a job lists the units of its runs')
    lines = ask.store.log(UowId(uow_id))
    start = ask.number('cursor', 0, 0, 10**9)
    limit = ask.number('limit', LIMIT_MAX, 1, LIMIT_MAX)
    items = [
        {'attempt': line.attempt, 'at': instant(line.at), 'level': line.level, 'text': line.text}
        for line in lines[start : start + limit]
    ]
    following = str(start + limit) if len(lines) > start + limit else None
    return listed(ask, masked(items), following)


def api_preview(ask: Ask) -> Response:
    """Show what a request would touch, in which order, with the hash of that set."""
    command = _job_command(ask)
    return json_answer(ask.request, encode_preview(preview_of(ask, command)))


def api_request_jobs(ask: Ask) -> Response:
    """Ask for a reprocess, skip or cancel; follow it at the address that is returned."""
    need_key(ask)
    command = _job_command(ask)
    need_reason(ask)
    known = asked_before(ask, command)
    if known is None:
        planned = preview_of(ask, command)
        if command.plan_hash not in (None, planned.plan.hash):
            raise Refused(
                409,
                'The plan has changed',
                f'the request would touch another set now, {planned.plan.hash}',
                'look at the preview again and send its plan_hash; nothing was done',
            )
        known = place(ask, command)
    return accepted(ask, known)


def api_requests(ask: Ask) -> Response:
    """List what was asked for, newest first; with all=true the whole audit."""
    word = ask.optional('state')
    states = tuple(CommandState)
    if word is not None:
        states = (CommandState(ask.choice('state', COMMAND_STATE_WORDS, word)),)
    kinds = None if ask.switch('all') else JOB_KINDS
    found, cursor = commands_page(ask, states, kinds)
    return listed(ask, [masked(encode_command(item)) for item in found], cursor)


def api_request(ask: Ask, request_id: str) -> Response:
    """Return one request with its progress."""
    command = known_request(ask, request_id)
    row = request_row(ask, command)
    progress = ask.store.request_progress(command.id)
    return json_answer(
        ask.request,
        {
            **masked(encode_command(command)),
            **encode_progress(progress),
            'done_count': row.done,
            'left_count': row.left,
            'rest_seconds': None if row.rest is None else round(row.rest.total_seconds(), 1),
        },
    )


def api_control_request(ask: Ask, request_id: str, action: str) -> Response:
    """Pause, resume or cancel a request."""
    need_key(ask)
    target = known_request(ask, request_id)
    if action not in ACTIONS:
        raise unknown(f'{action!r:.40} is nothing to do to a request', 'pause, resume or cancel')
    reason = reason_of(ask)
    return accepted(
        ask, order(ask, ACTIONS[action], target.process, target=target.id, reason=reason)
    )


def api_runs(ask: Ask) -> Response:
    """List units under way, by id."""
    return paged(ask, ask.store.live_units(), lambda unit: unit.id, encode_dead)


def api_processes(ask: Ask) -> Response:
    """List managed processes as the Scheduler goes by them."""
    ask.look()
    items = [masked(encode_process(node)) for node in ask.model.hierarchy]
    return listed(ask, items, None)


def api_switch_process(ask: Ask, name: str, action: str) -> Response:
    """Switch a process on or off, change its trigger, go by context.py again, or look at it now."""
    need_key(ask)
    return accepted(ask, order_change(ask, name, action))


def api_freeruns(ask: Ask) -> Response:
    """List free runs with their next fires, by name."""
    found = freeruns(ask.context, ask.store, ask.now)

    def encode(item: FreerunView) -> dict[str, Any]:
        return {**encode_freerun(item), **encode_standing(standing(ask.store, item.freerun.name))}

    return paged(ask, found, lambda item: item.freerun.name, encode)


def api_freerun_runs(ask: Ask) -> Response:
    """List the runs of all free runs: those under way, then those that ended last."""
    runs = runs_of(ask)
    return listed(ask, [masked(encode_dead(unit)) for unit in runs.units], runs.cursor)


def api_freerun(ask: Ask, name: str) -> Response:
    """Return one free run with its newest runs and events."""
    view = known_freerun(ask, name)
    units = ask.store.freerun_units(view.freerun.name, EVENTS_MAX)
    events = ask.store.freerun_events(view.freerun.name, EVENTS_MAX)
    return json_answer(
        ask.request,
        {
            **masked(encode_freerun(view)),
            **masked(encode_standing(standing(ask.store, view.freerun.name))),
            'runs': [masked(encode_unit(unit)) for unit in units],
            'events': masked([{'at': instant(item.at), 'text': item.text} for item in events]),
        },
    )


def api_save_freerun(ask: Ask) -> Response:
    """Create a free run, or change what is said of one."""
    need_key(ask)
    name = ask.text('name')
    details: dict[str, Any] = {
        field: value for field, value in ask.body().items() if field in FREERUN_FIELDS
    }
    before = {
        str(view.freerun.name): view.freerun for view in freeruns(ask.context, ask.store, ask.now)
    }.get(name)
    try:
        if 'arguments' in details:
            known = {} if before is None else dict(before.arguments)
            details['arguments'] = unmasked(details['arguments'], known)
        if before is not None and isinstance(details.get('description'), str):
            details['description'] = unmasked(details['description'], before.description)
        checked_definition(ask, name, details, before)
    except (FreerunRefused, SecretUnknown) as error:
        raise wrong(str(error), 'correct the definition; nothing was changed') from error
    return accepted(
        ask, order(ask, CommandKind.FREERUN_SAVE, name, details=details, reason=reason_of(ask))
    )


def api_switch_freerun(ask: Ask, name: str, action: str) -> Response:
    """Switch a free run on or off, run it now, cancel what runs (or one `uow`), or remove it."""
    need_key(ask)
    return accepted(ask, order_switch(ask, name, action))


def api_boxes(ask: Ask) -> Response:
    """List boxes with what is wanted and what runs on them, by id."""
    found = box_views(ask.store, ask.settings.box_vanished)
    return paged(ask, found, lambda view: view.box.box_id, encode_box_view)


def api_change_box(ask: Ask, box_id: str, action: str) -> Response:
    """Drain a box or end that, switch on all that belongs there, forget what was wished, or it."""
    need_key(ask)
    return json_answer(ask.request, encode_box_view(change_box(ask, box_id, action)))


def api_switch_box_process(ask: Ask, box_id: str, process: str, action: str) -> Response:
    """Say whether a process is to run on a box; the Supervisor there follows."""
    need_key(ask)
    set_desired(ask, box_id, process, action)
    rows = ask.store.box_processes(box_id)
    row = next(row for row in rows if row.process == process)
    return json_answer(ask.request, encode_box_process(row))


def api_dead(ask: Ask) -> Response:
    """List dead letters, newest first."""
    units, cursor = dead_page(ask)
    return listed(ask, [masked(encode_dead(unit)) for unit in units], cursor)


def api_settle_dead(ask: Ask, uow_id: str, action: str) -> Response:
    """Retry a dead letter, or drop it."""
    need_key(ask)
    return accepted(ask, settle(ask, uow_id, action))


def _job_command(ask: Ask) -> Command:
    kind = CommandKind(ask.choice('kind', JOB_KIND_WORDS, 'reprocess'))
    node = ask.node(ask.text('process'))
    start = ask.timeperiod(node, ask.text('start'))
    text = ask.optional('end')
    end = start.shift(1) if text is None else ask.timeperiod(node, text)
    return job_command(
        ask,
        kind,
        node.process.name,
        (start, end),
        only=Only(ask.choice('only', ONLY_WORDS, Only.ALL.value)),
        with_children=ask.switch('with_children'),
    )


def _found(ask: Ask, limit: int) -> tuple[list[JobKey], JobKey | None]:
    """Return at most `limit` jobs that the filters leave, and where to go on; hold the lock."""
    name, word = ask.optional('process'), ask.optional('state')
    wanted = None if word is None else _WANTED[ask.choice('state', STATE_WORDS, word)]
    query = JobQuery(start=ask.instant('start'), end=ask.instant('end'))
    if query.start is not None and query.end is not None and query.start > query.end:
        raise wrong(
            f'start is {ask.text("start")}, which is later than end, {ask.text("end")}',
            'swap the two',
        )
    nodes = [ask.node(name)] if name else list(ask.model.hierarchy)
    cursor = cursor_of(ask)
    if cursor is not None:
        at = ask.model.hierarchy.nodes[cursor.process]
        if at not in nodes:
            raise wrong(
                f'cursor is of {cursor.process}, which is not listed', 'drop one of the two'
            )
        nodes = nodes[nodes.index(at) :]
    looking = Looking(timetable=ask.model.timetable, failed=ask.model.failed, now=ask.now)
    keys: list[JobKey] = []
    looks = 0
    for node in nodes:
        ordinals = ordinals_of(ask.model.timetable, node, query)
        if cursor is not None and cursor.process == node.process.name:
            start = max(ordinals.start, cursor.timeperiod.ordinal)
            ordinals = range(start, max(ordinals.stop, start))
        for ordinal, is_wanted in looked_at(looking, node, ordinals, wanted):
            # A page may be shorter than its limit: nobody else is kept waiting for the lock.
            if len(keys) == limit or looks == LOOKS_MAX:
                return keys, ask.model.key(node, ordinal)
            looks += 1
            if is_wanted:
                keys.append(ask.model.key(node, ordinal))
    return keys, None
