"""What a reprocess or a skip touches, and in which order: planned before anything is done.

Reprocess(J): J, its parents, and all transitive dependents (and their parents) that have a
history go back to embryo; what is nested below J only when asked for. Skip(J): J and everything
nested below it that is not final. Cancel(J): J, if it has a unit under way. One pure function
makes the plan for the preview and for the Scheduler; the hash of the planned set tells whether the
two saw the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final, assert_never

from synergy.core.commands import JOB_KINDS, Command, CommandKind, Only, Ranges
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable

_WHY_EMPTY: Final = {
    (Only.ALL, CommandKind.REPROCESS): 'none of them has run yet',
    (Only.ALL, CommandKind.SKIP): 'none of them has anything left to skip',
    (Only.ALL, CommandKind.CANCEL): 'none of them runs',
} | {
    (only, kind): f'none of them is {only.value}, or those have nothing to {kind.value}'
    for only in (Only.FAILED, Only.SKIPPED)
    for kind in JOB_KINDS
}


class PlanRefused(ValueError):
    """The command touches nothing that exists; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The jobs that a command touches, inputs before outputs, each process in order of time."""

    keys: tuple[JobKey, ...]

    @property
    def hash(self) -> str:
        """Return a hash of the planned set: the same set, the same hash."""
        digest = blake2b(digest_size=12)
        for key in self.keys:
            digest.update(f'{key.process}@{key.timeperiod.ordinal};'.encode())
        return digest.hexdigest()

    @property
    def ranges(self) -> Ranges:
        """Return the plan in the compact form in which a command keeps it."""
        ranges: dict[ProcessName, list[tuple[int, int]]] = {}
        for process, timeperiod in self.keys:
            runs = ranges.setdefault(process, [])
            ordinal = timeperiod.ordinal
            if runs and runs[-1][1] == ordinal:
                runs[-1] = (runs[-1][0], ordinal + 1)
            else:
                runs.append((ordinal, ordinal + 1))
        return {process: tuple(runs) for process, runs in ranges.items()}

    @property
    def count_by_process(self) -> dict[ProcessName, int]:
        """Return how many jobs of each process are touched, in the order of the plan."""
        counts: dict[ProcessName, int] = {}
        for key in self.keys:
            counts[key.process] = counts.get(key.process, 0) + 1
        return counts


def plan(timetable: Timetable, command: Command, failed: Collection[int] = ()) -> Plan:
    """Return what `command` touches; raise PlanRefused when its selection is empty or unknown.

    failed: ordinals of the process's failed jobs, needed when the command is about only those.
    """
    selected = _selected(timetable, command)
    wanted = _only(timetable, command, selected, failed)
    touched = {command.process: wanted}
    match command.kind:
        case CommandKind.REPROCESS:
            if command.with_children:
                touched = _descend(timetable.hierarchy, touched, command.process)
            keys = tuple(_changed(timetable, _ascend(timetable.hierarchy, touched)))
        case CommandKind.SKIP:
            touched = _descend(timetable.hierarchy, touched, command.process)
            keys = tuple(_unfinished(timetable, touched))
        case CommandKind.CANCEL:
            keys = tuple(_running(timetable, command.process, wanted))
        case _:
            raise PlanRefused(f'{command.kind.value} is not about jobs')
    if not keys:
        raise PlanRefused(
            f'{command.kind.value} of {command.process} from {command.start} to {command.end} '
            f'touches no job: {_WHY_EMPTY[command.only, command.kind]}; choose another range'
        )
    return Plan(keys=keys)


def unreset(timetable: Timetable, reset: Plan) -> Ranges:
    """Return what waits for the jobs of a reprocess, has begun, and is not among them.

    It has not run since it was last reset, if ever, so there is nothing to reset: it runs once its
    inputs are final, and then on their new results.
    """
    planned = _as_ranges(reset.ranges)
    found: dict[ProcessName, tuple[tuple[int, int], ...]] = {}
    for process, runs in _ascend(timetable.hierarchy, dict(planned)).items():
        span = timetable.span(process)
        begun = [range(max(run.start, span.start), min(run.stop, span.stop)) for run in runs]
        left = [rest for run in begun for rest in _without(run, planned.get(process, []))]
        if left:
            found[process] = tuple((run.start, run.stop) for run in left)
    return {name: found[name] for name in timetable.hierarchy.nodes if name in found}


def keys_of(hierarchy: Hierarchy, ranges: Ranges) -> Iterator[JobKey]:
    """Yield the jobs of a stored plan, in its order; processes that are gone are left out."""
    for process, runs in ranges.items():
        if (node := hierarchy.nodes.get(process)) is not None:
            for start, stop in runs:
                for ordinal in range(start, stop):
                    yield JobKey(process, Timeperiod(node.process.qualifier, ordinal))


def widened(timetable: Timetable, command: Command, batch: Sequence[JobKey]) -> Command:
    """Return a request that is being applied, with what its next batch touches beyond its plan.

    Jobs that were not to be reset when the plan was made, and have run since on inputs that are
    about to be. They wait for what is in `batch`, so they come behind it in the order of the plan.
    """
    assert command.plan is not None, 'it is being applied'
    order = [node.process.name for node in timetable.hierarchy]
    if [name for name in order if name in command.plan] != list(command.plan):
        return command  # Made under another context: its order must stay, for it is counted off.
    touched = _as_ranges(Plan(keys=tuple(batch)).ranges)
    planned = _as_ranges(command.plan)
    late = [
        key
        for key in _changed(timetable, _ascend(timetable.hierarchy, touched))
        if not _is_in(planned.get(key.process, []), key.timeperiod.ordinal)
    ]
    if not late:
        return command
    for process, ordinals in _as_ranges(Plan(keys=tuple(late)).ranges).items():
        planned[process] = _merged([*planned.get(process, []), *ordinals])
    plan = {
        name: tuple((run.start, run.stop) for run in planned[name])
        for name in order
        if name in planned
    }
    return replace(command, plan=plan, planned_count=command.planned_count + len(late))


def shortened(timetable: Timetable, command: Command) -> Command:
    """Return a request that is being applied, cut to what it has begun.

    What it has reset already runs again, so whatever waits for that must be reset, too; the rest of
    its plan is dropped.
    """
    assert command.plan is not None, 'it is being applied'
    keys = list(keys_of(timetable.hierarchy, command.plan))
    begun, rest = keys[: command.applied_count], keys[command.applied_count :]
    touched = _as_ranges(Plan(keys=tuple(begun)).ranges)
    if command.kind is CommandKind.REPROCESS:
        touched = _ascend(timetable.hierarchy, touched)
    left = [
        key
        for key in rest
        if any(key.timeperiod.ordinal in run for run in touched.get(key.process, []))
    ]
    plan = Plan(keys=(*begun, *left))
    return replace(command, plan=plan.ranges, planned_count=len(plan.keys))


def _selected(timetable: Timetable, command: Command) -> range:
    if command.process not in timetable.hierarchy.nodes:
        raise PlanRefused(f'process {command.process!r} is not in the context; correct the name')
    span = timetable.span(command.process)
    if command.start.ordinal >= command.end.ordinal:
        raise PlanRefused(
            f'the range from {command.start} to {command.end} of {command.process} holds no '
            'interval; its end is exclusive and must be later than its start'
        )
    selected = range(max(command.start.ordinal, span.start), min(command.end.ordinal, span.stop))
    if not selected:
        first = Timeperiod(command.start.qualifier, span.start)
        raise PlanRefused(
            f'no interval of {command.process} from {command.start} to {command.end} has begun; '
            f'the first is {first}, and there are {len(span)}; choose a range among them'
        )
    return selected


def _only(
    timetable: Timetable, command: Command, selected: range, failed: Collection[int]
) -> list[range]:
    match command.only:
        case Only.ALL:
            return [selected]
        case Only.FAILED:
            return _merged([range(at, at + 1) for at in failed if at in selected])
        case Only.SKIPPED:
            runs = []
            at = timetable.first_in(command.process, selected, JobState.SKIPPED)
            while at is not None:
                runs.append(range(at, at + 1))
                rest = range(at + 1, selected.stop)
                at = timetable.first_in(command.process, rest, JobState.SKIPPED)
            return _merged(runs)
        case _:
            assert_never(command.only)


def _descend(
    hierarchy: Hierarchy, touched: dict[ProcessName, list[range]], top: ProcessName
) -> dict[ProcessName, list[range]]:
    node = hierarchy.nodes[top]
    while node.child is not None:
        nested = [hierarchy.children_of(node, ordinals) for ordinals in touched[node.process.name]]
        touched[node.child] = [ordinals for ordinals in nested if ordinals]
        node = hierarchy.nodes[node.child]
    return touched


def _ascend(
    hierarchy: Hierarchy, touched: dict[ProcessName, list[range]]
) -> dict[ProcessName, list[range]]:
    """Add everything that waits, directly or not, for what is touched."""
    for node in hierarchy:
        runs = touched.get(node.process.name, [])
        for source in node.inputs:
            for ordinals in touched.get(source.process, []):
                if affected := hierarchy.affected(node, source, ordinals):
                    runs = [*runs, affected]
        if runs:
            touched[node.process.name] = _merged(runs)
    return touched


def _as_ranges(runs_by_process: Ranges) -> dict[ProcessName, list[range]]:
    return {process: [range(*run) for run in runs] for process, runs in runs_by_process.items()}


def _is_in(runs: Sequence[range], ordinal: int) -> bool:
    """Tell whether one of `runs`, which are in order, holds `ordinal`."""
    at = bisect_right(runs, ordinal, key=lambda run: run.start)
    return at > 0 and ordinal in runs[at - 1]


def _without(run: range, others: Sequence[range]) -> Iterator[range]:
    """Yield what is left of `run` without `others`, which are in order and do not overlap."""
    start = run.start
    for other in others:
        if other.start >= run.stop:
            break
        if start < other.start:
            yield range(start, other.start)
        start = max(start, other.stop)
    if start < run.stop:
        yield range(start, run.stop)


def _merged(runs: list[range]) -> list[range]:
    merged: list[range] = []
    for run in sorted(runs, key=lambda run: run.start):
        if merged and run.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, run.stop))
        else:
            merged.append(run)
    return merged


def _changed(timetable: Timetable, touched: dict[ProcessName, list[range]]) -> Iterator[JobKey]:
    for node in timetable.hierarchy:
        name, qualifier = node.process.name, node.process.qualifier
        for run in touched.get(name, []):
            ordinal = timetable.next_changed(name, run)
            while ordinal is not None:
                yield JobKey(name, Timeperiod(qualifier, ordinal))
                ordinal = timetable.next_changed(name, range(ordinal + 1, run.stop))


def _unfinished(timetable: Timetable, touched: dict[ProcessName, list[range]]) -> Iterator[JobKey]:
    for node in timetable.hierarchy:
        name, qualifier = node.process.name, node.process.qualifier
        for run in touched.get(name, []):
            begun = range(run.start, min(run.stop, timetable.span(name).stop))
            ordinal = timetable.first_pending(name, begun)
            while ordinal is not None:
                yield JobKey(name, Timeperiod(qualifier, ordinal))
                ordinal = timetable.first_pending(name, range(ordinal + 1, begun.stop))


def _running(timetable: Timetable, process: ProcessName, runs: list[range]) -> Iterator[JobKey]:
    running = sorted(
        job.key for job in timetable.open_jobs() if job.process == process and job.state.is_running
    )
    for key in running:
        if any(key.timeperiod.ordinal in run for run in runs):
            yield key
