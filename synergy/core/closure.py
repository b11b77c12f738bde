"""What a reprocess or a skip touches, and in which order: planned before anything is done.

Reprocess(J): J, its parents, and all transitive dependents (and their parents) that have a
history go back to embryo; what is nested below J only when asked for. Skip(J): J and everything
nested below it that is not final. Cancel(J): J, if it has a unit under way. One pure function
makes the plan for the preview and for the Scheduler; the hash of the planned set tells whether the
two saw the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final, assert_never

from synergy.core.chosen import chosen_of, common, stretches
from synergy.core.commands import (
    JOB_KINDS,
    RESETTING_KINDS,
    Command,
    CommandKind,
    Only,
    Ranges,
)
from synergy.core.hierarchy import Hierarchy
from synergy.core.leaving_out import can_leave_out, left_out_by
from synergy.core.letter_groups import error_of
from synergy.core.reached import ascend, descend, without
from synergy.core.readiness import has_ended
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable

_WHY_EMPTY: Final = {
    (Only.ALL, CommandKind.REPROCESS): 'none of them has run yet',
    (Only.ALL, CommandKind.SKIP): 'none of them has anything left to skip',
    (Only.ALL, CommandKind.CANCEL): 'none of them runs',
    (Only.ALL, CommandKind.MARK_DONE): 'none of them is over with all that it waits for ended',
} | {
    (only, kind): f'none of them is {only.value}, or those have nothing to {kind.words}'
    for only in (Only.FAILED, Only.SKIPPED)
    for kind in JOB_KINDS
}


_NOTHING: Final[Ranges] = {}


class PlanRefused(ValueError):
    """The command touches nothing that exists; the message says why and what to do."""


class Plan(Struct, frozen=True, kw_only=True):
    """The jobs that a command touches, inputs before outputs, each process in order of time.

    ranges: as long as they can be, so that a set has one form only.
    """

    ranges: Ranges

    @property
    def hash(self) -> str:
        """Return a hash of the planned set: the same set, the same hash."""
        digest = blake2b(digest_size=12)
        for process, runs in self.ranges.items():
            for start, stop in runs:
                digest.update(f'{process}@{start}-{stop};'.encode())
        return digest.hexdigest()

    @property
    def count_by_process(self) -> dict[ProcessName, int]:
        """Return how many jobs of each process are touched, in the order of the plan."""
        return {
            process: sum(stop - start for start, stop in runs)
            for process, runs in self.ranges.items()
        }

    @property
    def count(self) -> int:
        """Return how many jobs are touched."""
        return sum(self.count_by_process.values())


def plan(timetable: Timetable, command: Command, failed: Collection[int] = ()) -> Plan:
    """Return what `command` touches; raise PlanRefused when its selection is empty or unknown.

    failed: ordinals of the process's failed jobs, needed when the command is about only those.
    """
    selected = _selected(timetable, command)
    wanted = _chosen(command, _only(timetable, command, selected, failed))
    touched = {command.process: wanted}
    match command.kind:
        case CommandKind.REPROCESS:
            if command.with_children:
                touched = descend(timetable.hierarchy, touched, command.process)
            found = _changed(timetable, ascend(timetable, touched))
            if command.is_anyway:
                found = _with_left_out(timetable, command, wanted, found)
            elif (by := _left_out_by(timetable, command, wanted)) is not None:
                raise PlanRefused(
                    f'{command.process} from {command.start} to {command.end} is left out {by}, so '
                    'there is nothing to run again; --anyway runs it all the same'
                )
        case CommandKind.SKIP:
            touched = descend(timetable.hierarchy, touched, command.process)
            found = _in_order(timetable, touched, timetable.unfinished_runs)
        case CommandKind.CANCEL:
            found = _running(timetable, command.process, wanted)
        case CommandKind.MARK_DONE:
            found = _marked(timetable, command, wanted)
        case _:
            raise PlanRefused(f'{command.kind.value} is not about jobs')
    if not found:
        raise PlanRefused(
            f'{command.kind.words} of {command.process} from {command.start} to {command.end} '
            f'touches no job: {_why_empty(timetable, command, wanted)}; choose another range'
        )
    return Plan(ranges=found)


def _why_empty(timetable: Timetable, command: Command, wanted: Sequence[range]) -> str:
    if (error := error_of(command)) is not None:
        return f'none of them failed with {error!r:.120}'
    if (by := _left_out_by(timetable, command, wanted)) is not None:
        return f'it is left out {by}, and counts as done'
    return _WHY_EMPTY[command.only, command.kind]


def consequences(timetable: Timetable, touched: Mapping[ProcessName, Sequence[range]]) -> Plan:
    """Return `touched` and all that waits for it, directly or not, as far as it has a history."""
    merged = {name: stretches(runs) for name, runs in touched.items()}
    return Plan(ranges=_changed(timetable, ascend(timetable, merged)))


def unreset(timetable: Timetable, reset: Plan) -> Ranges:
    """Return what waits for the jobs of a reprocess, has begun, and is not among them.

    It has not run since it was last reset, if ever, so there is nothing to reset: it runs once its
    inputs are final, and then on their new results. Not what a working calendar leaves out.
    """
    planned = _as_ranges(reset.ranges)
    found: dict[ProcessName, tuple[tuple[int, int], ...]] = {}
    for process, runs in ascend(timetable, dict(planned)).items():
        span = timetable.span(process)
        begun = [range(max(run.start, span.start), min(run.stop, span.stop)) for run in runs]
        never = [part for run in begun for part in timetable.left_out_runs(process, run)]
        others = stretches([*planned.get(process, []), *never])
        left = [rest for run in begun for rest in without(run, others)]
        if left:
            found[process] = tuple((run.start, run.stop) for run in left)
    return {name: found[name] for name in timetable.hierarchy.nodes if name in found}


def left_without(timetable: Timetable, skipped: Iterable[JobKey]) -> Ranges:
    """Return the jobs that waited for `skipped` ones, are not final, and go on without them.

    `timetable` has the skipped ones as they are then. Parents and dependents alike; only those that
    wait for them directly, for what waits for these does not lack anything.
    """
    touched = _as_ranges(ranges_of(sorted(skipped)))
    found: dict[ProcessName, list[range]] = {}
    for node in timetable.hierarchy:
        runs = [
            affected
            for source in node.inputs
            for ordinals in touched.get(source.process, [])
            if (affected := timetable.hierarchy.affected(node, source, ordinals))
        ]
        if runs:
            found[node.process.name] = stretches(runs)
    return _in_order(timetable, found, timetable.unfinished_runs)


def keys_of(hierarchy: Hierarchy, ranges: Ranges) -> Iterator[JobKey]:
    """Yield the jobs of a stored plan, in its order; processes that are gone are left out."""
    for process, runs in ranges.items():
        if (node := hierarchy.nodes.get(process)) is not None:
            for start, stop in runs:
                for ordinal in range(start, stop):
                    yield JobKey(process, Timeperiod(node.process.qualifier, ordinal))


def ranges_of(keys: Iterable[JobKey]) -> Ranges:
    """Return jobs, each process's in order of time, as ranges."""
    ranges: dict[ProcessName, list[tuple[int, int]]] = {}
    for process, timeperiod in keys:
        runs = ranges.setdefault(process, [])
        ordinal = timeperiod.ordinal
        if runs and runs[-1][1] == ordinal:
            runs[-1] = (runs[-1][0], ordinal + 1)
        else:
            runs.append((ordinal, ordinal + 1))
    return {process: tuple(runs) for process, runs in ranges.items()}


