"""May this job run now, and if not, because of whom: one function for the scheduler and for people.

The Scheduler decides by `Readiness.due`; "why is this waiting" shows `Readiness.culprits`. Both
come from `readiness`, so text and behaviour cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from synergy.core.lanes import LaneWork
from synergy.core.node import Input, InputKind, Node
from synergy.core.states import Blocking, Due, JobState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable


class CulpritKind(Enum):
    """What stands in the way."""

    NOT_OVER = 'not over'
    CHILD = 'child'
    DEPENDENCY = 'dependency'
    SKIPPED_DEPENDENCY = 'skipped dependency'
    SKIPPED_CHILDREN = 'skipped children'


class Window(Struct, frozen=True, kw_only=True):
    """How much there is of what a job waits for, where not all of it has to come.

    done of `total` intervals have ended well; `at_least` will do from the instant `give_up_at`, but
    while `rerun` of them run again for a request: those are waited for.
    """

    done: int
    total: int
    at_least: int
    give_up_at: datetime
    rerun: int


class Culprit(Struct, frozen=True):
    """One thing that stands in a job's way.

    key: the job waited for; for NOT_OVER the job itself. state: that job's state; None when its
    interval has not begun. at: for NOT_OVER, when the job may start. source: the input among which
    it is. window: how much of that there is, where a part will do.
    """

    kind: CulpritKind
    key: JobKey
    state: JobState | None = None
    at: datetime | None = None
    source: Input | None = None
    window: Window | None = None


class Readiness(Struct, frozen=True):
    """Whether a job may run, and what stands in its way, causes first met first."""

    due: Due
    culprits: tuple[Culprit, ...] = ()


_READY = Readiness(Due.READY)


def readiness(
    timetable: Timetable, key: JobKey, now: datetime, culprits_per_input: int = 1
) -> Readiness:
    """Return whether the job `key` may run at `now`.

    key: of a process of the timetable's hierarchy. Cost: one byte search per input.
    """
    node = timetable.hierarchy.nodes[key.process]
    ordinal = key.timeperiod.ordinal
    blocking = node.process.blocking
    culprits: list[Culprit] = []
    forbids = False
    for source in node.inputs:
        if source.is_order_only and _has_begun(timetable, key):
            continue
        ordinals = timetable.hierarchy.input_range(node, source, ordinal)
        if doomed := _doom(timetable, source, ordinals, blocking):
            return Readiness(Due.DOOMED, (doomed,))
        pending = _pending(timetable, source, ordinals, culprits_per_input)
        if pending and source.at_least is not None:
            window = window_of(timetable, node, source, ordinal)
            if is_enough(window, now):
                continue
            pending = [replace(culprit, window=window) for culprit in pending]
        if pending:
            culprits += pending
            forbids = forbids or _forbids(blocking, source.kind)
    if ordinal >= timetable.hierarchy.over_until(node, now):
        at = timetable.hierarchy.over_at(node, ordinal)
        culprits.insert(0, Culprit(CulpritKind.NOT_OVER, key, timetable.state(key), at))
        return Readiness(Due.FORBIDDEN if forbids else Due.OPEN, tuple(culprits))
    if not culprits:
        return _READY
    return Readiness(Due.FORBIDDEN if forbids else Due.BLOCKED, tuple(culprits))


def window_of(timetable: Timetable, node: Node, source: Input, ordinal: int) -> Window:
    """Return how much there is of an input of which a part will do."""
    ordinals = timetable.hierarchy.input_range(node, source, ordinal)
    assert source.at_least is not None
    return Window(
        done=timetable.done_count(source.process, ordinals),
        total=len(ordinals),
        at_least=source.at_least,
        give_up_at=timetable.hierarchy.interval(node, ordinal)[1] + source.give_up_after,
        rerun=_rerun_count(timetable, source, ordinals),
    )


def is_enough(window: Window, now: datetime) -> bool:
    """Tell whether what there is will do, although more could come."""
    return window.done >= window.at_least and now >= window.give_up_at and not window.rerun


def has_ended(timetable: Timetable, node: Node, source: Input, ordinal: int, now: datetime) -> bool:
    """Tell whether nothing of an input is waited for any more."""
    ordinals = timetable.hierarchy.input_range(node, source, ordinal)
    if timetable.first_pending(source.process, ordinals) is None:
        return True
    if source.at_least is None:
        return False
    return is_enough(window_of(timetable, node, source, ordinal), now)


def first_doom(timetable: Timetable, source: Input, ordinals: range) -> int | None:
    """Return the first that was skipped of what must end well; None while enough still can."""
    skipped = timetable.first_in(source.process, ordinals, JobState.SKIPPED)
    if skipped is None or source.at_least is None:
        return skipped
    left = len(ordinals) - timetable.skipped_count(source.process, ordinals)
    return None if left >= source.at_least else skipped


class NextStart(NamedTuple):
    """A job that may start, or is to be skipped, and why."""

    key: JobKey
    readiness: Readiness


def next_startable(
    timetable: Timetable, node: Node, work: LaneWork, now: datetime
) -> NextStart | None:
    """Return the first embryo of a lane that is READY or DOOMED.

    Runs of intervals whose input is pending are stepped over in one search each, so the cost does
    not grow with how much lies blocked.
    """
    process = node.process.name
    next_look = _last_worth_a_look if work.is_newest_first else _next_worth_a_look
    ordinal = timetable.next_embryo(process, work)
    while ordinal is not None:
        key = JobKey(process, Timeperiod(node.process.qualifier, ordinal))
        found = readiness(timetable, key, now)
        if found.due in (Due.READY, Due.DOOMED):
            return NextStart(key, found)
        ahead = next_look(timetable, node, ordinal)
        if ahead is None:
            return None
        ordinal = timetable.next_embryo(process, work.until(ahead))
    return None


def blocked_runs(
    timetable: Timetable, node: Node, ordinals: range, now: datetime
) -> Iterator[range]:
    """Yield the stretches of embryos among `ordinals` that are over and wait for others, in order.

    One look for each, an empty one where nothing was found to wait, so that whoever holds a lock
    can stop. What is about to be skipped may be among them where it waits for something, too.
    """
    over = min(ordinals.stop, timetable.hierarchy.over_until(node, now))
    embryos = range(ordinals.start, over)
    if not node.inputs or not embryos:
        return
    qualifier = node.process.qualifier
    for run in timetable.embryo_runs(node.process.name, embryos):
        ordinal = run.start
        while ordinal < run.stop:
            due = readiness(
                timetable, JobKey(node.process.name, Timeperiod(qualifier, ordinal)), now
            ).due
            ahead = ordinal + 1
            is_blocked = due in (Due.BLOCKED, Due.FORBIDDEN)
            # Within a group only the last one waits for anything.
            if is_blocked and node.process.grouping == 1:
                following = _next_worth_a_look(timetable, node, ordinal)
                ahead = run.stop if following is None else min(following, run.stop)
            yield range(ordinal, ahead if is_blocked else ordinal)
            ordinal = ahead


def _next_worth_a_look(timetable: Timetable, node: Node, ordinal: int) -> int | None:
    """Return the next ordinal whose inputs are not all certain to be pending still."""
    ahead = ordinal + 1
    for source in node.inputs:
        if source.at_least is not None and source.last is not None:
            continue  # What is there already may do for the next one, too.
        ordinals = timetable.hierarchy.input_range(node, source, ordinal)
        pending = timetable.first_pending(source.process, ordinals)
        if pending is None:
            continue
        final = timetable.first_final(source.process, pending)
        if final is None:
            return _behind(timetable, node, source)
        ahead = max(
            ahead, timetable.hierarchy.affected(node, source, range(final, final + 1)).start
        )
    return ahead


def _last_worth_a_look(timetable: Timetable, node: Node, ordinal: int) -> int | None:
    """Return the last ordinal before another whose inputs are not all certain to be pending."""
    back = ordinal - 1
    for source in node.inputs:
        if source.at_least is not None and source.last is not None:
            continue
        ordinals = timetable.hierarchy.input_range(node, source, ordinal)
        pending = timetable.first_pending(source.process, ordinals)
        if pending is None:
            continue
        final = timetable.last_final(source.process, pending)
        # Before the tree begins there is nothing to wait for.
        first = timetable.hierarchy.nodes[source.process].first
        known = range(first, first + 1) if final is None else range(final, final + 1)
        affected = timetable.hierarchy.affected(node, source, known)
        back = min(back, affected.start - 1 if final is None else affected.stop - 1)
    return back if back >= node.first else None


def reason_to_skip(found: Readiness) -> str:
    """Return why a job is skipped that may not run, for its history."""
    told = (f'{culprit.kind.value}: {culprit.key}' for culprit in found.culprits)
    return '; '.join(told) or 'an input was skipped'


def _behind(timetable: Timetable, node: Node, source: Input) -> int | None:
    """Return the first ordinal that waits for nothing of `source`, its tree having ended."""
    until = timetable.hierarchy.nodes[source.process].until
    if until is None:
        return None
    return timetable.hierarchy.affected(node, source, range(until - 1, until)).stop


def _doom(
    timetable: Timetable, source: Input, ordinals: range, blocking: Blocking
) -> Culprit | None:
    qualifier = timetable.hierarchy.nodes[source.process].process.qualifier
    if source.kind is InputKind.CHILDREN:
        if timetable.are_all_skipped(source.process, ordinals):
            first = JobKey(source.process, Timeperiod(qualifier, ordinals.start))
            return Culprit(CulpritKind.SKIPPED_CHILDREN, first, JobState.SKIPPED)
        return None
    if blocking is not Blocking.DEPENDENCIES:
        return None
    skipped = first_doom(timetable, source, ordinals)
    if skipped is None:
        return None
    key = JobKey(source.process, Timeperiod(qualifier, skipped))
    return Culprit(CulpritKind.SKIPPED_DEPENDENCY, key, JobState.SKIPPED)


def _has_begun(timetable: Timetable, key: JobKey) -> bool:
    """Tell whether a job runs for good: what it waits for by order alone has ended before."""
    state = timetable.state(key)
    if state is JobState.IN_PROGRESS:
        return not timetable.hierarchy.machine(key.process).runs_live
    return state is JobState.FINAL_RUN


def _rerun_count(timetable: Timetable, source: Input, ordinals: range) -> int:
    """Return how many of an input run again for a request, or will; cost: all that is open."""
    return timetable.rerun_count(source.process, ordinals) + sum(
        job.state.is_running
        and job.request_id is not None
        and not job.is_held
        and job.timeperiod.ordinal in ordinals
        for job in timetable.open_jobs_of(source.process)
    )


def _pending(timetable: Timetable, source: Input, ordinals: range, limit: int) -> list[Culprit]:
    kind = CulpritKind.CHILD if source.kind is InputKind.CHILDREN else CulpritKind.DEPENDENCY
    qualifier = timetable.hierarchy.nodes[source.process].process.qualifier
    found: list[Culprit] = []
    pending = timetable.first_pending(source.process, ordinals)
    while pending is not None and len(found) < limit:
        key = JobKey(source.process, Timeperiod(qualifier, pending))
        found.append(Culprit(kind, key, timetable.state(key), source=source))
        pending = timetable.first_pending(source.process, range(pending + 1, ordinals.stop))
    return found


def _forbids(blocking: Blocking, kind: InputKind) -> bool:
    if blocking is Blocking.CHILDREN:
        return True
    return blocking is Blocking.DEPENDENCIES and kind is InputKind.DEPENDENCY
