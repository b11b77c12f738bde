"""The rules of `synergy.core.invariants`, each interval and each row looked at by itself.

Slow and obvious: what the one pass over stretches of rows has to agree with.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Final

from synergy.core.changed_levels import refused_levels
from synergy.core.closure import is_among
from synergy.core.commands import RESETTING_KINDS
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import Under, Violation
from synergy.core.machines.table import Machine
from synergy.core.node import Node
from synergy.core.records import Job, ProcessName, Unit
from synergy.core.states import Blocking, JobState, UnitState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.timetable import Timetable

_RAN: Final = (JobState.PROCESSED, JobState.NOOP)


def check_one_by_one(
    hierarchy: Hierarchy,
    jobs: Iterable[Job],
    units: Iterable[Unit],
    now: datetime,
    under: Under | None = None,
) -> Iterator[Violation]:
    """Yield every violation. jobs, units: all rows, in order of process, timeperiod and run."""
    rows = _Rows(hierarchy, now, under or Under())
    yield from rows.fill(jobs)
    for node in hierarchy:
        yield from rows.order_violations(node)
    yield from _unit_violations(rows.timetable, units)


class _Rows:
    """The job rows of a store, as far as judging them needs it."""

    def __init__(self, hierarchy: Hierarchy, now: datetime, under: Under) -> None:
        self.timetable = Timetable(hierarchy)
        self.timetable.extend(now)
        self._now = now
        self._under = under
        self._applying = {command.id for command in under.applying}
        # Of a request that is not planned yet: the intervals that it names.
        self._plans = [
            command.plan or {command.process: ((command.start.ordinal, command.end.ordinal),)}
            for command in under.applying
            if command.plan or (command.kind in RESETTING_KINDS and command.plan is None)
        ]
        self._terms = {
            name: array('q', bytes(8 * len(self.timetable.span(name)))) for name in hierarchy.nodes
        }
        # Marked as done by an operator, who says so in the reason.
        self._by_hand: set[JobKey] = set()
        # Ended again for a request that is being applied.
        self._again: set[JobKey] = set()
        self._levels: dict[ProcessName, dict[Qualifier, int]] = {}
        self._left_out: Collection[ProcessName] = ()

    def fill(self, jobs: Iterable[Job]) -> Iterator[Violation]:
        """Take over the rows; yield what is wrong with each for itself."""
        timetable, hierarchy = self.timetable, self.timetable.hierarchy
        before: JobKey | None = None
        for job in jobs:
            node = hierarchy.nodes.get(job.process)
            if node is None:
                continue
            qualifier = job.timeperiod.qualifier
            by_level = self._levels.setdefault(job.process, {})
            by_level[qualifier] = by_level.get(qualifier, 0) + 1
            if qualifier is not node.process.qualifier:
                continue
            if job.key == before:
                yield Violation(invariant='I1', key=job.key, text='has more than one row')
            before = job.key
            if timetable.state(job.key) is None:
                # An embryo waits for nothing: 2.x made rows of the future when somebody looked.
                if (
                    job.state is not JobState.EMBRYO
                    and job.timeperiod.ordinal >= hierarchy.begun_until(node, self._now)
                    and (node.until is None or job.timeperiod.ordinal < node.until)
                ):
                    text = 'has a row, but its interval has not begun'
                    yield Violation(invariant='I1', key=job.key, text=text)
                continue
            timetable.put(job)
            self._terms[job.process][job.timeperiod.ordinal - node.first] = job.term
            if job.state is JobState.PROCESSED and job.reason is not None:
                self._by_hand.add(job.key)
            if job.state.is_final and job.request_id in self._applying:
                self._again.add(job.key)
            yield from _row_violations(job, hierarchy.machine(job.process))
        timetable.settle()
        self._left_out = refused_levels(hierarchy, self._under.led, self._levels)

    def order_violations(self, node: Node) -> Iterator[Violation]:
        """Yield finished jobs ahead of an input, and breaches of blocking_dependencies."""
        hierarchy, name = self.timetable.hierarchy, node.process.name
        for run in self.timetable.runs_in(name, self.timetable.span(name), _RAN):
            for ordinal in run:
                key = _key(hierarchy, name, ordinal)
                if any(is_among(plan, key) for plan in self._plans):
                    continue
                for source in node.inputs:
                    if source.process not in self._left_out:
                        ordinals = hierarchy.input_range(node, source, ordinal)
                        yield from self._ahead_of(key, source.process, ordinals)
                        if source.process != node.child:
                            yield from self._skipped(node, key, source.process, ordinals)

    def _ahead_of(self, key: JobKey, source: ProcessName, ordinals: range) -> Iterator[Violation]:
        hierarchy = self.timetable.hierarchy
        pending = self.timetable.first_pending(source, ordinals)
        if pending is not None:
            other = _key(hierarchy, source, pending)
            reset = self.timetable.open_job(other)
            if reset is None or reset.request_id not in self._applying:
                text = f'is finished, but {other} is not ({self.timetable.state(other)})'
                yield Violation(invariant='I2', key=key, text=text)
            return
        own = self._terms[key.process][key.timeperiod.ordinal - hierarchy.nodes[key.process].first]
        first = hierarchy.nodes[source].first
        terms = self._terms[source][ordinals.start - first : ordinals.stop - first]
        if max(terms, default=0) <= own:
            return
        for place, term in enumerate(terms):
            other = _key(hierarchy, source, ordinals.start + place)
            if term > own and other not in self._again:
                text = (
                    f'is older than {other}, for which it waits: it ended in term {own}, that in '
                    f'term {term}; ./launch.py reprocess {key.process} {key.timeperiod} runs it '
                    'again'
                )
                yield Violation(invariant='I2', key=key, text=text)
                return

    def _skipped(
        self, node: Node, key: JobKey, source: ProcessName, ordinals: range
    ) -> Iterator[Violation]:
        if node.process.blocking is not Blocking.DEPENDENCIES or key in self._by_hand:
            return
        skipped = self.timetable.first_in(source, ordinals, JobState.SKIPPED)
        if skipped is not None and self.timetable.state(key) is JobState.PROCESSED:
            other = _key(self.timetable.hierarchy, source, skipped)
            text = f'was processed, but {other} was skipped'
            yield Violation(invariant='I3', key=key, text=text)


def _row_violations(job: Job, machine: Machine) -> Iterator[Violation]:
    may_rest = job.state in machine.resting_states
    if job.state.is_running and job.uow_id is None and not may_rest:
        yield Violation(invariant='I7', key=job.key, text=f'is {job.state.value} without a unit')
    if job.state is JobState.PROCESSED and job.run == 0 and job.reason is None:
        yield Violation(invariant='I7', key=job.key, text='is processed, but no unit was ever made')
    if job.rev < 1:
        yield Violation(invariant='I7', key=job.key, text=f'has a row at rev {job.rev}')


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
    if unit.lost_count > unit.attempt:
        text = f'run {unit.run} has lost {unit.lost_count} of {unit.attempt} attempts'
        yield Violation(invariant='I5', key=unit.key, text=text)
    if unit.state is UnitState.PROCESSED and unit.fence < 1:
        yield Violation(
            invariant='I5',
            key=unit.key,
            text=f'run {unit.run} is processed, but was never claimed; if it was taken over from '
            'Synergy 2.x, ./launch.py db --update corrects that',
        )


def _key(hierarchy: Hierarchy, process: ProcessName, ordinal: int) -> JobKey:
    return JobKey(process, Timeperiod(hierarchy.nodes[process].process.qualifier, ordinal))
