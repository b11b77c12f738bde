"""Which jobs are late, and until when jobs are to be done: for all who tell it.

Late is what is not done though its deadline has passed, and what nobody has asked to run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypedDict

from synergy.core.hierarchy import Hierarchy
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.view.cause import Cause, CauseKind
from synergy.view.clock import with_utc
from synergy.view.inputs import working_near
from synergy.view.span_documents import DueDocument
from synergy.view.why_documents import At, ProcessText, TimeperiodText
from synergy.view.words import at

_FORM: Final = '%Y-%m-%d %H:%M'
#: Late intervals that are named, and unfinished ones of which those are found.
_FIRST_MAX: Final = 5
_LOOKED_AT_MAX: Final = 1000


class DeadlineDocument(TypedDict):
    """Until when one interval of a process is to be done."""

    process: ProcessText
    timeperiod: TimeperiodText
    deadline: str
    may_start: At
    late_at: At
    text: str


class LateNow(Struct, frozen=True, kw_only=True):
    """A process some of whose intervals are late. since: the first. first: some, oldest first."""

    process: ProcessName
    count: int
    since: datetime
    first: Sequence[JobKey]


def is_late(timetable: Timetable, node: Node, ordinal: int, late_until: int) -> bool:
    """Tell whether a job of `node` is late. late_until: as `Hierarchy.late_until` has it by now."""
    if not node.first <= ordinal < late_until:
        return False
    key = JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))
    state = timetable.state(key)
    return state is not None and not state.is_final and not timetable.is_rerun(key)


def late_count(timetable: Timetable, node: Node, late_until: int) -> int:
    """Return how many jobs of `node` are late. Cost: byte searches, and its open jobs if any is.

    late_until: as `Hierarchy.late_until` has it by now.
    """
    name = node.process.name
    due = range(node.first, max(late_until, node.first))
    first = timetable.first_pending(name, due)
    if first is None:
        return 0
    unfinished = range(first, due.stop)
    count = timetable.pending_count(name, unfinished) - timetable.rerun_count(name, unfinished)
    return count - sum(
        job.state.is_running and timetable.is_rerun(job.key)
        for job in timetable.open_jobs_of(name)
        if job.timeperiod.ordinal in unfinished
    )


def late_now(timetable: Timetable, now: datetime, process: str | None = None) -> Iterator[LateNow]:
    """Yield which processes with a deadline are late. process: of it alone."""
    hierarchy = timetable.hierarchy
    for node in hierarchy:
        name = node.process.name
        if node.process.deadline is None or process not in (None, name):
            continue
        late_until = hierarchy.late_until(node, now)
        count = late_count(timetable, node, late_until)
        first: list[JobKey] = []
        ordinal = node.first
        for _ in range(_LOOKED_AT_MAX if count else 0):
            found = timetable.first_pending(name, range(ordinal, max(late_until, ordinal)))
            if found is None or len(first) == _FIRST_MAX:
                break
            if is_late(timetable, node, found, late_until):
                first.append(JobKey(name, Timeperiod(node.process.qualifier, found)))
            ordinal = found + 1
        if first:
            since = hierarchy.late_at(node, first[0].timeperiod.ordinal)
            yield LateNow(process=name, count=count, since=since, first=first)


def encode_due(hierarchy: Hierarchy, node: Node, ordinal: int) -> DueDocument:
    """Return until when an interval is to be done, as it is sent."""
    deadline = node.process.deadline
    return {
        'deadline': None if deadline is None else str(deadline),
        'late_at': _in_utc(hierarchy.late_at(node, ordinal)),
    }


def due_cause(timetable: Timetable, key: JobKey, now: datetime) -> Cause | None:
    """Return since when a job is late, or until when it is to be done; None: nothing says so."""
    node, hierarchy = timetable.hierarchy.nodes[key.process], timetable.hierarchy
    state, ordinal = timetable.state(key), key.timeperiod.ordinal
    deadline = node.process.deadline
    if deadline is None or state is None or state.is_final or timetable.is_rerun(key):
        return None
    late_at = hierarchy.late_at(node, ordinal)
    instant = at(late_at, now, node.calendar.zone)
    if late_at <= now:
        text = f'is late since {instant}: its deadline is {deadline}'
        return Cause(key=key, kind=CauseKind.LATE, text=text, since=late_at)
    text = f'is to be done by {instant}: its deadline is {deadline}'
    return Cause(key=key, kind=CauseKind.DEADLINE, text=text)


def deadlines(hierarchy: Hierarchy, now: datetime) -> Sequence[DeadlineDocument]:
    """Return of each process with a deadline until when one interval is to be done.

    The last one that is over; none that a calendar leaves out, if there is another nearby.
    """
    found: list[DeadlineDocument] = []
    for node, ordinal, late_at in _samples(hierarchy, now):
        zone = node.calendar.zone
        found.append(
            {
                'process': node.process.name,
                'timeperiod': str(hierarchy.timeperiod(node, ordinal)),
                'deadline': str(node.process.deadline),
                'may_start': _in_utc(hierarchy.over_at(node, ordinal)),
                'late_at': _in_utc(late_at),
                'text': with_utc(late_at, zone, _FORM),
            }
        )
    return found


def deadline_warnings(hierarchy: Hierarchy, now: datetime) -> Iterator[str]:
    """Yield where an interval may start only after its deadline, by its trigger."""
    for node, ordinal, late_at in _samples(hierarchy, now):
        begins = hierarchy.over_at(node, ordinal)
        if begins > late_at:
            process, zone = node.process, node.calendar.zone
            timeperiod = hierarchy.timeperiod(node, ordinal)
            yield (
                f'{process.name} {timeperiod} is late from {with_utc(late_at, zone, _FORM)} on '
                f'(deadline {process.deadline}) and may start at {with_utc(begins, zone, _FORM)} '
                f'only ({process.trigger}); give a later deadline, or an earlier trigger'
            )


def _samples(hierarchy: Hierarchy, now: datetime) -> Iterator[tuple[Node, int, datetime]]:
    """Yield one interval of each process with a deadline, and from when on it is late."""
    for node in hierarchy:
        if node.process.deadline is not None:
            ordinal = working_near(node, max(hierarchy.over_until(node, now) - 1, node.first))
            yield node, ordinal, hierarchy.late_at(node, ordinal)


def _in_utc(instant: datetime) -> str:
    return instant.isoformat().replace('+00:00', 'Z')
