"""Why does this job wait? From the job down to the root, by the Scheduler's own decision function.

An answer is a list of causes, each with its depth: a cause at depth n + 1 is why the one above it
at depth n stands where it stands. The text says what is; what would change it is the cause's
action. Where a unit waits for a worker, what the boxes report is followed, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from synergy.conf.names import PROCESS_SCHEDULER, PROCESS_SUPERVISOR
from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandKind, CommandState
from synergy.core.context_change import RefusedLevel, left_out
from synergy.core.hierarchy import Node
from synergy.core.overrides import off_text
from synergy.core.readiness import Culprit, CulpritKind, readiness
from synergy.core.records import Job, ProcessName, Unit, is_led
from synergy.core.standing import Standing, advice
from synergy.core.states import Due, JobState, UnitState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import JobFilter, Reader
from synergy.view.cause import (
    Action,
    Cause,
    CauseKind,
    resume,
    run_again,
    run_failed_again,
    start_there,
    switch_on,
    why_command,
)
from synergy.view.no_worker import Boxes, no_worker
from synergy.view.troubles import isolation_text, standing_of
from synergy.view.usual import usual_of
from synergy.view.words import at

#: Causes of one answer; more would not be read. Of a longer one its beginning and roots are shown.
CAUSES_MAX: Final = 50
#: How many of them may be roots: causes that nothing further is behind.
ROOTS_SHOWN_MAX: Final = 10
#: Jobs that are looked at for one answer: chains of trees may be as long.
JOBS_MAX: Final = 5_000
#: Failed jobs of one range that are followed beside the first one waited for.
FAILED_SHOWN_MAX: Final = 5
#: Failed jobs of one range that are counted.
_FAILED_COUNTED_MAX: Final = 10_000
#: Records of pauses that are looked through for who paused a request.
_RECORDS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is drawn from. vanished_after: see `Settings.box_vanished`.

    refused: processes whose level has changed under their old name.
    """

    timetable: Timetable
    store: Reader
    now: datetime
    vanished_after: timedelta
    refused: Mapping[ProcessName, RefusedLevel]
    standing: Standing


def explain(
    timetable: Timetable,
    store: Reader,
    key: JobKey,
    now: datetime,
    vanished_after: timedelta,
    jobs_max: int = JOBS_MAX,
) -> Sequence[Cause]:
    """Return why the job `key` stands where it stands, causes of causes after each.

    A long chain is followed to its root all the same; what is left out in between is counted.
    """
    refused = left_out(timetable.hierarchy, store.led_context())
    standing = standing_of(store, store.leadership(), store.store_now())
    asked = Asked(timetable, store, now, vanished_after, refused, standing)
    causes: list[Cause] = []
    seen: set[JobKey] = set()
    to_explain: list[tuple[int, JobKey]] = [(0, key)]
    while to_explain and len(seen) < jobs_max:
        depth, current = to_explain.pop()
        if current in seen:
            continue
        seen.add(current)
        found, waited_for = _look_at(asked, current)
        found = _with_isolation(asked, current, found)
        causes += [replace(cause, depth=depth) for cause in found]
        to_explain += [(depth + 1, other) for other in reversed(waited_for)]
    if to_explain:
        depth, following = to_explain[-1]
        text = f'{len(seen)} jobs were looked at; ask on from here: {why_command(following)}'
        causes.append(Cause(key=following, kind=CauseKind.CUT, text=text, depth=depth))
    return _shortened(causes)


def _shortened(causes: list[Cause]) -> list[Cause]:
    """Return the beginning of a long answer, what is left out, and what is at the root of it."""
    if len(causes) <= CAUSES_MAX:
        return causes
    shown = causes[: CAUSES_MAX - ROOTS_SHOWN_MAX - 1]
    rest = causes[len(shown) :]
    roots = [
        cause
        for cause, after in zip(rest, [*rest[1:], None], strict=True)
        if after is None or after.depth <= cause.depth
    ][-ROOTS_SHOWN_MAX:]
    left_out = len(rest) - len(roots)
    if not left_out:
        return causes
    text = f'{left_out} more causes are left out here; the first: {why_command(rest[0].key)}'
    cut = Cause(key=rest[0].key, kind=CauseKind.CUT, text=text, depth=rest[0].depth)
    return [*shown, cut, *roots]


