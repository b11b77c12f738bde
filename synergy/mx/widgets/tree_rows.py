"""How each process stands: its newest intervals, how far it is, what of it is late or blocked.

A row is drawn again only when something has changed on which it depends: of a hundred processes
most are quiet, while the overview is read every few seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

from synergy.core.node import Node
from synergy.core.readiness import blocked_runs
from synergy.core.records import ProcessName, Tree
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Measure
from synergy.mx.live.read_model import Usual
from synergy.mx.live.standings import Standing
from synergy.mx.web import formats
from synergy.mx.web.paging import Part, part_of
from synergy.mx.web.request_context import RequestContext
from synergy.mx.widgets.cells import BLOCKED_LOOKS, Cell, Painter, next_due
from synergy.view.workload import Tallies, Workload

#: How many intervals a strip has: of each measure, the newest.
STRIP: Final = {
    Measure.MINUTE: 36, Measure.HOUR: 36, Measure.DAY: 31, Measure.WEEK: 13, Measure.MONTH: 12,
    Measure.YEAR: 6,
}  # fmt: skip
#: With more processes than this, strips are shorter and usual times are left to other pages.
MANY_PROCESSES: Final = 30
#: With more processes than this, only some trees are shown at a time, and how many.
PROCESSES_SHOWN: Final = 200
TREES_SHOWN: Final = 25
ONLY: Final = ('all', 'attention')
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class ProcessRow(Struct, frozen=True, kw_only=True):
    """One process: its newest intervals and how far it is.

    cells: its newest intervals. older: unfinished ones before those. late: how many intervals are.
    late_since: since when the oldest of them is. due_at: when the next one is to be done; None
    without a deadline. is_blocked_least: there are more blocked ones than were counted.
    failed: held, or skipped after their last attempt.
    work: what of it is under way, rests, is held or paused.
    """

    node: Node
    cells: Sequence[Cell]
    older: int
    last_good: JobKey | None
    next_key: JobKey | None
    next_at: datetime | None
    usual: Usual | None
    late: int
    late_since: datetime | None
    due_at: datetime | None
    work: Tallies
    blocked: int
    is_blocked_least: bool
    failed: int


class TreeRow(Struct, frozen=True, kw_only=True):
    """One tree with its processes, coarse to fine. title: its `mx_name`."""

    name: str
    title: str | None
    dependent_on: Sequence[str]
    rows: Sequence[ProcessRow]
    held: int

    @property
    def late(self) -> int:
        """Return how many intervals of all its processes are late."""
        return sum(row.late for row in self.rows)


class TreePart(Struct, frozen=True, kw_only=True):
    """Trees as one page shows them, and numbers of all of them.

    part: None where all are shown, whatever the address says. tree_count: without any filter.
    """

    shown: Sequence[TreeRow]
    part: Part | None
    tree_count: int
    late: int
    blocked: int
    is_blocked_least: bool


def trees_of(
    request: RequestContext,
    held: Mapping[ProcessName, int],
    work: Workload,
    wanted: Sequence[str] | None,
    *,
    is_whole: bool,
) -> TreePart:
    """Return how the trees, or only those `wanted`, stand.

    held: jobs that are held, by process. is_whole: with all their rows; else of many trees those
    that the address asks for, first the ones with something late, held or failed.
    """
    painter, nodes = Painter(request), request.model.hierarchy.nodes
    trees = [
        tree
        for tree in {node.tree.name: node.tree for node in request.model.hierarchy}.values()
        if wanted is None or tree.name in wanted
    ]
    standings = {
        level: process_standing(request, painter, nodes[level])
        for tree in trees
        for level in tree.levels
    }
    part: Part | None = None
    chosen: Sequence[Tree] = trees
    if not is_whole and len(standings) > PROCESSES_SHOWN:
        part, chosen = _chosen(request, trees, standings, held)
    return TreePart(
        shown=[
            TreeRow(
                name=tree.name,
                title=tree.mx_name,
                dependent_on=tree.dependent_on,
                rows=[
                    _row(request, painter, nodes[level], work, standings[level])
                    for level in tree.levels
                ],
                held=sum(held.get(level, 0) for level in tree.levels),
            )
            for tree in chosen
        ],
        part=part,
        tree_count=len(trees),
        late=sum(item.late for item in standings.values()),
        blocked=sum(item.blocked for item in standings.values()),
        is_blocked_least=any(item.is_blocked_least for item in standings.values()),
    )


def process_standing(request: RequestContext, painter: Painter, node: Node) -> Standing:
    """Return how a process stands in numbers; hold the lock of the read model."""

    def found(of: Node) -> tuple[Standing, datetime]:
        span = request.model.timetable.span(of.process.name)
        blocked, is_least = _blocked(request, of)
        standing = Standing(
            late=painter.late_count(of, span),
            blocked=blocked,
            is_blocked_least=is_least,
            failed=painter.standing_out(of.process.name).failed_count(span),
        )
        return standing, _changes_at(request, painter, of)

    return request.site.standings.of(request.model, node, request.now, found)


def _changes_at(request: RequestContext, painter: Painter, node: Node) -> datetime:
    """Return the instant from which on more of a process is over, or late; never after its end."""
    hierarchy, until = request.model.hierarchy, node.until
    over, late = painter.over(node), painter.late_until(node)
    instants = [_NEVER]
    if until is None or over < until:
        instants.append(hierarchy.over_at(node, over))
    # Without a deadline one is late as soon as the next is over.
    if node.process.deadline is not None and (until is None or late < until):
        instants.append(hierarchy.late_at(node, late))
    return min(instants)


def _chosen(
    request: RequestContext,
    trees: Sequence[Tree],
    standings: Mapping[ProcessName, Standing],
    held: Mapping[ProcessName, int],
) -> tuple[Part, Sequence[Tree]]:
    """Return the trees of the page that is asked for; those that need somebody come first."""
    text = (request.optional('trees') or '').lower()
    only = request.choice('only', ONLY, 'all')

    def needs_somebody(tree: Tree) -> bool:
        found = [standings[level] for level in tree.levels]
        is_held = any(held.get(level) for level in tree.levels)
        return is_held or any(item.late or item.failed for item in found)

    def is_meant(tree: Tree) -> bool:
        names = (tree.name, tree.mx_name or '', *tree.levels)
        return not text or any(text in name.lower() for name in names)

    first: list[Tree] = []
    rest: list[Tree] = []
    for tree in filter(is_meant, trees):
        (first if needs_somebody(tree) else rest).append(tree)
    meant = first if only == 'attention' else [*first, *rest]
    part = part_of(request, len(meant), TREES_SHOWN)
    return part, meant[part.shown.start : part.shown.stop]


def drawn_row(request: RequestContext, row: ProcessRow) -> Markup:
    """Return the row of a process as it is shown, drawn again only when it shows something else."""
    name, now = row.node.process.name, request.now
    next_in = formats.ago(row.next_at, now) if row.next_at is not None and row.next_at > now else ''
    late_by = '' if row.late_since is None else formats.span(now - row.late_since)
    due_in = '' if row.due_at is None or row.late else formats.ago(row.due_at, now)
    is_left_out = name in request.model.left_out.found
    shown = row, next_in, late_by, due_in, is_left_out

    def draw() -> Markup:
        macros: Any = request.site.templates.get_template('process_row.html').module
        drawn: Markup = macros.process_row(*shown)
        return drawn

    with request.model.lock:
        return request.model.drawn(('row', name), shown, draw)


def _row(
    request: RequestContext, painter: Painter, node: Node, work: Workload, standing: Standing
) -> ProcessRow:
    model, name = request.model, node.process.name
    usual = None if _is_long(request) else model.usual(request.store, name)
    own = work.of(name)

    def draw() -> ProcessRow:
        return _drawn(request, painter, node, usual, own, standing)

    return model.drawn(name, (painter.stamp([node]), usual, own.shown, standing), draw)


def _drawn(
    request: RequestContext,
    painter: Painter,
    node: Node,
    usual: Usual | None,
    work: Tallies,
    standing: Standing,
) -> ProcessRow:
    """Return a row."""
    model, name = request.model, node.process.name
    length = min(STRIP[node.process.qualifier.measure], 10 if _is_long(request) else 36)
    over = painter.over(node)
    frontier = model.timetable.first_pending(name, range(node.first, over))
    next_ordinal = next_due(painter, node) if frontier is None else frontier
    has_next = node.until is None or next_ordinal < node.until
    next_key = model.key(node, next_ordinal) if has_next else None
    late_at = model.hierarchy.late_at(node, next_ordinal)
    span = model.timetable.span(name)
    # The newest, whatever is unfinished before them: how today stands is seen during a backfill.
    window = range(max(span.stop - length, span.start), span.stop)
    older = 0
    if frontier is not None and frontier < window.start:
        older = model.timetable.pending_count(name, range(frontier, window.start))
    return ProcessRow(
        node=node,
        cells=[painter.cell(node, ordinal) for ordinal in window],
        older=older,
        last_good=painter.last_good(node),
        next_key=next_key,
        next_at=None if next_key is None else model.hierarchy.over_at(node, next_ordinal),
        usual=usual,
        late=standing.late,
        late_since=late_at if standing.late and not painter.is_rerun(node, next_ordinal) else None,
        due_at=None if node.process.deadline is None or not has_next else late_at,
        work=work,
        blocked=standing.blocked,
        is_blocked_least=standing.is_blocked_least,
        failed=standing.failed,
    )


def _is_long(request: RequestContext) -> bool:
    return len(request.model.hierarchy.nodes) > MANY_PROCESSES


def _blocked(request: RequestContext, node: Node) -> tuple[int, bool]:
    """Return how many jobs of a process wait for others, and whether there may be more."""
    timetable, count = request.model.timetable, 0
    runs = blocked_runs(timetable, node, timetable.span(node.process.name), request.now)
    for looks, run in enumerate(runs):
        if looks == BLOCKED_LOOKS:
            return count, True
        count += len(run)
    return count, False
