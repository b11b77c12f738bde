"""The graph of all processes at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from werkzeug.wrappers import Response

from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.cells import Cell, Painter
from synergy.mx.widgets.graph_layout import BOX_HEIGHT, BOX_WIDTH, Layout, Place, layout

GRAPH_MAX: Final = 300
#: Where one goes from the graph of an instant.
_STEPS: Final = (
    ('Day earlier', timedelta(days=-1)),
    ('Hour earlier', timedelta(hours=-1)),
    ('Hour later', timedelta(hours=1)),
    ('Day later', timedelta(days=1)),
)


@dataclass(frozen=True, slots=True)
class GraphBox:
    """One process of the graph, with its job at the chosen instant."""

    place: Place
    cell: Cell | None


@dataclass(frozen=True, slots=True)
class Graph:
    """All processes at one instant."""

    at: datetime
    layout: Layout
    boxes: Sequence[GraphBox]


def graph(request: RequestContext) -> Response:
    """Draw all processes for one instant."""
    drawn = graph_of(request)
    names = [box.place.process for box in drawn.boxes]
    return page(
        request,
        'graph.html',
        layout=drawn.layout,
        boxes=drawn.boxes,
        at=drawn.at,
        steps=[(label, drawn.at + step) for label, step in _STEPS],
        width=BOX_WIDTH,
        height=BOX_HEIGHT,
        inputs={name: request.model.hierarchy.nodes[name].inputs for name in names},
    )


def graph_of(request: RequestContext) -> Graph:
    """Return all processes, each with its job at the instant that is asked for."""
    at = instant_of(request)
    request.look()
    names = list(request.model.hierarchy.nodes)[:GRAPH_MAX]
    drawing = layout(request.model.hierarchy, names)
    calendar = request.model.hierarchy.calendar
    with request.model.lock:
        painter = Painter(request)
        boxes = []
        for spot in drawing.places:
            node = request.model.hierarchy.nodes[spot.process]
            ordinal = calendar.containing(node.process.qualifier, at).ordinal
            is_within = ordinal >= node.first and (node.until is None or ordinal < node.until)
            boxes.append(GraphBox(spot, painter.cell(node, ordinal) if is_within else None))
    return Graph(at, drawing, boxes)


def instant_of(request: RequestContext) -> datetime:
    """Return the instant that is asked for; else one in the newest hour that is over."""
    at = request.instant('at')
    if at is not None:
        return at
    ends = [node.tree.end for node in request.model.hierarchy if node.tree.end is not None]
    last = max(ends, default=request.now)
    return min(last, request.now) - timedelta(hours=1)
