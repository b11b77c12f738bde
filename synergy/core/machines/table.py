"""The table compiler: a state machine is a list of rules that covers every cell exactly once.

A cell is a triple (state of the job, state of its unit, due). A rule names the values of each for
which it holds and the one action to take. Compiling expands the rules over all cells; a cell that
no rule or more than one rule covers is an error with the cell in it, so a machine that can be
loaded has an answer to everything that can happen and never two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from itertools import product
from typing import Final, NamedTuple, TypeAlias

from synergy.core.states import Due, JobState, UnitState
from synergy.core.structs import Struct


class Action(Enum):
    """What a rule asks for.

    WAIT: nothing to do. START: make a new unit. START_FINAL: make the unit after which the job may
    end. RUN: make a new unit when the process's trigger fires next, the interval being live. REST:
    a run of a live interval has ended; wait for the next. FINISH: end the job as its unit ended.
    RETRY: a failed attempt; try again, or give up as the process's policy says. RETRY_OR_REST: the
    same, but instead of giving up, rest. GIVE_UP: a failed attempt; do not try again. SKIP: end the
    job without a run. RESET: back to embryo, to run when it is ready again.
    """

    WAIT = 'wait'
    START = 'start'
    START_FINAL = 'start final run'
    RUN = 'run at trigger'
    REST = 'rest'
    FINISH = 'finish'
    RETRY = 'retry'
    RETRY_OR_REST = 'retry or rest'
    GIVE_UP = 'give up'
    SKIP = 'skip'
    RESET = 'reset'


UnitView: TypeAlias = UnitState | None

ANY_JOB: Final = tuple(JobState)
ANY_UNIT: Final[tuple[UnitView, ...]] = (None, *UnitState)
ANY_DUE: Final = tuple(Due)


class Cell(NamedTuple):
    """One situation: state of the job, state of its unit (None: it has none), and due."""

    job: JobState
    unit: UnitView
    due: Due

    def __str__(self) -> str:
        """Return the cell as messages and pages show it."""
        unit = self.unit.value if self.unit is not None else 'no unit'
        return f'({self.job.value}, {unit}, {self.due.value})'


class Rule(Struct, frozen=True, kw_only=True):
    """In every cell of job x unit x due: take `action`, because of `why`."""

    job: tuple[JobState, ...]
    unit: tuple[UnitView, ...] = ANY_UNIT
    due: tuple[Due, ...] = ANY_DUE
    action: Action
    why: str

    def cells(self) -> Iterator[Cell]:
        """Yield the cells that the rule covers."""
        for job, unit, due in product(self.job, self.unit, self.due):
            yield Cell(job, unit, due)


class MachineError(ValueError):
    """A table with a cell that no rule, or more than one, covers."""


class Machine(Struct, frozen=True, kw_only=True):
    """A compiled state machine: exactly one rule for every cell, and what follows from them.

    runs_live: jobs may run while their interval is still open. resting_states: those in which a
    job may be without a unit, between two of its runs. made_up_for: where the next run makes up for
    one that has no attempt left; everywhere else the job is given up, as its process's policy says.
    retries_processed: another attempt may follow one that was processed.
    """

    name: str
    rules: tuple[Rule, ...]
    rule_by_cell: Mapping[tuple[JobState, UnitView, Due], Rule]
    runs_live: bool
    resting_states: frozenset[JobState]
    made_up_for: frozenset[tuple[JobState, Due]]
    retries_processed: bool

    def decide(self, job: JobState, unit: UnitView, due: Due) -> Rule:
        """Return the one rule for a situation."""
        return self.rule_by_cell[job, unit, due]


def compile_machine(name: str, rules: Iterable[Rule]) -> Machine:
    """Return the machine; raise MachineError naming every cell that is not covered exactly once."""
    rules = tuple(rules)
    rule_by_cell: dict[tuple[JobState, UnitView, Due], Rule] = {}
    problems = []
    for rule in rules:
        problems += [
            f'{cell} is covered twice: {rule_by_cell[cell].why!r} and {rule.why!r}'
            for cell in rule.cells()
            if rule_by_cell.setdefault(cell, rule) is not rule
        ]
    problems += [
        f'{cell} is covered by no rule'
        for cell in map(Cell._make, product(ANY_JOB, ANY_UNIT, ANY_DUE))
        if cell not in rule_by_cell
    ]
    if problems:
        raise MachineError(
            f'state machine {name!r} does not cover each cell exactly once; fix its rules:\n'
            + '\n'.join(problems)
        )
    resting = [rule for rule in rules if rule.action in (Action.REST, Action.RETRY_OR_REST)]
    return Machine(
        name=name,
        rules=rules,
        rule_by_cell=rule_by_cell,
        runs_live=any(rule.action is Action.RUN for rule in rules),
        resting_states=frozenset(job for rule in resting for job in rule.job),
        made_up_for=frozenset(
            (job, due)
            for (job, unit, due), rule in rule_by_cell.items()
            if unit is UnitState.INVALID and rule.action is Action.RETRY_OR_REST
        ),
        retries_processed=any(
            unit is UnitState.PROCESSED
            and rule.action in (Action.RETRY, Action.RETRY_OR_REST, Action.GIVE_UP)
            for (_, unit, _), rule in rule_by_cell.items()
        ),
    )
