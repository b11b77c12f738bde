"""Heat maps as JSON."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.api.cells import encode_cell
from synergy.mx.pages import heatmap
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.mx.widgets import heatmap_grids
from synergy.mx.widgets.cells import Painter


def api_heatmap(request: RequestContext, name: str) -> Response:
    """Return a heat map: cells by row."""
    focus = heatmap.focus_of(request, name)
    zoom = request.choice('z', heatmap_grids.ZOOMS, 'year')
    request.look()
    with request.model.lock:
        grid = heatmap_grids.grid_of(
            request, Painter(request), focus, zoom, heatmap.day_of(request, focus)
        )
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
    return json_answer(request.http, {'zoom': zoom, 'title': grid.title, 'rows': rows})
