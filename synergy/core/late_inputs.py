"""What comes after a job has run without it, where a part of an input was enough to begin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Final

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.node import Input, Node
from synergy.core.records import Job
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.core.working import left_out

#: Who asks for it.
ACTOR: Final = 'Scheduler'
_WITHOUT: Final = ' has ended since it ran without'
_RAN: Final = (JobState.PROCESSED, JobState.NOOP, JobState.FINAL_RUN)


def requests_after(timetable: Timetable, job: Job, now: datetime) -> Iterator[Command]:
    """Yield the requests that let jobs run again which ran without `job`, now that it has ended.

    Once what they waited for is whole, the last of it having come or been skipped: however many
    were missing, each runs again once.
    """
    hierarchy, ordinal = timetable.hierarchy, job.timeperiod.ordinal
    for name in hierarchy.nodes[job.process].outputs:
        node = hierarchy.nodes[name]
        for source in node.inputs:
            if source.process != job.process or not counts_late(source):
                continue
            for at in hierarchy.affected(node, source, range(ordinal, ordinal + 1)):
                window = hierarchy.input_range(node, source, at)
                if ordinal not in window or not _has_run(timetable, node, at):
                    continue
                if _is_whole(timetable, source, window):
                    yield _request(JobKey(name, Timeperiod(node.process.qualifier, at)), job, now)


def outdated_by(timetable: Timetable, job: Job) -> Iterator[Job]:
    """Yield jobs that a request has reset and that had run without `job`, now that it has ended.

    They must not stand again as before when that request is cancelled. Each once.
    """
    hierarchy, ordinal = timetable.hierarchy, job.timeperiod.ordinal
    for name in hierarchy.nodes[job.process].outputs:
        if not timetable.open_jobs_of(name):
            continue
        node = hierarchy.nodes[name]
        found = {
            at
            for source in node.inputs
            if source.process == job.process and counts_late(source)
            for at in hierarchy.affected(node, source, range(ordinal, ordinal + 1))
        }
        for at in sorted(found):
            reset = timetable.open_job(JobKey(name, Timeperiod(node.process.qualifier, at)))
            if reset is not None and reset.former and reset.request_id != job.request_id:
                yield reset


def is_late(command: Command) -> bool:
    """Tell whether a request was made here."""
    return command.actor == ACTOR and (command.reason or '').endswith(_WITHOUT)


def counts_late(source: Input) -> bool:
    """Tell whether what comes after a job has run without it lets that run again."""
    return source.at_least is not None and not source.is_late_ignored and not source.is_order_only


def _is_whole(timetable: Timetable, source: Input, window: range) -> bool:
    """Tell whether nothing of an input can come any more.

    Of intervals that have not begun yet: whether their calendar leaves all of them out.
    """
    other, begun = timetable.hierarchy.nodes[source.process], timetable.span(source.process).stop
    if (
        timetable.first_pending(source.process, range(window.start, min(window.stop, begun)))
        is not None
    ):
        return False
    process, ahead = other.process, range(max(window.start, begun), window.stop)
    return all(left_out(other.calendar, process.working, process.qualifier, ahead))


def _has_run(timetable: Timetable, node: Node, ordinal: int) -> bool:
    """Tell whether a job has run for good, or does so now; what a calendar leaves out has not."""
    key = JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))
    if timetable.is_left_out(key):
        return False
    state = timetable.state(key)
    is_live = timetable.hierarchy.machine(node.process.name).runs_live
    return state in _RAN or (state is JobState.IN_PROGRESS and not is_live)


def _request(key: JobKey, late: Job, now: datetime) -> Command:
    # By the instant, too: where a commit broke off it may have run again, and without `late`.
    named = f'late {key} {late.key} {late.run} {now.isoformat()}'
    return Command(
        id=CommandId(blake2b(named.encode(), digest_size=6).hexdigest()),
        kind=CommandKind.REPROCESS,
        process=key.process,
        start=key.timeperiod,
        end=key.timeperiod.shift(1),
        actor=ACTOR,
        reason=f'{late.key}{_WITHOUT}',
        created_at=now,
    )
