"""Boxes as JSON, and what `launch.py super` does to a whole box: update, reset, forget."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from synergy.conf.boxes import names_on
from synergy.core.commands import (
    CommandKind,
)
from synergy.core.records import Box, Json
from synergy.mx.api.answers import need_key, paged
from synergy.mx.pages.boxes import set_desired, set_drained
from synergy.mx.web.errors import Refused, unknown
from synergy.mx.web.orders import done_before, record
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.view.boxes import BoxView, Presence, box_views
from synergy.view.encode import (
    encode_box_process,
    encode_box_view,
)

ACTIONS: Final = ('drain', 'undrain', 'update', 'reset', 'forget')


def change_box(request: RequestContext, box_id: str, action: str) -> BoxView:
    """Do what `action` says, once for each form or key; return the box as it is then."""
    if action in ('drain', 'undrain'):
        set_drained(request, box_id, action)
    elif action in ACTIONS:
        details: dict[str, Json] = {'box': box_id, 'action': action}
        if done_before(request, CommandKind.BOX, box_id, details) is None:
            _change(request, box_id, action)
            record(request, CommandKind.BOX, box_id, details)
    else:
        raise unknown(f'{action!r:.40} is nothing to do to a box', f'one of {", ".join(ACTIONS)}')
    return _view(request, box_id) or BoxView(
        box=Box(box_id=box_id), presence=Presence.UNSEEN, silent_for=None, processes=[]
    )


def _change(request: RequestContext, box_id: str, action: str) -> None:
    view = _view(request, box_id)
    if view is None:
        raise unknown(
            f'there is no box {box_id!r:.80}', 'choose one from the list of boxes', '/boxes'
        )
    if action == 'forget' and view.presence is Presence.ALIVE:
        raise Refused(
            409, 'It is alive', f'box {box_id} is alive', 'stop its Supervisor there, or reset it'
        )
    if action in ('forget', 'reset'):
        request.store.forget_box(box_id)
    if action in ('update', 'reset'):
        for name in names_on(request.context, box_id):
            request.store.set_desired(box_id, name, is_on=True)


def _view(request: RequestContext, box_id: str) -> BoxView | None:
    views = box_views(request.store, request.settings.box_vanished)
    return next((view for view in views if view.box.box_id == box_id), None)


def api_boxes(request: RequestContext) -> Response:
    """List boxes with what is wanted and what runs on them, by id."""
    found = box_views(request.store, request.settings.box_vanished)
    return paged(request, found, lambda view: view.box.box_id, encode_box_view)


def api_submit_box_action(request: RequestContext, box_id: str, action: str) -> Response:
    """Drain a box or end that, switch on all that belongs there, forget what was wished, or it."""
    need_key(request)
    return json_answer(request.http, encode_box_view(change_box(request, box_id, action)))


def api_submit_box_process_action(
    request: RequestContext, box_id: str, process: str, action: str
) -> Response:
    """Say whether a process is to run on a box; the Supervisor there follows."""
    need_key(request)
    set_desired(request, box_id, process, action)
    rows = request.store.box_processes(box_id)
    row = next(row for row in rows if row.process == process)
    return json_answer(request.http, encode_box_process(row))
