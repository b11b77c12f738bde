"""What a command would do, before anybody asks for it: the Scheduler's own plan, counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from synergy.core.closure import Plan, is_among, keys_of, left_without, plan, unreset
from synergy.core.commands import RESETTING_KINDS, Command, CommandKind, Ranges
from synergy.core.failure_streaks import is_paused_by_itself
from synergy.core.holds import Holds
from synergy.core.overrides import off_text
from synergy.core.readiness import readiness
from synergy.core.records import Job, ProcessName
from synergy.core.request_options import options_of
from synergy.core.states import Blocking, Due, JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.failed import failed_ordinals
from synergy.ports.freezing import freezes_in
from synergy.ports.store import Reader
from synergy.view.reach import Reach, order_alone, reached


class PreviewRow(Struct, frozen=True, kw_only=True):
    """One process of a plan. running: jobs whose unit is under way and will be cancelled."""

    process: ProcessName
    ranges: Sequence[tuple[int, int]]
    count: int
    first: Timeperiod
    last: Timeperiod
    running: Sequence[JobKey]


class WaitingRow(Struct, frozen=True, kw_only=True):
    """One process of what waits for a plan and needs no reset."""

    process: ProcessName
    ranges: Sequence[tuple[int, int]]
    count: int
    first: Timeperiod
    last: Timeperiod


class OffRow(Struct, frozen=True, kw_only=True):
    """A process that is off, so that what is asked for does not run. text: since when and why."""

    process: ProcessName
    text: str
    is_paused_by_itself: bool


class HeldRow(Struct, frozen=True, kw_only=True):
    """A process of which nothing starts until an instant. text: why, and until when."""

    process: ProcessName
    text: str
    until: datetime


class Preview(Struct, frozen=True, kw_only=True):
    """A plan in the order in which it is applied. doomed: jobs that are skipped in consequence.

    waiting: what waits for the planned jobs and has not run yet: it needs no reset, and runs after
    them; inputs before outputs. without: of a skip or cancel, what waited for the jobs, and goes on
    without them. reached: of a reset, by which inputs the jobs of each process wait for planned
    ones. order_only: what waits for them for the order alone, so that it does not run again. off:
    of the processes that are to run something, those that start nothing. held: those of which
    nothing starts yet, for closed hours or a freeze.
    pools: what their runs take of pools, in sentences.
    """

    kind: CommandKind
    plan: Plan
    rows: Sequence[PreviewRow]
    doomed: Sequence[JobKey]
    waiting: Sequence[WaitingRow] = ()
    without: Sequence[WaitingRow] = ()
    off: Sequence[OffRow] = ()
    pools: Sequence[str] = ()
    options: Sequence[str] = ()
    held: Sequence[HeldRow] = ()
    reached: Mapping[ProcessName, Sequence[Reach]] = {}
    order_only: Sequence[Reach] = ()


def preview(timetable: Timetable, store: Reader, command: Command, now: datetime) -> Preview:
    """Return what `command` would do; raise PlanRefused. Drafts `timetable`: use it no more."""
    planned = plan(timetable, command, failed_ordinals(store, command))
    hierarchy, count_by_process = timetable.hierarchy, planned.count_by_process
    rows = [
        PreviewRow(
            process=process,
            ranges=runs,
            count=count_by_process[process],
            first=hierarchy.timeperiod(hierarchy.nodes[process], runs[0][0]),
            last=hierarchy.timeperiod(hierarchy.nodes[process], runs[-1][1] - 1),
            running=sorted(
                job.key
                for job in timetable.open_jobs_of(process)
                if job.has_live_unit and is_among(planned.ranges, job.key)
            ),
        )
        for process, runs in planned.ranges.items()
    ]
    if command.kind in RESETTING_KINDS:
        waiting = _waiting(timetable, unreset(timetable, planned))
        names = [*planned.ranges, *(row.process for row in waiting)]
        options = options_of(command)
        off = _off(timetable, [] if options and options.is_even_if_off else names)
        return Preview(
            kind=command.kind,
            plan=planned,
            rows=rows,
            doomed=(),
            waiting=waiting,
            off=off,
            pools=_pools(timetable, names),
            options=[] if options is None else options.said,
            held=_held(timetable, store, names, now),
            reached=reached(timetable, planned.ranges),
            order_only=order_alone(timetable, planned.ranges),
        )
    doomed = list(_doomed(timetable, planned, now))
    gone = [*keys_of(hierarchy, planned.ranges), *doomed]
    without = _waiting(timetable, left_without(timetable, gone))
    return Preview(kind=command.kind, plan=planned, rows=rows, doomed=doomed, without=without)


def _pools(timetable: Timetable, names: Sequence[ProcessName]) -> Sequence[str]:
    """Return what runs of processes take of pools, in sentences."""
    sizes = timetable.hierarchy.pools.sizes
    return [
        f'{name} takes {share} of {sizes[pool].size_text} of {pool} for each run: at most '
        f'{sizes[pool].slots // share} at once'
        for name in dict.fromkeys(names)
        for pool, share in timetable.hierarchy.nodes[name].process.demand.shares
    ]


def _off(timetable: Timetable, names: Sequence[ProcessName]) -> Sequence[OffRow]:
    """Return those processes that are off; each once."""
    processes = [timetable.hierarchy.nodes[name].process for name in dict.fromkeys(names)]
    return [
        OffRow(
            process=process.name,
            text=off_text(process),
            is_paused_by_itself=process.override is not None
            and is_paused_by_itself(process.override.is_on_by),
        )
        for process in processes
        if not process.is_on
    ]


def _held(
    timetable: Timetable, store: Reader, names: Sequence[ProcessName], now: datetime
) -> Sequence[HeldRow]:
    """Return those processes that closed hours or a freeze hold; each once."""
    holds = Holds(timetable.hierarchy, freezes=freezes_in(store))
    return [
        HeldRow(process=name, text=str(hold), until=hold.until)
        for name in dict.fromkeys(names)
        for hold in [max(holds.over(name, now), key=lambda item: item.until, default=None)]
        if hold is not None
    ]


def _waiting(timetable: Timetable, ranges_by_process: Ranges) -> Sequence[WaitingRow]:
    hierarchy = timetable.hierarchy
    return [
        WaitingRow(
            process=process,
            ranges=ranges,
            count=sum(stop - start for start, stop in ranges),
            first=hierarchy.timeperiod(hierarchy.nodes[process], ranges[0][0]),
            last=hierarchy.timeperiod(hierarchy.nodes[process], ranges[-1][1] - 1),
        )
        for process, ranges in ranges_by_process.items()
    ]


def _doomed(timetable: Timetable, planned: Plan, now: datetime) -> Iterator[JobKey]:
    """Yield jobs whose blocking type has them skipped once the planned ones are skipped."""

    def skip(key: JobKey) -> None:
        timetable.put(
            Job(
                process=key.process,
                timeperiod=key.timeperiod,
                state=JobState.SKIPPED,
                rev=1,
                changed_at=now,
            )
        )

    for key in keys_of(timetable.hierarchy, planned.ranges):
        skip(key)
    for node in timetable.hierarchy:
        if node.process.blocking is not Blocking.DEPENDENCIES and node.child is None:
            continue
        span = timetable.span(node.process.name)
        ordinal = timetable.first_pending(node.process.name, span)
        while ordinal is not None and ordinal in span:
            key = JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))
            if readiness(timetable, key, now).due is Due.DOOMED:
                yield key
                skip(key)
            ordinal = timetable.first_pending(node.process.name, range(ordinal + 1, span.stop))
