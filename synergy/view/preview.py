"""What a command would do, before anybody asks for it: the Scheduler's own plan, counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from synergy.core.closure import Plan, plan, unreset
from synergy.core.commands import Command, CommandKind, Only, Ranges
from synergy.core.readiness import readiness
from synergy.core.records import Job, ProcessName
from synergy.core.states import Blocking, Due, JobState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import JobFilter, Store

_FAILED_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRow:
    """One process of a plan. running: jobs whose unit is under way and will be cancelled."""

    process: ProcessName
    count: int
    first: Timeperiod
    last: Timeperiod
    running: Sequence[JobKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRow:
    """One process of what waits for a plan and needs no reset."""

    process: ProcessName
    ranges: Sequence[tuple[int, int]]
    count: int
    first: Timeperiod
    last: Timeperiod


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A plan in the order in which it is applied. doomed: jobs that are skipped in consequence.

    waiting: what waits for the planned jobs and has not run yet: it needs no reset, and runs after
    them; inputs before outputs.
    """

    kind: CommandKind
    plan: Plan
    rows: Sequence[PreviewRow]
    doomed: Sequence[JobKey]
    waiting: Sequence[WaitingRow] = ()


def preview(timetable: Timetable, store: Store, command: Command, now: datetime) -> Preview:
    """Return what `command` would do; raise PlanRefused. Drafts `timetable`: use it no more."""
    planned = plan(timetable, command, failed_ordinals(store, command))
    keys_by_process: dict[ProcessName, list[JobKey]] = {}
    for key in planned.keys:
        keys_by_process.setdefault(key.process, []).append(key)
    rows = [
        PreviewRow(
            process=process,
            count=len(keys),
            first=keys[0].timeperiod,
            last=keys[-1].timeperiod,
            running=[
                key
                for key in keys
                if (job := timetable.open_job(key)) is not None and job.has_live_unit
            ],
        )
        for process, keys in keys_by_process.items()
    ]
    if command.kind is CommandKind.REPROCESS:
        waiting = _waiting(timetable, unreset(timetable, planned))
        return Preview(kind=command.kind, plan=planned, rows=rows, doomed=(), waiting=waiting)
    doomed = list(_doomed(timetable, planned, now))
    return Preview(kind=command.kind, plan=planned, rows=rows, doomed=doomed)


def _waiting(timetable: Timetable, ranges_by_process: Ranges) -> Sequence[WaitingRow]:
    nodes = timetable.hierarchy.nodes
    return [
        WaitingRow(
            process=process,
            ranges=ranges,
            count=sum(stop - start for start, stop in ranges),
            first=timetable.hierarchy.timeperiod(nodes[process], ranges[0][0]),
            last=timetable.hierarchy.timeperiod(nodes[process], ranges[-1][1] - 1),
        )
        for process, ranges in ranges_by_process.items()
    ]


def failed_ordinals(store: Store, command: Command) -> list[int]:
    """Return the ordinals of failed jobs in a command's range, if it is about only those."""
    if command.only is not Only.FAILED:
        return []
    where = JobFilter(
        processes=(command.process,),
        start=str(command.start),
        end=str(command.end),
        is_failed=True,
    )
    return [job.timeperiod.ordinal for job in store.find_jobs(where, _FAILED_MAX)]


def _doomed(timetable: Timetable, planned: Plan, now: datetime) -> Iterator[JobKey]:
    """Yield jobs whose blocking type has them skipped once the planned ones are skipped."""
    skipped = Job(
        process=planned.keys[0].process,
        timeperiod=planned.keys[0].timeperiod,
        state=JobState.SKIPPED,
        rev=1,
        changed_at=now,
    )
    for key in planned.keys:
        timetable.put(replace(skipped, process=key.process, timeperiod=key.timeperiod))
    for node in timetable.hierarchy:
        if node.process.blocking is not Blocking.DEPENDENCIES and node.child is None:
            continue
        span = timetable.span(node.process.name)
        ordinal = timetable.first_pending(node.process.name, span)
        while ordinal is not None and ordinal in span:
            key = JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))
            if readiness(timetable, key, now).due is Due.DOOMED:
                yield key
                timetable.put(replace(skipped, process=key.process, timeperiod=key.timeperiod))
            ordinal = timetable.first_pending(node.process.name, range(ordinal + 1, span.stop))
