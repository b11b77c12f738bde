"""How the system stands: who leads, what each process has done and has to do, what runs where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from synergy.conf.model import Context
from synergy.core.changed_levels import left_out
from synergy.core.commands import Command, CommandState
from synergy.core.freezes import Freeze
from synergy.core.holds import Holds
from synergy.core.node import Node
from synergy.core.records import BoxProcess, Leadership, is_led
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.freezing import freezes_in
from synergy.ports.store import Reader
from synergy.view.boxes import BoxView, SchedulerView, box_views, mixed_versions, schedulers
from synergy.view.clock import read_of
from synergy.view.closed import Closing, closed_now
from synergy.view.conditions import runs_of
from synergy.view.lateness import late_count
from synergy.view.leaderless import leaderless_advice
from synergy.view.need import Need, Seen
from synergy.view.needs import needs
from synergy.view.skipped import partial_count
from synergy.view.troubles import other_context, standing_of, troubles
from synergy.view.usual import usual_of
from synergy.view.whole import all_commands
from synergy.view.workload import Tallies, workload_of


class ProcessSummary(Struct, frozen=True, kw_only=True):
    """One process. work: what of it is under way, rests, is held or paused.

    partial_count: intervals that are done although one directly below was skipped. overdue_count:
    intervals that may have started by now and are not final. first_overdue: the earliest of them,
    first_overdue_clock: what the clock of its tree reads as it begins; '' where its name says that.
    planned_count: intervals of its whole tree; None when the tree has no end. late_count: intervals
    that are not done, though their deadline has passed.
    """

    process: str
    tree: str
    qualifier: str
    is_on: bool
    count_by_state: Mapping[JobState, int]
    work: Tallies
    partial_count: int
    planned_count: int | None
    overdue_count: int
    first_overdue: JobKey | None
    first_overdue_clock: str
    late_count: int


class Status(Struct, frozen=True, kw_only=True):
    """The whole system at one instant.

    leader_advice: what to do when nobody leads. boxes: processes as they run on boxes.
    supervisors: the boxes themselves. freezes, closed: what lets processes start nothing now.
    warnings: sentences, of what is not among the needs.
    """

    at: datetime
    leadership: Leadership | None
    is_led: bool
    leader_advice: str | None
    processes: Sequence[ProcessSummary]
    boxes: Sequence[BoxProcess]
    supervisors: Sequence[BoxView]
    schedulers: Sequence[SchedulerView]
    freezes: Sequence[Freeze]
    closed: Sequence[Closing]
    warnings: Sequence[str]
    needs: Sequence[Need]
    open_commands: Sequence[Command]


def status(
    timetable: Timetable,
    store: Reader,
    box_id: str | None,
    now: datetime,
    vanished_after: timedelta = timedelta(seconds=15),
    context: Context | None = None,
) -> Status:
    """Return how everything stands at `now`, with the processes of one box, or of all.

    context: what tells of calendars and free runs.
    """
    leadership = store.leadership()
    store_now = store.store_now()
    has_leader = is_led(leadership, store_now)
    found = troubles(standing_of(store, leadership, store_now), now)
    views = box_views(store, vanished_after)
    work = workload_of(timetable, runs_of(store.live_runs(), now))
    seen = Seen(
        timetable=timetable,
        store=store,
        views=views,
        vanished_after=vanished_after,
        work=work,
        usual=partial(usual_of, store),
        now=now,
        context=context,
    )
    led = store.led_context()
    frozen = [item for item in freezes_in(store) if item.until > now]
    return Status(
        at=now,
        leadership=leadership,
        is_led=has_leader,
        leader_advice=None if has_leader else leaderless_advice(views),
        processes=[
            _summary(timetable, node, now, work.of(node.process.name))
            for node in timetable.hierarchy
        ],
        boxes=[
            row for view in views for row in view.processes if box_id in (None, view.box.box_id)
        ],
        supervisors=views,
        schedulers=schedulers(views, leadership, is_led=has_leader),
        freezes=frozen,
        closed=closed_now(timetable.hierarchy, Holds(timetable.hierarchy), now),
        warnings=[
            *(f'{item.text} {item.advice}' for item in found),
            *mixed_versions(views),
            *map(str, left_out(timetable.hierarchy, led).values()),
            *filter(None, [other_context(timetable.hierarchy, led)]),
        ],
        needs=needs(seen),
        open_commands=list(all_commands(store, (CommandState.REQUESTED,))),
    )


def _summary(timetable: Timetable, node: Node, now: datetime, work: Tallies) -> ProcessSummary:
    process = node.process
    over = range(node.first, max(timetable.hierarchy.over_until(node, now), node.first))
    first = timetable.first_pending(process.name, over)
    overdue_count = (
        0 if first is None else timetable.pending_count(process.name, range(first, over.stop))
    )
    key = None if first is None else JobKey(process.name, Timeperiod(process.qualifier, first))
    return ProcessSummary(
        process=process.name,
        tree=node.tree.name,
        qualifier=process.qualifier.word,
        is_on=process.is_on,
        count_by_state=timetable.count_by_state(process.name),
        work=work,
        partial_count=partial_count(timetable, node),
        planned_count=None if node.until is None else node.until - node.first,
        overdue_count=overdue_count,
        first_overdue=key,
        first_overdue_clock='' if key is None else read_of(key, timetable.hierarchy.nodes),
        late_count=late_count(timetable, node, timetable.hierarchy.late_until(node, now)),
    )
