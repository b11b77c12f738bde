"""Heat maps as JSON."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.api.cells import encode_cell
from synergy.mx.pages import heatmap
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.mx.widgets.cells import Painter


def api_heatmap(request: RequestContext, name: str) -> Response:
    """Return a heat map: cells by row."""
    focus = heatmap.focus_of(request, name)
    zoom = request.choice('z', focus.zooms, 'year')
    request.look()
    with request.model.lock:
        painter = Painter(request)
        at = heatmap.moment_of(request, focus, zoom)
        drawn = heatmap.drawn_of(request, painter, focus, zoom, at)
    grid = drawn.grid
    rows = [
        {
            'title': row.title,
            'process': row.process,
            'cells': [
                None if slot.cell is None else {**encode_cell(slot.cell), 'columns': slot.span}
                for slot in row.slots
            ],
        }
        for group in grid.groups
        for row in group.rows
    ]
    elsewhere = [
        {
            'year': item.year,
            'process': item.process,
            'unfinished': item.unfinished,
            'late': item.late,
            'failed': item.failed,
        }
        for item in drawn.elsewhere
    ]
    return json_answer(
        request.http,
        {
            'zoom': zoom,
            'title': grid.title,
            'time_zone': focus.node.tree.zone,
            'columns': [
                {'title': column.title, 'columns': column.span, 'hint': column.hint}
                for column in grid.columns
            ],
            'rows': rows,
            'elsewhere': elsewhere,
        },
    )
