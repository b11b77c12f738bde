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
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, Ask
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


def processes(ask: Ask, mistake: Mistake | None = None) -> Response:
    """List managed processes and daemons. mistake: what was sent, to be corrected."""
    ask.look()
    units = first_units(ask.store)
    with ask.model.lock:
        painter = Painter(ask)
        work = under_way(ask.model.timetable, units)
        rows = [_line(ask, painter, node, work) for node in ask.model.hierarchy]
    daemons = list(ask.context.daemons.values())
    status = 200 if mistake is None else mistake.error.status
    return page(ask, 'processes.html', status, rows=rows, daemons=daemons, mistake=mistake)


def graph(ask: Ask) -> Response:
    """Draw all processes for one instant."""
    drawn = graph_of(ask)
    names = [box.place.process for box in drawn.boxes]
    return page(
        ask,
        'graph.html',
        layout=drawn.layout,
        boxes=drawn.boxes,
        at=drawn.at,
        steps=[(label, drawn.at + step) for label, step in _STEPS],
        width=BOX_WIDTH,
        height=BOX_HEIGHT,
        inputs={name: ask.model.hierarchy.nodes[name].inputs for name in names},
    )


def graph_of(ask: Ask) -> Graph:
    """Return all processes, each with its job at the instant that is asked for."""
    at = instant_of(ask)
    ask.look()
    names = list(ask.model.hierarchy.nodes)[:GRAPH_MAX]
    drawing = layout(ask.model.hierarchy, names)
    calendar = ask.model.hierarchy.calendar
    with ask.model.lock:
        painter = Painter(ask)
        boxes = []
        for spot in drawing.places:
            node = ask.model.hierarchy.nodes[spot.process]
            ordinal = calendar.containing(node.process.qualifier, at).ordinal
            is_within = ordinal >= node.first and (node.until is None or ordinal < node.until)
            boxes.append(GraphBox(spot, painter.cell(node, ordinal) if is_within else None))
    return Graph(at, drawing, boxes)


def instant_of(ask: Ask) -> datetime:
    """Return the instant that is asked for; else one in the newest hour that is over."""
    at = ask.instant('at')
    if at is not None:
        return at
    ends = [node.tree.end for node in ask.model.hierarchy if node.tree.end is not None]
    last = max(ends, default=ask.now)
    return min(last, ask.now) - timedelta(hours=1)


def audit(ask: Ask) -> Response:
    """List who asked for what, newest first."""
    who, what = ask.optional('who'), ask.optional('what')
    kinds = tuple(kind.value for kind in CommandKind)
    known = None if what is None else [CommandKind(ask.choice('what', kinds, what))]
    rows, cursor = audited(ask, who, known)
    return page(
        ask,
        'audit.html',
        rows=rows,
        marks=MARKS,
        who=who,
        what=what,
        kinds=KIND_NAMES,
        older=older(ask, cursor),
        looked_at=LOOKED_AT_MAX,
    )


def audited(
    ask: Ask, who: str | None, kinds: Collection[CommandKind] | None
) -> tuple[Sequence[Command], str | None]:
    """Return the page of the audit that is asked for, and the cursor of the next.

    who: part of the name or address of who asked.
    """
    if who is None:
        return commands_page(ask, tuple(CommandState), kinds)
    part = who.lower()
    return commands_page(ask, tuple(CommandState), kinds, lambda item: part in item.actor.lower())


def logs(ask: Ask) -> Response:
    """Show the end of a log file of this box."""
    files = log_files(ask)
    name = ask.optional('file') or _newest(ask, files)
    lines = [] if name is None else log_lines(ask, name)
    words = ask.optional('q')
    shown = [line for line in lines if words is None or words.lower() in line.lower()]
    folder = ask.settings.log_directory
    return page(ask, 'logs.html', files=files, name=name, lines=shown, words=words, folder=folder)


def log_files(ask: Ask) -> Sequence[str]:
    """Return the names of the log files of this box."""
    folder = ask.settings.log_directory
    if not folder.is_dir():
        return []
    return sorted(item.name for item in folder.glob('*') if item.is_file())


def _newest(ask: Ask, files: Sequence[str]) -> str | None:
    """Return the log that was written to last."""

    def written_at(name: str) -> float:
        try:
            return (ask.settings.log_directory / name).stat().st_mtime
        except OSError:
            # Rotated away since it was listed.
            return 0.0

    return max(files, key=written_at, default=None)


def log_lines(ask: Ask, name: str) -> Sequence[str]:
    """Return the last lines of a log file of this box, without passwords."""
    files = log_files(ask)
    if name not in files:
        raise unknown(
            f'there is no log {name!r:.80}{nearest(name, files)}', 'choose one of them', '/logs'
        )
    return _tail(ask.settings.log_directory / name)


def search(ask: Ask) -> Response:
    """Find intervals; a single one is gone to at once."""
    text = ask.optional('q') or ''
    try:
        query = parse_query(ask, text)
    except Refused as error:
        return page(ask, 'search.html', error.status, text=text, error=error, rows=[], older=None)
    if isinstance(query, JobKey):
        return redirect(href_of(query), 302)
    ask.look()
    limit = ask.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    with ask.model.lock:
        painter, nodes = Painter(ask), ask.model.hierarchy.nodes
        found = find(ask, query, limit, cursor_of(ask))
        rows = [painter.cell(nodes[key.process], key.timeperiod.ordinal) for key in found.keys]
    return page(
        ask,
        'search.html',
        text=text,
        error=None,
        query=query,
        rows=rows,
        looks=BOX_LOOKS_MAX,
        older=older(ask, None if found.after is None else str(found.after)),
    )


def tree_page(ask: Ask, name: str) -> Response:
    """Show the trees that go by one `mx_page` of the context."""
    trees = {node.tree.name: node.tree for node in ask.model.hierarchy if node.tree.mx_page == name}
    if not trees:
        pages = {node.tree.mx_page or '' for node in ask.model.hierarchy}
        raise unknown(
            f'there is no page {name!r:.80}{nearest(name, pages)}', 'see the overview', '/'
        )
    return page(
        ask,
        'tree_page.html',
        name=name,
        shown=overview_of(ask, tuple(trees)),
        drawn_row=partial(drawn_row, ask),
    )


def _line(ask: Ask, painter: Painter, node: Node, work: UnderWay) -> ProcessLine:
    model, name = ask.model, node.process.name
    over = painter.over(node)
    pending = model.timetable.first_pending(name, range(node.first, over))
    ordinal = over if pending is None else pending
    has_next = node.until is None or ordinal < node.until
    entry = ask.context.managed.get(name)
    return ProcessLine(
        node=node,
        workers=0 if entry is None else entry.instances,
        last_good=painter.last_good(node),
        next_key=model.key(node, ordinal) if has_next else None,
        next_at=model.hierarchy.over_at(node, ordinal) if has_next else None,
        late=late_count(ask, painter, node),
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
