"""The graph of all processes: at one instant, or each where it was due last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.node import Node
from synergy.core.structs import Struct
from synergy.core.timeperiod import Measure, Timeperiod, start_utc
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


class GraphBox(Struct, frozen=True):
    """One process of the graph, with its job at the chosen instant."""

    place: Place
    cell: Cell | None


class Graph(Struct, frozen=True):
    """All processes at one instant; each at its last interval that was due where `at` is None."""

    at: datetime | None
    layout: Layout
    boxes: Sequence[GraphBox]


def graph(request: RequestContext) -> Response:
    """Draw all processes for one instant, or as they were due last."""
    drawn = graph_of(request)
    around = drawn.at or request.now
    names = [box.place.process for box in drawn.boxes]
    return page(
        request,
        'graph.html',
        layout=drawn.layout,
        boxes=drawn.boxes,
        at=drawn.at,
        steps=[(label, around + step) for label, step in _STEPS],
        width=BOX_WIDTH,
        height=BOX_HEIGHT,
        inputs={name: request.model.hierarchy.nodes[name].inputs for name in names},
    )


def graph_of(request: RequestContext) -> Graph:
    """Return all processes, each with its job at the instant that is asked for.

    Without one each with the last of its jobs that was due: at no single instant have all a job
    that is, for the day and the month of the newest hour are not over.
    """
    at = request.written('at')
    request.look()
    names = list(request.model.hierarchy.nodes)[:GRAPH_MAX]
    drawing = layout(request.model.hierarchy, names)
    with request.model.lock:
        painter = Painter(request)
        boxes = []
        for spot in drawing.places:
            node = request.model.hierarchy.nodes[spot.process]
            ordinal = _ordinal_of(request, painter, node, at)
            cell = None if ordinal is None else painter.cell(node, ordinal)
            boxes.append(GraphBox(spot, cell))
    return Graph(None if at is None else start_utc(at), drawing, boxes)


def _ordinal_of(
    request: RequestContext, painter: Painter, node: Node, at: Timeperiod | None
) -> int | None:
    """Return which interval of a process is shown; None outside of its tree."""
    if at is None and painter.over(node) > node.first:
        return painter.over(node) - 1
    qualifier = node.process.qualifier
    if at is None:
        instant = request.now
    else:
        # A date is that of each tree.
        is_dated = qualifier.measure <= Measure.DAY
        instant = node.calendar.start(at) if is_dated else start_utc(at)
    ordinal = node.calendar.containing(qualifier, instant).ordinal
    return ordinal if node.clip(range(ordinal, ordinal + 1)) else None