def _look_at(asked: Asked, key: JobKey) -> tuple[list[Cause], list[JobKey]]:
    """Return what is to be said of one job, and the jobs that it waits for."""
    timetable = asked.timetable
    node = timetable.hierarchy.nodes[key.process]
    state = timetable.state(key)
    if state is None:
        return [_unborn(asked, node, key)], []
    if key.process in asked.refused:
        text = str(asked.refused[key.process])
        return [Cause(key=key, kind=CauseKind.LEFT_OUT, text=text)], []
    if state.is_final:
        return [_final(asked, key, state)], []
    job = timetable.open_job(key)
    if job is not None and job.state.is_running:
        machine = timetable.hierarchy.machine(key.process)
        if job.uow_id is None and job.state in machine.resting_states:
            rests = Cause(
                key=key,
                kind=CauseKind.RESTS,
                text=f'rests after run {job.run} until its trigger fires again',
                since=job.changed_at,
            )
            causes, waited_for = _not_started(asked, node, key)
            return [rests, *causes], waited_for
        return list(_running(asked, job)), []
    return _not_started(asked, node, key)


def _with_isolation(asked: Asked, key: JobKey, causes: list[Cause]) -> list[Cause]:
    """Say first that nothing is decided for a process, where something would be to decide."""
    isolated = asked.standing.of(key.process)
    state = asked.timetable.state(key)
    if isolated is None or state is None or state.is_final:
        return causes
    cause = Cause(
        key=key,
        kind=CauseKind.ISOLATED,
        text=f'{key.process} is isolated since {at(isolated.since, asked.now)}: '
        f'{isolated.reason}. {isolation_text(isolated, asked.now)} {advice(isolated.subject)}',
        since=isolated.since,
        expected_at=isolated.next_at,
    )
    return [cause, *(item for item in causes if item.kind is not CauseKind.READY)]


def _unborn(asked: Asked, node: Node, key: JobKey) -> Cause:
    ordinal = key.timeperiod.ordinal
    if ordinal < node.first or (node.until is not None and ordinal >= node.until):
        text = f'is outside its tree {node.tree.name!r}: there will be no such job'
        return Cause(key=key, kind=CauseKind.OUTSIDE, text=text)
    begins = asked.timetable.hierarchy.calendar.start(key.timeperiod)
    return Cause(
        key=key,
        kind=CauseKind.NOT_OVER,
        text=f'its interval begins at {at(begins, asked.now)}',
        expected_at=asked.timetable.hierarchy.over_at(node, ordinal),
    )


def _final(asked: Asked, key: JobKey, state: JobState) -> Cause:
    job = asked.store.jobs([key]).get(key)
    reason = f': {job.reason}' if job is not None and job.reason else ''
    since = None if job is None else job.changed_at
    told = '' if since is None else f' since {at(since, asked.now)}'
    has_failed = state is JobState.SKIPPED and job is not None and job.failure_count > 0
    return Cause(
        key=key,
        kind=CauseKind.FAILED if has_failed else CauseKind.ENDED,
        text=f'is {_word(state)}{told}{reason}',
        since=since,
        action=run_again(key) if state is JobState.SKIPPED else None,
    )


def _running(asked: Asked, job: Job) -> Iterator[Cause]:
    key = job.key
    if job.is_held:
        yield Cause(
            key=key,
            kind=CauseKind.FAILED,
            text=f'is held for an operator: {job.reason}; fix the cause, then reprocess or skip it',
            since=job.changed_at,
            action=run_again(key),
        )
        return
    unit = asked.store.units([job.uow_id]).get(job.uow_id) if job.uow_id else None
    if unit is None:
        text = f'run {job.run} has no unit in the store; the Scheduler resets it at its next sweep'
        yield Cause(key=key, kind=CauseKind.REPORT, text=text, since=job.changed_at)
        yield from _without_leader(asked, key)
        return
    policy = asked.timetable.hierarchy.nodes[job.process].process.retry
    attempt = f'run {unit.run}, attempt {unit.attempt} of {policy.max_attempts}'
    match unit.state:
        case UnitState.REQUESTED if unit.not_before is not None and unit.not_before > asked.now:
            text = (
                f'{attempt} starts at {at(unit.not_before, asked.now)}; '
                f'the one before failed: {unit.error}'
            )
            yield Cause(
                key=key,
                kind=CauseKind.RETRY,
                text=text,
                since=unit.finished_at or job.changed_at,
                expected_at=unit.not_before,
            )
            yield from no_worker(_boxes(asked, key), job.process)
        case UnitState.REQUESTED:
            since = unit.not_before or unit.created_at
            text = f'{attempt} waits for a worker since {at(since, asked.now)}'
            yield Cause(key=key, kind=CauseKind.WORKER, text=text, since=since)
            yield from no_worker(_boxes(asked, key), job.process)
        case UnitState.IN_PROGRESS:
            yield _worked_on(asked, unit, attempt)
            return
        case _:
            text = f'{attempt} has ended as {unit.state.value}; the Scheduler has yet to see it'
            yield Cause(key=key, kind=CauseKind.REPORT, text=text, since=unit.finished_at)
    yield from _without_leader(asked, key)


