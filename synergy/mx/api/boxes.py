"""Boxes as JSON, and what `launch.py super` does to a whole box: update, reset, forget."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.core.records import Box
from synergy.mx.api.answers import need_key, paged
from synergy.mx.web.caller import caller_of
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.operations.boxes import change_box, switch_on_box
from synergy.view.box_work import box_work, encode_box_work
from synergy.view.boxes import BoxView, Presence, box_views
from synergy.view.encode import (
    encode_box_process,
    encode_box_view,
)


def api_boxes(request: RequestContext) -> Response:
    """List boxes with what is wanted and what runs on them, by id."""
    found = box_views(request.store, request.settings.box_vanished)
    request.look()
    with request.model.lock:
        runs = request.model.looking(request.now).runs
        work = box_work(request.model.timetable, runs, request.store, request.context.worker_of)
    return paged(
        request, found, lambda view: view.box.box_id, lambda view: encode_box_work(view, work)
    )


def api_submit_box_action(request: RequestContext, box_id: str, action: str) -> Response:
    """Drain a box or end that, switch on all that belongs there, forget what was desired, or it."""
    need_key(request)
    change_box(caller_of(request), box_id, action, request.settings.box_vanished)
    views = box_views(request.store, request.settings.box_vanished)
    view = next((view for view in views if view.box.box_id == box_id), None)
    # One that was forgotten is shown as one that was never seen.
    gone = BoxView(box=Box(box_id=box_id), presence=Presence.UNSEEN, silent_for=None, processes=[])
    return json_answer(request.http, encode_box_view(view or gone))


def api_submit_box_process_action(
    request: RequestContext, box_id: str, process: str, action: str
) -> Response:
    """Say whether a process is to run on a box; the Supervisor there follows."""
    need_key(request)
    switch_on_box(caller_of(request), box_id, process, action)
    rows = request.store.box_processes(box_id)
    row = next(row for row in rows if row.process == process)
    return json_answer(request.http, encode_box_process(row))
