"""The HTTP API of pages that only look: overview, heat map, graph, search, audit, logs, health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from werkzeug.wrappers import Response

from synergy.core.commands import CommandKind
from synergy.core.timeperiod import JobKey
from synergy.mx.pages import heatmap, looking
from synergy.mx.pages.config import entry_rows, setting_rows
from synergy.mx.pages.health import encode_health, health_of
from synergy.mx.pages.overview import overview_of
from synergy.mx.pages.search import Found, cursor_of, find, parse_query
from synergy.mx.web.answers import listed
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import json_answer
from synergy.mx.widgets.cells import Cell, Painter
from synergy.mx.widgets.tree_rows import TreeRow
from synergy.view.encode import encode_command, encode_job, instant
from synergy.view.usual import slow_since

KIND_WORDS: Final = tuple(kind.value for kind in CommandKind)


def api_overview(request: RequestContext) -> Response:
    """Tell the five numbers, how each tree stands, and which jobs wait for a person."""
    shown = overview_of(request)
    return json_answer(
        request.http,
        {
            **asdict(shown.numbers),
            'held': [masked(encode_job(item.job)) for item in shown.held],
            'untaken': [
                {'process': item.process, 'queued': item.count, 'since': instant(item.since)}
                for item in shown.untaken
            ],
            'trees': [_encode_tree(tree) for tree in shown.trees],
        },
    )


def api_heatmap(request: RequestContext, name: str) -> Response:
    """Return a heat map: cells by row."""
    focus = heatmap.focus_of(request, name)
    zoom = request.choice('z', heatmap.ZOOMS, 'year')
    request.look()
    with request.model.lock:
        grid = heatmap.grid_of(request, focus, zoom, heatmap.day_of(request, focus))
    rows = [
        {
            'title': row.title,
            'process': row.process,
            'cells': [
                None if slot.cell is None else {**_encode_cell(slot.cell), 'columns': slot.span}
                for slot in row.slots
            ],
        }
        for group in grid.groups
        for row in group.rows
    ]
    return json_answer(request.http, {'zoom': zoom, 'title': grid.title, 'rows': rows})


def api_graph(request: RequestContext) -> Response:
    """Return all processes for one instant, and what waits for what."""
    drawn = looking.graph_of(request)
    return json_answer(
        request.http,
        {
            'at': instant(drawn.at),
            'processes': [
                {
                    'process': box.place.process,
                    'column': box.place.column,
                    'cell': None if box.cell is None else _encode_cell(box.cell),
                }
                for box in drawn.boxes
            ],
            'arrows': [
                {
                    'source': arrow.source,
                    'target': arrow.target,
                    'kind': 'dependency' if arrow.is_dependency else 'children',
                }
                for arrow in drawn.layout.arrows
            ],
        },
    )


def api_durations(request: RequestContext, name: str) -> Response:
    """Tell how long the newest runs of a process took, and how long they usually take.

    With around, of an interval that is older than all of these: the runs before and after it.
    """
    node, text = request.node(name), request.optional('around')
    around = None if text is None else request.timeperiod(node, text)
    durations = request.model.durations(request.store, node.process.name, around)
    slow, usual = slow_since(durations), durations.usual
    return json_answer(
        request.http,
        {
            'process': node.process.name,
            'usual_seconds': _seconds(usual.p50),
            'p95_seconds': _seconds(usual.p95),
            'slow_since': str(slow[0].key.timeperiod) if slow else None,
            'runs': [
                {
                    'timeperiod': str(run.key.timeperiod),
                    'run': run.run,
                    'state': run.state.value,
                    'started_at': instant(run.started_at),
                    'finished_at': instant(run.finished_at),
                    'took_seconds': _seconds(run.took),
                }
                for run in durations.runs
            ],
        },
    )


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)


def api_search(request: RequestContext) -> Response:
    """Find intervals, newest first: `process:site* state:failed since:3d box:w2`."""
    query, cursor = parse_query(request, request.optional('q') or ''), cursor_of(request)
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    request.look()
    with request.model.lock:
        painter = Painter(request)
        found = (
            Found([query], None)
            if isinstance(query, JobKey)
            else find(request, query, limit, cursor)
        )
        items = [
            {
                'process': key.process,
                **_encode_cell(
                    painter.cell(request.model.hierarchy.nodes[key.process], key.timeperiod.ordinal)
                ),
            }
            for key in found.keys
        ]
    return listed(request, items, None if found.after is None else str(found.after))


def api_audit(request: RequestContext) -> Response:
    """List who asked for what, from where, why, and what came of it, newest first."""
    who, what = request.optional('who'), request.optional('what')
    kinds = None if what is None else [CommandKind(request.choice('what', KIND_WORDS, what))]
    found, cursor = looking.audited(request, who, kinds)
    return listed(request, [masked(encode_command(item)) for item in found], cursor)


def api_logs(request: RequestContext) -> Response:
    """List the log files of the dashboard's box."""
    return listed(request, [{'file': name} for name in looking.log_files(request)], None)


def api_log_file(request: RequestContext, file: str) -> Response:
    """Return the last lines of a log file, or those of them that hold the text q."""
    lines = looking.log_lines(request, file)
    words = (request.optional('q') or '').lower()
    shown = [line for line in lines if words in line.lower()]
    return json_answer(request.http, {'file': file, 'lines': shown})


def api_config(request: RequestContext) -> Response:
    """Return settings and context as loaded, without secrets."""
    rows = setting_rows(request)
    return json_answer(
        request.http,
        {
            'settings': {row.name: row.value for row in rows},
            'places': {row.name: row.place for row in rows if row.place is not None},
            'processes': [asdict(row) for row in entry_rows(request)],
        },
    )


def api_health(request: RequestContext) -> Response:
    """Tell whether everything is well; 503 when no work is done, or not all that should run does.

    `needs` says why it is not well; `warnings` what may mend itself; `waits` counts what waits for
    a person, and is no illness.
    """
    found = health_of(request)
    return json_answer(request.http, encode_health(request, found), 200 if found.is_well else 503)


def _encode_cell(cell: Cell) -> Mapping[str, Any]:
    return {
        'timeperiod': cell.timeperiod,
        'state': cell.word,
        'done': cell.done,
        'total': cell.total,
        'is_late': cell.is_late,
    }


def _encode_tree(tree: TreeRow) -> Mapping[str, Any]:
    return {
        'tree': tree.name,
        'dependent_on': list(tree.dependent_on),
        'late': tree.behind,
        'held': tree.held,
        'processes': [
            {
                'process': row.node.process.name,
                'last_good': None if row.last_good is None else str(row.last_good.timeperiod),
                'next': None if row.next_key is None else str(row.next_key.timeperiod),
                'next_at': instant(row.next_at),
                'late': row.behind,
                'running': row.running,
                'queued': row.queued,
                'resting': row.resting,
                'blocked': row.blocked,
                'strip': [_encode_cell(cell) for cell in row.cells],
            }
            for row in tree.rows
        ],
    }