def _worked_on(asked: Asked, unit: Unit, attempt: str) -> Cause:
    since = at(unit.started_at, asked.now) if unit.started_at else 'an unknown time'
    if unit.lease_until is not None and unit.lease_until < asked.store.store_now():
        return Cause(
            key=unit.key,
            kind=CauseKind.LEASE,
            text=f'{attempt} was run by {unit.owner} since {since}, but its lease ran out at '
            f'{at(unit.lease_until, asked.now)}; the Scheduler rescues it at its next sweep',
            since=unit.lease_until,
        )
    return Cause(
        key=unit.key,
        kind=CauseKind.RUNNING,
        text=f'{attempt} is run by {unit.owner} since {since}',
        since=unit.started_at,
        expected_at=_usual_end(asked, unit),
    )


def _usual_end(asked: Asked, unit: Unit) -> datetime | None:
    """Return by when half of such runs have ended, or 95 of 100; None once both are past."""
    usual = usual_of(asked.store, unit.process)
    for length in (usual.p50, usual.p95):
        if unit.started_at is not None and length is not None:
            end = unit.started_at + length
            if end > asked.now:
                return end
    return None


def _not_started(asked: Asked, node: Node, key: JobKey) -> tuple[list[Cause], list[JobKey]]:
    found = readiness(asked.timetable, key, asked.now)
    match found.due:
        case Due.READY:
            return _ready(asked, node, key)
        case Due.DOOMED:
            culprit = found.culprits[0]
            text = f'will be skipped: {culprit.kind.value} {culprit.key}'
            return [Cause(key=key, kind=CauseKind.DOOMED, text=text)], [culprit.key]
    causes: list[Cause] = []
    waited_for: list[JobKey] = []
    for culprit in found.culprits:
        if culprit.kind is CulpritKind.NOT_OVER:
            assert culprit.at is not None
            text = f'its interval is open; it may start at {at(culprit.at, asked.now)}'
            causes.append(
                Cause(key=key, kind=CauseKind.NOT_OVER, text=text, expected_at=culprit.at)
            )
        else:
            cause, others = _waits(asked, node, key, culprit)
            causes.append(cause)
            waited_for += [culprit.key, *others]
    if not node.process.is_on:
        causes.append(_off(key, node, off_text(node.process)))
    return causes, waited_for


def _off(key: JobKey, node: Node, text: str) -> Cause:
    override = node.process.override
    return Cause(
        key=key,
        kind=CauseKind.OFF,
        text=text,
        since=None if override is None else override.is_on_at,
        action=switch_on(node.process.name),
    )


def _ready(asked: Asked, node: Node, key: JobKey) -> tuple[list[Cause], list[JobKey]]:
    process = node.process
    running = sorted(
        job.key
        for job in asked.timetable.open_jobs_of(process.name)
        if job.state.is_running and not job.is_held
    )
    since = asked.timetable.hierarchy.over_at(node, key.timeperiod.ordinal)
    paused = _paused(asked, key)
    if not process.is_on:
        causes = [_off(key, node, f'is ready, but {off_text(process)}')]
    elif paused is not None:
        causes = [paused]
    elif len(running) >= process.max_running:
        text = (
            f'is ready, and waits for one of {len(running)} running jobs of {process.name} '
            f'(max_running {process.max_running}) to end'
        )
        return [Cause(key=key, kind=CauseKind.FULL, text=text, since=since)], running[:1]
    else:
        text = 'is ready; the Scheduler starts it at its next turn'
        causes = [Cause(key=key, kind=CauseKind.READY, text=text, since=since)]
    return [*causes, *_without_leader(asked, key)], []


