"""The first page: five numbers, what needs a person, every tree, and what goes on right now.

Pages of trees show the same of some trees alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import JOB_KINDS, OPEN_COMMAND_STATES
from synergy.core.nearest import nearest
from synergy.core.records import Job, Leadership, ProcessName, is_led
from synergy.core.structs import Struct
from synergy.mx.live.recent import FoldedChange, folded_changes
from synergy.mx.pages.forecast import overview_forecast
from synergy.mx.pages.live import LiveRow, live_rows
from synergy.mx.pages.requests import RequestRow, request_rows
from synergy.mx.web.errors import unknown
from synergy.mx.web.paging import Part
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.tree_rows import TreeRow, drawn_row, trees_of
from synergy.view.boxes import BoxView, box_views
from synergy.view.conditions import HELD, PAUSED, Mark
from synergy.view.need import Need, NeedKind, Seen
from synergy.view.needs import needs
from synergy.view.no_worker import able_processes
from synergy.view.troubles import Trouble, standing_of, troubles
from synergy.view.untaken import Untaken, untaken
from synergy.view.workload import Workload, workload_of

ROWS_MAX: Final = 8
EVENTS_MAX: Final = 20
NEEDS_MAX: Final = 40
#: How what waits for a person is called on pages.
NEED_MARKS: Final = {
    NeedKind.FAILED: HELD,
    NeedKind.PAUSED: PAUSED,
    NeedKind.VANISHED: Mark('fail', 'box vanished'),
    NeedKind.NOT_UP: Mark('fail', 'does not start'),
    NeedKind.OVERLONG: Mark('block', 'takes too long'),
    NeedKind.OFF: Mark('block', 'switched off'),
    NeedKind.SELF_PAUSED: Mark('fail', 'paused by itself'),
    NeedKind.NO_WORKER: Mark('block', 'no worker'),
    NeedKind.START_OVERDUE: Mark('block', 'waits too long'),
    NeedKind.CALENDAR_ENDS: Mark('block', 'calendar ends'),
    NeedKind.NO_WATCH: Mark('fail', 'nobody watches'),
}


class Numbers(Struct, frozen=True, kw_only=True):
    """The five numbers. is_blocked_least: there are more blocked ones than were counted.

    running: units on workers; queued: those that wait for one. retrying: for their next attempt.
    """

    running: int
    queued: int
    retrying: int
    blocked: int
    is_blocked_least: bool
    failed: int
    held_count: int
    late: int
    requests: int
    requests_left: int


class HeldJob(Struct, frozen=True):
    """A job that waits for a person. holds_up: the processes of which an interval waits for it."""

    job: Job
    holds_up: Sequence[ProcessName]


class Overview(Struct, frozen=True, kw_only=True):
    """All that the page shows. troubles: what the leader says is wrong. needs: what waits for a
    person besides, NEEDS_MAX of them at most. held: the oldest held jobs; untold: those of which
    no need tells. part: which of the trees these are; None: all of them.
    """

    numbers: Numbers
    leadership: Leadership | None
    is_led: bool
    troubles: Sequence[Trouble]
    needs: Sequence[Need]
    needs_count: int
    held: Sequence[Job]
    untold: Sequence[HeldJob]
    untold_count: int
    untaken: Sequence[Untaken]
    trees: Sequence[TreeRow]
    part: Part | None
    tree_count: int
    live: Sequence[LiveRow]
    requests: Sequence[RequestRow]
    recent: Sequence[FoldedChange]


def overview(request: RequestContext) -> Response:
    """Return the page."""
    return page(
        request,
        'overview.html',
        shown=overview_of(request),
        drawn_row=partial(drawn_row, request),
        foreseen=overview_forecast(request),
    )


def overview_of(
    request: RequestContext, trees: Sequence[str] | None = None, *, is_whole: bool = False
) -> Overview:
    """Return how everything, or only `trees`, stands. is_whole: with the rows of all of them."""
    requests = request_rows(
        request, request.store.commands(OPEN_COMMAND_STATES, ROWS_MAX * 4, JOB_KINDS)
    )
    live = live_rows(request, request.store.live_units(ROWS_MAX))
    model = request.model
    request.look()
    leadership = request.store.leadership()
    store_now = request.store.store_now()
    has_leader = is_led(leadership, store_now)
    found = troubles(standing_of(request.store, leadership, store_now), request.now)
    views = box_views(request.store, request.settings.box_vanished)
    with model.lock:
        held = sorted((job for job in model.timetable.open_jobs() if job.is_held), key=_age)
        work = workload_of(model.timetable, model.looking(request.now).runs)
        found_needs = needs(_seen(request, views, work))
        untold_jobs = _untold(held, found_needs)
        held_by_process = Counter(job.process for job in held)
        shown = trees_of(request, held_by_process, work, trees, is_whole=is_whole)
        return Overview(
            numbers=Numbers(
                running=work.whole.running,
                queued=work.whole.queued,
                retrying=work.whole.retrying,
                blocked=shown.blocked,
                is_blocked_least=shown.is_blocked_least,
                failed=model.failed_count,
                held_count=len(held),
                late=shown.late,
                requests=len(requests),
                requests_left=sum(row.left for row in requests),
            ),
            leadership=leadership,
            is_led=has_leader,
            troubles=found,
            needs=found_needs if is_whole else found_needs[:NEEDS_MAX],
            needs_count=len(found_needs),
            held=held[:ROWS_MAX],
            untold=[_held(request, job) for job in untold_jobs[:ROWS_MAX]],
            untold_count=len(untold_jobs),
            untaken=()
            if request.past is not None
            else list(untaken(model.timetable, work, able_processes(views), request.now)),
            trees=shown.shown,
            part=shown.part,
            tree_count=shown.tree_count,
            live=live,
            requests=requests[:ROWS_MAX],
            recent=folded_changes(reversed(model.recent), EVENTS_MAX),
        )


def _age(job: Job) -> datetime:
    return job.changed_at


def _seen(request: RequestContext, views: Sequence[BoxView], work: Workload) -> Seen:
    return Seen(
        timetable=request.model.timetable,
        store=request.store,
        views=views,
        vanished_after=request.settings.box_vanished,
        work=work,
        usual=partial(request.model.usual, request.store),
        now=request.now,
        context=request.context,
    )


def _held(request: RequestContext, job: Job) -> HeldJob:
    return HeldJob(job, request.model.hierarchy.nodes[job.process].outputs)


def _untold(held: Sequence[Job], found: Sequence[Need]) -> Sequence[Job]:
    """Return the held jobs of which no group of dead letters tells."""
    told = {
        (need.group.group.process, timeperiod)
        for need in found
        if need.group is not None
        for timeperiod in need.group.group.timeperiods
    }
    return [job for job in held if (job.process, job.timeperiod) not in told]


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
        foreseen=overview_forecast(request),
    )
