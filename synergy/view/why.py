"""Why does this job wait? From the job down to the root, by the Scheduler's own decision function.

An answer is a list of causes, each with its depth: a cause at depth n + 1 is why the one above it
at depth n stands where it stands. The text says what is, and what would change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from synergy.conf.names import STATE_MACHINE_DISCRETE
from synergy.core.hierarchy import Node
from synergy.core.overrides import switched_text
from synergy.core.readiness import Culprit, CulpritKind, readiness
from synergy.core.records import Job, Unit
from synergy.core.states import Due, JobState, UnitState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import Store

#: Causes of one answer; more would not be read.
CAUSES_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Cause:
    """One line of the answer. depth: 0 is the job asked about."""

    depth: int
    key: JobKey
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is drawn from."""

    timetable: Timetable
    store: Store
    now: datetime


def explain(timetable: Timetable, store: Store, key: JobKey, now: datetime) -> Sequence[Cause]:
    """Return why the job `key` stands where it stands, causes of causes after each."""
    asked = Asked(timetable, store, now)
    causes: list[Cause] = []
    seen: set[JobKey] = set()
    to_explain: list[tuple[int, JobKey]] = [(0, key)]
    while to_explain and len(causes) < CAUSES_MAX:
        depth, current = to_explain.pop()
        if current in seen:
            continue
        seen.add(current)
        texts, waited_for = _look_at(asked, current)
        causes += [Cause(depth, current, text) for text in texts]
        to_explain += [(depth + 1, other) for other in reversed(waited_for)]
    return causes


def _look_at(asked: Asked, key: JobKey) -> tuple[list[str], list[JobKey]]:
    """Return what is to be said of one job, and the jobs that it waits for."""
    timetable = asked.timetable
    node = timetable.hierarchy.nodes[key.process]
    state = timetable.state(key)
    if state is None:
        return [_unborn(asked, node, key.timeperiod)], []
    if state.is_final:
        return [_final(asked, key, state)], []
    job = timetable.open_job(key)
    if job is not None and job.state.is_running:
        if job.uow_id is None and node.process.machine != STATE_MACHINE_DISCRETE:
            texts, causes = _embryo(asked, node, key)
            return [f'rests after run {job.run} until its trigger fires again', *texts], causes
        return list(_running(asked, job)), []
    return _embryo(asked, node, key)


def _unborn(asked: Asked, node: Node, timeperiod: Timeperiod) -> str:
    if timeperiod.ordinal < node.first or (
        node.until is not None and timeperiod.ordinal >= node.until
    ):
        return f'is outside its tree {node.tree.name!r}: there will be no such job'
    begins = asked.timetable.hierarchy.calendar.start(timeperiod)
    return f'its interval begins at {_at(begins, asked.now)}'


def _final(asked: Asked, key: JobKey, state: JobState) -> str:
    job = asked.store.jobs([key]).get(key)
    reason = f': {job.reason}' if job is not None and job.reason else ''
    at = f' since {_at(job.changed_at, asked.now)}' if job is not None else ''
    return f'is {_word(state)}{at}{reason}'


def _running(asked: Asked, job: Job) -> Iterator[str]:
    if job.is_held:
        yield f'is held for an operator: {job.reason}; mend the cause, then reprocess or skip it'
        return
    unit = asked.store.units([job.uow_id]).get(job.uow_id) if job.uow_id else None
    if unit is None:
        yield f'run {job.run} has no unit in the store; the Scheduler resets it at its next sweep'
        yield from _without_leader(asked)
        return
    policy = asked.timetable.hierarchy.nodes[job.process].process.retry
    attempt = f'run {unit.run}, attempt {unit.attempt} of {policy.max_attempts}'
    match unit.state:
        case UnitState.REQUESTED if unit.not_before is not None and unit.not_before > asked.now:
            yield (
                f'{attempt} starts at {_at(unit.not_before, asked.now)}; '
                f'the one before failed: {unit.error}'
            )
        case UnitState.REQUESTED:
            yield f'{attempt} waits for a worker since {_at(unit.created_at, asked.now)}'
        case UnitState.IN_PROGRESS:
            yield _worked_on(asked, unit, attempt)
            return
        case _:
            yield f'{attempt} has ended as {unit.state.value}; the Scheduler has yet to see it'
    yield from _without_leader(asked)


