"""Continuous and recomputing: run again and again while the interval is live, then once more.

A job in progress without a unit rests between two runs. The final run starts when the interval is
over and its inputs are final; only after it may the job end. Recomputing follows the same rules;
its workers are told which rows of the source have arrived (`uow.start_id`, `uow.end_id`).
"""

from __future__ import annotations

from typing import Final

from synergy.core.machines.table import Action, Rule, compile_machine
from synergy.core.states import FINAL_JOB_STATES, Due, JobState, UnitState

_FINAL: Final = tuple(sorted(FINAL_JOB_STATES))
_AT_WORK: Final = (UnitState.REQUESTED, UnitState.IN_PROGRESS)
_ENDED: Final = (UnitState.PROCESSED, UnitState.NOOP, UnitState.CANCELED)
_PENDING: Final = (Due.BLOCKED, Due.FORBIDDEN)

_RULES: Final = (
    Rule(job=_FINAL, action=Action.WAIT, why='the job has ended'),
    Rule(
        job=(JobState.EMBRYO,),
        due=(Due.OPEN,),
        action=Action.RUN,
        why='the interval is live: it runs whenever the trigger fires',
    ),
    Rule(
        job=(JobState.EMBRYO,),
        due=_PENDING,
        action=Action.WAIT,
        why='an input is pending',
    ),
    Rule(
        job=(JobState.EMBRYO,),
        due=(Due.READY,),
        action=Action.START_FINAL,
        why='the interval is over and its inputs are final',
    ),
    Rule(job=(JobState.EMBRYO,), due=(Due.DOOMED,), action=Action.SKIP, why='an input was skipped'),
    Rule(
        job=(JobState.IN_PROGRESS, JobState.FINAL_RUN),
        unit=_AT_WORK,
        action=Action.WAIT,
        why='a worker has the unit or will have it',
    ),
    Rule(
        job=(JobState.IN_PROGRESS,),
        unit=(UnitState.INVALID,),
        action=Action.RETRY_OR_REST,
        why='an attempt of a live run failed; the next run makes up for it',
    ),
    Rule(
        job=(JobState.IN_PROGRESS,),
        unit=(*_ENDED, UnitState.DEAD),
        due=(Due.OPEN, *_PENDING),
        action=Action.REST,
        why='a live run has ended',
    ),
    Rule(
        job=(JobState.IN_PROGRESS,),
        unit=(None,),
        due=(Due.OPEN,),
        action=Action.RUN,
        why='the interval is live: it runs again whenever the trigger fires',
    ),
    Rule(
        job=(JobState.IN_PROGRESS,),
        unit=(None,),
        due=_PENDING,
        action=Action.WAIT,
        why='an input is pending',
    ),
    Rule(
        job=(JobState.IN_PROGRESS,),
        unit=(None, *_ENDED, UnitState.DEAD),
        due=(Due.READY,),
        action=Action.START_FINAL,
        why='the interval is over and its inputs are final',
    ),
    Rule(
        job=(JobState.IN_PROGRESS,),
        unit=(None, *_ENDED, UnitState.DEAD),
        due=(Due.DOOMED,),
        action=Action.SKIP,
        why='an input was skipped',
    ),
    Rule(
        job=(JobState.FINAL_RUN,),
        unit=(UnitState.INVALID,),
        action=Action.RETRY,
        why='an attempt of the final run failed',
    ),
    Rule(
        job=(JobState.FINAL_RUN,),
        unit=(UnitState.DEAD,),
        action=Action.WAIT,
        why='no attempt is left and the job is held for an operator',
    ),
    Rule(
        job=(JobState.FINAL_RUN,),
        unit=_ENDED,
        due=(Due.READY, Due.DOOMED),
        action=Action.FINISH,
        why='the final run has ended',
    ),
    Rule(
        job=(JobState.FINAL_RUN,),
        unit=_ENDED,
        due=(Due.OPEN, *_PENDING),
        action=Action.RESET,
        why='the final run has ended, but an input is pending again',
    ),
    Rule(
        job=(JobState.FINAL_RUN,),
        unit=(None,),
        action=Action.RESET,
        why='the unit is gone from the store',
    ),
)

CONTINUOUS: Final = compile_machine('continuous', _RULES)
RECOMPUTING: Final = compile_machine('recomputing', _RULES)
