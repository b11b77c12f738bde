"""Pages that only look: processes, graph, audit, config, logs, search, pages of trees."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from synergy.core.commands import Command, CommandKind, CommandState
from synergy.core.hierarchy import Node
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.redaction import redacted_lines
from synergy.core.timeperiod import JobKey
from synergy.mx.live.marks import PROCESSED, Mark
from synergy.mx.live.workload import UnderWay, first_units, under_way
from synergy.mx.pages.overview import overview_of
from synergy.mx.pages.requests import MARKS
from synergy.mx.pages.search import BOX_LOOKS_MAX, cursor_of, find, parse_query
from synergy.mx.web.answers import LOOKED_AT_MAX, commands_page, older
from synergy.mx.web.errors import Refused, unknown
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import page
from synergy.mx.web.sentences import KIND_NAMES
from synergy.mx.widgets.cells import Cell, Painter, href_of
from synergy.mx.widgets.graph_layout import BOX_HEIGHT, BOX_WIDTH, Layout, Place, layout
from synergy.mx.widgets.tree_rows import drawn_row, late_count

LOG_BYTES: Final = 64 * 1024
GRAPH_MAX: Final = 300
#: Where one goes from the graph of an instant.
_STEPS: Final = (
    ('Day earlier', timedelta(days=-1)),
    ('Hour earlier', timedelta(hours=-1)),
    ('Hour later', timedelta(hours=1)),
    ('Day later', timedelta(days=1)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLine:
    """One managed process as registered, and how it does. mark: of its first open interval."""

    node: Node
    workers: int
    last_good: JobKey | None
    next_key: JobKey | None
    next_at: datetime | None
    late: int
    failed: int
    running: int
    queued: int
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A form about a process that was not taken."""

    process: ProcessName
    error: Refused


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


def processes(request: RequestContext, mistake: Mistake | None = None) -> Response:
    """List managed processes and daemons. mistake: what was sent, to be corrected."""
    request.look()
    units = first_units(request.store)
    with request.model.lock:
        painter = Painter(request)
        work = under_way(request.model.timetable, units)
        rows = [_line(request, painter, node, work) for node in request.model.hierarchy]
    daemons = list(request.context.daemons.values())
    status = 200 if mistake is None else mistake.error.status
    return page(request, 'processes.html', status, rows=rows, daemons=daemons, mistake=mistake)


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


def audit(request: RequestContext) -> Response:
    """List who asked for what, newest first."""
    who, what = request.optional('who'), request.optional('what')
    kinds = tuple(kind.value for kind in CommandKind)
    known = None if what is None else [CommandKind(request.choice('what', kinds, what))]
    rows, cursor = audited(request, who, known)
    return page(
        request,
        'audit.html',
        rows=rows,
        marks=MARKS,
        who=who,
        what=what,
        kinds=KIND_NAMES,
        older=older(request, cursor),
        looked_at=LOOKED_AT_MAX,
    )


def audited(
    request: RequestContext, who: str | None, kinds: Collection[CommandKind] | None
) -> tuple[Sequence[Command], str | None]:
    """Return the page of the audit that is asked for, and the cursor of the next.

    who: part of the name or address of who asked.
    """
    if who is None:
        return commands_page(request, tuple(CommandState), kinds)
    part = who.lower()
    return commands_page(
        request, tuple(CommandState), kinds, lambda item: part in item.actor.lower()
    )


def logs(request: RequestContext) -> Response:
    """Show the end of a log file of this box."""
    files = log_files(request)
    name = request.optional('file') or _newest(request, files)
    lines = [] if name is None else log_lines(request, name)
    words = request.optional('q')
    shown = [line for line in lines if words is None or words.lower() in line.lower()]
    folder = request.settings.log_directory
    return page(
        request, 'logs.html', files=files, name=name, lines=shown, words=words, folder=folder
    )


def log_files(request: RequestContext) -> Sequence[str]:
    """Return the names of the log files of this box."""
    folder = request.settings.log_directory
    if not folder.is_dir():
        return []
    return sorted(item.name for item in folder.glob('*') if item.is_file())


def _newest(request: RequestContext, files: Sequence[str]) -> str | None:
    """Return the log that was written to last."""

    def written_at(name: str) -> float:
        try:
            return (request.settings.log_directory / name).stat().st_mtime
        except OSError:
            # Rotated away since it was listed.
            return 0.0

    return max(files, key=written_at, default=None)


def log_lines(request: RequestContext, name: str) -> Sequence[str]:
    """Return the last lines of a log file of this box, without passwords."""
    files = log_files(request)
    if name not in files:
        raise unknown(
            f'there is no log {name!r:.80}{nearest(name, files)}', 'choose one of them', '/logs'
        )
    return _tail(request.settings.log_directory / name)


def search(request: RequestContext) -> Response:
    """Find intervals; a single one is gone to at once."""
    text = request.optional('q') or ''
    try:
        query = parse_query(request, text)
    except Refused as error:
        return page(
            request, 'search.html', error.status, text=text, error=error, rows=[], older=None
        )
    if isinstance(query, JobKey):
        return redirect(href_of(query), 302)
    request.look()
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    with request.model.lock:
        painter, nodes = Painter(request), request.model.hierarchy.nodes
        found = find(request, query, limit, cursor_of(request))
        rows = [painter.cell(nodes[key.process], key.timeperiod.ordinal) for key in found.keys]
    return page(
        request,
        'search.html',
        text=text,
        error=None,
        query=query,
        rows=rows,
        looks=BOX_LOOKS_MAX,
        older=older(request, None if found.after is None else str(found.after)),
    )


def tree_page(request: RequestContext, name: str) -> Response:
    """Show the trees that go by one `mx_page` of the context."""
    trees = {
        node.tree.name: node.tree for node in request.model.hierarchy if node.tree.mx_page == name
    }
    if not trees:
        pages = {node.tree.mx_page or '' for node in request.model.hierarchy}
        raise unknown(
            f'there is no page {name!r:.80}{nearest(name, pages)}', 'see the overview', '/'
        )
    return page(
        request,
        'tree_page.html',
        name=name,
        shown=overview_of(request, tuple(trees)),
        drawn_row=partial(drawn_row, request),
    )


def _line(request: RequestContext, painter: Painter, node: Node, work: UnderWay) -> ProcessLine:
    model, name = request.model, node.process.name
    over = painter.over(node)
    pending = model.timetable.first_pending(name, range(node.first, over))
    ordinal = over if pending is None else pending
    has_next = node.until is None or ordinal < node.until
    entry = request.context.managed.get(name)
    return ProcessLine(
        node=node,
        workers=0 if entry is None else entry.instances,
        last_good=painter.last_good(node),
        next_key=model.key(node, ordinal) if has_next else None,
        next_at=model.hierarchy.over_at(node, ordinal) if has_next else None,
        late=late_count(request, painter, node),
        failed=len(model.failed[name]),
        running=work.running.get(name, 0),
        queued=work.queued.get(name, 0),
        mark=PROCESSED if pending is None else painter.mark(node, model.key(node, pending)),
    )


def _tail(file: Path) -> Sequence[str]:
    with file.open('rb') as stream:
        stream.seek(0, 2)
        size = stream.tell()
        stream.seek(max(size - LOG_BYTES, 0))
        text = stream.read(LOG_BYTES).decode('utf-8', 'replace')
    lines = text.splitlines()
    return redacted_lines(lines[1:] if size > LOG_BYTES else lines)
