"""The discrete machine: one unit per job, after the interval is over and its inputs are final."""

from __future__ import annotations

from typing import Final

from synergy.core.machines.table import Action, Rule, compile_machine
from synergy.core.states import FINAL_JOB_STATES, Due, JobState, UnitState

_FINAL: Final = tuple(sorted(FINAL_JOB_STATES))
_RUNNING: Final = (JobState.IN_PROGRESS, JobState.FINAL_RUN)
_ENDED: Final = (UnitState.PROCESSED, UnitState.NOOP, UnitState.CANCELED)
_CERTAIN: Final = (Due.READY, Due.DOOMED)
_UNCERTAIN: Final = (Due.OPEN, Due.BLOCKED, Due.FORBIDDEN)

DISCRETE: Final = compile_machine(
    'discrete',
    (
        Rule(job=_FINAL, action=Action.WAIT, why='the job has ended'),
        Rule(
            job=(JobState.EMBRYO,),
            due=_UNCERTAIN,
            action=Action.WAIT,
            why='the interval is open or an input is pending',
        ),
        Rule(
            job=(JobState.EMBRYO,),
            due=(Due.READY,),
            action=Action.START,
            why='the interval is over and its inputs are final',
        ),
        Rule(
            job=(JobState.EMBRYO,),
            due=(Due.DOOMED,),
            action=Action.SKIP,
            why='an input was skipped',
        ),
        Rule(
            job=_RUNNING,
            unit=(UnitState.REQUESTED, UnitState.IN_PROGRESS),
            action=Action.WAIT,
            why='a worker has the unit or will have it',
        ),
        Rule(
            job=_RUNNING,
            unit=(UnitState.INVALID,),
            action=Action.RETRY,
            why='an attempt failed',
        ),
        Rule(
            job=_RUNNING,
            unit=(UnitState.DEAD,),
            action=Action.WAIT,
            why='no attempt is left and the job is held for an operator',
        ),
        Rule(
            job=_RUNNING,
            unit=_ENDED,
            due=_CERTAIN,
            action=Action.FINISH,
            why='the unit has ended',
        ),
        Rule(
            job=_RUNNING,
            unit=_ENDED,
            due=_UNCERTAIN,
            action=Action.RESET,
            why='the unit has ended, but an input is pending again: it ran on what no longer holds',
        ),
        Rule(
            job=_RUNNING,
            unit=(None,),
            action=Action.RESET,
            why='the unit is gone from the store',
        ),
    ),
)
