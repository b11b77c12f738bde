"""What a reprocess or a skip touches, and in which order: planned before anything is done.

Reprocess(J): J, its parents, and all transitive dependents (and their parents) that have a
history go back to embryo; what is nested below J only when asked for. Skip(J): J and everything
nested below it that is not final. One pure function makes the plan for the preview and for the
Scheduler; the hash of the planned set tells whether the two saw the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from synergy.core.commands import Command, CommandKind
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import ProcessName
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable


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
    def count_by_process(self) -> dict[ProcessName, int]:
        """Return how many jobs of each process are touched, in the order of the plan."""
        counts: dict[ProcessName, int] = {}
        for key in self.keys:
            counts[key.process] = counts.get(key.process, 0) + 1
        return counts


def plan(timetable: Timetable, command: Command) -> Plan:
    """Return what `command` touches; raise PlanRefused when its selection is empty or unknown."""
    selected = _selected(timetable, command)
    match command.kind:
        case CommandKind.REPROCESS:
            touched = {command.process: [selected]}
            if command.with_children:
                touched = _descend(timetable.hierarchy, touched, command.process)
            touched = _ascend(timetable.hierarchy, touched)
            keys = tuple(_changed(timetable, touched))
        case CommandKind.SKIP:
            touched = _descend(timetable.hierarchy, {command.process: [selected]}, command.process)
            keys = tuple(_unfinished(timetable, touched))
    if not keys:
        raise PlanRefused(
            f'{command.kind.value} of {command.process} from {command.start} to {command.end} '
            'touches no job: none of them has '
            + ('run yet' if command.kind is CommandKind.REPROCESS else 'anything left to skip')
            + '; choose another range'
        )
    return Plan(keys=keys)


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
        raise PlanRefused(
            f'no interval of {command.process} from {command.start} to {command.end} has begun; '
            f'it has {len(span)} from ordinal {span.start}; choose a range among them'
        )
    return selected


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