def is_among(ranges: Ranges, key: JobKey) -> bool:
    """Tell whether a plan touches a job."""
    ordinal = key.timeperiod.ordinal
    runs = ranges.get(key.process, ())
    at = bisect_right(runs, ordinal, key=_start)
    return at > 0 and ordinal < runs[at - 1][1]


def widened(timetable: Timetable, command: Command, batch: Sequence[JobKey]) -> Command:
    """Return a request that is being applied, with what its next batch touches beyond its plan.

    Jobs that were not to be reset when the plan was made, and have run since on inputs that are
    about to be. They wait for what is in `batch`, so they come behind it in the order of the plan.
    """
    assert command.plan is not None, 'it is being applied'
    order = [node.process.name for node in timetable.hierarchy]
    if [name for name in order if name in command.plan] != list(command.plan):
        return command  # Made under another context: its order must stay, for it is counted off.
    touched = _as_ranges(ranges_of(batch))
    planned = _as_ranges(command.plan)
    changed = _as_ranges(_changed(timetable, ascend(timetable, touched)))
    count = command.planned_count
    for process, runs in changed.items():
        known = planned.get(process, [])
        late = [rest for run in runs for rest in without(run, known)]
        if late:
            planned[process] = stretches([*known, *late])
            count += sum(map(len, late))
    if count == command.planned_count:
        return command
    plan = {name: _as_pairs(planned[name]) for name in order if name in planned}
    return replace(command, plan=plan, planned_count=count)


def shortened(timetable: Timetable, command: Command, put_back: Ranges = _NOTHING) -> Command:
    """Return a request that is being applied, cut to what it has begun.

    What it has reset already runs again, so whatever waits for that must be reset, too; the rest of
    its plan is dropped. put_back: of what it has begun, what stands again as before.
    """
    assert command.plan is not None, 'it is being applied'
    keys = list(keys_of(timetable.hierarchy, command.plan))
    begun, rest = keys[: command.applied_count], keys[command.applied_count :]
    begun = [key for key in begun if not is_among(put_back, key)]
    touched = _as_ranges(ranges_of(begun))
    if command.kind in RESETTING_KINDS:
        touched = ascend(timetable, touched)
    kept = {process: _as_pairs(runs) for process, runs in touched.items()}
    left = [key for key in rest if is_among(kept, key)]
    return replace(
        command,
        plan=ranges_of([*begun, *left]),
        planned_count=len(begun) + len(left),
        applied_count=len(begun),
    )


