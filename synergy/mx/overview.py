"""The first page: five numbers, what needs a person, every tree, and what goes on right now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import JOB_KINDS, OPEN_COMMAND_STATES
from synergy.core.hierarchy import Node
from synergy.core.readiness import readiness
from synergy.core.records import Job
from synergy.core.states import Due
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Lane
from synergy.mx.ask import Ask
from synergy.mx.cells import Cell, Painter
from synergy.mx.follow import RequestRow, request_row
from synergy.mx.live import LiveRow, live_rows
from synergy.mx.model import Change, Usual
from synergy.mx.render import page

STRIP: Final = {'_hourly': 36, '_daily': 31, '_monthly': 12, '_yearly': 6}
#: With more processes than this, strips are shorter and usual times are left to other pages.
MANY_PROCESSES: Final = 30
#: Embryos of one process that are looked at one by one to count the blocked ones.
BLOCKED_LOOKS: Final = 300
ROWS_MAX: Final = 8
EVENTS_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """One process: its newest intervals and how far it is. behind: intervals late.

    late_since: when the oldest of them might have started.

    is_blocked_least: there are more blocked ones than were counted.
    """

    node: Node
    cells: Sequence[Cell]
    last_good: JobKey | None
    next_key: JobKey | None
    next_at: datetime | None
    usual: Usual | None
    behind: int
    late_since: datetime | None
    running: int
    blocked: int
    is_blocked_least: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRow:
    """One tree with its processes, coarse to fine."""

    name: str
    dependent_on: Sequence[str]
    rows: Sequence[ProcessRow]
    held: int

    @property
    def behind(self) -> int:
        """Return how many intervals of all its processes are late."""
        return sum(row.behind for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The five numbers. is_blocked_least: there are more blocked ones than were counted."""

    running: int
    blocked: int
    is_blocked_least: bool
    failed: int
    late: int
    requests: int
    requests_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that the page shows."""

    numbers: Numbers
    held: Sequence[Job]
    trees: Sequence[TreeRow]
    live: Sequence[LiveRow]
    requests: Sequence[RequestRow]
    recent: Sequence[Change]


def overview(ask: Ask) -> Response:
    """Return the page."""
    return page(ask, 'overview.html', shown=overview_of(ask))


def overview_of(ask: Ask, trees: Sequence[str] | None = None) -> Overview:
    """Return how everything, or only `trees`, stands."""
    requests = [
        request_row(ask, command)
        for command in ask.store.commands(OPEN_COMMAND_STATES, ROWS_MAX * 4, JOB_KINDS)
    ]
    live = live_rows(ask, ROWS_MAX)
    model = ask.model
    ask.look()
    with model.lock:
        painter = Painter(ask)
        shown = _trees(ask, painter, trees)
        held = sorted((job for job in model.timetable.open_jobs() if job.is_held), key=_age)
        rows = [row for tree in shown for row in tree.rows]
        return Overview(
            numbers=Numbers(
                running=sum(model.timetable.running_count(name) for name in model.hierarchy.nodes),
                blocked=sum(row.blocked for row in rows),
                is_blocked_least=any(row.is_blocked_least for row in rows),
                failed=len(model.failed),
                late=sum(row.behind for row in rows),
                requests=len(requests),
                requests_left=sum(row.left for row in requests),
            ),
            held=held[:ROWS_MAX],
            trees=shown,
            live=live,
            requests=requests[:ROWS_MAX],
            recent=list(model.recent)[: -EVENTS_MAX - 1 : -1],
        )


def late_count(ask: Ask, painter: Painter, node: Node) -> int:
    """Return how many intervals are unfinished although the one after them is over, too."""
    timetable, name = ask.model.timetable, node.process.name
    over = range(node.first, max(painter.over(node) - 1, node.first))
    first = timetable.first_pending(name, over)
    return 0 if first is None else timetable.pending_count(name, range(first, over.stop))


def _age(job: Job) -> datetime:
    return job.changed_at


def _trees(ask: Ask, painter: Painter, wanted: Sequence[str] | None) -> list[TreeRow]:
    nodes = ask.model.hierarchy.nodes
    trees = dict.fromkeys(node.tree.name for node in ask.model.hierarchy)
    tree_by_name = {node.tree.name: node.tree for node in ask.model.hierarchy}
    return [
        TreeRow(
            name=name,
            dependent_on=tree_by_name[name].dependent_on,
            rows=[_row(ask, painter, nodes[level]) for level in tree_by_name[name].levels],
            held=sum(
                job.is_held and job.process in tree_by_name[name].levels
                for job in ask.model.timetable.open_jobs()
            ),
        )
        for name in trees
        if wanted is None or name in wanted
    ]


def _row(ask: Ask, painter: Painter, node: Node) -> ProcessRow:
    model, name = ask.model, node.process.name
    is_long = len(model.hierarchy.nodes) > MANY_PROCESSES
    length = min(STRIP[node.process.qualifier], 12 if is_long else 36)
    over = painter.over(node)
    frontier = model.timetable.first_pending(name, range(node.first, over))
    next_ordinal = over if frontier is None else frontier
    has_next = node.until is None or next_ordinal < node.until
    next_key = model.key(node, next_ordinal) if has_next else None
    behind = late_count(ask, painter, node)
    blocked, is_least = _blocked(ask, painter, node)
    return ProcessRow(
        node=node,
        cells=[painter.cell(node, ordinal) for ordinal in _window(ask, node, frontier, length)],
        last_good=painter.last_good(node),
        next_key=next_key,
        next_at=None if next_key is None else model.hierarchy.over_at(node, next_ordinal),
        usual=None if is_long else model.usual(ask.store, name),
        behind=behind,
        late_since=model.hierarchy.over_at(node, next_ordinal) if behind else None,
        running=model.timetable.running_count(name),
        blocked=blocked,
        is_blocked_least=is_least,
    )


def _window(ask: Ask, node: Node, frontier: int | None, length: int) -> range:
    """Return the newest intervals; where work is far behind them, those around the work."""
    span = ask.model.timetable.span(node.process.name)
    stop = span.stop
    if frontier is not None and stop - frontier > length * 3 // 4:
        stop = frontier + length // 2
    return range(max(stop - length, span.start), stop)


def _blocked(ask: Ask, painter: Painter, node: Node) -> tuple[int, bool]:
    """Return how many jobs of a process wait for others, and whether there may be more."""
    if not node.inputs:
        return 0, False
    timetable, name = ask.model.timetable, node.process.name
    count, looks = 0, 0
    for lane in Lane:
        ordinal = timetable.next_embryo(name, range(node.first, painter.over(node)), lane)
        while ordinal is not None:
            if looks >= BLOCKED_LOOKS:
                return count, True
            looks += 1
            found = readiness(timetable, ask.model.key(node, ordinal), ask.now)
            count += found.due in (Due.BLOCKED, Due.HELD)
            ordinal = timetable.next_embryo(name, range(ordinal + 1, painter.over(node)), lane)
    return count, False
