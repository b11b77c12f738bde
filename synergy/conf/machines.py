"""What a `context.py` needs to register a state machine of its own.

    machine_context = {'once': [*changed(DISCRETE_RULES, ...)]}

A machine is a list of rules over (state of the job, state of its unit, due); `docs/context.md` has
an example. Loading refuses a machine that leaves a cell uncovered or covers one twice.
"""

from __future__ import annotations

from typing import Final

from synergy.core.machines.continuous import CONTINUOUS
from synergy.core.machines.discrete import DISCRETE
from synergy.core.machines.table import ANY_DUE, ANY_JOB, ANY_UNIT, Action, Rule
from synergy.core.states import Due, JobState, UnitState

__all__ = [
    'ANY_DUE',
    'ANY_JOB',
    'ANY_UNIT',
    'CONTINUOUS_RULES',
    'DISCRETE_RULES',
    'Action',
    'Due',
    'JobState',
    'Rule',
    'UnitState',
]

#: Rules of the machines that come with the product, to begin one's own with.
DISCRETE_RULES: Final = DISCRETE.rules
CONTINUOUS_RULES: Final = CONTINUOUS.rules
