"""How a job looks: one mark per state, with a word, so that colour never stands alone."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from synergy.core.hierarchy import Node
from synergy.core.readiness import readiness
from synergy.core.states import Due, JobState, UnitState
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Mark:
    """css: class that gives colour and glyph. word: what people read."""

    css: str
    word: str


PROCESSED: Final = Mark('ok', 'processed')
RUNNING: Final = Mark('run', 'in progress')
FINAL_RUN: Final = Mark('final', 'final run')
BLOCKED: Final = Mark('block', 'blocked')
FAILED: Final = Mark('fail', 'failed')
SKIPPED: Final = Mark('skip', 'skipped')
NOOP: Final = Mark('noop', 'noop')
NOT_DUE: Final = Mark('due', 'not due')
READY: Final = Mark('ready', 'ready')
#: In progress by its state, while nothing of it runs: a live interval between two of its runs.
RESTING: Final = Mark('due', 'between runs')
DOOMED: Final = Mark('block', 'will be skipped')
NOT_BEGUN: Final = Mark('due', 'not begun')
LATE: Final = Mark('late', 'late')
#: Of an attempt whose worker was killed, or its box gone.
LOST: Final = Mark('fail', 'worker lost')

#: In the order of legends.
LEGEND: Final = (
    PROCESSED, RUNNING, FINAL_RUN, BLOCKED, FAILED, SKIPPED, NOOP, READY, NOT_DUE,
)  # fmt: skip

BY_STATE: Final = {
    JobState.EMBRYO: NOT_DUE,
    JobState.IN_PROGRESS: RUNNING,
    JobState.FINAL_RUN: FINAL_RUN,
    JobState.PROCESSED: PROCESSED,
    JobState.SKIPPED: SKIPPED,
    JobState.NOOP: NOOP,
}
BY_DUE: Final = {
    Due.OPEN: NOT_DUE,
    Due.READY: READY,
    Due.BLOCKED: BLOCKED,
    Due.FORBIDDEN: BLOCKED,
    Due.DOOMED: DOOMED,
}
BY_UNIT: Final = {
    UnitState.REQUESTED: Mark('due', 'waits for a worker'),
    UnitState.IN_PROGRESS: RUNNING,
    UnitState.PROCESSED: PROCESSED,
    UnitState.NOOP: NOOP,
    UnitState.CANCELED: Mark('skip', 'cancelled'),
    UnitState.INVALID: Mark('fail', 'attempt failed'),
    UnitState.DEAD: FAILED,
}


def mark_of(
    timetable: Timetable, failed: Container[int], node: Node, key: JobKey, now: datetime
) -> Mark:
    """Return how a job of `node` looks at `now`. failed: ordinals of failed ones."""
    state = timetable.state(key)
    if state is None:
        return NOT_BEGUN
    if key.timeperiod.ordinal in failed:
        return FAILED
    if state.is_running and (job := timetable.open_job(key)) is not None and job.uow_id is None:
        return RESTING
    if state is not JobState.EMBRYO:
        return BY_STATE[state]
    if key.timeperiod.ordinal >= timetable.hierarchy.over_until(node, now):
        return NOT_DUE
    return BY_DUE[readiness(timetable, key, now).due]
