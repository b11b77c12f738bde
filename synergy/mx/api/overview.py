"""How everything stands, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from synergy.core.structs import as_document
from synergy.mx.api.cells import encode_cell
from synergy.mx.pages.overview import overview_of
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.mx.widgets.tree_rows import TreeRow
from synergy.view.conditions import HELD, PAUSED, RESTING
from synergy.view.encode import (
    encode_job,
    encode_need,
    encode_status,
    instant,
)
from synergy.view.status import status


def api_overview(request: RequestContext) -> Response:
    """Tell the five numbers, how each tree stands, and which jobs wait for a person."""
    shown = overview_of(request, is_whole=True)
    with request.model.lock:
        looking = request.model.looking(request.now)
        held = [masked(encode_job(looking, job)) for job in shown.held]
    return json_answer(
        request.http,
        {
            **as_document(shown.numbers),
            'needs': [masked(encode_need(item)) for item in shown.needs],
            'held': held,
            'untaken': [
                {'process': item.process, 'queued': item.count, 'since': instant(item.since)}
                for item in shown.untaken
            ],
            'trees': [_encode_tree(tree) for tree in shown.trees],
        },
    )


def _encode_tree(tree: TreeRow) -> Mapping[str, Any]:
    return {
        'tree': tree.name,
        'dependent_on': list(tree.dependent_on),
        'late': tree.late,
        'held': tree.held,
        'processes': [
            {
                'process': row.node.process.name,
                'last_good': None if row.last_good is None else str(row.last_good.timeperiod),
                'next': None if row.next_key is None else str(row.next_key.timeperiod),
                'next_at': instant(row.next_at),
                'due_at': instant(row.due_at),
                'late': row.late,
                'late_since': instant(row.late_since),
                'running': row.work.running,
                'queued': row.work.queued,
                'retrying': row.work.retrying,
                'held': row.work[HELD],
                'paused': row.work[PAUSED],
                'resting': row.work[RESTING],
                'blocked': row.blocked,
                'failed': row.failed,
                'older': row.older,
                'strip': [encode_cell(cell) for cell in row.cells],
            }
            for row in tree.rows
        ],
    }


def api_status(request: RequestContext) -> Response:
    """Tell how the system stands."""
    request.look()
    with request.model.lock:
        found = status(
            request.model.timetable,
            request.store,
            None,
            request.now,
            request.settings.box_vanished,
            context=request.context,
        )
    return json_answer(request.http, masked(encode_status(found)))
