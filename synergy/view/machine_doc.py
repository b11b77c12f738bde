"""State machines as Markdown: states, edges and rules, drawn from the tables that decide.

`docs/machines.md` is what `document` returns; a test compares the two. An edge is what the engine
makes of a rule's action; a rule that only waits makes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Final, assert_never

from synergy.core.machines.table import ANY_DUE, ANY_JOB, ANY_UNIT, Action, Machine, Rule, UnitView
from synergy.core.states import FINAL_JOB_STATES, JobState, UnitState

_INTRODUCTION: Final = """\
# State machines

How a job is governed is a table: for each situation (state of the job, state of its unit, due)
exactly one rule, or the context is refused. This page is drawn from the tables.

*Due* says where the interval stands: `open` it is not over, `ready` it is over and its inputs are
final, `blocked` it is over and an input is pending, `forbidden` its blocking type forbids any run
yet, `doomed` an input was skipped and its blocking type says so. An *input* is a nested child or an
interval of a tree that it depends on.

Beside the edges below, two are an operator's, from any machine: *reprocess* puts a job back to
`state_embryo`, *skip* and *cancel* end it in `state_skipped`. A member of a group that ends later
(`time_grouping`) becomes `state_noop` instead of starting.

Freerun is not a machine of this kind: it has no interval to answer for. Each fire of its trigger
makes a unit, or is suppressed by its overlap or misfire policy with the reason written down; see
[context.md](context.md).
"""

#: State of a job that ends as its unit ended.
_ENDED_AS: Final = {
    UnitState.NOOP: JobState.NOOP,
    UnitState.CANCELED: JobState.SKIPPED,
}


def document(machines: Iterable[tuple[Machine, str]]) -> str:
    """Return the page. machines: each with a sentence or two about it."""
    sections = [_INTRODUCTION]
    for machine, text in machines:
        sections.append('\n'.join(_section(machine, text)))
    return '\n'.join(sections)


def edges(machine: Machine) -> Sequence[tuple[JobState, JobState, str]]:
    """Return (from, to, action) of every transition that the machine makes by itself, once each.

    States that it never reaches have none.
    """
    found = dict.fromkeys(
        (job, to, _label(rule.action))
        for rule in machine.rules
        for job in rule.job
        for unit in rule.unit
        for to in _targets(rule.action, job, unit)
    )
    reached = {JobState.EMBRYO}
    for _ in ANY_JOB:
        reached |= {end for begin, end, _ in found if begin in reached}
    return [edge for edge in found if edge[0] in reached]


def _label(action: Action) -> str:
    return 'no attempt left' if action is Action.RETRY else action.value


def _targets(action: Action, job: JobState, unit: UnitView) -> tuple[JobState, ...]:
    """Return the states in which the engine may leave a job after an action, its own left out."""
    match action:
        case Action.WAIT | Action.REST | Action.RETRY_OR_REST:
            return ()
        case Action.START:
            return (JobState.IN_PROGRESS,)
        case Action.RUN:
            return () if job is JobState.IN_PROGRESS else (JobState.IN_PROGRESS,)
        case Action.START_FINAL:
            return (JobState.FINAL_RUN,)
        case Action.FINISH:
            return () if unit is None else (_ENDED_AS.get(unit, JobState.PROCESSED),)
        case Action.RETRY | Action.GIVE_UP | Action.SKIP:
            # A retry leads there when no attempt is left, unless the process holds such jobs.
            return (JobState.SKIPPED,)
        case Action.RESET:
            return (JobState.EMBRYO,)
        case _:
            assert_never(action)


def _section(machine: Machine, text: str) -> Iterator[str]:
    yield f'## {machine.name}'
    yield ''
    yield text
    yield ''
    yield from _diagram(machine)
    yield ''
    yield '| job | unit | due | action | why |'
    yield '|---|---|---|---|---|'
    for rule in machine.rules:
        yield _row(rule)
    yield ''


def _diagram(machine: Machine) -> Iterator[str]:
    yield '```mermaid'
    yield 'stateDiagram-v2'
    yield f'    [*] --> {_bare(JobState.EMBRYO)}'
    labels: dict[tuple[JobState, JobState], list[str]] = {}
    for begin, end, label in edges(machine):
        labels.setdefault((begin, end), []).append(label)
    for (begin, end), actions in labels.items():
        yield f'    {_bare(begin)} --> {_bare(end)}: {", ".join(actions)}'
    reached = {end for _, end in labels}
    for state in ANY_JOB:
        if state in FINAL_JOB_STATES and state in reached:
            yield f'    {_bare(state)} --> [*]'
    yield '```'


def _row(rule: Rule) -> str:
    cells = (
        _names(rule.job, ANY_JOB),
        _names(rule.unit, ANY_UNIT),
        _names(rule.due, ANY_DUE),
        f'**{rule.action.value}**',
        rule.why,
    )
    return f'| {" | ".join(cells)} |'


def _names(values: Sequence[Enum | None], every: Sequence[Enum | None]) -> str:
    if len(values) == len(every):
        return 'any'
    return ', '.join('none' if value is None else f'`{_bare(value)}`' for value in values)


def _bare(value: Enum) -> str:
    return str(value.value).removeprefix('state_')