def _with_left_out(
    timetable: Timetable, command: Command, wanted: Sequence[range], found: Ranges
) -> Ranges:
    """Return a plan with those of the wanted intervals that are left out."""
    name = command.process
    left = [part for run in wanted for part in timetable.left_out_runs(name, run)]
    both = {**found, name: _as_pairs(stretches([*_as_ranges(found).get(name, []), *left]))}
    return {name: both[name] for name in timetable.hierarchy.nodes if both.get(name)}


def is_left_out(timetable: Timetable, command: Command) -> bool:
    """Tell whether a reprocess is refused because all that it names is left out."""
    wanted = [range(command.start.ordinal, command.end.ordinal)]
    is_reprocess = command.kind is CommandKind.REPROCESS and not command.is_anyway
    return is_reprocess and _left_out_by(timetable, command, wanted) is not None


def _left_out_by(timetable: Timetable, command: Command, wanted: Sequence[range]) -> str | None:
    """Return by what all of the wanted intervals are left out, if they are."""
    node = timetable.hierarchy.nodes[command.process]
    if not wanted or not can_leave_out(node):
        return None
    left = [part for run in wanted for part in timetable.left_out_runs(command.process, run)]
    if sum(map(len, left)) < sum(map(len, wanted)):
        return None
    return left_out_by(timetable.hierarchy, node, wanted[0].start)


def _marked(timetable: Timetable, command: Command, wanted: list[range]) -> Ranges:
    """Return the jobs that may be marked as done, and what has run on their former results.

    Each must be over, and all that it waits for final, or enough of it there: else it would end
    before that did, and would not run once that had. What is left out counts as done already.
    """
    hierarchy = timetable.hierarchy
    node = hierarchy.nodes[command.process]
    over = hierarchy.over_until(node, command.created_at)
    keys = [
        JobKey(command.process, hierarchy.timeperiod(node, ordinal))
        for run in wanted
        for ordinal in run
        if ordinal < over
        and not timetable.is_left_out(JobKey(command.process, hierarchy.timeperiod(node, ordinal)))
        and all(
            has_ended(timetable, node, source, ordinal, command.created_at)
            for source in node.inputs
        )
    ]
    marked = ranges_of(keys)
    if not marked:
        return {}
    found = _changed(timetable, ascend(timetable, _as_ranges(marked)))
    # Others of the same process may have run on former results of these.
    own = [range(*run) for run in (*found.get(node.process.name, ()), *marked[node.process.name])]
    planned = {**found, node.process.name: _as_pairs(stretches(own))}
    return {name: planned[name] for name in hierarchy.nodes if name in planned}


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
            return stretches([range(at, at + 1) for at in failed if at in selected])
        case Only.SKIPPED:
            skipped = timetable.ordinals_in(command.process, selected, {JobState.SKIPPED})
            return stretches([range(at, at + 1) for at in skipped])
        case _:
            assert_never(command.only)


def _chosen(command: Command, wanted: Sequence[range]) -> list[range]:
    """Return those among `wanted` that the request spells out; all of them where it does not."""
    try:
        chosen = chosen_of(command.details, command.start.qualifier)
    except ValueError as error:
        raise PlanRefused(
            f'the intervals that the request names cannot be read: {error}; ask again'
        ) from error
    return list(wanted) if chosen is None else common(wanted, chosen)


def _start(run: tuple[int, int]) -> int:
    return run[0]


def _changed(timetable: Timetable, touched: dict[ProcessName, list[range]]) -> Ranges:
    return _in_order(timetable, touched, timetable.changed_runs)


def _in_order(
    timetable: Timetable,
    touched: dict[ProcessName, list[range]],
    among: Callable[[ProcessName, range], Sequence[range]],
) -> Ranges:
    """Return those `among` what is touched, inputs before outputs."""
    found = {}
    for node in timetable.hierarchy:
        name = node.process.name
        runs = [part for run in touched.get(name, []) for part in among(name, run)]
        if runs:
            found[name] = _as_pairs(runs)
    return found


def _running(timetable: Timetable, process: ProcessName, runs: list[range]) -> Ranges:
    among = {process: _as_pairs(runs)}
    keys = sorted(job.key for job in timetable.open_jobs_of(process) if job.state.is_running)
    return ranges_of(key for key in keys if is_among(among, key))


def _as_ranges(runs_by_process: Ranges) -> dict[ProcessName, list[range]]:
    return {process: [range(*run) for run in runs] for process, runs in runs_by_process.items()}


def _as_pairs(runs: Iterable[range]) -> tuple[tuple[int, int], ...]:
    return tuple((run.start, run.stop) for run in runs)
