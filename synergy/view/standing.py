"""How jobs stand beyond their state: failed, held, blocked, late; for lists, searches and commands.

Everything is found in the dense index. Only whether an embryo is blocked must be asked one by one,
so that whoever holds a lock counts the looks and stops at a bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from synergy.core.hierarchy import Node
from synergy.core.readiness import readiness
from synergy.core.records import ProcessName
from synergy.core.states import FINAL_JOB_STATES, Due, JobState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable


class Standing(StrEnum):
    """What a job may be beside its state.

    FAILED: held, or skipped after its last attempt. HELD: held for an operator. BLOCKED: its
    interval is over, and it waits for others. LATE: not final, though its deadline has passed, and
    nobody has asked to run it again.
    """

    FAILED = 'failed'
    HELD = 'held'
    BLOCKED = 'blocked'
    LATE = 'late'


#: What jobs are looked for by.
Wanted: TypeAlias = JobState | Standing | None

_OPEN: Final = frozenset(JobState) - FINAL_JOB_STATES
_WAITING: Final = frozenset({Due.BLOCKED, Due.FORBIDDEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Where to look. failed: ordinals of failed jobs by process; only for Standing.FAILED."""

    timetable: Timetable
    failed: Mapping[ProcessName, Collection[int]]
    now: datetime


def looked_at(
    looking: Looking, node: Node, ordinals: range, wanted: Wanted, *, newest_first: bool = False
) -> Iterator[tuple[int, bool]]:
    """Yield the ordinals that may stand as wanted, each with whether it does.

    ordinals: of existing intervals. The cost of one is a byte search, or a question of readiness.
    """
    timetable, name = looking.timetable, node.process.name
    found: Iterable[int]
    match wanted:
        case None:
            found = reversed(ordinals) if newest_first else ordinals
        case Standing.FAILED:
            failed = looking.failed.get(name, ())
            found = _among(ordinals, failed, newest_first=newest_first)
        case Standing.HELD:
            jobs = timetable.open_jobs_of(name)
            held = (job.timeperiod.ordinal for job in jobs if job.is_held)
            found = _among(ordinals, held, newest_first=newest_first)
        case Standing.BLOCKED:
            over = _until(ordinals, timetable.hierarchy.over_until(node, looking.now))
            embryos = timetable.ordinals_in(
                name,
                over if node.inputs else range(0),
                {JobState.EMBRYO},
                newest_first=newest_first,
            )
            for ordinal in embryos:
                key = JobKey(name, Timeperiod(node.process.qualifier, ordinal))
                yield ordinal, readiness(timetable, key, looking.now).due in _WAITING
            return
        case Standing.LATE:
            due = _until(ordinals, timetable.hierarchy.late_until(node, looking.now))
            unfinished = timetable.ordinals_in(name, due, _OPEN, newest_first=newest_first)
            qualifier = node.process.qualifier
            found = (
                ordinal
                for ordinal in unfinished
                if not timetable.is_rerun(JobKey(name, Timeperiod(qualifier, ordinal)))
            )
        case _:
            found = timetable.ordinals_in(name, ordinals, {wanted}, newest_first=newest_first)
    for ordinal in found:
        yield ordinal, True


def _until(ordinals: range, stop: int) -> range:
    return range(ordinals.start, max(min(ordinals.stop, stop), ordinals.start))


def _among(ordinals: range, found: Iterable[int], *, newest_first: bool) -> Iterable[int]:
    return sorted((item for item in found if item in ordinals), reverse=newest_first)
