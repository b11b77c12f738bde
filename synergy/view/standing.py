"""Jobs by how they stand: for lists, searches and commands.

Everything is found in the dense index. Only whether an embryo is blocked or ready must be asked one
by one, so that whoever holds a lock counts the looks and stops at a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from synergy.core.node import Node
from synergy.core.records import Job
from synergy.core.states import FINAL_JOB_STATES, JobState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.view.conditions import (
    BLOCKED,
    FAILED,
    FINAL_RUN,
    HELD,
    LATE,
    LEFT_OUT,
    OFF,
    PARTIAL,
    PAUSED,
    READY,
    RUNNING,
    Condition,
    Looking,
    condition_of,
    condition_under_way,
)
from synergy.view.skipped import skipped_below

#: What jobs are looked for by. Failed ones may be held; running are those on their final run, too.
Wanted: TypeAlias = JobState | Condition | None

#: Those of which each embryo must be asked.
ASKED: Final = frozenset({BLOCKED, READY, OFF})
_OPEN: Final = frozenset(JobState) - FINAL_JOB_STATES
_DONE: Final = frozenset({JobState.PROCESSED, JobState.NOOP})


def looked_at(
    looking: Looking, node: Node, ordinals: range, wanted: Wanted, *, newest_first: bool = False
) -> Iterator[tuple[int, bool]]:
    """Yield the ordinals that may stand as wanted, each with whether it does.

    ordinals: of existing intervals. The cost of one is a byte search, or a question of readiness.
    """
    candidates, is_meant = _candidates(looking, node, ordinals, wanted)
    name = node.process.name
    if isinstance(candidates, frozenset):
        candidates = looking.timetable.ordinals_in(
            name, _bounded(looking, node, ordinals, wanted), candidates, newest_first=newest_first
        )
    elif newest_first or wanted is not None:
        candidates = sorted((item for item in candidates if item in ordinals), reverse=newest_first)
    for ordinal in candidates:
        yield ordinal, is_meant(JobKey(name, Timeperiod(node.process.qualifier, ordinal)))


def _candidates(
    looking: Looking, node: Node, ordinals: range, wanted: Wanted
) -> tuple[Iterable[int] | frozenset[JobState], Callable[[JobKey], bool]]:
    """Return what may stand so, as ordinals or as states, and how to tell whether one does."""
    timetable, name = looking.timetable, node.process.name
    if wanted is None:
        return ordinals, _always
    if isinstance(wanted, JobState):
        return frozenset({wanted}), _always
    if wanted is LEFT_OUT:
        runs = timetable.left_out_runs(name, ordinals)
        return [ordinal for run in runs for ordinal in run], _always
    if wanted is FAILED:
        return looking.failed.get(name, ()), _always
    if wanted in ASKED:
        has_any = wanted is READY or (
            bool(node.inputs) if wanted is BLOCKED else not node.process.is_on
        )
        states = frozenset({JobState.EMBRYO} if has_any else ())
        return states, lambda key: condition_of(looking, node, key) is wanted
    if wanted is LATE:
        return _OPEN, lambda key: not timetable.is_rerun(key)
    if wanted is PARTIAL:
        return (
            frozenset(_DONE if node.child is not None else ()),
            lambda key: (
                skipped_below(timetable, node, range(key[1].ordinal, key[1].ordinal + 1))
                is not None
            ),
        )
    jobs = timetable.open_jobs_of(name)
    return [job.timeperiod.ordinal for job in jobs if _is(looking, job, wanted)], _always


def _is(looking: Looking, job: Job, wanted: Condition) -> bool:
    if not job.state.is_running:
        return wanted is PAUSED and looking.timetable.is_paused(job.key)
    if wanted is HELD:
        return job.is_held
    found = condition_under_way(looking.runs, job)
    return found is wanted or (wanted is RUNNING and found is FINAL_RUN)


def _bounded(looking: Looking, node: Node, ordinals: range, wanted: Wanted) -> range:
    """Return the ordinals that can stand so at all: over, or past their deadline."""
    hierarchy = looking.timetable.hierarchy
    if wanted is LATE:
        return _until(ordinals, hierarchy.late_until(node, looking.now))
    if wanted in ASKED:
        return _until(ordinals, hierarchy.over_until(node, looking.now))
    return ordinals


def _until(ordinals: range, stop: int) -> range:
    return range(ordinals.start, max(min(ordinals.stop, stop), ordinals.start))


def _always(_: JobKey) -> bool:
    return True
