"""What is due and does not start: for each stretch of jobs the root that stands in the way.

Asked once a course has been gone along to its end. Roots are found by the same function by which
the engine decides (`readiness`): the first thing that is waited for, down to what waits for none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Final

from synergy.core.holds import HoldKind, Holds
from synergy.core.node import Node
from synergy.core.readiness import blocked_runs, readiness
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.core.timetable import Timetable

#: Stretches of one process that are looked at, the earliest first.
_LOOKS_MAX: Final = 1_000
#: Inputs of a job that are looked at for what does not end by itself.
_CULPRITS_MAX: Final = 32


class Cause(StrEnum):
    """What stands in the way of a root.

    HELD: it failed for good, and is left to an operator. OFF: its process is. FROZEN, CLOSED: until
    the end of what is looked at. PAUSED: the request that has reset it. WORKERS: there are none.
    LATER: it is over only after the end. BEHIND: it has its turn only after the end.
    """

    HELD = 'held'
    OFF = 'off'
    FROZEN = 'frozen'
    CLOSED = 'closed'
    PAUSED = 'paused'
    WORKERS = 'workers'
    LATER = 'later'
    BEHIND = 'behind'


#: What ends by itself, only too late for a forecast.
IN_TIME: Final = frozenset((Cause.LATER, Cause.BEHIND))


class Root(Struct, frozen=True, kw_only=True):
    """The job for which others wait in the end. of: the freeze, request or workers, by name.

    until: when that ends by itself, if it does.
    """

    key: JobKey
    cause: Cause
    of: str = ''
    until: datetime | None = None


class Stuck(Struct, frozen=True, kw_only=True):
    """Neighbouring jobs of one process that do not start, because of the same root."""

    process: ProcessName
    qualifier: Qualifier
    ordinals: range
    root: Root


class _Finder:
    """Looks at all that is due at an instant, inputs before outputs."""

    def __init__(
        self, timetable: Timetable, holds: Holds, workers: Mapping[str, int], at: datetime
    ) -> None:
        self._timetable, self._holds, self._workers, self._at = timetable, holds, workers, at
        self._hierarchy = timetable.hierarchy
        #: By process, in order of ordinals.
        self._found: dict[ProcessName, list[Stuck]] = {
            name: [] for name in timetable.hierarchy.nodes
        }

    def all(self) -> Sequence[Stuck]:
        for node in self._hierarchy:
            due = range(node.first, self._hierarchy.over_until(node, self._at))
            if self._timetable.first_pending(node.process.name, due) is not None:
                self._look(node, due)
        return [item for found in self._found.values() for item in found]

    def _look(self, node: Node, due: range) -> None:
        name = node.process.name
        found = self._found[name]
        for job in sorted(self._timetable.open_jobs_of(name), key=lambda job: job.timeperiod):
            ordinal = job.timeperiod.ordinal
            if ordinal in due and (root := self._of_job(job)) is not None:
                found.append(_stuck(node, range(ordinal, ordinal + 1), root))
        found += self._embryos(node, due)
        found.sort(key=lambda item: item.ordinals.start)

    def _of_job(self, job: Job) -> Root | None:
        """Return what stands in the way of a job with a history; None: it is as any embryo."""
        key = job.key
        if job.is_held:
            return Root(key=key, cause=Cause.HELD)
        if job.state is JobState.EMBRYO:
            if not self._timetable.is_paused(key):
                return None
            return Root(key=key, cause=Cause.PAUSED, of=job.request_id or '')
        if not job.has_live_unit:
            return None
        worker = self._hierarchy.nodes[job.process].process.worker
        if self._workers.get(worker, 1) <= 0:
            return Root(key=key, cause=Cause.WORKERS, of=worker)
        return Root(key=key, cause=Cause.BEHIND)

    def _embryos(self, node: Node, due: range) -> Iterator[Stuck]:
        name = node.process.name
        runs = self._timetable.embryo_runs(name, due)
        if not runs:
            return
        own = self._own(node, runs[0].start)
        if own is not None and own.cause is not Cause.CLOSED:
            for run in islice(runs, _LOOKS_MAX):
                yield _stuck(node, run, own)
            return
        begin = due.start
        for run in islice(blocked_runs(self._timetable, node, due, self._at), _LOOKS_MAX):
            if run:
                yield from self._behind(node, range(begin, run.start), own)
                root = self._root(node, run.start)
                # It may have been open before: what does not end by itself has kept it back then.
                yield _stuck(node, run, own if own and root.cause in IN_TIME else root)
                begin = run.stop
        yield from self._behind(node, range(begin, due.stop), own)

    def _behind(self, node: Node, ordinals: range, own: Root | None) -> Iterator[Stuck]:
        """Yield what waits for nobody. own: what stands in the way of all; None: others first."""
        name = node.process.name
        for run in self._timetable.embryo_runs(name, ordinals):
            root = own or Root(key=self._key(name, run.start), cause=Cause.BEHIND)
            yield _stuck(node, run, root)

    def _own(self, node: Node, first: int) -> Root | None:
        """Return what stands in the way of a whole process. first: its first job that is due."""
        name = node.process.name
        key = self._key(name, first)
        if not node.process.is_on:
            return Root(key=key, cause=Cause.OFF, of=name)
        for hold in self._holds.over(name, self._at):
            is_frozen = hold.kind is HoldKind.FROZEN and hold.freeze is not None
            of = hold.freeze.id if is_frozen and hold.freeze is not None else name
            cause = Cause.FROZEN if is_frozen else Cause.CLOSED
            return Root(key=key, cause=cause, of=of, until=hold.until)
        return None

    def _root(self, node: Node, ordinal: int) -> Root:
        """Return what a job waits for in the end: what does not end by itself, if anything."""
        key = self._key(node.process.name, ordinal)
        found = readiness(self._timetable, key, self._at, _CULPRITS_MAX)
        roots = [self._root_of(culprit.key) for culprit in found.culprits]
        roots.sort(key=lambda root: (root.cause in IN_TIME, root.cause is Cause.LATER))
        return roots[0] if roots else Root(key=key, cause=Cause.BEHIND)

    def _root_of(self, key: JobKey) -> Root:
        """Return what stands in the way of a job that is waited for."""
        node, ordinal = self._hierarchy.nodes[key.process], key.timeperiod.ordinal
        if ordinal >= self._hierarchy.over_until(node, self._at):
            until = self._hierarchy.over_at(node, ordinal)
            return Root(key=key, cause=Cause.LATER, until=until)
        known = root_in(self._found[key.process], ordinal)
        return known or Root(key=key, cause=Cause.BEHIND)

    def _key(self, name: ProcessName, ordinal: int) -> JobKey:
        return JobKey(name, self._hierarchy.timeperiod(self._hierarchy.nodes[name], ordinal))


def _stuck(node: Node, ordinals: range, root: Root) -> Stuck:
    process = node.process
    return Stuck(process=process.name, qualifier=process.qualifier, ordinals=ordinals, root=root)


def stuck_in(
    timetable: Timetable, holds: Holds, workers: Mapping[str, int], at: datetime
) -> Sequence[Stuck]:
    """Return what is due at an instant and has not started by then, process by process."""
    return _Finder(timetable, holds, workers, at).all()


def root_in(found: Sequence[Stuck], ordinal: int) -> Root | None:
    """Return what stands in the way of a job, out of stretches of its process in order."""
    place = bisect_right(found, ordinal, key=lambda item: item.ordinals.start) - 1
    return found[place].root if place >= 0 and ordinal in found[place].ordinals else None