def _worked_on(asked: Asked, unit: Unit, attempt: str) -> str:
    since = _at(unit.started_at, asked.now) if unit.started_at else 'an unknown time'
    if unit.lease_until is not None and unit.lease_until < asked.store.store_now():
        return (
            f'{attempt} was run by {unit.owner} since {since}, but its lease ran out at '
            f'{_at(unit.lease_until, asked.now)}; the Scheduler rescues it at its next sweep'
        )
    return f'{attempt} is run by {unit.owner} since {since}'


def _embryo(asked: Asked, node: Node, key: JobKey) -> tuple[list[str], list[JobKey]]:
    found = readiness(asked.timetable, key, asked.now)
    match found.due:
        case Due.READY:
            return _ready(asked, node)
        case Due.DOOMED:
            culprit = found.culprits[0]
            return [f'will be skipped: {culprit.kind.value} {culprit.key}'], [culprit.key]
    texts = [_culprit_text(asked, node, key, culprit) for culprit in found.culprits]
    if not node.process.is_on:
        texts.append(switched_text(node.process))
    waited_for = [
        culprit.key for culprit in found.culprits if culprit.kind is not CulpritKind.NOT_OVER
    ]
    return texts, waited_for


def _ready(asked: Asked, node: Node) -> tuple[list[str], list[JobKey]]:
    process = node.process
    running = sorted(
        job.key
        for job in asked.timetable.open_jobs()
        if job.process == process.name and job.state.is_running and not job.is_held
    )
    if not process.is_on:
        text = f'is ready, but {switched_text(process)}'
    elif len(running) >= process.max_running:
        text = (
            f'is ready, and waits for one of {len(running)} running jobs of {process.name} '
            f'(max_running {process.max_running}) to end'
        )
        return [text], running[:1]
    else:
        text = 'is ready; the Scheduler starts it at its next turn'
    return [text, *_without_leader(asked)], []


def _without_leader(asked: Asked) -> Iterator[str]:
    leadership = asked.store.leadership()
    if leadership is None:
        yield 'no Scheduler has ever led; start one with ./launch.py start Supervisor'
    elif leadership.until <= asked.store.store_now():
        yield (
            f'no Scheduler leads since {_at(leadership.until, asked.now)} '
            f'(the last was {leadership.owner}); start one with ./launch.py start Supervisor'
        )


def _culprit_text(asked: Asked, node: Node, key: JobKey, culprit: Culprit) -> str:
    if culprit.kind is CulpritKind.NOT_OVER:
        assert culprit.at is not None
        return f'its interval is open; it may start at {_at(culprit.at, asked.now)}'
    held = asked.timetable.open_job(culprit.key)
    state = 'not begun yet' if culprit.state is None else _word(culprit.state)
    if held is not None and held.is_held:
        state = 'held'
    ordinals = next(
        asked.timetable.hierarchy.input_range(node, source, key.timeperiod.ordinal)
        for source in node.inputs
        if source.process == culprit.key.process
    )
    more = asked.timetable.pending_count(culprit.key.process, ordinals) - 1
    others = f' and {more} more of {len(ordinals)}' if more else ''
    return f'waits for {culprit.kind.value} {culprit.key} ({state}){others}'


def _word(state: JobState) -> str:
    return state.value.removeprefix('state_').replace('_', ' ')


def _at(instant: datetime, now: datetime) -> str:
    """Return an instant with its distance from now: `2026-11-23 09:00:00 UTC (in 5 min)`."""
    seconds = (instant - now).total_seconds()
    distance = _span(abs(seconds))
    relative = f'in {distance}' if seconds > 0 else f'{distance} ago'
    return f'{instant:%Y-%m-%d %H:%M:%S} UTC ({relative})'


def _span(seconds: float) -> str:
    for length, word in ((86400, 'd'), (3600, 'h'), (60, 'min')):
        if seconds >= 2 * length:
            return f'{seconds // length:.0f} {word}'
    return f'{seconds:.0f} s'
