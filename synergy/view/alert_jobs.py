"""What is so of jobs, for alerts: which are late, held, or were skipped after their last attempt.

Of one process the oldest are told one by one, and what is more as one: what is told first stays so
for longest, however many follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice, zip_longest
from typing import Final
from urllib.parse import quote

from synergy.core.alert_records import Fact
from synergy.core.alert_rules import AlertKind
from synergy.core.node import Node
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.view.cause import Cause, CauseKind, why_command
from synergy.view.conditions import LATE, Looking
from synergy.view.lateness import late_count
from synergy.view.standing import looked_at

#: Jobs of one process and condition that are told one by one.
JOBS_MAX: Final = 50
#: What is at the root of a job that waits, and is not a job: by what it is called.
_NOBODY_LEADS: Final = 'Scheduler'


def facts_of_jobs(looking: Looking, explain: Callable[[JobKey], Sequence[Cause]]) -> Iterator[Fact]:
    """Yield what is so of jobs.

    explain: answers why a job waits; asked of those that are late. Hold the lock of the index.
    """
    for node in looking.timetable.hierarchy:
        yield from _late(looking, node, explain)
        yield from _held(looking, node)
        yield from _failed(looking, node)


def _late(
    looking: Looking, node: Node, explain: Callable[[JobKey], Sequence[Cause]]
) -> Iterator[Fact]:
    hierarchy = looking.timetable.hierarchy
    late_until = hierarchy.late_until(node, looking.now)
    if not (count := late_count(looking.timetable, node, late_until)):
        return
    due = range(node.first, late_until)
    late = (ordinal for ordinal, is_so in looked_at(looking, node, due, LATE) if is_so)
    for ordinal in islice(late, JOBS_MAX):
        key = _key(node, ordinal)
        causes = explain(key)
        root = root_of(causes)
        yield Fact(
            kind=AlertKind.LATE,
            subject=str(key),
            process=key.process,
            since=hierarchy.late_at(node, ordinal),
            cause=None if root is None or root.key == key else subject_of(root),
            why=None if root is None else root.text,
            helps=why_command(key) if root is None or root.action is None else root.action.command,
            address=_address(key),
        )
    yield from _more(AlertKind.LATE, node, count, looking.now)


def _held(looking: Looking, node: Node) -> Iterator[Fact]:
    jobs = looking.timetable.open_jobs_of(node.process.name)
    held = sorted((job for job in jobs if job.is_held), key=lambda job: job.timeperiod.ordinal)
    for job in held[:JOBS_MAX]:
        yield _ended_badly(AlertKind.HELD, job.key, job.changed_at)
    yield from _more(AlertKind.HELD, node, len(held), looking.now)


def _failed(looking: Looking, node: Node) -> Iterator[Fact]:
    failed = sorted(looking.failed.get(node.process.name, ()))
    for ordinal in failed[:JOBS_MAX]:
        yield _ended_badly(AlertKind.FAILED, _key(node, ordinal), looking.now)
    yield from _more(AlertKind.FAILED, node, len(failed), looking.now)


def _ended_badly(kind: AlertKind, key: JobKey, since: datetime) -> Fact:
    return Fact(
        kind=kind,
        subject=str(key),
        process=key.process,
        since=since,
        helps=f'{why_command(key)} tells the error; then ./launch.py reprocess '
        f'{key.process} {key.timeperiod}',
        address=_address(key),
    )


def _more(kind: AlertKind, node: Node, count: int, now: datetime) -> Iterable[Fact]:
    """Yield one fact of all that are not told one by one."""
    if count > JOBS_MAX:
        name = node.process.name
        yield Fact(
            kind=kind,
            subject=name,
            process=name,
            since=now,
            why='so are more of its intervals than are told one by one',
            helps=f'./launch.py status {name}',
            address=f'/t/{quote(name)}',
        )


def root_of(causes: Sequence[Cause]) -> Cause | None:
    """Return the first cause that nothing further is behind; None: nothing is known."""
    for cause, after in zip_longest(causes, causes[1:]):
        is_leaf = after is None or after.depth <= cause.depth
        if is_leaf and cause.kind not in (CauseKind.LATE, CauseKind.DEADLINE, CauseKind.CUT):
            return cause
    return None


def subject_of(root: Cause) -> str:
    """Return what alerts of the root cause itself are about, so that all go into one message."""
    match root.kind:
        case CauseKind.LEADER:
            return _NOBODY_LEADS
        case CauseKind.BOX_GONE if root.box_id is not None:
            return root.box_id
        case CauseKind.NO_BOX | CauseKind.BUSY | CauseKind.GIVEN_UP | CauseKind.WORKER_OFF:
            return root.key.process
        case _:
            return str(root.key)


def _key(node: Node, ordinal: int) -> JobKey:
    return JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))


def _address(key: JobKey) -> str:
    return f'/i/{quote(key.process)}/{key.timeperiod}'
