"""The graph of all processes as JSON."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.api.cells import encode_cell
from synergy.mx.pages import graph
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.view.encode import instant


def api_graph(request: RequestContext) -> Response:
    """Return all processes, and what waits for what: at an instant, or each as it was due last."""
    drawn = graph.graph_of(request)
    return json_answer(
        request.http,
        {
            'at': None if drawn.at is None else instant(drawn.at),
            'processes': [
                {
                    'process': box.place.process,
                    'column': box.place.column,
                    'cell': None if box.cell is None else encode_cell(box.cell),
                }
                for box in drawn.boxes
            ],
            'arrows': [
                {
                    'source': arrow.source,
                    'target': arrow.target,
                    'kind': 'dependency' if arrow.is_dependency else 'children',
                    'terms': arrow.text,
                }
                for arrow in drawn.layout.arrows
            ],
        },
    )
