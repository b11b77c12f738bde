"""What comes after a job has run without it, where a part of an input was enough to begin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Final

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.node import Node
from synergy.core.records import Job
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable

#: Who asks for it.
ACTOR: Final = 'Scheduler'
_RAN: Final = (JobState.PROCESSED, JobState.NOOP, JobState.FINAL_RUN)


def requests_after(timetable: Timetable, job: Job, now: datetime) -> Iterator[Command]:
    """Yield the requests that let jobs run again which ran without `job`, now that it has ended.

    Once what they waited for is whole: however many were missing, each runs again once. What a
    request has run again is not late: the same request reaches those that wait for it.
    """
    if job.request_id is not None:
        return
    hierarchy, ordinal = timetable.hierarchy, job.timeperiod.ordinal
    for name in hierarchy.nodes[job.process].outputs:
        node = hierarchy.nodes[name]
        for source in node.inputs:
            if source.process != job.process or source.at_least is None or source.is_late_ignored:
                continue
            for at in hierarchy.affected(node, source, range(ordinal, ordinal + 1)):
                window = hierarchy.input_range(node, source, at)
                if ordinal not in window or not _has_run(timetable, node, at):
                    continue
                if timetable.first_pending(source.process, window) is None:
                    yield _request(JobKey(name, Timeperiod(node.process.qualifier, at)), job, now)


def _has_run(timetable: Timetable, node: Node, ordinal: int) -> bool:
    """Tell whether a job has run for good, or does so now."""
    state = timetable.state(JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal)))
    is_live = timetable.hierarchy.machine(node.process.name).runs_live
    return state in _RAN or (state is JobState.IN_PROGRESS and not is_live)


def _request(key: JobKey, late: Job, now: datetime) -> Command:
    # Derived, so that the same end, decided twice, asks once.
    named = f'late {key} {late.key} {late.run}'
    return Command(
        id=CommandId(blake2b(named.encode(), digest_size=6).hexdigest()),
        kind=CommandKind.REPROCESS,
        process=key.process,
        start=key.timeperiod,
        end=key.timeperiod.shift(1),
        actor=ACTOR,
        reason=f'{late.key} has ended since it ran without',
        created_at=now,
    )
