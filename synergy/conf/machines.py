"""What a `context.py` needs to register a state machine of its own.

    machine_context = {'once': changed(DISCRETE_RULES, Rule(...))}

A machine is a list of rules over (state of the job, state of its unit, due); `docs/context.md` has
an example. Loading refuses a machine that leaves a cell uncovered or covers one twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from synergy.core.machines.continuous import CONTINUOUS
from synergy.core.machines.discrete import DISCRETE
from synergy.core.machines.table import ANY_DUE, ANY_JOB, ANY_UNIT, Action, Rule
from synergy.core.states import Due, JobState, UnitState
from synergy.core.structs import replace

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
    'changed',
]

#: Rules of the machines that come with the product, to build your own on.
DISCRETE_RULES: Final = DISCRETE.rules
CONTINUOUS_RULES: Final = CONTINUOUS.rules


def changed(rules: Iterable[Rule], *by: Rule) -> list[Rule]:
    """Return `rules`, but in the situations that `by` names, what `by` says instead."""
    taken = {cell for rule in by for cell in rule.cells()}
    left: list[Rule] = []
    for rule in rules:
        cells = list(rule.cells())
        kept = [cell for cell in cells if cell not in taken]
        if len(kept) == len(cells):
            left.append(rule)
        else:
            left += [
                replace(rule, job=(cell.job,), unit=(cell.unit,), due=(cell.due,)) for cell in kept
            ]
    return [*left, *by]
