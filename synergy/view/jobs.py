"""Jobs, those without a row included: what nobody has touched yet is an embryo, or left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice

from synergy.core.hierarchy import Hierarchy
from synergy.core.node import InputKind, Node
from synergy.core.records import Job, JobEvent, LogLine, ProcessName, Unit
from synergy.core.states import JobState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import JobFilter, JobReader, Reader
from synergy.view.conditions import FAILED, Looking
from synergy.view.index import looking_at
from synergy.view.standing import ASKED, Wanted, looked_at
from synergy.view.whole import all_jobs

EVENTS_MAX = 128


class JobQuery(Struct, frozen=True, kw_only=True):
    """Which jobs: from the beginning of one interval to that of another, each of any level.

    As the calendar of each process has it. Absent fields do not restrict.

    newest: only so many of each process, the newest first.
    """

    process: ProcessName | None = None
    start: Timeperiod | None = None
    end: Timeperiod | None = None
    state: Wanted = None
    newest: int | None = None


class Neighbour(Struct, frozen=True, kw_only=True):
    """A job beside another one. relation: parent, child, dependency, dependent, earlier, later."""

    relation: str
    key: JobKey
    state: JobState | None


class JobPage(Struct, frozen=True, kw_only=True):
    """One job with everything about it. logs: by unit, oldest line first."""

    job: Job
    start: datetime
    end: datetime
    runs: Sequence[Unit]
    logs: Sequence[Sequence[LogLine]]
    events: Sequence[JobEvent]
    neighbours: Sequence[Neighbour]


def find_jobs(
    timetable: Timetable, store: Reader, query: JobQuery, now: datetime, limit: int
) -> Sequence[Job]:
    """Return at most `limit` jobs, process by process in the context's order, by time."""
    looking = looking_at(timetable, store, now)
    if query.state is FAILED:
        looking = with_failed(looking, store)
    keys = list(islice(_keys(looking, query), limit))
    rows = store.jobs(keys)
    return [rows.get(key) or without_row(timetable, key, now) for key in keys]


def with_failed(looking: Looking, store: JobReader) -> Looking:
    """Return it with the failed jobs, which the index does not tell."""
    failed: dict[ProcessName, set[int]] = {}
    for job in all_jobs(store, JobFilter(is_failed=True)):
        failed.setdefault(job.process, set()).add(job.timeperiod.ordinal)
    return replace(looking, failed=failed)


def failed_keys(looking: Looking, query: JobQuery) -> Collection[JobKey]:
    """Return the failed jobs among those that a query means; `looking` knows the failed ones."""
    if query.state in ASKED:
        # They have not begun.
        return ()
    wanted = replace(query, state=FAILED) if query.state is None else query
    return [
        key
        for key in _keys(looking, wanted)
        if key.timeperiod.ordinal in looking.failed.get(key.process, ())
    ]


def job_page(timetable: Timetable, store: Reader, key: JobKey, now: datetime) -> JobPage:
    """Return everything about one job; `key` is of a process of the timetable's hierarchy."""
    node = timetable.hierarchy.nodes[key.process]
    start, end = timetable.hierarchy.interval(node, key.timeperiod.ordinal)
    runs = store.runs(key)
    return JobPage(
        job=store.jobs([key]).get(key) or without_row(timetable, key, now),
        start=start,
        end=end,
        runs=runs,
        logs=[store.log(unit.id) for unit in runs],
        events=store.events(key, EVENTS_MAX),
        neighbours=list(neighbours_of(timetable, node, key.timeperiod.ordinal)),
    )


def outside(hierarchy: Hierarchy, key: JobKey) -> str | None:
    """Return how far the tree of `key` reaches, if it does not hold that interval."""
    node, ordinal = hierarchy.nodes[key.process], key.timeperiod.ordinal
    if ordinal >= node.first and (node.until is None or ordinal < node.until):
        return None
    last = 'now' if node.until is None else hierarchy.timeperiod(node, node.until - 1)
    return (
        f'{key} is outside its tree {node.tree.name!r}, '
        f'which reaches from {hierarchy.timeperiod(node, node.first)} to {last}'
    )


def _keys(looking: Looking, query: JobQuery) -> Iterator[JobKey]:
    for node in looking.timetable.hierarchy:
        name, qualifier = node.process.name, node.process.qualifier
        if query.process in (None, name):
            ordinals = ordinals_of(looking.timetable, node, query)
            is_newest = query.newest is not None
            found = looked_at(looking, node, ordinals, query.state, newest_first=is_newest)
            meant = (ordinal for ordinal, is_wanted in found if is_wanted)
            for ordinal in islice(meant, query.newest):
                yield JobKey(name, Timeperiod(qualifier, ordinal))


def ordinals_of(timetable: Timetable, node: Node, query: JobQuery) -> range:
    """Return the ordinals whose interval starts in the query's range."""
    span = timetable.span(node.process.name)
    first, stop = span.start, span.stop
    if query.start is not None:
        first = max(first, _begun_from(node, query.start))
    if query.end is not None:
        stop = min(stop, _begun_from(node, query.end))
    return range(first, max(stop, first))


def _begun_from(node: Node, at: Timeperiod) -> int:
    """Return the first ordinal that begins with an interval of any level, or after that."""
    instant = node.calendar.start(at)
    found = node.calendar.containing(node.process.qualifier, instant)
    return found.ordinal + int(node.calendar.start(found) < instant)


def neighbours_of(timetable: Timetable, node: Node, ordinal: int) -> Iterator[Neighbour]:
    """Yield the jobs beside one: earlier, later, what it waits for and who waits for it."""
    hierarchy = timetable.hierarchy
    found: list[tuple[str, Node, range]] = [
        ('earlier', node, range(ordinal - 1, ordinal)),
        ('later', node, range(ordinal + 1, ordinal + 2)),
    ]
    for source in node.inputs:
        relation = 'child' if source.kind is InputKind.CHILDREN else 'dependency'
        ordinals = hierarchy.input_range(node, source, ordinal)
        found.append((relation, hierarchy.nodes[source.process], ordinals))
    for name in node.outputs:
        output = hierarchy.nodes[name]
        for source in output.inputs:
            if source.process == node.process.name:
                relation = 'parent' if source.kind is InputKind.CHILDREN else 'dependent'
                ordinals = hierarchy.affected(output, source, range(ordinal, ordinal + 1))
                found.append((relation, output, ordinals))
    # One process may be waited for in several ways.
    seen: set[tuple[str, JobKey]] = set()
    for relation, other, ordinals in found:
        for number in ordinals:
            key = JobKey(other.process.name, Timeperiod(other.process.qualifier, number))
            is_known = number >= other.first and (other.until is None or number < other.until)
            if is_known and (relation, key) not in seen:
                seen.add((relation, key))
                yield Neighbour(relation=relation, key=key, state=timetable.state(key))


def without_row(timetable: Timetable, key: JobKey, now: datetime) -> Job:
    """Return a job that has no row: an embryo, or noop from the start where it is left out."""
    state = JobState.NOOP if timetable.is_left_out(key) else JobState.EMBRYO
    return Job(process=key.process, timeperiod=key.timeperiod, state=state, changed_at=now)