def _paused(asked: Asked, key: JobKey) -> Cause | None:
    """Return that the request which has reset a job is paused, if it is."""
    job = asked.timetable.open_job(key)
    if job is None or job.request_id is None:
        return None
    request = asked.store.command(job.request_id)
    if request is None or not request.is_paused or request.state not in OPEN_COMMAND_STATES:
        return None
    pause = _pause_of(asked, request)
    since = None if pause is None else pause.created_at
    by = '' if pause is None else f' by {pause.who}'
    told = '' if since is None else f' since {at(since, asked.now)}'
    return Cause(
        key=key,
        kind=CauseKind.PAUSED,
        text=f'is ready, but its request {request.id} is paused{by}{told}',
        since=since,
        action=resume(request.id),
    )


def _pause_of(asked: Asked, request: Command) -> Command | None:
    records = asked.store.commands((CommandState.DONE,), _RECORDS_MAX, (CommandKind.PAUSE,))
    return next((item for item in records if item.target == request.id), None)


def _without_leader(asked: Asked, key: JobKey) -> Iterator[Cause]:
    """Say so when nobody schedules, and what is known of the boxes that should."""
    leadership = asked.store.leadership()
    if is_led(leadership, asked.store.store_now()):
        return
    if leadership is None:
        text = 'no Scheduler has ever led'
    else:
        text = (
            f'no Scheduler leads since {at(leadership.until, asked.now)} '
            f'(the last was {leadership.owner})'
        )
    found = no_worker(_boxes(asked, key), PROCESS_SCHEDULER)
    known = [cause for cause in found if cause.kind is not CauseKind.NO_BOX]
    if not found:
        text += '; one runs, and leads within seconds unless its log says why not'
    yield Cause(
        key=key,
        kind=CauseKind.LEADER,
        text=text,
        since=None if leadership is None else leadership.until,
        action=start_there(PROCESS_SUPERVISOR, None) if found and not known else None,
    )
    yield from known


def _waits(
    asked: Asked, node: Node, key: JobKey, culprit: Culprit
) -> tuple[Cause, Sequence[JobKey]]:
    """Return that a job waits for a range of others, and which of them have failed besides."""
    hierarchy, source = asked.timetable.hierarchy, culprit.key.process
    held = asked.timetable.open_job(culprit.key)
    state = 'not begun yet' if culprit.state is None else _word(culprit.state)
    if held is not None and held.is_held:
        state = 'held'
    ordinals = next(
        hierarchy.input_range(node, item, key.timeperiod.ordinal)
        for item in node.inputs
        if item.process == source
    )
    more = asked.timetable.pending_count(source, ordinals) - 1
    others = f' and {more} more of {len(ordinals)}' if more else ''
    failed = _held_among(asked, source, ordinals)
    told, action = _failed_together(asked, source, ordinals) if failed else ('', None)
    over_at = hierarchy.over_at(node, key.timeperiod.ordinal)
    cause = Cause(
        key=key,
        kind=CauseKind.WAITS_FOR,
        text=f'waits for {culprit.kind.value} {culprit.key} ({state}){others}{told}',
        since=over_at if over_at <= asked.now else None,
        action=action,
    )
    return cause, [other for other in failed if other != culprit.key][:FAILED_SHOWN_MAX]


def _held_among(asked: Asked, process: ProcessName, ordinals: range) -> Sequence[JobKey]:
    return sorted(
        job.key
        for job in asked.timetable.open_jobs_of(process)
        if job.is_held and job.timeperiod.ordinal in ordinals
    )


def _failed_together(
    asked: Asked, process: ProcessName, ordinals: range
) -> tuple[str, Action | None]:
    """Return how many of a range have failed, skipped ones included, and what helps all of them.

    The same jobs that a reprocess of only the failed ones is about; one alone speaks for itself.
    """
    qualifier = asked.timetable.hierarchy.nodes[process].process.qualifier
    first, last = (Timeperiod(qualifier, item) for item in (ordinals[0], ordinals[-1]))
    where = JobFilter(
        processes=(process,), start=str(first), end=str(last.shift(1)), is_failed=True
    )
    count = len(asked.store.find_jobs(where, _FAILED_COUNTED_MAX))
    if count < 2:
        return '', None
    return (
        f'; {count} of the {len(ordinals)} failed',
        run_failed_again(process, first, last, count),
    )


def _boxes(asked: Asked, key: JobKey) -> Boxes:
    return Boxes(store=asked.store, now=asked.now, vanished_after=asked.vanished_after, told_of=key)


def _word(state: JobState) -> str:
    if state is JobState.EMBRYO:
        return 'not started'
    return state.value.removeprefix('state_').replace('_', ' ')
