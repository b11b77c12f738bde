"""What is so of jobs, for alerts: which are late, held, or were skipped after their last attempt.

Of one process the oldest are told one by one, and what is more as one: what is told first stays so
for longest, however many follow. Where thousands of processes are in trouble, most are told as one
fact each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, zip_longest
from typing import Final, TypeAlias
from urllib.parse import quote

from synergy.core.alert_records import Fact
from synergy.core.alert_rules import AlertKind
from synergy.core.node import Node
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.view.cause import Cause, CauseKind, why_command
from synergy.view.conditions import LATE, Looking
from synergy.view.lateness import late_count
from synergy.view.standing import looked_at

#: Jobs of one process and condition that are told one by one.
JOBS_MAX: Final = 50
#: What is at the root of a job that waits, and is not a job: by what it is called.
_NOBODY_LEADS: Final = 'Scheduler'


_NO_CAUSES: Final = frozenset({CauseKind.LATE, CauseKind.DEADLINE, CauseKind.CUT})
#: Facts of one condition that are told one by one, of all processes together.
FACTS_MAX: Final = 1_000

#: Answers why a job waits; None: that is not known yet, and nothing is told of it until it is.
Explain: TypeAlias = Callable[[JobKey], Sequence[Cause] | None]


class FactsOfNode(Struct, frozen=True, kw_only=True):
    """What is so of the jobs of one process. facts: the oldest. count: of all of them.

    whole: one fact in place of those that are not told one by one.
    """

    kind: AlertKind
    facts: Sequence[Fact]
    count: int
    whole: Fact


def facts_of_node(
    looking: Looking, node: Node, kinds: Collection[AlertKind], explain: Explain
) -> list[FactsOfNode]:
    """Return what is so of the jobs of one process, as far as it is among `kinds`.

    Hold the lock of the index.
    """
    found: list[tuple[AlertKind, list[Fact], int]] = []
    if AlertKind.LATE in kinds:
        late_until = looking.timetable.hierarchy.late_until(node, looking.now)
        if count := late_count(looking.timetable, node, late_until):
            facts = [*_late(looking, node, late_until, explain)]
            found.append((AlertKind.LATE, facts, count))
    if AlertKind.HELD in kinds and (jobs := looking.timetable.open_jobs_of(node.process.name)):
        held = sorted((job for job in jobs if job.is_held), key=lambda job: job.timeperiod.ordinal)
        since = {job.key: job.changed_at for job in held[:JOBS_MAX]}
        found.append((AlertKind.HELD, _ended_badly(AlertKind.HELD, since, explain), len(held)))
    if AlertKind.FAILED in kinds and (failed := looking.failed.get(node.process.name)):
        keys = [_key(node, ordinal) for ordinal in sorted(failed)[:JOBS_MAX]]
        since = dict.fromkeys(keys, looking.now)
        found.append(
            (AlertKind.FAILED, _ended_badly(AlertKind.FAILED, since, explain), len(failed))
        )
    return [
        FactsOfNode(kind=kind, facts=facts, count=count, whole=_whole(kind, node, looking.now))
        for kind, facts, count in found
        if count
    ]


def told_of_jobs(found: Iterable[FactsOfNode]) -> Iterator[Fact]:
    """Yield what is told of all processes, within bounds."""
    told: Counter[AlertKind] = Counter()
    for item in found:
        has_room = told[item.kind] + len(item.facts) <= FACTS_MAX
        if has_room:
            told[item.kind] += len(item.facts)
            yield from item.facts
        if item.count > JOBS_MAX or not has_room:
            yield item.whole


def facts_of_jobs(looking: Looking, explain: Explain) -> Iterator[Fact]:
    """Yield what is so of all jobs. Hold the lock of the index."""
    for node in looking.timetable.hierarchy:
        yield from told_of_jobs(facts_of_node(looking, node, tuple(AlertKind), explain))


def _late(looking: Looking, node: Node, late_until: int, explain: Explain) -> Iterator[Fact]:
    hierarchy = looking.timetable.hierarchy
    due = range(node.first, late_until)
    late = (ordinal for ordinal, is_so in looked_at(looking, node, due, LATE) if is_so)
    for ordinal in islice(late, JOBS_MAX):
        key = _key(node, ordinal)
        causes = explain(key)
        if causes is None:
            continue
        root = root_of(causes)
        subject = None if root is None else subject_of(root)
        yield Fact(
            kind=AlertKind.LATE,
            subject=str(key),
            process=key.process,
            since=hierarchy.late_at(node, ordinal),
            cause=None if subject == str(key) else subject,
            why=None if root is None else root.text,
            helps=why_command(key) if root is None or root.action is None else root.action.command,
            address=address_of(key),
        )


def _ended_badly(kind: AlertKind, since: Mapping[JobKey, datetime], explain: Explain) -> list[Fact]:
    """Return facts of jobs of one process that failed: with one cause, the first of them."""
    first = next(iter(since), None)
    found = []
    for key, at in since.items():
        root = root_of(explain(key) or ())
        is_own = root is not None and root.key == key
        found.append(
            Fact(
                kind=kind,
                subject=str(key),
                process=key.process,
                since=at,
                cause=None if key == first else str(first),
                why=root.text if root is not None and is_own else None,
                helps=f'{why_command(key)} tells the error; then ./launch.py reprocess '
                f'{key.process} {key.timeperiod}',
                address=address_of(key),
            )
        )
    return found


def _whole(kind: AlertKind, node: Node, now: datetime) -> Fact:
    """Return one fact of all that are not told one by one."""
    name = node.process.name
    return Fact(
        kind=kind,
        subject=name,
        process=name,
        since=now,
        why='so are more of its intervals than are told one by one',
        helps=f'./launch.py status {name}',
        address=f'/t/{quote(name)}',
    )


def root_of(causes: Sequence[Cause]) -> Cause | None:
    """Return the first cause that nothing further is behind; None: nothing is known.

    That a job is ready is a cause only where nobody can say why it has not been started.
    """
    leaves = [
        cause
        for cause, after in zip_longest(causes, causes[1:])
        if (after is None or after.depth <= cause.depth) and cause.kind not in _NO_CAUSES
    ]
    further = (cause for cause in leaves if cause.kind is not CauseKind.READY)
    return next(further, leaves[0] if leaves else None)


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


def address_of(key: JobKey) -> str:
    """Return the page of an interval."""
    return f'/i/{quote(key.process)}/{key.timeperiod}'
