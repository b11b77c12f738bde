"""Machine tables: exact cover, and the discrete machine cell by cell where it matters."""

from __future__ import annotations

import pytest

from synergy.conf.machines import DISCRETE_RULES, changed
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.machines.discrete import DISCRETE
from synergy.core.machines.table import (
    ANY_DUE,
    ANY_JOB,
    ANY_UNIT,
    Action,
    MachineError,
    Rule,
    compile_machine,
)
from synergy.core.states import Due, JobState, UnitState


def test_every_machine_answers_every_situation() -> None:
    for machine in MACHINE_BY_NAME.values():
        assert len(machine.rule_by_cell) == len(ANY_JOB) * len(ANY_UNIT) * len(ANY_DUE)


def test_uncovered_cell_is_refused_by_name() -> None:
    rules = [rule for rule in DISCRETE.rules if rule.action is not Action.RETRY]

    with pytest.raises(
        MachineError, match=r'\(state_in_progress, state_invalid, open\) is covered by no'
    ):
        compile_machine('lame', rules)


def test_doubly_covered_cell_is_refused_with_both_reasons() -> None:
    extra = Rule(job=(JobState.EMBRYO,), due=(Due.READY,), action=Action.SKIP, why='I feel like it')

    with pytest.raises(MachineError, match="its inputs are final' and 'I feel like it"):
        compile_machine('torn', [*DISCRETE.rules, extra])


def test_a_rule_of_a_context_may_use_the_former_name_of_a_forbidden_due() -> None:
    rule = Rule(job=(JobState.EMBRYO,), due=(Due.HELD,), action=Action.SKIP, why='not today')

    assert {cell.due for cell in rule.cells()} == {Due.FORBIDDEN}
    assert len(ANY_DUE) == len(set(ANY_DUE)) == 5


@pytest.mark.parametrize('due', list(Due))
def test_discrete_starts_only_what_is_ready(due: Due) -> None:
    action = DISCRETE.decide(JobState.EMBRYO, None, due).action

    assert (action is Action.START) == (due is Due.READY)


@pytest.mark.parametrize('due', [Due.BLOCKED, Due.FORBIDDEN, Due.OPEN])
def test_discrete_never_finishes_while_an_input_is_pending(due: Due) -> None:
    assert DISCRETE.decide(JobState.IN_PROGRESS, UnitState.PROCESSED, due).action is Action.RESET


@pytest.mark.parametrize('state', [JobState.PROCESSED, JobState.SKIPPED, JobState.NOOP])
def test_discrete_leaves_ended_jobs_alone(state: JobState) -> None:
    actions = {DISCRETE.decide(state, unit, due).action for unit in ANY_UNIT for due in ANY_DUE}

    assert actions == {Action.WAIT}


def test_a_changed_machine_still_covers_everything_and_says_what_it_was_told() -> None:
    held = Rule(
        job=(JobState.EMBRYO,), due=(Due.READY, Due.DOOMED), action=Action.WAIT, why='on strike'
    )

    machine = compile_machine('idle', changed(DISCRETE_RULES, held))

    assert machine.decide(JobState.EMBRYO, None, Due.READY) is held
    assert machine.decide(JobState.EMBRYO, None, Due.DOOMED) is held
    assert machine.decide(JobState.EMBRYO, None, Due.OPEN).why == DISCRETE_RULES[1].why
