"""What must hold for any store at any time: one checker for tests and `launch.py verify`.

Numbers are those of the project's list of invariants (`docs/architecture.md`): I1 every interval
exists exactly once, I2 no parent is finished while a child of the current generation is not, I3
with blocking_dependencies nothing runs before its dependencies are processed or noop, I4 at most
one live unit per job and one lease per unit, I5 fences and attempts are consistent, I7 only legal
states. I6, I8 and I9 are about histories; tests check them from what they saw happen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from synergy.core.hierarchy import Hierarchy, Node
from synergy.core.records import CommandId, Job, ProcessName, Unit
from synergy.core.states import Blocking, JobState, UnitState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken promise. key: the job it is about."""

    invariant: str
    key: JobKey
    text: str

    def __str__(self) -> str:
        """Return invariant, job and what is wrong."""
        return f'{self.invariant} {self.key}: {self.text}'


def check(
    hierarchy: Hierarchy,
    jobs: Iterable[Job],
    units: Iterable[Unit],
    now: datetime,
    applying: Collection[CommandId] = (),
) -> Iterator[Violation]:
    """Yield every violation in a store's rows.

    jobs, units: all rows, each in order of process and timeperiod. Rows of processes that are not
    in `hierarchy`, and of intervals outside their tree's span, are not judged. applying: requests
    that are being applied, inputs before outputs: what they have reset is not held against
    parents that they are about to reset. Cost: one pass;
    memory: a byte per interval, and the rows of jobs that are not final.
    """
    timetable = Timetable(hierarchy)
    timetable.extend(now)
    yield from _fill(timetable, jobs, now)
    for node in hierarchy:
        yield from _order_violations(timetable, node, applying)
    yield from _unit_violations(timetable, units)


def _fill(timetable: Timetable, jobs: Iterable[Job], now: datetime) -> Iterator[Violation]:
    before: JobKey | None = None
    for job in jobs:
        node = timetable.hierarchy.nodes.get(job.process)
        if node is None:
            continue
        if job.key == before:
            yield Violation(invariant='I1', key=job.key, text='has more than one row')
        before = job.key
        if timetable.state(job.key) is None:
            # An embryo waits for nothing: 2.x made rows of the future when somebody looked at them.
            is_begun = job.state is not JobState.EMBRYO
            if (
                is_begun
                and job.timeperiod.ordinal >= timetable.hierarchy.begun_until(node, now)
                and (node.until is None or job.timeperiod.ordinal < node.until)
            ):
                yield Violation(
                    invariant='I1', key=job.key, text='has a row, but its interval has not begun'
                )
            continue
        timetable.put(job)
        yield from _row_violations(job, node)
    timetable.settle()


def _row_violations(job: Job, node: Node) -> Iterator[Violation]:
    rests = job.state is JobState.IN_PROGRESS and node.process.machine != 'discrete'
    if job.state.is_running and job.uow_id is None and not rests:
        yield Violation(invariant='I7', key=job.key, text=f'is {job.state.value} without a unit')
    if job.state is JobState.PROCESSED and job.run == 0:
        yield Violation(invariant='I7', key=job.key, text='is processed, but no unit was ever made')
    if job.rev < 1:
        yield Violation(invariant='I7', key=job.key, text=f'has a row at rev {job.rev}')


def _order_violations(
    timetable: Timetable, node: Node, applying: Collection[CommandId]
) -> Iterator[Violation]:
    """Yield finished parents with an unfinished child, and breaches of blocking_dependencies."""
    hierarchy = timetable.hierarchy
    name, qualifier = node.process.name, node.process.qualifier
    for ordinal in timetable.span(name):
        key = JobKey(name, Timeperiod(qualifier, ordinal))
        state = timetable.state(key)
        if state not in (JobState.PROCESSED, JobState.NOOP):
            continue
        for source in node.inputs:
            ordinals = hierarchy.input_range(node, source, ordinal)
            pending = timetable.first_pending(source.process, ordinals)
            if pending is not None:
                other = _key(hierarchy, source.process, pending)
                reset = timetable.open_job(other)
                if reset is not None and reset.request_id in applying:
                    continue
                yield Violation(
                    invariant='I2',
                    key=key,
                    text=f'is finished, but {other} is not ({timetable.state(other)})',
                )
            if node.process.blocking is not Blocking.DEPENDENCIES or source.process == node.child:
                continue
            skipped = timetable.first_in(source.process, ordinals, JobState.SKIPPED)
            if skipped is not None and state is JobState.PROCESSED:
                other = _key(hierarchy, source.process, skipped)
                yield Violation(
                    invariant='I3', key=key, text=f'was processed, but {other} was skipped'
                )


def _unit_violations(timetable: Timetable, units: Iterable[Unit]) -> Iterator[Violation]:
    live: Unit | None = None
    for unit in units:
        node = timetable.hierarchy.nodes.get(unit.process)
        if node is None:
            continue
        if unit.state.is_live:
            if live is not None and live.key == unit.key:
                yield Violation(
                    invariant='I4',
                    key=unit.key,
                    text=f'runs {live.run} and {unit.run} are both live',
                )
            live = unit
            state = timetable.state(unit.key)
            job = timetable.open_job(unit.key)
            # A commit that broke off may leave a unit without its job; it was never announced,
            # and is adopted by the job's next start or cancelled by the next sweep.
            is_stray = unit.fence == 0 and unit.announced_at is None
            is_awaited = job is not None and job.uow_id == unit.id
            if state is not None and not is_awaited and not is_stray:
                yield Violation(
                    invariant='I4',
                    key=unit.key,
                    text=f'run {unit.run} is {unit.state.value}, but the job does not wait for it',
                )
        yield from _lease_violations(unit)


def _lease_violations(unit: Unit) -> Iterator[Violation]:
    if unit.state is UnitState.IN_PROGRESS and (unit.owner is None or unit.lease_until is None):
        yield Violation(
            invariant='I4', key=unit.key, text=f'run {unit.run} is in progress without a lease'
        )
    if unit.state is UnitState.PROCESSED and unit.fence < 1:
        yield Violation(
            invariant='I5',
            key=unit.key,
            text=f'run {unit.run} is processed, but was never claimed; if it was taken over from '
            'Synergy 2.x, ./launch.py db --update corrects that',
        )


def _key(hierarchy: Hierarchy, process: ProcessName, ordinal: int) -> JobKey:
    return JobKey(process, Timeperiod(hierarchy.nodes[process].process.qualifier, ordinal))
