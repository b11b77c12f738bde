"""States of jobs and units, and what readiness can answer; values as in Synergy 2.x."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final


class JobState(StrEnum):
    """Where a job stands."""

    EMBRYO = 'state_embryo'
    IN_PROGRESS = 'state_in_progress'
    FINAL_RUN = 'state_final_run'
    PROCESSED = 'state_processed'
    SKIPPED = 'state_skipped'
    NOOP = 'state_noop'

    __hash__ = str.__hash__  # As `==` has it, and without a call of Python at each look-up.

    @property
    def word(self) -> str:
        """Return the state as people say it: `in progress`."""
        return self.value.removeprefix('state_').replace('_', ' ')

    @property
    def is_final(self) -> bool:
        """Tell whether the job has ended: processed, skipped or noop."""
        return self in FINAL_JOB_STATES

    @property
    def is_running(self) -> bool:
        """Tell whether the job has a unit in flight: in progress or on its final run."""
        return self in RUNNING_JOB_STATES


FINAL_JOB_STATES: Final = frozenset({JobState.PROCESSED, JobState.SKIPPED, JobState.NOOP})
RUNNING_JOB_STATES: Final = frozenset({JobState.IN_PROGRESS, JobState.FINAL_RUN})


class UnitState(StrEnum):
    """Where a unit of work stands.

    REQUESTED waits for a worker; IN_PROGRESS is held under a lease; INVALID is a failed attempt on
    which the Scheduler has not decided yet; DEAD has no attempt left and is a dead letter.
    """

    REQUESTED = 'state_requested'
    IN_PROGRESS = 'state_in_progress'
    PROCESSED = 'state_processed'
    NOOP = 'state_noop'
    CANCELED = 'state_canceled'
    INVALID = 'state_invalid'
    DEAD = 'state_dead'

    __hash__ = str.__hash__

    @property
    def is_live(self) -> bool:
        """Tell whether somebody still has to act on the unit: a worker, or the Scheduler."""
        return self in LIVE_UNIT_STATES


LIVE_UNIT_STATES: Final = frozenset(
    {UnitState.REQUESTED, UnitState.IN_PROGRESS, UnitState.INVALID},
)
#: What a worker may report as the end of an attempt.
REPORTABLE_UNIT_STATES: Final = frozenset(
    {UnitState.PROCESSED, UnitState.NOOP, UnitState.CANCELED, UnitState.INVALID},
)


class Due(Enum):
    """May this job run now?

    OPEN: its interval is not over (or its lag, or its trigger's hour, has not passed).
    READY: over, and all inputs are final. BLOCKED: over, inputs pending.
    FORBIDDEN: its blocking type forbids any run yet. DOOMED: an input was skipped and the policy
    says that this job is skipped with it.
    """

    OPEN = 'open'
    READY = 'ready'
    BLOCKED = 'blocked'
    FORBIDDEN = 'forbidden'
    DOOMED = 'doomed'
    #: Its former name, which machines of a context may still use.
    HELD = FORBIDDEN

    __hash__ = object.__hash__


class Blocking(StrEnum):
    """What a job waits for before it may run or end."""

    NORMAL = 'blocking_normal'
    CHILDREN = 'blocking_children'
    DEPENDENCIES = 'blocking_dependencies'


class OnFailure(StrEnum):
    """What becomes of a job whose unit has no attempt left."""

    SKIP = 'skip'
    HOLD = 'hold'
