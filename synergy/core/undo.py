"""The undo of a reprocess: which of its jobs get back the final state that they had before it.

A job that a request has reset, and that has not begun since, remembers how it had ended (`Former`).
It may stand so again exactly when nothing that it waits for has changed meanwhile: each input is
final as it was, or gets its own former state back with it. What has begun, or waits for something
that has, runs; so does what another request has touched below it since, for that takes away what
the job remembers (`out_of_date`). A job that was skipped may have been so before its inputs were
done, so of those only what the request itself has reset stands in its way.

What is put back keeps the term in which it had ended, so that it is as old as before: nothing that
waits for it counts as outdated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import groupby

from synergy.core.closure import keys_of, ranges_of
from synergy.core.commands import Command, CommandKind, CommandState, Ranges
from synergy.core.node import Input, Node
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct, field
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable


class Undo(Struct, frozen=True, kw_only=True):
    """What cancelling a request does. put_back: jobs that stand again as they stood before it.

    let_run: how many of those that it has reset run, or have run since, by process. dropped: how
    many of its plan it has not begun with.
    """

    put_back: Ranges
    let_run: Mapping[ProcessName, int] = field(default_factory=dict)
    dropped: int = 0

    @property
    def count_by_process(self) -> Mapping[ProcessName, int]:
        """Return how many jobs of each process are put back."""
        return {
            process: sum(stop - start for start, stop in runs)
            for process, runs in self.put_back.items()
        }

    @property
    def put_back_count(self) -> int:
        """Return how many jobs are put back."""
        return sum(self.count_by_process.values())

    @property
    def let_run_count(self) -> int:
        """Return how many of its jobs run, or have run since."""
        return sum(self.let_run.values())

    def __str__(self) -> str:
        """Return what it does in words: `puts back 2,100, lets 38 run`."""
        text = f'puts back {self.put_back_count:,}, lets {self.let_run_count:,} run'
        return f'{text}, leaves {self.dropped:,} as they are' if self.dropped else text


def can_be_undone(request: Command) -> bool:
    """Tell whether a request has reset anything that might be put back."""
    is_begun = request.state in (CommandState.APPLYING, CommandState.RUNNING)
    return request.kind is CommandKind.REPROCESS and is_begun and request.plan is not None


def is_undone_by(command: Command, target: Command) -> bool:
    """Tell whether a command takes back what a request has reset."""
    return command.kind is CommandKind.ABANDON and can_be_undone(target)


def undo_of(timetable: Timetable, request: Command, left_out: Collection[str] = ()) -> Undo:
    """Return what cancelling a reprocess does as things stand. Cost: its plan and its inputs.

    left_out: processes of which nothing is written at all.
    """
    hierarchy = timetable.hierarchy
    keys = list(keys_of(hierarchy, request.plan or {}))
    begun = keys[: request.applied_count]
    back: dict[ProcessName, set[int]] = {}
    others: dict[ProcessName, set[int]] = {}
    for process, own in groupby(begun, key=lambda key: key.process):
        node = hierarchy.nodes[process]
        for key in own:
            job = timetable.open_job(key)
            if job is None and not hierarchy.covered(node, key.timeperiod.ordinal):
                continue  # Its group does its work: it ended at once, and changes nothing.
            may = (
                process not in left_out
                and remembers(job, request)
                and not any(
                    _is_in_the_way(timetable, job, node, source, back, others)
                    for source in node.inputs
                )
            )
            (back if may else others).setdefault(process, set()).add(key.timeperiod.ordinal)
    is_back = [key for key in begun if key.timeperiod.ordinal in back.get(key.process, ())]
    return Undo(
        put_back=ranges_of(is_back),
        let_run={process: len(ordinals) for process, ordinals in others.items()},
        dropped=len(keys) - len(begun),
    )


def remembers(job: Job | None, request: Command) -> bool:
    """Tell whether a job still stands as a request has reset it, and how it stood before."""
    return (
        job is not None
        and job.state is JobState.EMBRYO
        and job.request_id == request.id
        and job.former is not None
    )


def out_of_date(timetable: Timetable, changed: Job) -> Iterator[Job]:
    """Yield the jobs whose former state no longer fits once a final input of theirs is reset.

    Only those of other requests: what the same request resets, it puts back together. Each once.
    """
    hierarchy = timetable.hierarchy
    ordinal = changed.timeperiod.ordinal
    for name in hierarchy.nodes[changed.process].outputs:
        if not timetable.open_jobs_of(name):
            continue
        output = hierarchy.nodes[name]
        found = {
            affected
            for source in output.inputs
            if source.process == changed.process and not source.is_order_only
            for affected in hierarchy.affected(output, source, range(ordinal, ordinal + 1))
        }
        for affected in sorted(found):
            job = timetable.open_job(JobKey(name, Timeperiod(output.process.qualifier, affected)))
            if job is not None and job.former and job.request_id != changed.request_id:
                yield job


def _is_in_the_way(
    timetable: Timetable,
    job: Job | None,
    node: Node,
    source: Input,
    back: Mapping[ProcessName, Collection[int]],
    others: Mapping[ProcessName, Collection[int]],
) -> bool:
    """Tell whether an input of a job has changed since it ended, or is about to."""
    assert job is not None
    assert job.former is not None
    if source.is_order_only:
        return False
    ordinals = timetable.hierarchy.input_range(node, source, job.timeperiod.ordinal)
    changed = others.get(source.process, ())
    if any(ordinal in changed for ordinal in ordinals):
        return True
    if job.former.state is JobState.SKIPPED:
        return False
    if source.at_least is not None:
        # It may have ended without what is pending; what comes or is reset voids its former state.
        return False
    returning = back.get(source.process, ())
    pending = timetable.first_pending(source.process, ordinals)
    while pending is not None:
        if pending not in returning:
            return True
        pending = timetable.first_pending(source.process, range(pending + 1, ordinals.stop))
    return False
